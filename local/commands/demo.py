"""`make demo`: loads a small shop's customers and orders through the API. Loading them again adds nothing.

The outcomes of their texts vary, as in a real shop: most are delivered; the last orders show a refused, an undelivered
and a lost text, one for a customer who opted out, one of a cancelled order, and an order without a text. The oldest were imported from a file. For two of these the sandbox misbehaves,
once all other texts are out, and then behaves as before.
"""

import http.client
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from local.commands.cli import run
from local.commands.import_file import ImportFileError, send
from local.commands.remote_api import Api
from local.commands.token import NoTokenError, access_token
from local.config import Config
from sales.domain.files.reading import CSV

__all__ = ["CUSTOMERS", "FILES", "SPECIAL", "SWAHILI_EVERY", "DemoError", "load_demo", "ordinary_orders"]

CUSTOMERS = (
    "Wanjiru Kamau", "Achieng' Otieno", "Kipchoge Rotich", "Mwende Mutua", "Njeri Mwangi", "Barasa Wekesa",
    "Halima Abdi", "Omondi Odhiambo", "Chebet Koech", "Nyambura Kariuki", "Mutiso Kioko", "Zawadi Mwakio",
    "Kemunto Nyaboke", "Lokeno Ekai", "Naserian Ole Sankale", "Juma Hamisi", "Wairimu Gathoni", "Atieno Owuor",
    "Kiprono Cheruiyot", "Muthoni Njoroge", "Simiyu Nafula", "Fatuma Yusuf", "Karimi Murithi", "Said Bakari",
)  # fmt: skip
ITEMS = (
    ("MacBook M2", "186000.00"), ("Maize flour 2 kg", "214.50"), ("Solar lamp", "3450.00"), ("School shoes", "2199.00"),
    ("Bicycle tube 26 inch", "480.00"), ("Kanga, pair", "950.00"), ("Gas refill 13 kg", "3100.00"),
    ("Phone charger", "799.00"), ("Tea leaves 500 g", "345.00"), ("Water tank 500 l", "5850.00"),
    ("Jiko", "1250.00"), ("Exercise books, dozen", "660.00"), ("Cement 50 kg", "820.00"),
)  # fmt: skip
# Each fourth customer gets texts in Swahili.
SWAHILI_EVERY = 4
# One order has letters outside GSM-7: its text shows what they cost.
WISH = ("Café set “Nairobi”", "4300.00")
# Files from the shop's time before this system, as a spreadsheet saves them. Imported orders have no texts.
FILES = {
    "customers": """\
name,phone_number,email,language
Wanza Musyoka,0700001201,wanza.musyoka@example.com,
Hadija Omari,0700001202,hadija.omari@example.com,sw
Otieno Okoth,0700001203,otieno.okoth@example.com,
""",
    "orders": """\
reference,customer,item,amount
BOOK-1,0700001201,Wheelbarrow,4650
BOOK-2,0700001202,Charcoal iron,1150.00
BOOK-3,0700001203,Fishing net,7900
BOOK-4,0700001201,Hoe,430
""",
}
# How long to wait for all texts: the sandbox may be set to refuse them.
_PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class _Special:
    """An order with another outcome than delivery; `number` is one of the sandbox's magic numbers."""

    name: str
    item: str
    amount: str
    reference: str
    number: str = ""
    behaviour: tuple[tuple[str, str], ...] = ()
    opted_out: bool = False
    cancelled: bool = False
    silent: bool = False


