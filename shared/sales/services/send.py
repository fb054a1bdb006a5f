"""Sends what is due: the one routine behind `send_sms` (fast path) and `sweep_sms` (nothing is lost).

Each text is claimed by a conditional write before the provider is called, and the provider's answer decides what is
written next. A text that may have gone out becomes `unknown` and is never sent again by the system.
"""

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import cache

from sales.africastalking.answers import Kind, Outcome
from sales.africastalking.client import PROVIDER_SECONDS, Provider
from sales.domain import clock
from sales.domain.customers import opt_out_key
from sales.domain.orders import Order
from sales.domain.problems import Problem
from sales.domain.sms.states import Cause, Status, backoff
from sales.runtime import log, metrics, secrets
from sales.runtime.settings import Settings, settings
from sales.services.delivery_reports import apply_reports
from sales.store import Message, Store, store

__all__ = ["Sender", "expire_lease", "noting", "sender"]

# What the writes around a call of the provider may take: no text is claimed with less time left than the call and this.
MARGIN_SECONDS = 5.0


CONCURRENCY = 96


_CAUSES = {
    Kind.accepted: Cause.accepted,
    Kind.refused: Cause.refused,
    Kind.deferred: Cause.deferred,
    Kind.not_sent: Cause.deferred,
    Kind.unknown: Cause.ambiguous,
    Kind.misconfigured: Cause.misconfigured,
}


