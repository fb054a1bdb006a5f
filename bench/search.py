"""Search among 100,000 customers of three names each, next to pages of their list: time, and whether all are found.

Each search is for a customer drawn by lot, by text that fewer than 25 customers match. Searches and pages take turns, so a
busy machine slows both. `make bench-search` starts its own local system, writes bench/results/search.md, and exits with 1
if a search misses a customer or takes more than 1.5 times as long as a page, in its 99th percentile; searches by beginnings of many names each
may take longer.
"""

import random
import statistics
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import batched
from urllib.parse import quote

from bench.load import Client, percentile
from bench.report import publish, table
from bench.sample import CALLER
from deployment.template import load
from local.aws.dynamodb import DatabaseClient
from local.config import Config
from sales.domain.customers import Customer
from sales.domain.ids import code_of, customer_ids, show_code
from sales.domain.search import MOST_FOUND, names_of
from sales.store.customers import customer_to_item
from sales.store.items import marshal_item
from tests.support.system import BASE, System, running, until

CUSTOMERS = 100_000
SAMPLES = 400
MOST = 1.5
# Fixed, so that a run that found something can be repeated.
_RANDOM = random.Random(20261130)  # noqa: S311 - not a secret
_START = datetime(2026, 1, 1, tzinfo=UTC)
_SYLLABLES = [consonant + vowel for consonant in "bchgjkmnprstwyz" for vowel in "aeiou"] + ["a", "e", "o", "wa", "nja"]
# As in life: a few names are common, most are rare.
_NAMES = sorted({"".join(_RANDOM.choices(_SYLLABLES, k=_RANDOM.randint(2, 5))) for _ in range(30_000)})
_RANDOM.shuffle(_NAMES)
_WEIGHTS = [1 / (rank + 10) for rank in range(len(_NAMES))]


def people() -> list[Customer]:
    """Return the customers."""
    made = []
    for number in range(CUSTOMERS):
        id = next(customer_ids(CALLER, f"customer-{number}"))
        names = _RANDOM.choices(_NAMES, _WEIGHTS, k=3)
        made.append(
            Customer.new(
                id=id,
                code=code_of(id),
                name=" ".join(name.title() for name in names),
                phone_number=f"+2547000{number:05}",
                email=f"example{number:05}@gmail.com",
                now=_START + timedelta(seconds=number),
                by=CALLER.actor,
                fingerprint="0" * 32,
            )
        )
    return made


class Crowd:
    """The customers, and who of them a search must find, without the product's indexes."""

    def __init__(self, customers: list[Customer]) -> None:
        self.customers = customers
        self._words = sorted((name, number) for number, one in enumerate(customers) for name in names_of(one.name))
        self._ends: dict[str, list[int]] = {}
        for number, one in enumerate(customers):
            self._ends.setdefault(one.phone_number[-4:], []).append(number)

    def with_beginning(self, word: str) -> set[int]:
        """Return the customers with a name that begins so."""
        first, last = bisect_left(self._words, (word, -1)), bisect_left(self._words, (f"{word}~", -1))
        return {number for _, number in self._words[first:last]}

    def with_names(self, *words: str) -> set[int]:
        """Return the customers with names that begin so."""
        return set.intersection(*map(self.with_beginning, words))

    def with_end(self, digits: str) -> set[int]:
        """Return the customers whose number ends so."""
        return set(self._ends[digits[-4:]])


@dataclass
class Kind:
    """A way to search, and how it did."""

    title: str
    # Returns a text and the customers that it must find, or none if the customer has no such text.
    text: Callable[[Crowd, int], tuple[str, set[int]] | None]
    times: list[float] = field(default_factory=list)
    most: int = 0
    missed: int = 0
    # Beginnings of thousands of names each make a search read on, which may take longer.
    may_take_longer: bool = False


def beginning(place: int) -> Callable[[Crowd, int], tuple[str, set[int]] | None]:
    """Return a search for the fewest letters of one name that fewer than 25 customers match."""

    def text(crowd: Crowd, number: int) -> tuple[str, set[int]] | None:
        name = crowd.customers[number].name.lower().split()[place]
        for length in range(1, len(name) + 1):
            if len(them := crowd.with_names(name[:length])) < MOST_FOUND:
                return name[:length], them
        return None

    return text


def decisive(crowd: Crowd, number: int) -> tuple[str, set[int]] | None:
    """Return one letter of one name, and of another name as many as it takes."""
    first, _, last = crowd.customers[number].name.lower().split()
    for length in range(1, len(last) + 1):
        if len(them := crowd.with_names(first[0], last[:length])) < MOST_FOUND:
            return f"{first[0]} {last[:length]}", them
    return None


def common(crowd: Crowd, number: int) -> tuple[str, set[int]] | None:
    """Return three beginnings of many names each, which few customers have together."""
    words = [name[:2] for name in crowd.customers[number].name.lower().split()]
    them = crowd.with_names(*words)
    return (" ".join(words), them) if len(them) < MOST_FOUND else None


def spelled(spelling: Callable[[str], str]) -> Callable[[Crowd, int], tuple[str, set[int]]]:
    """Return a search for a whole number in this spelling."""
    return lambda crowd, number: (spelling(crowd.customers[number].phone_number), {number})


