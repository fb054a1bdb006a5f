"""Ids of customers and orders: UUIDs (RFC 9562, version 8), and the code inside an id.

An item created with an Idempotency-Key gets an id computed from caller, operation and key, so the store's condition on
the id is the whole idempotency record. An item's `code` is the first 40 bits of its id, written in 32 unambiguous
characters. A customer's is the table's key, so the same condition keeps it unique; two orders may share one.

A code is stored as eight capitals and shown with a dash in the middle (`7KQ2-M9XA`); we read it in any case, with or
without the dash.
"""

import hashlib
import secrets
from collections.abc import Iterator, Mapping

from sales.domain.caller import Caller
from sales.domain.clock import format_time, parse_time
from sales.domain.problems import Problem

__all__ = [
    "ALPHABET",
    "LONGEST_REFERENCE",
    "caller_key",
    "code_of",
    "customer_ids",
    "digest",
    "fingerprint",
    "id_and_code",
    "ids_from",
    "is_code",
    "is_id",
    "is_replay",
    "is_sort_key",
    "order_id",
    "read_code",
    "show_code",
]

# A client's own id of an order.
LONGEST_REFERENCE = 100
# Digits and capitals without 0 and O, 1 and I: 32 characters, five bits each.
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_CODE_CHARACTERS = frozenset(ALPHABET)
_HEXADECIMAL = frozenset("0123456789abcdef")
_ID_BYTES = 16
_CODE_BYTES = 5


def is_code(text: str) -> bool:
    """Tell whether this can be a code, in the form it is stored in."""
    return len(text) == 8 and _CODE_CHARACTERS.issuperset(text)


def is_id(text: str) -> bool:
    """Tell whether this can be the id of a customer or an order, in the lower case it is stored with."""
    parts = text.split("-")
    return (
        [len(part) for part in parts] == [8, 4, 4, 4, 12]
        and parts[2][0] == "8"
        and parts[3][0] in "89ab"
        and _HEXADECIMAL.issuperset("".join(parts))
    )


def is_sort_key(text: str) -> bool:
    """Tell whether this can be the `sort_key` of a customer or an order: its place in lists."""
    created_at, _, item_id = text.partition("#")
    try:
        return is_id(item_id) and format_time(parse_time(created_at)) == created_at
    except ValueError:
        return False


def digest(*parts: str) -> bytes:
    """Return 32 bytes that stand for these texts, in this order."""
    # Each part is hashed first, so that no two lists of parts can run into each other.
    return hashlib.sha256(b"".join(hashlib.sha256(part.encode()).digest() for part in parts)).digest()


def _uuid8(raw: bytes) -> str:
    number = int.from_bytes(raw[:_ID_BYTES])
    number = number & ~(0xF << 76) | 8 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def caller_key(caller: Caller, operation: str, key: str) -> str:
    """Return what an item stores in place of a caller's Idempotency-Key for an operation."""
    return digest(operation, caller.id, key).hex()[:32]


def order_id(caller: Caller, key: str | None) -> str:
    """Return the id of the order this caller creates with this Idempotency-Key; without a key, a new id each time."""
    return _uuid8(secrets.token_bytes(_ID_BYTES) if key is None else digest("order", caller.id, key))


def customer_ids(caller: Caller, key: str | None) -> Iterator[str]:
    """Yield ids for a new customer without end; each is for when another customer has the code of the last.

    With a key the sequence is always the same, so a replay finds its customer behind the same collisions.
    """
    return ids_from(secrets.token_bytes(32) if key is None else digest("customer", caller.id, key))


def ids_from(tail: bytes) -> Iterator[str]:
    """Yield ids without end that depend only on these 32 bytes, each with another code."""
    attempt = 0
    while True:
        code = digest(tail.hex(), str(attempt))[:_CODE_BYTES]
        yield _uuid8(code + tail[_CODE_BYTES:])
        attempt += 1


def code_of(item_id: str) -> str:
    """Return the code inside the id of a customer or an order."""
    number = int(item_id.replace("-", "")[: _CODE_BYTES * 2], 16)
    return "".join(ALPHABET[number >> shift & 31] for shift in range(35, -1, -5))


def show_code(code: str) -> str:
    """Return a stored code as people read it."""
    return f"{code[:4]}-{code[4:]}"


def read_code(text: str) -> str | None:
    """Return the stored form of a code, or None if the text is none."""
    if not text.isascii():  # the capitals of some other letters are in the alphabet
        return None
    code = text.upper()
    if len(code) == 9 and code[4] == "-":
        code = code[:4] + code[5:]
    return code if is_code(code) else None


def id_and_code(id_or_code: str) -> tuple[str | None, str]:
    """Return the code to look an item up by, and the id it must then have (None if the text is a code).

    Two ids may share a code: after a look-up by code, compare the whole id as well. Raise Problem `not_found` for a text
    that is neither.
    """
    if is_id(item_id := id_or_code.lower()):
        return item_id, code_of(item_id)
    code = read_code(id_or_code)
    if code is None:
        raise Problem("not_found", "Nothing has this id or code.")
    return None, code


def fingerprint(meaning: Mapping[str, object]) -> str:
    """Return a digest of what a request means: its fields as they were read, those at their default left out.

    It tells a request that is sent again, in whatever spelling, from another request with the same Idempotency-Key.
    """
    import json

    return hashlib.sha256(json.dumps(meaning, sort_keys=True, default=_spelled).encode()).hexdigest()[:32]


def _spelled(amount: object) -> str:
    """Return the one spelling of an amount, whatever its trailing zeros. Raise TypeError for anything else."""
    from decimal import Decimal

    if not isinstance(amount, Decimal):
        raise TypeError(f"{type(amount).__name__} has no spelling")
    return f"{amount.normalize():f}"


def is_replay(stored: str, given: str) -> bool:
    """Tell from the fingerprints of two requests with one Idempotency-Key whether they are the same request.

    An erased item has lost its fingerprint, because a short body can be guessed from it: there the key alone decides.
    """
    return stored in ("", given)