class Sender:
    """Sends orders' texts, side by side. Made once per process."""

    def __init__(self, store: Store, config: Settings, make_gateway: Callable[[str], Provider]) -> None:
        self._store = store
        self._config = config
        self._make_gateway = make_gateway
        self._gateway: tuple[str, Provider] | None = None
        # Of a first batch each text would make one, and read what it trusts for it.
        self._making = threading.Lock()
        self._threads = ThreadPoolExecutor(max_workers=CONCURRENCY)

    def send(self, orders: Sequence[Order], *, seconds_left: Callable[[], float]) -> Counter[str]:
        """Tries the texts of these orders that are queued and due; how many ended in which state.

        Orders that cannot be claimed in the time left stay as they are, for the sweep. A gateway that fails is a
        state of the order, never an exception; Problem `unavailable` is raised when the store fails.
        """
        _, opted_out, pause = self._store.for_sending([], orders)
        return self.send_read(
            orders, opted_out, paused=pause is not None and pause.holds(clock.now()), seconds_left=seconds_left
        )

    def send_read(
        self,
        orders: Sequence[Order],
        opted_out: frozenset[str],
        *,
        paused: bool,
        seconds_left: Callable[[], float],
        early: bool = False,
        backlog: bool = False,
    ) -> Counter[str]:
        """As `send`, for orders that were just read together with who opted out and whether sending is paused.

        With `early`, those that are still as they were read are tried before they are due; a try that sends nothing
        is none of theirs then. With `backlog`, many are claimed together: far less work, and twice the write units.
        """
        ended: defaultdict[str, list[str]] = defaultdict(list)
        stop = threading.Event()
        if paused:
            stop.set()
        failures: list[Problem] = []
        # Milliseconds of each call of the gateway.
        latencies: list[float] = []

        def one(order: Order) -> None:
            try:
                if order.status == "cancelled":
                    state = self._suppress(order, Cause.cancelled, "order_cancelled")
                elif order.customer_code in opted_out:
                    state = self._suppress(order, Cause.opted_out, "opted_out")
                elif opt_out_key(order.sms.to) in opted_out:
                    # The number's opt-out is older than this customer, who is to show it.
                    self._store.opt_out(order.sms.to, clock.now())
                    state = self._suppress(order, Cause.opted_out, "opted_out")
                elif stop.is_set() or seconds_left() < PROVIDER_SECONDS + MARGIN_SECONDS:
                    state = "left"
                else:
                    state = self._try(order, stop, latencies, early=early, backlog=backlog)
            except Problem as problem:
                failures.append(problem)
            else:
                ended[state].append(order.id)

        list(self._threads.map(one, orders))
        for state, ids in ended.items():
            metrics.count("SmsState", len(ids), orders=ids, state=state)
        if latencies:
            tried = [order.id for order in orders]
            metrics.count("SmsAttempts", len(latencies), orders=tried)
            metrics.observe("ProviderLatency", latencies, orders=tried)
        if failures:
            raise failures[0]
        return Counter({state: len(ids) for state, ids in ended.items()})

    def _suppress(self, order: Order, cause: Cause, reason: str) -> str:
        after = self._store.change_order(order, lambda current: current.on(cause, clock.now(), reason=reason))
        return after.sms.status.value

    def _try(self, order: Order, stop: threading.Event, latencies: list[float], *, early: bool, backlog: bool) -> str:
        claimed = self._claim(order, early=early, in_group=backlog)
        if claimed is None:
            return "taken"
        outcome = self._ask(claimed, latencies)
        if outcome.kind is Kind.misconfigured:
            stop.set()
        return self._settle(claimed, outcome, due_before=order.due_at if early else None).sms.status.value

    def _claim(self, order: Order, *, early: bool, in_group: bool) -> Order | None:
        """Moves queued to sending with a lease, if nobody else has and it is due; the order as claimed."""
        for _ in range(2):
            now = clock.now()
            if not (early or order.is_due(now)) or order.status == "cancelled":
                return None
            lease_ends = clock.plus(now, self._config.sms_lease_seconds)
            claimed = order.on(Cause.claimed, now, due_at=lease_ends)
            if claimed is None:
                return None
            if in_group and self._store.replace_order_in_group(claimed):
                return claimed
            there = self._store.replace_order(claimed)
            if there is None:
                return claimed
            # The stream's picture may be old (a cancelled order, a lost claim): the current one decides.
            order, early, in_group = there, False, False
        return None

    def _ask(self, order: Order, latencies: list[float]) -> Outcome:
        key = self._api_key(order)
        if not key:
            return Outcome(Kind.misconfigured, "no_api_key", None, None, opted_out=False)
        gateway = self._gateway_with(key)
        asked = time.perf_counter()
        outcome = gateway.send(order.sms.to, order.sms.content.text)
        latencies.append(round((time.perf_counter() - asked) * 1000, 1))
        return outcome

    def _gateway_with(self, key: str) -> Provider:
        with self._making:
            if self._gateway is None or self._gateway[0] != key:
                self._gateway = (key, self._make_gateway(key))
            return self._gateway[1]

    def _api_key(self, order: Order) -> str:
        try:
            return secrets.api_key()
        except Exception as raised:  # noqa: BLE001 - whatever keeps the key from us, nothing was sent
            log.exception("secret unavailable", raised, order_id=order.id)
            return ""

    def _settle(self, order: Order, outcome: Outcome, *, due_before: str | None) -> Order:
        """Writes what the gateway's answer means for the order that was claimed.

        What it means for others (a pause, an opt-out) is written too; where that fails, the order's state is written
        all the same, and Problem is raised afterwards.
        """
        now = clock.now()
        cause, counts, due_at = _CAUSES[outcome.kind], 0, None
        failed: list[Problem] = []
        if cause is Cause.deferred and due_before is not None:
            due_at = clock.parse_time(due_before)
        elif cause is Cause.deferred:
            counts = 1
            if order.sms.retries + 1 >= self._config.sms_max_attempts:
                cause = Cause.exhausted
            else:
                wait = backoff(order.sms.retries + 1, self._config.sms_retry_seconds, random.random())  # noqa: S311
                due_at = clock.plus(now, wait)
        elif cause is Cause.misconfigured:
            due_at = clock.plus(now, self._config.sms_pause_seconds)
            with noting(failed):
                self._pause(due_at, outcome.reason, order)
        if outcome.opted_out:
            with noting(failed):
                self._store.opt_out(order.sms.to, now)

        def settled(current: Order) -> Order | None:
            if current.sms.attempts != order.sms.attempts:
                # Someone has asked again in the meantime: this answer belongs to an attempt that is over.
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

        after, message = self._write(order, settled, outcome.message_id, now)
        if outcome.kind in (Kind.refused, Kind.deferred):
            metrics.count("SmsRefused", reason=outcome.reason)
        log.info(
            "sms",
            order_id=order.id,
            attempt=order.sms.attempts,
            outcome=outcome.kind.value,
            reason=outcome.reason,
            sms_status=after.sms.status.value,
            phone_number=order.sms.to,
        )
        if failed:
            raise failed[0]
        if message and message.reports:
            # They overtook the answer.
            after = apply_reports(self._store, after, message, now)
            self._store.settle_report(message.id)
        return after

    def _write(
        self, order: Order, change: Callable[[Order], Order | None], message_id: str | None, now: datetime
    ) -> tuple[Order, Message | None]:
        """Applies the change, and notes whose message this is; the order afterwards, and the message if it was there."""
        if message_id is None:
            return self._store.change_order(order, change), None
        changed = change(order)
        if changed and self._store.replace_with_message(changed, message_id, now):
            return changed, None
        # First the way from the message to its order: an order that says `sent` must be found by its report.
        message = self._store.link_message(message_id, order, now)
        return self._store.change_order(order, change), message

    def _pause(self, until: datetime, reason: str, order: Order) -> None:
        """Stops sending for a while: every further text would meet the same fault in the configuration."""
        log.error("sending paused: the gateway refuses our configuration", reason=reason, order_id=order.id)
        metrics.count("SmsMisconfigured", orders=[order.id], reason=reason)
        try:
            secrets.api_key(fresh=True)
        except Exception as raised:  # noqa: BLE001 - the next try asks again
            log.exception("secret unavailable", raised, order_id=order.id)
        self._store.pause_sending(until, reason)


@contextmanager
def noting(failed: list[Problem]) -> Iterator[None]:
    """Notes the Problem that this block raises: it must not keep what comes next from being done."""
    try:
        yield
    except Problem as problem:
        failed.append(problem)


def expire_lease(store: Store, order: Order) -> Order:
    """A text whose sender has not come back within its lease is `unknown`: it may have been sent."""

    def expired(current: Order) -> Order | None:
        now = clock.now()
        if current.sms.status is not Status.sending or (current.due_at or "") > clock.format_time(now):
            return None
        return current.on(Cause.lease_expired, now, reason="lease_expired")

    after = store.change_order(order, expired)
    log.warning("lease ran out", order_id=order.id, sms_status=after.sms.status.value)
    if after.sms.status is Status.unknown:
        metrics.count("SmsState", orders=[order.id], state=after.sms.status.value)
    return after


@cache
def sender() -> Sender:
    """This process's sender; made at first use."""
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
