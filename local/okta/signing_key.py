"""The local issuer's signing key: RS256, in a PEM file that is read again whenever it changes."""

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

from local.okta.clients import write_private

__all__ = ["SigningKey", "encode"]

_ALGORITHM = "RS256"
log = logging.getLogger(__name__)


def encode(data: bytes) -> str:
    """Return base64url without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class SigningKey:
    """The key in `path`, created if it is missing. If the file turns into something else, the last key stays in use."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version: tuple[int, int, int] | None = None
        self._pem = ""
        self._jwk: dict[str, str] = {}

    def jwk(self) -> dict[str, str]:
        """Return the public half (RFC 7517); its `kid` is the thumbprint of RFC 7638."""
        self._load()
        return self._jwk

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return a JWT with these claims."""
        kid = self.jwk()["kid"]
        return str(jws.sign(dict(claims), self._pem, headers={"kid": kid}, algorithm=_ALGORITHM))

    def claims(self, token: str) -> dict[str, Any] | None:
        """Return the claims of a JWT that this key signed, expired or not; None for anything else."""
        try:
            claims = json.loads(jws.verify(token, self.jwk(), [_ALGORITHM]))
        except (JOSEError, ValueError):
            return None
        return claims if isinstance(claims, dict) else None

    def _load(self) -> None:
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
            if not self._pem:
                raise
            log.exception("%s is not an RSA key: the last one stays in use", self._path.name)
        else:
            required = {name: str(public[name]) for name in ("e", "kty", "n")}
            thumbprint = hashlib.sha256(json.dumps(required, separators=(",", ":")).encode()).digest()
            self._pem = pem
            self._jwk = {**required, "alg": _ALGORITHM, "kid": encode(thumbprint), "use": "sig"}
        self._version = version

    def _create(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_private(self._path, pem)
