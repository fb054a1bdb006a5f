"""Identities of customers and orders: UUIDs of our own make (RFC 9562 version 8), and the customer code inside one.

An item made with an Idempotency-Key has an id that follows from caller, operation and key, so the store's own
condition on the id is the whole idempotency record. A customer's `code` is the first 40 bits of its id, written in 32
unambiguous characters; it is the table's key, so the store's condition on it keeps codes unique as well.
"""

import hashlib
import re
import secrets
from collections.abc import Iterator

from sales.domain.caller import Caller
from sales.domain.problems import Problem

__all__ = [
    "CODE",
    "caller_key",
    "code_of",
    "customer_ids",
    "fingerprint",
    "id_and_code",
    "is_replay",
    "order_id",
    "read_code",
]

# Digits and capitals without 0 and O, 1 and I: 32 of them, five bits each.
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE = re.compile(f"[{ALPHABET}]{{8}}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_BYTES = 16
_CODE_BYTES = 5


def _digest(*parts: str) -> bytes:
    # Each part is hashed on its own first: no two lists of parts can run into each other.
    return hashlib.sha256(b"".join(hashlib.sha256(part.encode()).digest() for part in parts)).digest()


def _uuid8(raw: bytes) -> str:
    number = int.from_bytes(raw[:_BYTES])
    number = number & ~(0xF << 76) | 8 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def caller_key(caller: Caller, operation: str, key: str) -> str:
    """What stands for a caller's Idempotency-Key of an operation where the key is stored with an item."""
    return _digest(operation, caller.identity, key).hex()[:32]


def order_id(caller: Caller, key: str | None) -> str:
    """The id of the order this caller creates with this Idempotency-Key; a new one each time without a key."""
    return _uuid8(secrets.token_bytes(_BYTES) if key is None else _digest("order", caller.identity, key))


def customer_ids(caller: Caller, key: str | None) -> Iterator[str]:
    """The ids to try for a new customer, in order: the next one is for when another customer has the code already.

    With a key the sequence is always the same, so a replay finds its customer behind the same collisions.
    """
    tail = secrets.token_bytes(32) if key is None else _digest("customer", caller.identity, key)
    attempt = 0
    while True:
        code = _digest(tail.hex(), str(attempt))[:_CODE_BYTES]
        yield _uuid8(code + tail[_CODE_BYTES:])
        attempt += 1


def code_of(customer_id: str) -> str:
    """The code inside a customer's id."""
    number = int(customer_id.replace("-", "")[: _CODE_BYTES * 2], 16)
    return "".join(ALPHABET[number >> shift & 31] for shift in range(35, -1, -5))


def read_code(id_or_code: str) -> str | None:
    """The code a customer's id or code names; none when it is neither (the item's own id must still be compared)."""
    if _UUID.fullmatch(id_or_code.lower()):
        return code_of(id_or_code.lower())
    code = id_or_code.upper()
    return code if CODE.fullmatch(code) else None


def id_and_code(id_or_code: str) -> tuple[str | None, str]:
    """The code to look a customer up by, and the id it must have then (none when a code was given).

    Raises Problem `not_found` for what can be neither.
    """
    code = read_code(id_or_code)
    if code is None:
        raise Problem("not_found", "There is no such customer.")
    return (id_or_code.lower() if len(id_or_code) > len(code) else None), code


def fingerprint(body: object) -> str:
    """What two equal JSON bodies share, whatever the order of their fields; tells a replay from a reused key."""
    import json

    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()[:32]


def is_replay(stored: str, given: str) -> bool:
    """Whether a request with the same key is the same request, by the fingerprints of both.

    An erased item has none, since short bodies can be guessed from it: the key alone tells then.
    """
    return stored in ("", given)
