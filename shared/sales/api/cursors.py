"""Cursors: where the next page of a list begins.

A cursor is opaque, belongs to the list and the filters it was made with, and carries a checksum so that a damaged,
edited or misplaced one is refused instead of silently showing the wrong rows. It grants nothing, so it is not signed.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping

from sales.domain.problems import Problem

__all__ = ["decode", "encode"]

_CHECKSUM_BYTES = 8


def _checksum(position: bytes, of: str, filters: Mapping[str, str]) -> bytes:
    named = "\n".join([of, *(f"{name}={value}" for name, value in sorted(filters.items()))])
    return hashlib.sha256(named.encode() + b"\0" + position).digest()[:_CHECKSUM_BYTES]


def encode(position: str, of: str, filters: Mapping[str, str]) -> str:
    """The cursor for the page of this list that follows the row with this sort key, under these filters."""
    raw = position.encode()
    return base64.urlsafe_b64encode(_checksum(raw, of, filters) + raw).rstrip(b"=").decode()


def decode(cursor: str, of: str, filters: Mapping[str, str]) -> str:
    """The sort key in a cursor made by `encode` for the same list and filters. Raises Problem `invalid_cursor` otherwise."""
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        checksum, position = raw[:_CHECKSUM_BYTES], raw[_CHECKSUM_BYTES:]
        # The last character of unpadded base64 has bits that decoding ignores: only the canonical form is taken.
        if checksum == _checksum(position, of, filters) and encode(position.decode(), of, filters) == cursor:
            return position.decode()
    except (ValueError, binascii.Error):
        pass
    raise Problem("invalid_cursor", "The cursor is damaged or belongs to another list or other filters.")
