"""Static files of the console and the reference, served with the headers that keep a browser safe.

Their HTML has no inline script or style, loads nothing from elsewhere and talks only to its own origin and the issuer.
`config.json`, next to the files, describes the deployment.
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

__all__ = ["CONFIG", "StaticFiles"]

CONFIG = "config.json"
# By suffix: the media type, and whether compression makes the file smaller.
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
# Below this the Content-Encoding header costs what compression saves.
_WORTH_COMPRESSING = 1_000


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A file, ready to send."""

    content: bytes
    headers: Mapping[str, str]


class StaticFiles:
    """The files in these folders, without subfolders; if a name is in several, the first folder wins.

    Each file is read at first use and kept. `config.json` is not a file: it holds `issuer`, and `client_id`, the public
    client (PKCE) for signing in.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._prepared: dict[tuple[str, bool], _Prepared] = {}

    @cached_property
    def names(self) -> frozenset[str]:
        """Return the names of all files."""
        return frozenset({CONFIG, *self._files})

    @cached_property
    def _files(self) -> dict[str, Path]:
        # Requests only look names up in this listing, so no name can lead out of the folders.
        folders = [folder for folder in reversed(self._folders) if folder.is_dir()]
        paths = (path for folder in folders for path in folder.iterdir())
        return {path.name: path for path in paths if path.suffix in _TYPES and path.is_file()}

    def answer(self, request: Request, name: str) -> Response:
        """Return 200 with the file, compressed if the client accepts gzip. Raise Problem `not_found` for any other name."""
        if name not in self.names:
            raise Problem("not_found")
        gzipped = _accepts_gzip(request.headers.get("accept-encoding", ""))
        if (name, gzipped) not in self._prepared:
            self._prepared[name, gzipped] = self._prepare(name, gzipped=gzipped)
        file = self._prepared[name, gzipped]
        return Response(200, file.content, file.headers)

    def content(self, name: str) -> bytes:
        """Return the file before compression. Override this for files that depend on the deployment."""
        if name == CONFIG:
            config = settings()
            return json.dumps({"issuer": config.okta_issuer, "client_id": config.console_client_id}).encode()
        return self._files[name].read_bytes()

    def _prepare(self, name: str, *, gzipped: bool) -> _Prepared:
        media_type, compressible = _TYPES[Path(name).suffix]
        content = self.content(name)
        headers = {
            "content-type": media_type,
            # Names carry no version, so browsers revalidate each time; most answers are then 304.
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
        # After compression: strong validators differ between encodings (RFC 9110, 8.8.3.3).
        headers["etag"] = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        return _Prepared(content, headers)


def _policy() -> str:
    """Return the Content-Security-Policy of every file."""
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


def _accepts_gzip(accepted: str) -> bool:
    """Return whether an Accept-Encoding header accepts gzip (RFC 9110, 12.5.3)."""
    for entry in accepted.lower().split(","):
        coding, _, parameters = entry.partition(";")
        if coding.strip() == "gzip":
            return not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", parameters)
    return False
