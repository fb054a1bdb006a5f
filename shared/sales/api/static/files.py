"""Static files of the console and the reference, served with the headers that keep a browser safe.

Their HTML has no inline script or style, loads nothing from elsewhere and talks only to its own origin and the issuer's token
endpoint. `config.json`, next to the files, describes the deployment.

A page may name its files with the version of all of them, `<version>/page.js`: browsers then keep them and never ask again. It
says `{version}` where the version goes.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from sales.api.encodings import accepts_gzip, gzipped_content
from sales.api.endpoint import Request, Response
from sales.api.issuers import Endpoints, endpoints
from sales.domain.problems import Problem
from sales.runtime.settings import settings

__all__ = ["CONFIG", "StaticFiles", "config_json"]

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
# A file with this ending is compressed already, and has its name without it.
_PACKED = ".gz"
# In front of a name: the digest of all files but the pages.
_VERSION = re.compile(r"[0-9a-f]{12}")
# Below this the Content-Encoding header costs what compression saves.
_WORTH_COMPRESSING = 400


class _Prepared(NamedTuple):
    """A file, ready to send."""

    content: bytes
    headers: Mapping[str, str]


class StaticFiles:
    """The files below these folders, by their paths from there; if a name is in several, the first folder wins.

    Each file is read at first use and kept. `config.json` is not a file: it holds `issuer`, `client_id`, the public client
    (PKCE) for signing in, the shop's `currency`, and the issuer's endpoints, which are missing while the issuer does not answer.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._prepared: dict[tuple[str, bool, bool, Endpoints | None], _Prepared] = {}

    @cached_property
    def names(self) -> frozenset[str]:
        """Return the names of all files."""
        return frozenset({CONFIG, *self._files})

    @cached_property
    def _files(self) -> dict[str, Path]:
        # Requests only look names up in this listing, so no name can lead out of the folders.
        folders = [folder for folder in reversed(self._folders) if folder.is_dir()]
        paths = ((path.relative_to(folder).as_posix(), path) for folder in folders for path in folder.rglob("*"))
        named = ((name.removesuffix(_PACKED), path) for name, path in paths)
        return {name: path for name, path in named if Path(name).suffix in _TYPES and path.is_file()}

    @cached_property
    def version(self) -> str:
        """Return the version of all files but the pages, which name it."""
        digest = hashlib.sha256()
        for name, path in sorted(self._files.items()):
            if not name.endswith(".html"):
                digest.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()[:12]

    def answer(self, request: Request, name: str) -> Response:
        """Return 200 with the file, compressed if the client accepts gzip; browsers keep one that is named with its version.

        While a deployment shifts traffic, a page may ask a function of another version: it gets the file that there is, to
        be asked for again next time. Raise Problem `not_found` for any other name, `not_acceptable` for a client that refuses gzip where nothing else exists.
        """
        version, _, rest = name.partition("/")
        keep = False
        if _VERSION.fullmatch(version):
            name = rest
            keep = version == self.version and not rest.endswith(".html") and rest != CONFIG
        if name not in self.names:
            raise Problem("not_found")
        accepted = request.headers.get("accept-encoding")
        gzipped = accepts_gzip(accepted or "")
        if self._is_packed(name) and not gzipped:
            # Without the header a client accepts any coding (RFC 9110, 12.5.3).
            if accepted is not None:
                raise Problem("not_acceptable", headers={"Vary": "accept-encoding"})
            gzipped = True
        # Only pages have a policy that counts; the files they load do not wait for the issuer.
        known = _endpoints() if name == CONFIG or name.endswith(".html") else None
        key = name, gzipped, keep, known
        if key not in self._prepared:
            self._prepared[key] = self._prepare(name, known, gzipped=gzipped, keep=keep)
        file = self._prepared[key]
        return Response(200, file.content, file.headers)

    def forget(self, name: str) -> None:
        """Read the file again at its next use."""
        self._prepared = {key: file for key, file in self._prepared.items() if key[0] != name}

    def content(self, name: str) -> bytes:
        """Return the file as it is stored. Override this for files that depend on the deployment."""
        if name == CONFIG:
            return config_json()
        return self._files[name].read_bytes()

    def _is_packed(self, name: str) -> bool:
        return name in self._files and self._files[name].suffix == _PACKED

    def policy(self, known: Endpoints | None) -> str:
        """Return the Content-Security-Policy. Override this for pages that may do more."""
        return _policy(known)

    def _prepare(self, name: str, known: Endpoints | None, *, gzipped: bool, keep: bool) -> _Prepared:
        media_type, compressible = _TYPES[Path(name).suffix]
        content = self.content(name)
        headers = {
            "content-type": media_type,
            # Without a version browsers revalidate each time; most answers are then 304.
            "cache-control": "public, max-age=31536000, immutable" if keep else "no-cache",
            "content-security-policy": self.policy(known),
            "referrer-policy": "no-referrer",
            "vary": "accept-encoding",
        }
        if self._is_packed(name):
            headers["content-encoding"] = "gzip"
        elif gzipped and compressible and len(content) >= _WORTH_COMPRESSING:
            content = gzipped_content(content)
            headers["content-encoding"] = "gzip"
        # After compression: strong validators differ between encodings (RFC 9110, 8.8.3.3).
        headers["etag"] = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        return _Prepared(content, headers)


def _endpoints() -> Endpoints | None:
    config = settings()
    return endpoints(config.okta_issuer, config.discovery_uri)


def config_json() -> bytes:
    """Return the content of `config.json`."""
    return json.dumps(_config(_endpoints())).encode()


def _config(known: Endpoints | None) -> dict[str, str]:
    """Return the content of `config.json`."""
    config = {
        "issuer": settings().okta_issuer,
        "client_id": settings().console_client_id,
        "currency": settings().default_currency,
        "utc_offset": f"{datetime.min.replace(tzinfo=settings().utc_offset):%:z}",
    }
    if known:
        config |= {"authorization_endpoint": known.authorization, "token_endpoint": known.token}
        if known.end_session:
            config["end_session_endpoint"] = known.end_session
    return config


def _policy(known: Endpoints | None) -> str:
    issuer = urlsplit(settings().okta_issuer)
    token_origin = known.token_origin if known else f"{issuer.scheme}://{issuer.netloc}"
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            f"connect-src 'self' {token_origin}",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )
