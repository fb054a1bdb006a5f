"""Sending what is due: the one routine behind `send_sms` (fast path) and `sweep_sms` (nothing is lost).

Each text is claimed by a conditional write before the gateway is called, and the gateway's answer decides what is
written next. What cannot be known is written as `unknown` and never sent again by itself.
"""

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cache

from sales import clock, log, metrics, secrets
from sales.errors import Problem
from sales.gateway import Gateway, Kind, Outcome
from sales.messages import Cause, Status, backoff, report_cause
from sales.orders import Order
from sales.settings import Settings, settings
from sales.store import Message, Store, store

__all__ = ["Sender", "expire_lease", "report_arrived", "sender"]

# The gateway's own wall-clock limit, and what the writes around a call may take: no text is claimed with less left.
GATEWAY_SECONDS = 10.0
MARGIN_SECONDS = 5.0
CONCURRENCY = 64

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

    def __init__(self, store: Store, config: Settings, make_gateway: Callable[[str], Gateway]) -> None:
        self._store = store
        self._config = config
        self._make_gateway = make_gateway
        self._gateway: tuple[str, Gateway] | None = None
        self._threads = ThreadPoolExecutor(max_workers=CONCURRENCY)

    def send(self, orders: Sequence[Order], *, seconds_left: Callable[[], float]) -> Counter[str]:
        """Tries the texts of these orders that are queued and due; how many ended in which state.

        Orders that cannot be claimed in the time left stay as they are, for the sweep. A gateway that fails is a
        state of the order, never an exception; Problem `unavailable` is raised when the store fails.
        """
        _, opted_out, pause = self._store.for_sending([], [order.customer_code for order in orders])
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
    ) -> Counter[str]:
        """As `send`, for orders that were just read together with who opted out and whether sending is paused.

        With `early`, those that are still as they were read are tried before they are due.
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
                if order.customer_code in opted_out:
                    state = self._suppress(order).sms.status.value
                elif stop.is_set() or seconds_left() < GATEWAY_SECONDS + MARGIN_SECONDS:
                    state = "left"
                else:
                    state = self._try(order, stop, latencies, early=early)
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
            metrics.observe("GatewayLatency", latencies, orders=tried)
        if failures:
            raise failures[0]
        return Counter({state: len(ids) for state, ids in ended.items()})

    def _suppress(self, order: Order) -> Order:
        return self._store.change_order(
            order, lambda current: current.after(Cause.opted_out, clock.now(), reason="opted_out")
        )

    def _try(self, order: Order, stop: threading.Event, latencies: list[float], *, early: bool) -> str:
        claimed = self._claim(order, early=early)
        if claimed is None:
            return "taken"
        outcome = self._ask(claimed, latencies)
        if outcome.kind is Kind.misconfigured:
            stop.set()
        return self._settle(claimed, outcome).sms.status.value

    def _claim(self, order: Order, *, early: bool) -> Order | None:
        """Moves queued to sending with a lease, if nobody else has and it is due; the order as claimed."""
        for _ in range(2):
            now = clock.now()
            if not (early or order.is_due(now)):
                return None
            lease_ends = clock.after(now, self._config.sms_lease_seconds)
            claimed = order.after(Cause.claimed, now, due_at=lease_ends)
            if claimed is None:
                return None
            there = self._store.replace_order(claimed)
            if there is None:
                return claimed
            # The stream's picture may be old (a cancelled order, a lost claim): the current one decides.
            order, early = there, False
        return None

    def _ask(self, order: Order, latencies: list[float]) -> Outcome:
        key = self._api_key(order)
        if not key:
            return Outcome(Kind.misconfigured, "no_api_key", None, None, opted_out=False)
        if self._gateway is None or self._gateway[0] != key:
            self._gateway = (key, self._make_gateway(key))
        asked = time.perf_counter()
        outcome = self._gateway[1].send(order.sms.to, order.sms.text.text)
        latencies.append(round((time.perf_counter() - asked) * 1000, 1))
        return outcome

    def _api_key(self, order: Order) -> str:
        try:
            return secrets.api_key()
        except Exception as raised:  # noqa: BLE001 - whatever keeps the key from us, nothing was sent
            log.exception("secret unavailable", raised, order_id=order.id)
            return ""

    def _settle(self, order: Order, outcome: Outcome) -> Order:
        """Writes what the gateway's answer means for the order that was claimed."""
        now = clock.now()
        cause, counts, due_at = _CAUSES[outcome.kind], 0, None
        if cause is Cause.deferred:
            counts = 1
            if order.sms.retries + 1 >= self._config.sms_max_attempts:
                cause = Cause.exhausted
            else:
                wait = backoff(order.sms.retries + 1, self._config.sms_retry_seconds, random.random())  # noqa: S311
                due_at = clock.after(now, wait)
        elif cause is Cause.misconfigured:
            due_at = self._pause(now, outcome.reason, order)
        message = None
        if cause is Cause.accepted and outcome.message_id:
            message = self._store.link_message(outcome.message_id, order, now)
        if outcome.opted_out:
            self._store.opt_out(order.sms.to, now)

        def settled(current: Order) -> Order | None:
            if current.sms.attempts != order.sms.attempts:
                # Someone has asked again in the meantime: this answer belongs to an attempt that is over.
                return None
            return current.after(
                cause,
                now,
                reason=outcome.reason if cause is not Cause.accepted else None,
                message_id=outcome.message_id,
                cost=outcome.cost,
                due_at=due_at,
                counts=counts,
            )

        after = self._store.change_order(order, settled)
        log.info(
            "sms",
            order_id=order.id,
            attempt=order.sms.attempts,
            outcome=outcome.kind.value,
            reason=outcome.reason,
            sms_status=after.sms.status.value,
            phone_number=order.sms.to,
        )
        # Reports that overtook the answer.
        return apply_reports(self._store, after, message, now) if message and message.statuses else after

    def _pause(self, now: datetime, reason: str, order: Order) -> datetime:
        """Stops sending for a while: every further text would meet the same fault in the configuration."""
        until = clock.after(now, self._config.sms_pause_seconds)
        self._store.pause_sending(until, reason)
        log.error("sending paused: the gateway refuses our configuration", reason=reason, order_id=order.id)
        metrics.count("SmsMisconfigured", orders=[order.id], reason=reason)
        try:
            secrets.api_key(fresh=True)
        except Exception as raised:  # noqa: BLE001 - the next try asks again
            log.exception("secret unavailable", raised, order_id=order.id)
        return until


