"""Ids of customers and orders: UUIDs (RFC 9562, version 8), and the customer code inside a customer's id.

An item created with an Idempotency-Key gets an id computed from caller, operation and key, so the store's condition on
the id is the whole idempotency record. A customer's `code` is the first 40 bits of its id, written in 32 unambiguous
characters; it is the table's key, so the same condition keeps codes unique.
"""

import hashlib
import secrets
from collections.abc import Iterator

from sales.domain.caller import Caller
from sales.domain.problems import Problem

__all__ = [
    "ALPHABET",
    "caller_key",
    "code_of",
    "customer_ids",
    "fingerprint",
    "id_and_code",
    "is_code",
    "is_id",
    "is_replay",
    "order_id",
    "read_code",
]

# Digits and capitals without 0 and O, 1 and I: 32 characters, five bits each.
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_CODE_CHARACTERS = frozenset(ALPHABET)
_HEXADECIMAL = frozenset("0123456789abcdef")
_ID_BYTES = 16
_CODE_BYTES = 5


def is_code(text: str) -> bool:
    """Tell whether this can be a customer's code, in the capitals it is stored with."""
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


def _digest(*parts: str) -> bytes:
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
    return _digest(operation, caller.id, key).hex()[:32]


def order_id(caller: Caller, key: str | None) -> str:
    """Return the id of the order this caller creates with this Idempotency-Key; without a key, a new id each time."""
    return _uuid8(secrets.token_bytes(_ID_BYTES) if key is None else _digest("order", caller.id, key))


def customer_ids(caller: Caller, key: str | None) -> Iterator[str]:
    """Yield ids for a new customer without end; each is for when another customer has the code of the last.

    With a key the sequence is always the same, so a replay finds its customer behind the same collisions.
    """
    tail = secrets.token_bytes(32) if key is None else _digest("customer", caller.id, key)
    attempt = 0
    while True:
        code = _digest(tail.hex(), str(attempt))[:_CODE_BYTES]
        yield _uuid8(code + tail[_CODE_BYTES:])
        attempt += 1


def code_of(customer_id: str) -> str:
    """Return the code inside a customer's id."""
    number = int(customer_id.replace("-", "")[: _CODE_BYTES * 2], 16)
    return "".join(ALPHABET[number >> shift & 31] for shift in range(35, -1, -5))


def read_code(id_or_code: str) -> str | None:
    """Return the code in a customer's id or code, in any case, or None where the text is neither.

    Two ids may share a code: after a look-up by code, compare the whole id as well.
    """
    if is_id(id_or_code.lower()):
        return code_of(id_or_code.lower())
    code = id_or_code.upper()
    return code if is_code(code) else None


def id_and_code(id_or_code: str) -> tuple[str | None, str]:
    """Return the code to look a customer up by, and the id it must then have (None where only a code was given).

    Raise Problem `not_found` for a text that is neither.
    """
    code = read_code(id_or_code)
    if code is None:
        raise Problem("not_found", "No customer has this id or code.")
    return (id_or_code.lower() if len(id_or_code) > len(code) else None), code


def fingerprint(body: object) -> str:
    """Return a digest that is the same for equal JSON bodies, whatever the order of their fields.

    It tells a request that is sent again from another request with the same Idempotency-Key.
    """
    import json

    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()[:32]


def is_replay(stored: str, given: str) -> bool:
    """Tell from the fingerprints of two requests with one Idempotency-Key whether they are the same request.

    An erased item has lost its fingerprint, because a short body can be guessed from it: there the key alone decides.
    """
    return stored in ("", given)