# The newest orders, so that a first look shows every outcome.
SPECIAL = (
    _Special("Akinyi Ouma", "Sewing machine", "14900.00", "INV-2087", behaviour=(("delivery", "absent"),)),
    _Special("Mumbi Ndung'u", "Roofing nails 5 kg", "1375.00", "INV-2088", number="+254700000407"),
    _Special("Wafula Simiyu", "Posho mill belt", "2640.00", "INV-2089", cancelled=True),
    _Special(
        "Rehema Salim", "Kitenge, 6 yards", "1800.00", "INV-2090",
        behaviour=(("default", "drop_after"), ("delivery", "none")),
    ),
    _Special("Kamau Githinji", "Milk can 20 l", "3990.00", "INV-2091", opted_out=True),
    _Special("Nafula Barasa", "Water drum 210 l", "2800.00", "INV-2092", silent=True),
    _Special("Nekesa Wanyama", "Knapsack sprayer", "4750.00", "INV-2093"),
)  # fmt: skip


class DemoError(Exception):
    """The system refused the demo; the message has its answer."""


class _JsonClient:
    """Calls one part of the running system, over one connection."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        address = urlsplit(url)
        self._connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=40)
        self._headers = {"Content-Type": "application/json"} | (headers or {})

    def ask(self, method: str, path: str, body: Any = None, key: str = "") -> Any:
        """Return the answer's JSON. Raise DemoError unless it is a success."""
        headers = self._headers | ({"Idempotency-Key": key} if key else {})
        try:
            self._connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = self._connection.getresponse()
            raw = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise DemoError(
                f"The system does not answer ({error}). Start it with `make run` in another terminal, then try again."
            ) from error
        if answer.status >= http.client.MULTIPLE_CHOICES:
            raise DemoError(f"{method} {path} got status {answer.status}: {raw.decode(errors='replace')}")
        return json.loads(raw)


