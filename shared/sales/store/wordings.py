"""The shop's wording in the store: one item among the customers, so that one round trip reads it together with a customer."""

from collections.abc import Iterable

from sales.domain.customers import Customer
from sales.domain.sms.wording import SHIPPED_VERSION, Wording
from sales.store.customers import customer_from_item
from sales.store.items import Item, unmarshal_item
from sales.store.table import Connection, Put, Table, conflicts_as

__all__ = ["Wordings"]

_CODE = "wording#"


def _wording_from_item(item: Item) -> Wording:
    return Wording(int(item["version"]), item["default_language"], item["created"])


class Wordings:
    """The shop's wording. Safe to share between threads; every method may raise Problem `unavailable`."""

    def __init__(self, connection: Connection, customers: Table, sender: str, shipped: Wording) -> None:
        self._connection = connection
        self._table = customers
        self._sender = sender
        self._shipped = shipped

    def _read(self, codes: Iterable[str]) -> dict[str, Item]:
        # As all that senders read: their roles allow no GetItem.
        items = self._connection.get_many((self._table.name, {"code": code}) for code in codes)
        return {item["code"]: item for item in (unmarshal_item(typed) for _, typed in items)}

    def _wording(self, items: dict[str, Item]) -> Wording:
        return _wording_from_item(items[_CODE]) if _CODE in items else self._shipped

    def get(self) -> Wording:
        """Return the wording as it is now: the one that ships, if the shop has written none."""
        return self._wording(self._read([_CODE]))

    def with_customer(self, code: str) -> tuple[Customer | None, Wording]:
        """Return the customer with this code, or None, and the wording, in one round trip."""
        items = self._read([code, _CODE])
        item = items.get(code)
        return customer_from_item(item, self._sender) if item else None, self._wording(items)

    def replace(self, wording: Wording) -> Wording:
        """Store the wording in place of the version before and return it; raise Conflict with another version."""
        item: Item = {"code": _CODE, **wording._asdict()}
        is_first = wording.version == SHIPPED_VERSION + 1
        with conflicts_as(_wording_from_item):
            self._table.put_if(Put(item, "attribute_not_exists(code)") if is_first else Put.replacing(item))
        return wording
