"""Cursors: where the next page of a list begins.

A cursor is opaque and belongs to one list with one set of filters. Its checksum lets `decode` refuse a cursor that is
damaged, edited or from another list, which would otherwise silently show the wrong rows. A cursor grants nothing, so
it is not signed.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping

from sales.domain.problems import Problem

__all__ = ["decode", "encode"]

_CHECKSUM_BYTES = 8


def _checksum(position: bytes, list_name: str, filters: Mapping[str, str]) -> bytes:
    scope = "\n".join([list_name, *(f"{name}={value}" for name, value in sorted(filters.items()))])
    return hashlib.sha256(scope.encode() + b"\0" + position).digest()[:_CHECKSUM_BYTES]


def encode(position: str, list_name: str, filters: Mapping[str, str]) -> str:
    """Return the cursor for the page that follows the row with this sort key, in this list with these filters."""
    raw = position.encode()
    return base64.urlsafe_b64encode(_checksum(raw, list_name, filters) + raw).rstrip(b"=").decode()


def decode(cursor: str, list_name: str, filters: Mapping[str, str]) -> str:
    """Return the sort key in a cursor that `encode` made for the same list and filters.

    Raise Problem `invalid_cursor` for any other cursor.
    """
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        checksum, position = raw[:_CHECKSUM_BYTES], raw[_CHECKSUM_BYTES:]
        # Decoding ignores the last bits of unpadded base64, so only the canonical form counts.
        if (
            checksum == _checksum(position, list_name, filters)
            and encode(position.decode(), list_name, filters) == cursor
        ):
            return position.decode()
    except (ValueError, binascii.Error):
        pass
    raise Problem("invalid_cursor", "The cursor is damaged, or it belongs to another list or other filters.")
