"""Sending: the one routine behind `send_sms` (fast) and `sweep_sms` (which loses nothing).

A sender claims a text by a conditional write before it calls the provider, and the provider's answer decides what it writes
next. A text that may have gone out becomes `unknown`; the system never sends it again.
"""

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from sales.africastalking.answers import NOT_NOW, Balance, Kind, Outcome
from sales.africastalking.client import PROVIDER_SECONDS, Provider
from sales.domain import clock
from sales.domain.customers import Customer
from sales.domain.orders import Order
from sales.domain.problems import Problem
from sales.domain.shop_time import next_noon
from sales.domain.sms.allowed import NOT_ALLOWED, is_allowed
from sales.domain.sms.delivery_reports import ProviderMessage
from sales.domain.sms.states import Cause, Status, backoff
from sales.runtime import log, metrics, secrets
from sales.runtime.settings import Settings, settings
from sales.services.sms.consent import block, opt_out
from sales.services.sms.delivery_reports import apply_reports
from sales.services.sms.limits import Allowance, held
from sales.store import Conflict, Store, store
from sales.store.due import SendingState
from sales.store.numbers import NumberState

__all__ = ["CONCURRENCY", "NEEDED_SECONDS", "Sender", "collecting", "sender"]

# A text is claimed only with this much time left: for the call, and for the writes around it.
NEEDED_SECONDS = PROVIDER_SECONDS + 5.0
CONCURRENCY = 96
_CAUSES = {
    Kind.accepted: Cause.accepted,
    Kind.refused: Cause.refused,
    Kind.deferred: Cause.deferred,
    Kind.not_sent: Cause.deferred,
    Kind.unknown: Cause.ambiguous,
    Kind.misconfigured: Cause.misconfigured,
}

# The provider certainly does not have the text, unless it gave a message id: it may release such a text later.
_NOT_SENT = (Kind.refused, Kind.deferred, Kind.not_sent, Kind.misconfigured)


@dataclass(frozen=True)
class _Batch:
    """The texts of one call of `send`: until when, how, and what became of them. Its threads share it."""

    seconds_left: Callable[[], float]
    early: bool
    in_groups: bool
    # Set once every further text would fail too.
    stop: threading.Event = field(default_factory=threading.Event)
    # The ids of orders, by the state in which they ended.
    ended: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    failures: list[Problem] = field(default_factory=list)
    # Milliseconds of each call of the provider.
    latencies: list[float] = field(default_factory=list)

    def has_time(self) -> bool:
        """Return whether one more text may be sent."""
        return not self.stop.is_set() and self.seconds_left() >= NEEDED_SECONDS

    @contextmanager
    def ending(self, order: Order) -> Iterator[None]:
        """Keep what the store refuses for this order from the others of the batch."""
        try:
            yield
        except Problem as problem:
            self.failures.append(problem)
        except Conflict:
            # The table lost the order. Failing would keep the stream from the orders behind it.
            self.ended["taken"].append(order.id)

    def measure(self, orders: Sequence[Order]) -> None:
        """Write the metrics of these orders."""
        for status, ids in self.ended.items():
            metrics.count("SmsState", len(ids), orders=ids, state=status)
        if self.latencies:
            ids = [order.id for order in orders]
            metrics.count("SmsAttempts", len(self.latencies), orders=ids)
            metrics.observe("ProviderLatency", self.latencies, orders=ids)


