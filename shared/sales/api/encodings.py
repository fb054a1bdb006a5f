"""Compressed answers."""

import gzip
import re

__all__ = ["accepts_gzip", "gzipped_content"]

_REFUSED = re.compile(r"\s*q\s*=\s*0(\.0*)?\s*")


def accepts_gzip(accepted: str) -> bool:
    """Return whether an Accept-Encoding header accepts gzip (RFC 9110, 12.5.3)."""
    codings = (entry.partition(";") for entry in accepted.lower().split(","))
    refused = {coding.strip(): bool(_REFUSED.fullmatch(parameters)) for coding, _, parameters in codings}
    return not refused.get("gzip", refused.get("*", True))


def gzipped_content(content: bytes) -> bytes:
    """Return the content compressed; the same content is always the same bytes."""
    return gzip.compress(content, compresslevel=6, mtime=0)
