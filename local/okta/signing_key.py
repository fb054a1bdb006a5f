"""The local issuer's signing keys: RS256, in PEM files that are read again whenever they change."""

import base64
import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jose import jwk, jws
from jose.exceptions import JOSEError

from local.private_files import write_private

__all__ = ["SigningKey", "encode"]

_ALGORITHM = "RS256"
log = logging.getLogger(__name__)


def encode(data: bytes) -> str:
    """Return base64url without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class SigningKey:
    """The key in `path`, which signs, and the next one, which is published long before it does, as at Okta.

    Renaming the next one's file (`-next`) to `path` rotates: the earlier public key stays published until the issuer stops,
    so its tokens stay good. Deleting or replacing the file in `path` withdraws the earlier key at once.
    """

    def __init__(self, path: Path) -> None:
        self._current = _PemFile(path)
        self._next = _PemFile(path.with_stem(f"{path.stem}-next"))
        self._retired: list[dict[str, str]] = []

    def published(self) -> list[dict[str, str]]:
        """Return the public halves (RFC 7517): that of the key that signs, of the next one, and of those that it replaced."""
        earlier, expected = self._current.jwk, self._next.jwk
        self._current.load()
        if earlier and self._current.jwk != earlier:
            self._retired = [earlier, *self._retired] if self._current.jwk == expected else []
        self._next.load()
        return [self._current.jwk, self._next.jwk, *self._retired]

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return a JWT with these claims."""
        kid = self.published()[0]["kid"]
        return str(jws.sign(dict(claims), self._current.pem, headers={"kid": kid}, algorithm=_ALGORITHM))

    def claims(self, token: str) -> dict[str, Any] | None:
        """Return the claims of a JWT that a published key signed, expired or not; None for anything else."""
        try:
            claims = json.loads(jws.verify(token, {"keys": self.published()}, [_ALGORITHM]))
        except (JOSEError, ValueError):
            return None
        return claims if isinstance(claims, dict) else None


class _PemFile:
    """A key in a file, created if it is missing. If the file turns into something else, the last key stays in use.

    `jwk` is the public half; its `kid` is the thumbprint of RFC 7638.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version: tuple[int, int, int] | None = None
        self.pem = ""
        self.jwk: dict[str, str] = {}

    def load(self) -> None:
        """Read the file again if it has changed."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._create()
            status = self._path.stat()
        version = (status.st_mtime_ns, status.st_size, status.st_ino)
        if version == self._version:
            return
        try:
            pem = self._path.read_text()
            public = jwk.construct(pem, _ALGORITHM).public_key().to_dict()
        except (OSError, JOSEError, ValueError):
            if not self.pem:
                raise
            log.exception("%s is not an RSA key: the last one stays in use", self._path.name)
        else:
            required = {name: str(public[name]) for name in ("e", "kty", "n")}
            thumbprint = hashlib.sha256(json.dumps(required, separators=(",", ":")).encode()).digest()
            self.pem = pem
            self.jwk = {**required, "alg": _ALGORITHM, "kid": encode(thumbprint), "use": "sig"}
        self._version = version

    def _create(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_private(self._path, pem.decode())
