"""Cursors: where the next page of a list begins.

A cursor is opaque, belongs to the filters it was made with, and carries a checksum so that a damaged or edited one is
refused instead of silently showing the wrong rows. It grants nothing, so it is not signed.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping

from sales.errors import Problem

__all__ = ["decode", "encode"]

_CHECKSUM_BYTES = 8


def _checksum(position: bytes, filters: Mapping[str, str]) -> bytes:
    named = "\n".join(f"{name}={value}" for name, value in sorted(filters.items()))
    return hashlib.sha256(named.encode() + b"\0" + position).digest()[:_CHECKSUM_BYTES]


def encode(position: str, filters: Mapping[str, str]) -> str:
    """The cursor for the page that follows the row with this sort key, under these filters."""
    raw = position.encode()
    return base64.urlsafe_b64encode(_checksum(raw, filters) + raw).rstrip(b"=").decode()


def decode(cursor: str, filters: Mapping[str, str]) -> str:
    """The sort key in a cursor made by `encode` with the same filters. Raises Problem `invalid_cursor` otherwise."""
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        checksum, position = raw[:_CHECKSUM_BYTES], raw[_CHECKSUM_BYTES:]
        # The last character of unpadded base64 has bits that decoding ignores: only the canonical form is taken.
        if checksum == _checksum(position, filters) and encode(position.decode(), filters) == cursor:
            return position.decode()
    except (ValueError, binascii.Error):
        pass
    raise Problem("invalid_cursor", "The cursor is damaged or belongs to other filters.")
