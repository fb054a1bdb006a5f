"""Static files behind the HTTP API: a page and what belongs to it, with the headers that keep a page safe.

The pages carry no inline script or style, load nothing from elsewhere, and talk to their own origin and the sign-in's
only. What they need to know of the deployment is in `config.json`, beside their files.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from sales.api.endpoint import Request, Response
from sales.domain.problems import Problem
from sales.runtime.settings import settings

__all__ = ["CONFIG", "Pages"]

CONFIG = "config.json"
# What is served, by ending; whether compressing makes it smaller.
_TYPES: Mapping[str, tuple[str, bool]] = {
    ".html": ("text/html; charset=utf-8", True),
    ".css": ("text/css; charset=utf-8", True),
    ".js": ("text/javascript; charset=utf-8", True),
    ".json": ("application/json", True),
    ".svg": ("image/svg+xml", True),
    ".txt": ("text/plain; charset=utf-8", True),
    ".png": ("image/png", False),
    ".ico": ("image/x-icon", False),
    ".woff2": ("font/woff2", False),
}
# Below this the header that says so costs what compressing saves.
_WORTH_COMPRESSING = 1_000


@dataclass(frozen=True, slots=True)
class _Sent:
    """A file as it goes out."""

    content: bytes
    headers: Mapping[str, str]


class Pages:
    """The files of these folders (not of folders in them), by name; of two with one name the first folder's.

    Files are read at first use and kept. `config.json` is not a file: it tells the page `issuer` (of the sign-in) and
    `client_id` (the public client with PKCE that the page signs in as).
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._sent: dict[tuple[str, bool], _Sent] = {}

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that is answered."""
        return frozenset({CONFIG, *self._files})

    @cached_property
    def _files(self) -> dict[str, Path]:
        # A listing, and nothing made from what was asked: no name leads out of the folders.
        folders = [folder for folder in reversed(self._folders) if folder.is_dir()]
        found = (path for folder in folders for path in folder.iterdir())
        return {path.name: path for path in found if path.suffix in _TYPES and path.is_file()}

    def answer(self, request: Request, name: str) -> Response:
        """200 with the file, compressed for who takes that. Raises Problem `not_found` for every other name."""
        if name not in self.names:
            raise Problem("not_found")
        gzipped = _takes_gzip(request.headers.get("accept-encoding", ""))
        if (name, gzipped) not in self._sent:
            self._sent[name, gzipped] = self._prepare(name, gzipped=gzipped)
        sent = self._sent[name, gzipped]
        return Response(200, sent.content, sent.headers)

    def content(self, name: str) -> bytes:
        """The file as it is before it is compressed. To be overridden for files that depend on the deployment."""
        if name == CONFIG:
            config = settings()
            return json.dumps({"issuer": config.okta_issuer, "client_id": config.console_client_id}).encode()
        return self._files[name].read_bytes()

    def _prepare(self, name: str, *, gzipped: bool) -> _Sent:
        media_type, compressible = _TYPES[Path(name).suffix]
        content = self.content(name)
        headers = {
            "content-type": media_type,
            # Names have no version in them: kept, but asked for again each time; most answers are then 304.
            "cache-control": "no-cache",
            "content-security-policy": _policy(),
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "vary": "accept-encoding",
        }
        if gzipped and compressible and len(content) >= _WORTH_COMPRESSING:
            import gzip

            content = gzip.compress(content, compresslevel=6, mtime=0)
            headers["content-encoding"] = "gzip"
        # Of what is sent: strong validators differ between encodings (RFC 9110, 8.8.3.3).
        headers["etag"] = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        return _Sent(content, headers)


def _policy() -> str:
    """The Content-Security-Policy of every file."""
    issuer = urlsplit(settings().okta_issuer)
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            f"connect-src 'self' {issuer.scheme}://{issuer.netloc}",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )


def _takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header names gzip, and not to refuse it (RFC 9110, 12.5.3)."""
    for entry in accepted.lower().split(","):
        coding, _, parameters = entry.partition(";")
        if coding.strip() == "gzip":
            return not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", parameters)
    return False
