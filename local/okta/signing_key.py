"""The local sign-in's signing key: RS256, kept in a PEM file, read again as soon as the file changes."""

import base64
import binascii
import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from local.okta.clients import write_private

__all__ = ["SigningKey", "encode"]

log = logging.getLogger(__name__)


def encode(data: bytes) -> str:
    """base64url without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _compact(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


class SigningKey:
    """The key in `path`; made when it is missing. A file that is no key changes nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._key: rsa.RSAPrivateKey | None = None

    def jwk(self) -> dict[str, str]:
        """The public half as RFC 7517 has it; its `kid` is the thumbprint of RFC 7638."""
        numbers = self._current().public_key().public_numbers()
        exponent = encode(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8))
        modulus = encode(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8))
        required = {"e": exponent, "kty": "RSA", "n": modulus}
        return {**required, "alg": "RS256", "kid": encode(hashlib.sha256(_compact(required)).digest()), "use": "sig"}

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A JWT with these claims."""
        header = {"kid": self.jwk()["kid"], "alg": "RS256"}
        signed = f"{encode(_compact(header))}.{encode(_compact(claims))}"
        signature = self._current().sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{encode(signature)}"

    def claims(self, token: str) -> dict[str, Any] | None:
        """The claims of a JWT that this key signed, expired or not; None for anything else."""
        signed, _, signature = token.rpartition(".")
        try:
            self._current().public_key().verify(
                _decode(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
            )
            claims = json.loads(_decode(signed.partition(".")[2]))
        except (InvalidSignature, binascii.Error, ValueError):
            return None
        return claims if isinstance(claims, dict) else None

    def _current(self) -> rsa.RSAPrivateKey:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._create()
            status = self._path.stat()
        seen = (status.st_mtime_ns, status.st_size, status.st_ino)
        if self._key is None or seen != self._seen:
            try:
                key = serialization.load_pem_private_key(self._path.read_bytes(), None)
                if not isinstance(key, rsa.RSAPrivateKey):
                    raise TypeError("not an RSA key")
                self._key = key
            except (OSError, ValueError, TypeError):
                if self._key is None:
                    raise
                log.exception("%s is no RSA key: the last one stays in use", self._path.name)
            self._seen = seen
        return self._key

    def _create(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_private(self._path, pem)