class _Shop:
    """The running system's API and its SMS sandbox."""

    def __init__(self, config: Config, token: str) -> None:
        self._api = _JsonClient(config.api_url, {"Authorization": f"Bearer {token}"})
        self._sandbox = _JsonClient(config.sandbox_url)
        self._give_up = time.monotonic() + _PATIENCE_SECONDS

    def create(self, kind: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the item created under this key, now or earlier."""
        item: dict[str, Any] = self._api.ask("POST", f"/api/v1/sales/{kind}", body, key)
        return item

    def customer(self, key: str, name: str, number: str, language: str | None = None) -> dict[str, Any]:
        """Return the customer created under this key."""
        first, last = name.lower().replace("'", "").split(" ", 1)
        email = f"{first}.{last.replace(' ', '')}@example.com"
        body = {"name": name, "phone_number": number, "email": email, "language": language}
        return self.create("customers", key, body)

    def cancel(self, order: dict[str, Any]) -> None:
        """Cancel an order unless it already is."""
        self._api.ask("POST", f"/api/v1/sales/orders/{order['id']}/cancel")

    def opt_out(self, customer: dict[str, Any]) -> None:
        """Send STOP for the customer unless they have opted out."""
        path = f"/api/v1/sales/customers/{customer['id']}"
        if not self._api.ask("GET", path)["sms_opted_out"]:
            self._sandbox.ask("POST", "/_sandbox/optout", {"phoneNumber": customer["phone_number"]})
            self._wait(lambda: self._api.ask("GET", path)["sms_opted_out"])

    def wait_until_out(self, order: dict[str, Any]) -> None:
        """Wait until the order's text is neither queued nor sending."""
        path = f"/api/v1/sales/orders/{order['id']}"
        self._wait(lambda: self._api.ask("GET", path)["sms"]["status"] not in {"queued", "sending"})

    @contextmanager
    def behaving(self, changes: tuple[tuple[str, str], ...]) -> Iterator[None]:
        """Change the sandbox's behaviour for the block, unless the wait for other texts already took too long."""
        if not changes or time.monotonic() > self._give_up:
            yield
            return
        before = self._sandbox.ask("GET", "/_sandbox/behaviour")
        self._sandbox.ask("PUT", "/_sandbox/behaviour", before | dict(changes))
        try:
            yield
        finally:
            self._sandbox.ask("PUT", "/_sandbox/behaviour", before)

    def _wait(self, done: Callable[[], bool]) -> None:
        while not done() and time.monotonic() < self._give_up:
            time.sleep(0.1)


def ordinary_orders() -> list[tuple[int, str, str]]:
    """Return each order's customer number, item and amount, with every customer's orders spread over the list."""
    wishes = [
        (number, *ITEMS[(number * 5 + repeat * 4) % len(ITEMS)])
        for repeat in range(4)
        for number in range(len(CUSTOMERS))
        if repeat <= number % 4
    ]
    return [*wishes, (0, *WISH)]


def load_demo(config: Config) -> str:
    """Load everything, and return a line for the user. Raise NoTokenError or DemoError."""
    shop = _Shop(config, access_token(config))
    imported = _import_files(config)
    ordinary = ordinary_orders()
    bar = _Bar(len(CUSTOMERS) + len(ordinary) + 2 * len(SPECIAL))
    customers = []
    for number, name in enumerate(CUSTOMERS):
        language = "sw" if number % SWAHILI_EVERY == 0 else None
        customers.append(shop.customer(f"demo-customer-{number}", name, f"+25470000{number + 1000}", language))
        bar.step()
    orders: list[dict[str, Any]] = []
    for number, item, amount in ordinary:
        body = {"customer": customers[number]["id"], "item": item, "amount": amount}
        # Every third order has the shop's own reference.
        if len(orders) % 3 == 0:
            body["reference"] = f"INV-{2000 + len(orders)}"
        orders.append(shop.create("orders", f"demo-order-{number}-{item.encode().hex()}", body))
        bar.step()
    for order in orders:
        shop.wait_until_out(order)
    for number, special in enumerate(SPECIAL):
        _load_special(shop, number, special, bar)
    bar.close()
    customer_count = len(CUSTOMERS) + len(SPECIAL) + imported["customers"]
    counts = f"{customer_count} customers and {len(ordinary) + len(SPECIAL) + imported['orders']} orders"
    return f"Loaded {counts}: see {config.api_url}/ and their phones at {config.sandbox_url}/"


def _import_files(config: Config) -> dict[str, int]:
    """Import the files, and return how many rows each has."""
    api = Api.of_running(config, "sales:manage")
    try:
        answers = {kind: send(api, kind, CSV, file) for kind, file in FILES.items()}
    except ImportFileError as error:
        raise DemoError(str(error)) from None
    for kind, answer in answers.items():
        if ",refused," in answer:
            raise DemoError(f"The {kind} of the demo were refused: {answer}")
    return {kind: file.count("\n") - 1 for kind, file in FILES.items()}


def _load_special(shop: _Shop, number: int, special: _Special, bar: "_Bar") -> None:
    phone = special.number or f"+25470000{number + 1100}"
    customer = shop.customer(f"demo-special-{number}", special.name, phone)
    bar.step()
    if special.opted_out:
        shop.opt_out(customer)
    body: dict[str, Any] = {
        "customer": customer["id"],
        "item": special.item,
        "amount": special.amount,
        "reference": special.reference,
    }
    if special.silent:
        body["sms"] = False
    with shop.behaving(special.behaviour):
        order = shop.create("orders", f"demo-special-order-{number}", body)
        shop.wait_until_out(order)
    if special.cancelled:
        shop.cancel(order)
    bar.step()


class _Bar:
    """A progress bar; silent unless standard error is a terminal."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._shown = sys.stderr.isatty()

    def step(self) -> None:
        """Advance by one."""
        self._done += 1
        if self._shown:
            filled = 40 * self._done // self._total
            sys.stderr.write(f"\r[{'#' * filled}{'.' * (40 - filled)}] {self._done}/{self._total}")
            sys.stderr.flush()

    def close(self) -> None:
        """Finish the line."""
        if self._shown:
            sys.stderr.write("\n")


def main() -> int:
    """Load the demo into the running system."""
    try:
        print(load_demo(Config.of_running()))
    except (NoTokenError, DemoError, ValueError) as error:
        print(f"\n{error}" if sys.stderr.isatty() else error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    run(main)