class Sender:
    """Sends orders' texts, many at the same time. Made once per process."""

    def __init__(self, store: Store, config: Settings, make_provider: Callable[[str], Provider]) -> None:
        self._store = store
        self._config = config
        self._make_provider = make_provider
        self._provider: tuple[str, Provider] | None = None
        # Without it each text of a first batch would create its own client, and read the root certificates for it.
        self._making = threading.Lock()
        self._threads = ThreadPoolExecutor(max_workers=CONCURRENCY)

    def send(
        self,
        orders: Sequence[Order],
        *,
        seconds_left: Callable[[], float],
        early: bool = False,
        in_groups: bool = False,
    ) -> Counter[str]:
        """Send the texts of these orders that are queued and due; return how many ended in which state.

        Orders that cannot be claimed in the time left stay as they are (`left`), those that another sender claims are `taken`,
        and those that a limit holds until another day are `held`. With `early`, unchanged orders are sent ahead of schedule,
        and an attempt that sends nothing does not count towards their retry limit. With `in_groups`, claims are written together: far less work, and twice the write units. A
        failing provider is a state of the order; raise Problem `unavailable` if the store fails.
        """
        if not orders:
            return Counter()
        state = self._store.due.sending_state(orders)
        batch = _Batch(seconds_left, early, in_groups)
        if state.is_paused(clock.now()):
            batch.stop.set()
        prepared = self._threads.map(lambda order: self._prepare(order, state, batch), orders)
        ready = [order for order in prepared if order]
        allowance = Allowance(self._store, self._config, ready, clock.now(), self._threads)
        list(self._threads.map(lambda order: self._send_one(order, allowance, batch), ready))
        with collecting(batch.failures):
            allowance.close()
        batch.measure(orders)
        if batch.failures:
            raise batch.failures[0]
        return Counter({status: len(ids) for status, ids in batch.ended.items()})

    def _prepare(self, order: Order, state: SendingState, batch: "_Batch") -> Order | None:
        """Return the order as it is to be sent, or None if it has ended without an attempt."""
        with batch.ending(order):
            present, status = self._present(order, state)
            if status is None and batch.has_time():
                return present
            batch.ended[status or "left"].append(order.id)
        return None

    def _send_one(self, order: Order, allowance: Allowance, batch: "_Batch") -> None:
        with batch.ending(order):
            if allowance.holds(order):
                self._store.orders.change(order, lambda current: held(current, clock.now(), self._config))
                status = "held"
            elif batch.has_time():
                status = self._attempt(order, allowance, batch)
            else:
                allowance.give_back(order)
                status = "left"
            batch.ended[status].append(order.id)

    def balance(self) -> Balance | None:
        """Ask the provider for the balance of the account; return None if it cannot be read."""
        key = self._api_key()
        return self._provider_with(key).balance() if key else None

    def _present(self, order: Order, state: SendingState) -> tuple[Order, str | None]:
        """Return the order with the text for its customer as they are now, or with its SMS status if none may go out.

        Name, number, language and opt-out are the customer's at this moment, not those of the order's creation.
        """
        if order.status == "cancelled":
            return order, self._suppress(order, Cause.cancelled, "order_cancelled")
        customer = state.customers.get(order.customer_code)
        known = state.numbers.get(order.sms.to, NumberState())
        if customer and not customer.erased:
            if customer.phone_number != order.sms.to:
                known = self._store.numbers.state(customer.phone_number)
            order = self._addressed(order, customer)
        if not is_allowed(order.sms.to, self._config.sms_allowed):
            return order, self._suppress(order, Cause.cancelled, NOT_ALLOWED)
        if customer and customer.sms_opted_out:
            return order, self._suppress(order, Cause.opted_out, "opted_out")
        if known.opted_out:
            # The number opted out before this customer had it: show it on the customer too.
            opt_out(self._store, order.sms.to, clock.now(), by="")
            return order, self._suppress(order, Cause.opted_out, "opted_out")
        if customer and customer.sms_blocked:
            return order, self._suppress(order, Cause.blocked, "blocked")
        if self._store.sender in known.blocked_senders:
            block(self._store, order.sms.to, clock.now())
            return order, self._suppress(order, Cause.blocked, "blocked")
        return order, None

    def _addressed(self, order: Order, customer: Customer) -> Order:
        if order.sms.status is not Status.queued:
            return order
        composed_for = (order.customer_name, order.sms.to, order.customer_language)
        if (customer.name, customer.phone_number, customer.language) == composed_for:
            return order
        # Late: hardly any customer changes between an order and its text, and a cold start does not pay for them.
        from sales.services.sms.content import order_content

        wording = self._store.wordings.get()
        content = order_content(wording, customer, order.id, order.item, order.amount, order.currency)
        return order.addressed(customer.name, customer.phone_number, customer.language, content)

    def _suppress(self, order: Order, cause: Cause, reason: str) -> str:
        suppressed = self._store.orders.change(order, lambda current: current.on(cause, clock.now(), reason=reason))
        return suppressed.sms.status.value

    def _attempt(self, order: Order, allowance: Allowance, batch: "_Batch") -> str:
        claimed = self._claim(order, early=batch.early, in_group=batch.in_groups)
        if claimed is None:
            allowance.give_back(order)
            return "taken"
        outcome = self._call_provider(claimed, batch.latencies)
        if outcome.kind in _NOT_SENT and outcome.message_id is None:
            allowance.give_back(order)
        if outcome.kind is Kind.misconfigured:
            batch.stop.set()
        return self._settle(claimed, outcome, due_before=order.due_at if batch.early else None).sms.status.value

    def _claim(self, order: Order, *, early: bool, in_group: bool) -> Order | None:
        """Claim the order's text with a lease and return the order, or None if it is not due, taken or no longer stored."""
        for _ in range(2):
            now = clock.now()
            if not (early or order.is_due(now)) or order.status == "cancelled":
                return None
            claimed = order.on(Cause.claimed, now, due_at=clock.plus(now, self._config.sms_lease_seconds))
            if claimed is None:
                return None
            try:
                return self._store.orders.replace(claimed, in_group=in_group)
            except Conflict as conflict:
                if conflict.current is None:
                    return None
                # The stream's picture may be old (a cancelled order, a lost claim): the current one decides, with the text
                # as it was composed a moment ago.
                current = conflict.current
                if current.sms.status is Status.queued and current.sms.to:
                    current = current.addressed(
                        order.customer_name, order.sms.to, order.customer_language, order.sms.content
                    )
                order, early, in_group = current, False, False
        return None

    def _call_provider(self, order: Order, latencies: list[float]) -> Outcome:
        key = self._api_key(order_id=order.id)
        if not key:
            return Outcome(Kind.misconfigured, "no_api_key")
        provider = self._provider_with(key)
        start = time.perf_counter()
        outcome = provider.send(order.sms.to, order.sms.content.text)
        latencies.append(round((time.perf_counter() - start) * 1000, 1))
        return outcome

    def _provider_with(self, key: str) -> Provider:
        with self._making:
            if self._provider is None or self._provider[0] != key:
                self._provider = (key, self._make_provider(key))
            return self._provider[1]

    def _api_key(self, **about: str) -> str:
        try:
            return secrets.api_key()
        except Exception as raised:  # noqa: BLE001 - whatever keeps the key from us, nothing was sent
            log.exception("secret unavailable", raised, **about)
            return ""

    def _settle(self, order: Order, outcome: Outcome, *, due_before: str | None) -> Order:
        """Write what the provider's answer means for the claimed order, and return the order.

        Write also what it means for others (a pause, a block). If that fails, the order's state is written all the same,
        and Problem is raised afterwards.
        """
        now = clock.now()
        cause, counts, due_at = _CAUSES[outcome.kind], 0, None
        failures: list[Problem] = []
        if cause is Cause.deferred and due_before is not None:
            due_at = clock.parse_time(due_before)
        elif cause is Cause.deferred:
            counts = 1
            if self._gives_up(order, outcome, now):
                cause = Cause.exhausted
            else:
                wait = backoff(order.sms.retries + 1, self._config.sms_retry_seconds, random.random())  # noqa: S311 - spreads out retries
                due_at = clock.plus(now, wait)
        elif cause is Cause.misconfigured:
            due_at = clock.plus(now, self._config.sms_pause_seconds)
            with collecting(failures):
                self._pause(due_at, outcome.reason, order)
        if outcome.blocked:
            with collecting(failures):
                block(self._store, order.sms.to, now)

        def settle(current: Order) -> Order | None:
            if current.sms.attempts != order.sms.attempts:
                # A person has asked again in the meantime: this answer belongs to an attempt that is over.
                return None
            return current.on(
                cause,
                now,
                reason=outcome.reason if cause is not Cause.accepted else None,
                message_id=outcome.message_id,
                cost=outcome.cost,
                due_at=due_at,
                counts=counts,
            )

        settled, message = self._write(order, settle, outcome.message_id, now)
        if outcome.kind in (Kind.refused, Kind.deferred):
            metrics.count("SmsRefused", reason=outcome.reason)
        log.info(
            "sms",
            order_id=order.id,
            attempt=order.sms.attempts,
            outcome=outcome.kind.value,
            reason=outcome.reason,
            sms_status=settled.sms.status.value,
            phone_number=order.sms.to,
        )
        if failures:
            raise failures[0]
        if message and message.reports:
            # They overtook the answer.
            settled = apply_reports(self._store, settled, message, now)
            self._store.provider_messages.settle(message.id)
        return settled

    def _gives_up(self, order: Order, outcome: Outcome, now: datetime) -> bool:
        """Return whether a text that was refused for now has failed."""
        if outcome.reason == NOT_NOW:
            # Refused for the hour: the whole night may pass, and the next morning too.
            return now >= next_noon(clock.parse_time(order.requested_at), self._config.utc_offset)
        return order.sms.retries + 1 >= self._config.sms_max_attempts

    def _write(
        self, order: Order, change: Callable[[Order], Order | None], message_id: str | None, now: datetime
    ) -> tuple[Order, ProviderMessage | None]:
        """Apply the change, and store which message is about the order; return the order, and the message if it was known."""
        if message_id is None:
            return self._store.orders.change(order, change), None
        changed = change(order)
        if changed:
            try:
                return self._store.orders.replace_with_message(changed, message_id, now), None
            except Conflict:
                # A report was faster, or the order has changed: one after the other then.
                pass
        # First the way from the message to its order: a report must find an order that says `sent`.
        message = self._store.provider_messages.link(message_id, order, now)
        return self._store.orders.change(order, change), message

    def _pause(self, until: datetime, reason: str, order: Order) -> None:
        """Stop sending for a while: every further text would meet the same fault in the configuration."""
        log.error("sending paused: the provider refuses our configuration", reason=reason, order_id=order.id)
        metrics.count("SmsMisconfigured", orders=[order.id], reason=reason)
        try:
            secrets.api_key(fresh=True)
        except Exception as raised:  # noqa: BLE001 - the next attempt asks again
            log.exception("secret unavailable", raised, order_id=order.id)
        self._store.due.pause_sending(until, reason)


@contextmanager
def collecting(failures: list[Problem]) -> Iterator[None]:
    """Collect the Problem that this block raises, so that what comes next is done all the same."""
    try:
        yield
    except Problem as problem:
        failures.append(problem)


@cache
def sender() -> Sender:
    """Return this process's sender; made at first use."""
    config = settings()
    return Sender(
        store(),
        config,
        lambda key: Provider(
            config.sms_username,
            key,
            endpoint=config.sms_endpoint,
            sender=config.sms_sender,
            connections=CONCURRENCY,
        ),
    )
