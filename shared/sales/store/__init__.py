"""The store: two DynamoDB tables behind one object, by subject.

A conditional write returns what is stored now and raises `Conflict(current)` if another version is there. A method that can
reach DynamoDB raises Problem `unavailable` (503) if that does not answer; a write may then have happened.
"""

import sys
from functools import cache, cached_property
from typing import TYPE_CHECKING

from sales.runtime.aws import aws_client
from sales.runtime.settings import Settings, settings
from sales.runtime.startup import at_start
from sales.store.customers import Customers
from sales.store.table import Conflict, Connection, Page, Table

if TYPE_CHECKING:
    from sales.store.days import Days
    from sales.store.due import Due
    from sales.store.imports import Imports
    from sales.store.limits import Limits
    from sales.store.numbers import Numbers
    from sales.store.orders import Orders
    from sales.store.provider_messages import ProviderMessages
    from sales.store.search import Search
    from sales.store.wordings import Wordings

__all__ = ["Conflict", "Page", "Store", "store"]


class Store:
    """The store's subjects. Safe to share between threads."""

    def __init__(self, config: Settings) -> None:
        self._connection = Connection(aws_client("dynamodb", config.dynamodb_endpoint))
        self._customers_table = Table(self._connection, config.customers_table)
        self._orders_table = Table(self._connection, config.orders_table)
        self._shards = config.list_shards
        self._sms_text = config.sms_text
        self._zone = config.utc_offset
        self._settle_seconds = config.day_settle_seconds
        # The sender id that a network may block for a number; none is the provider's shared one.
        self.sender = config.sms_sender or "(shared)"
        self.customers = Customers(self._customers_table, config.list_shards, self.sender)

    # Late: functions about customers load nothing about orders, and those about orders nothing about sending.

    @cached_property
    def search(self) -> "Search":
        """The customers by what people type."""
        from sales.store.search import Search

        return Search(self._connection, self._customers_table, self.customers)

    @cached_property
    def numbers(self) -> "Numbers":
        """The numbers that opted out or are blocked."""
        from sales.store.numbers import Numbers

        return Numbers(self._connection, self._customers_table)

    @cached_property
    def wordings(self) -> "Wordings":
        """The wording of texts."""
        from sales.domain.sms.wording import shipped_wording
        from sales.store.wordings import Wordings

        shipped = shipped_wording(self._sms_text)
        return Wordings(self._connection, self._customers_table, self.sender, shipped)

    @cached_property
    def imports(self) -> "Imports":
        """The shop's key for imports, and notes of erased customers."""
        from sales.store.imports import Imports

        return Imports(self._customers_table)

    @cached_property
    def limits(self) -> "Limits":
        """The day's counters of texts."""
        from sales.store.limits import Limits

        return Limits(self._connection, self._orders_table, self._customers_table)

    @cached_property
    def orders(self) -> "Orders":
        """The orders."""
        from sales.store.orders import Orders

        return Orders(self._orders_table, self._shards, self._zone, lambda: self.days)

    @cached_property
    def days(self) -> "Days":
        """The figures of the shop's days."""
        from sales.store.days import Days

        return Days(self._connection, self._orders_table, self._zone, self._settle_seconds)

    @cached_property
    def provider_messages(self) -> "ProviderMessages":
        """The provider's records of our texts."""
        from sales.store.provider_messages import ProviderMessages

        return ProviderMessages(self._orders_table)

    @cached_property
    def due(self) -> "Due":
        """The items that the sweep reads."""
        from sales.store.due import Due

        return Due(self._connection, self._orders_table, self._customers_table, self.sender)


@at_start
@cache
def store() -> Store:
    """Return this process's store; made when a function starts, else at first use."""
    made = Store(settings())
    if "sales.domain.orders" in sys.modules:
        # A function about orders: its first request would have to import the rest.
        _ = made.orders
    if "sales.domain.sms.content" in sys.modules:
        # A function that composes texts.
        _ = made.wordings
    return made
