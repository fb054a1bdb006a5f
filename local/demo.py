"""`make demo`: a small shop's customers and orders, loaded through the API; loaded twice, there is nothing more."""

import http.client
import json
import sys
from typing import Any
from urllib.parse import urlsplit

from local.config import Config
from local.token import NoTokenError, access_token

__all__ = ["CUSTOMERS", "DemoError", "load_demo", "orders_of"]

CUSTOMERS = (
    "Wanjiru Kamau", "Achieng' Otieno", "Kipchoge Rotich", "Mwende Mutua", "Njeri Mwangi", "Barasa Wekesa",
    "Halima Abdi", "Omondi Odhiambo", "Chebet Koech", "Nyambura Kariuki", "Mutiso Kioko", "Zawadi Mwakio",
    "Kemunto Nyaboke", "Lokeno Ekai", "Naserian Ole Sankale", "Juma Hamisi", "Wairimu Gathoni", "Atieno Owuor",
    "Kiprono Cheruiyot", "Muthoni Njoroge", "Simiyu Nafula", "Fatuma Yusuf", "Karimi Murithi", "Said Bakari",
)  # fmt: skip
ITEMS = (
    ("macbook m2", "186000.00"), ("maize flour 2 kg", "214.50"), ("solar lamp", "3450.00"), ("school shoes", "2199.00"),
    ("bicycle tube 26 inch", "480.00"), ("kanga, pair", "950.00"), ("gas refill 13 kg", "3100.00"),
    ("phone charger", "799.00"), ("tea leaves 500 g", "345.00"), ("water tank 500 l", "5850.00"),
    ("jiko", "1250.00"), ("exercise books, dozen", "660.00"), ("cement 50 kg", "820.00"),
)  # fmt: skip
# One order has letters that no SMS alphabet of 160 characters has: its text shows what they cost.
WISH = ("café set “Nairobi”", "4300.00")


class DemoError(Exception):
    """The API did not take the demo; the text says what it answered."""


class _Api:
    """The running system's API, over one connection."""

    def __init__(self, config: Config, token: str) -> None:
        address = urlsplit(config.gateway_url)
        self._connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=40)
        self._token = token

    def create(self, kind: str, key: str, body: dict[str, str]) -> dict[str, Any]:
        """The item made under this key, now or before."""
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }
        try:
            self._connection.request("POST", f"/api/v1/sales/{kind}", json.dumps(body), headers)
            answer = self._connection.getresponse()
            raw = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise DemoError(f"The API does not answer: {error}") from error
        if answer.status != http.client.CREATED:
            raise DemoError(f"The API answered {answer.status}: {raw.decode(errors='replace')}")
        found: dict[str, Any] = json.loads(raw)
        return found


def orders_of(number: int) -> list[tuple[str, str]]:
    """What the customer of this number has ordered: item and amount."""
    wishes = [ITEMS[(number * 5 + each * 4) % len(ITEMS)] for each in range(1 + number % 4)]
    return [*wishes, WISH] if number == 0 else wishes


def load_demo(config: Config) -> str:
    """Loads everything, and says what is there. Raises NoTokenError or DemoError."""
    api = _Api(config, access_token(config))
    total = len(CUSTOMERS) + sum(len(orders_of(number)) for number in range(len(CUSTOMERS)))
    bar = _Bar(total)
    orders = 0
    for number, name in enumerate(CUSTOMERS):
        first, last = name.lower().replace("'", "").split(" ", 1)
        customer = api.create(
            "customers",
            f"demo-customer-{number}",
            {
                "name": name,
                "phone_number": f"+25470000{number + 1000}",
                "email": f"{first}.{last.replace(' ', '')}@example.com",
            },
        )
        bar.step()
        for item, amount in orders_of(number):
            body = {"customer": customer["id"], "item": item, "amount": amount}
            api.create("orders", f"demo-order-{number}-{item.encode().hex()}", body)
            orders += 1
            bar.step()
    bar.close()
    return f"{len(CUSTOMERS)} customers and {orders} orders: {config.gateway_url}, their phones: {config.sandbox_url}"


class _Bar:
    """A progress bar where somebody watches; silent elsewhere."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._shown = sys.stderr.isatty()

    def step(self) -> None:
        """One more is done."""
        self._done += 1
        if self._shown:
            filled = 40 * self._done // self._total
            sys.stderr.write(f"\r[{'#' * filled}{'.' * (40 - filled)}] {self._done}/{self._total}")
            sys.stderr.flush()

    def close(self) -> None:
        """All is done."""
        if self._shown:
            sys.stderr.write("\n")


def main() -> int:
    """Loads the demo into the running system."""
    try:
        print(load_demo(Config.of_running()))
    except (NoTokenError, DemoError, ValueError) as error:
        print(f"\n{error}" if sys.stderr.isatty() else error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
