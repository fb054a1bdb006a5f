"""Ask for pages that begin at 10,000 made-up places, each in a cursor whose checksum is right.

`make bench-cursors` (CURSORS=1000 for fewer) starts its own local system, writes bench/results/cursors.md, and exits with 1
if an answer is a server error, or if a position that no row can have opens a page.
"""

import base64
import hashlib
import os
import random
import sys
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from urllib.parse import urlencode

from bench.report import publish, table
from sales.domain.clock import format_time, parse_time
from sales.domain.ids import is_sort_key
from tests.support.system import System, running

CURSORS = int(os.environ.get("CURSORS", "10000"))
# Fixed, so that a run that found something can be repeated.
_RANDOM = random.Random(20261129)  # noqa: S311 - not a secret
_ROW = "2026-11-23T12:00:00.000000Z#7c0e1b52-6f3d-8a94-b1c8-0e9d4f7a2365"
_ODD = [
    "\0",
    "\x7f",
    "\ue000",
    "\uffff",
    "\U0010ffff",
    "~",
    "#",
    "Z",
    " ",
    "/",
    ":",
    "é",
    "\n",
    '"',
    "0" * 30,
    "9999",
    "",
]


def forge(position: bytes, list_name: str, filters: Mapping[str, str]) -> str:
    """Return a cursor as an attacker makes one: the checksum has no key."""
    scope = "\n".join([list_name, *(f"{name}={value}" for name, value in sorted(filters.items()))])
    checksum = hashlib.sha256(scope.encode() + b"\0" + position).digest()[:8]
    return base64.urlsafe_b64encode(checksum + position).rstrip(b"=").decode()


def positions() -> Mapping[str, bytes]:
    """Return a hostile position of each kind."""
    edited = list(_ROW)
    for _ in range(_RANDOM.randint(1, 3)):
        edited[_RANDOM.randrange(len(edited))] = _RANDOM.choice(_ODD)
    year, digits = _RANDOM.randint(0, 9999), "".join(_RANDOM.choices("0123456789abcdef", k=12))
    return {
        "empty or short": _ROW[: _RANDOM.randrange(len(_ROW))].encode(),
        "a row's place, edited": "".join(edited).encode(),
        "odd characters": "".join(_RANDOM.choices(_ODD, k=_RANDOM.randint(1, 40))).encode(),
        "bytes that are no text": _RANDOM.randbytes(_RANDOM.choice([1, 8, 64, 65, 500])),
        "too long": (_ROW * _RANDOM.randint(2, 90)).encode(),
        "any time, any id": f"{year:04}{_ROW[4:-12]}{digits}".encode(),
    }


def may_open(position: bytes) -> bool:
    """Return whether a row could be at this place."""
    try:
        return is_sort_key(position.decode())
    except UnicodeDecodeError:
        return False


def lists(customer: Mapping[str, str]) -> list[tuple[str, str, dict[str, str]]]:
    """Return path, name and filters of each list with each way to bound it."""
    moments = {"order_date_from": "2026-01-01T00:00:00Z", "order_date_to": "2027-01-01T00:00:00Z"}
    return [
        ("customers", "customers", {}),
        ("customers", "customers", {"email": customer["email"]}),
        ("customers", "customers", {"phone_number": customer["phone_number"]}),
        ("orders", "orders", {}),
        ("orders", "orders", moments),
        ("orders", "orders", {"order_date_from": moments["order_date_from"]}),
        ("orders", "orders", {"customer": customer["id"], **moments}),
        ("orders", "orders", {"sms_status": "sent", "order_date_to": moments["order_date_to"]}),
        ("orders", "orders", {"reference": "none", "order_date_from": moments["order_date_from"]}),
        (f"customers/{customer['id']}/export", f"export of {customer['id']}", {}),
    ]


def run(system: System) -> Mapping[str, Counter[str]]:
    """Return the answers by kind of position."""
    customer = system.customer()
    for number in range(3):
        system.order(customer, item=f"item {number}")
    token = system.token()
    places = lists(customer)
    counts: dict[str, Counter[str]] = {}

    def ask(kind: str, position: bytes, place: tuple[str, str, dict[str, str]]) -> tuple[str, str]:
        path, name, filters = place
        read = {key: format_time(parse_time(value)) if "date" in key else value for key, value in filters.items()}
        query = urlencode({**filters, "cursor": forge(position, name, read), "limit": 2})
        status = system.call("GET", f"{path}?{query}", token=token).status
        return kind, str(status) if (status == 200) == may_open(position) else f"{status}, wrongly"

    with ThreadPoolExecutor(4) as threads:
        waiting: list[Future[tuple[str, str]]] = []
        while len(waiting) < CURSORS:
            for kind, position in positions().items():
                waiting.append(threads.submit(ask, kind, position, _RANDOM.choice(places)))
        for done in waiting:
            kind, answer = done.result()
            counts.setdefault(kind, Counter())[answer] += 1
    return counts


def main() -> int:
    """Ask, and write the page; 1 if an answer was wrong."""
    with running() as system:
        counts = run(system)
    answers = sorted({answer for kind in counts.values() for answer in kind} | {"200", "400"})
    rows = [[kind, *(count[answer] for answer in answers)] for kind, count in counts.items()]
    rows.append(["all", *(sum(count[answer] for count in counts.values()) for answer in answers)])
    publish("cursors", "Cursors with a right checksum", table(["Position", *answers], rows))
    return int(any(answer not in ("200", "400") for answer in answers))


if __name__ == "__main__":
    sys.exit(main())
