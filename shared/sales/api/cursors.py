"""Cursors: where the next page of a list begins.

A cursor is opaque and belongs to one list with one set of filters. Its checksum lets `decode` refuse a cursor that is
damaged, edited or from another list, which would otherwise silently show the wrong rows. A cursor grants nothing, so
it is not signed: anybody can make one, and what it holds is checked like any other input.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping

from sales.domain.ids import is_sort_key
from sales.domain.problems import Problem

__all__ = ["decode", "encode"]

_CHECKSUM_BYTES = 8
# The length of every cursor: a checksum and a sort key, three bytes in four characters.
_LENGTH = (_CHECKSUM_BYTES + len("2026-01-01T00:00:00.000000Z#00000000-0000-8000-8000-000000000000")) // 3 * 4


def _checksum(position: bytes, list_name: str, filters: Mapping[str, str]) -> bytes:
    scope = "\n".join([list_name, *(f"{name}={value}" for name, value in sorted(filters.items()))])
    return hashlib.sha256(scope.encode() + b"\0" + position).digest()[:_CHECKSUM_BYTES]


def encode(position: str, list_name: str, filters: Mapping[str, str]) -> str:
    """Return the cursor for the page that follows the row with this sort key, in this list with these filters."""
    raw = position.encode()
    return base64.urlsafe_b64encode(_checksum(raw, list_name, filters) + raw).decode()


def decode(cursor: str, list_name: str, filters: Mapping[str, str]) -> str:
    """Return the sort key in a cursor that `encode` made for the same list and filters.

    Raise Problem `invalid_cursor` for any other cursor.
    """
    try:
        raw = base64.b64decode(cursor, altchars=b"-_", validate=True) if len(cursor) == _LENGTH else b""
        position = raw[_CHECKSUM_BYTES:].decode()
        # Decoding also takes base64's other alphabet, so only the text that `encode` writes counts.
        if is_sort_key(position) and encode(position, list_name, filters) == cursor:
            return position
    except (ValueError, binascii.Error):
        pass
    raise Problem("invalid_cursor", "The cursor is damaged, or it belongs to another list or other filters.")