KINDS = [
    Kind("first name's beginning", beginning(0)),
    Kind("second name's beginning", beginning(1)),
    Kind("third name's beginning", beginning(2)),
    Kind("one letter and another name's beginning", decisive, may_take_longer=True),
    Kind("two letters of each name", common, may_take_longer=True),
    Kind("last four digits", lambda crowd, n: (digits := crowd.customers[n].phone_number[-4:], crowd.with_end(digits))),
    Kind("number: +254700012345", spelled(str)),
    Kind("number: 0700 012 345", spelled(lambda e164: f"0{e164[4:7]} {e164[7:10]} {e164[10:]}")),
    Kind("number: 254-700-012345", spelled(lambda e164: f"{e164[1:4]}-{e164[4:7]}-{e164[7:]}")),
    Kind("code", lambda crowd, n: (show_code(crowd.customers[n].code).lower(), {n})),
]
PAGES = Kind("a page of the list", lambda *_: None)


def fill(system: System, customers: list[Customer]) -> float:
    """Store the customers as the product does; return the seconds it took."""
    config = Config(port=system.port, state=system.state, settings={})
    table_name = load(config.template, config.parameters).functions["list_customers"].environment["CUSTOMERS_TABLE"]
    database, start = DatabaseClient(config.database_url), time.monotonic()
    for batch in batched(customers, 25, strict=False):
        puts = [{"PutRequest": {"Item": marshal_item(customer_to_item(customer))}} for customer in batch]
        answer = database.call("BatchWriteItem", {"RequestItems": {table_name: puts}})
        assert not answer.get("UnprocessedItems"), answer
    return time.monotonic() - start


def draws(crowd: Crowd, kind: Kind) -> Iterator[tuple[str, set[int]]]:
    """Yield searches of a kind without end, each for a customer drawn by lot."""
    while True:
        if found := kind.text(crowd, _RANDOM.randrange(CUSTOMERS)):
            yield found


def measure(client: Client, crowd: Crowd) -> None:
    """Ask, in turns."""
    numbers = {one.id: number for number, one in enumerate(crowd.customers)}
    searches = [(kind, draws(crowd, kind)) for kind in KINDS]
    for sample in range(-20, SAMPLES):
        for kind, texts in [(PAGES, iter([("", set[int]())])), *searches]:
            text, them = next(texts)
            path = f"{BASE}/customers" + (f"?search={quote(text)}" if text else "")
            start = time.perf_counter()
            answer = client.call("GET", path)
            seconds = time.perf_counter() - start
            if sample < 0:
                continue
            kind.times.append(1000 * seconds)
            kind.most = max(kind.most, len(answer["data"]))
            if text and {numbers[customer["id"]] for customer in answer["data"]} != them:
                kind.missed += 1
                print(f"{text!r} found {len(answer['data'])} customers, not {len(them)}", file=sys.stderr)


def forgets(system: System) -> bool:
    """Whether the old name finds no customer after a rename, nor the new one after an erasure."""

    def is_found(name: str) -> bool:
        return bool(system.call("GET", f"customers?search={name}").body["data"])

    customer = system.customer(name="Oldname Xylophone Quartz")
    until(lambda: is_found("oldname"))
    system.call("PATCH", f"customers/{customer['id']}", {"name": "Newname"})
    renamed = not any(map(is_found, ("oldname", "xylophone", "quartz"))) and until(lambda: is_found("newname"))
    system.call("POST", f"customers/{customer['id']}/erase", {})
    return renamed and not is_found("newname")


def main() -> int:
    """Measure, and write the page; 1 if a search is too slow or misses a customer."""
    crowd = Crowd(people())
    with running() as system:
        seconds = fill(system, crowd.customers)
        print(f"filled in {seconds:.0f} s", flush=True)
        measure(Client(system.port, {"Authorization": f"Bearer {system.token()}"}), crowd)
        forgotten = forgets(system)
    limit = percentile(PAGES.times, 99)
    rows, fine = [], forgotten
    for kind in [PAGES, *KINDS]:
        p50, p99 = statistics.median(kind.times), percentile(kind.times, 99)
        is_fine = not kind.missed and (p99 <= MOST * limit or kind.may_take_longer)
        fine = fine and is_fine
        found = "all" if not kind.missed else f"{kind.missed} of {SAMPLES} searches not"
        rows.append(
            [
                kind.title,
                found if kind is not PAGES else "",
                kind.most,
                f"{p50:.1f}",
                f"{p99:.1f}",
                f"{p99 / limit:.2f}",
            ]
        )
    head = ["By", "found", "most customers", "p50 ms", "p99 ms", "p99 to a page's"]
    notes = (
        f"{CUSTOMERS:,} customers, {SAMPLES} requests of each kind through the local system, one at a time and in turns; each search "
        f"is by text that fewer than {MOST_FOUND} customers match. After a rename and after an erasure the old name finds "
        f"{'nobody' if forgotten else '**somebody**'}."
    )
    publish("search", "Search", f"{table(head, rows)}\n\n{notes}")
    return int(not fine)


if __name__ == "__main__":
    sys.exit(main())