def expire_lease(store: Store, order: Order) -> Order:
    """A text whose sender has not come back within its lease is `unknown`: it may have been sent."""

    def expired(current: Order) -> Order | None:
        now = clock.now()
        if current.sms.status is not Status.sending or (current.due_at or "") > clock.format_time(now):
            return None
        return current.after(Cause.lease_expired, now, reason="lease_expired")

    after = store.change_order(order, expired)
    log.warning("lease ran out", order_id=order.id, sms_status=after.sms.status.value)
    if after.sms.status is Status.unknown:
        metrics.count("SmsState", orders=[order.id], state=after.sms.status.value)
    return after


def apply_reports(store: Store, order: Order, message: Message, now: datetime) -> Order:
    """Moves the order as far as the reports that came for its message take it, in whatever order they came."""
    if not order.sms.to:
        # Its customer was erased in the meantime, or its text forgotten.
        store.forget_number(message.id)
        return order
    if message.number is not None and message.number != order.sms.to:
        log.warning("delivery report for another number", order_id=order.id, message_id=message.id)
        return order
    causes = {cause for status in message.statuses if (cause := report_cause(status))}
    for cause in (Cause.report_interim, Cause.report_failure, Cause.report_success):
        if cause in causes:
            reason = message.failure_reason if cause is Cause.report_failure else None
            before, order = order, store.change_order(order, _reported(message, cause, reason, now))
            if order.sms.status is not before.sms.status:
                metrics.count("SmsState", orders=[order.id], state=order.sms.status.value)
    return order


def _reported(message: Message, cause: Cause, reason: str | None, now: datetime) -> Callable[[Order], Order | None]:
    def reported(current: Order) -> Order | None:
        if current.sms.message_id not in (None, message.id) or current.sms.attempts != message.attempt:
            # The text was sent again since: this report is about the one before.
            return None
        return current.after(cause, now, reason=reason, message_id=message.id)

    return reported


def report_arrived(store: Store, message: Message, now: datetime) -> str:
    """What a delivery report means for its order, if that is known; else it is kept for the sweep."""
    if message.order_id is None:
        # A sender that is just writing down its answer gets there first; the index needs a moment too.
        store.keep_report(message, clock.after(now, 3))
        return "kept"
    order = store.order(message.order_id)
    if order is None:
        return "kept"
    return apply_reports(store, order, message, now).sms.status.value


def adopt(store: Store, message: Message, *, window_seconds: float) -> None:
    """Gives a message nobody knows to the one text that is `unknown` for its number, if there is exactly one.

    With a text still under way, it waits; with two candidates, or two messages for one candidate, nothing is guessed.
    """
    now = clock.now()
    since = clock.format_time(clock.after(now, -window_seconds))
    if message.order_id is not None or not message.number:
        store.forget_number(message.id)
        return
    rows = store.unsettled(message.number)
    orders = [Order.from_item(item) for item in rows if "sms" in item]
    strangers = [item for item in rows if "sms" not in item]
    recent = [order for order in orders if order.sms.updated_at >= since]
    if any(order.sms.status is Status.sending for order in recent):
        store.keep_report(message, clock.after(now, 5))
        return
    if len(recent) == 1 and len(strangers) == 1:
        linked = store.link_message(message.id, recent[0], now)
        after = apply_reports(store, recent[0], linked, now)
        log.info("delivery report adopted", order_id=after.id, message_id=message.id, sms_status=after.sms.status.value)
        return
    if (message.received_at or "") < since:
        store.forget_number(message.id)
    else:
        # An order may yet become unknown: its sender or its lease takes a while to say so.
        store.keep_report(message, clock.after(now, 60))


@cache
def sender() -> Sender:
    """This process's sender; made at first use."""
    config = settings()
    return Sender(
        store(),
        config,
        lambda key: Gateway(
            config.sms_username,
            key,
            endpoint=config.sms_endpoint,
            sender=config.sms_sender,
            deadline_seconds=GATEWAY_SECONDS,
            connections=CONCURRENCY,
        ),
    )
