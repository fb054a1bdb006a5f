"""The rows of the fault matrix: each has a fault, a play that causes it, and the expected result."""

import contextlib
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.faults.proxy import Fault
from tests.faults.rig import LEASE, Case, Play, Row
from tests.support.events import stream_event
from tests.support.system import until

DELIVERED = "`delivered`"
# A sender calls the store once and retries four times before it gives up.
TRIES = 5
LEASE_EXPIRED = "`unknown` (lease_expired)"


# The provider's answers


def answered(answer: str, *states: str, delivery: str = "none") -> Play:
    """The provider gives this answer to every attempt."""

    def play(case: Case) -> Generator[None]:
        case.place(answer, delivery=delivery)
        case.settles(*states)
        yield from ()

    return play


def answered_slowly(answer: str) -> Play:
    """The sender waits for the answer until its deadline."""

    def play(case: Case) -> Generator[None]:
        case.place(answer, delivery="none")
        case.text()
        yield
        case.settles("unknown")

    return play


def refused_once(answer: str) -> Play:
    """The provider gives this answer to the first attempt only."""

    def play(case: Case) -> Generator[None]:
        case.place(script=[answer])
        case.settles("delivered")
        yield from ()

    return play


def corrected(answer: str) -> Play:
    """The configuration is wrong until a person corrects it."""

    def play(case: Case) -> Generator[None]:
        case.place(answer)
        case.refused()
        case.note()
        case.rig.behave()
        case.settles("delivered")
        yield from ()

    return play


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def connection_refused(case: Case) -> Generator[None]:
    case.rig.behave()
    customer = case.system.customer(phone_number=case.number)
    # The sandbox stays down until the first attempt has failed, and no sweep retries before it is back: two attempts
    # are all that a text has.
    with case.fault("look", "refuse"):
        with case.system.unsupervised():
            case.system.kill("sandbox")
            # It takes a moment to die, and would lose a request that still reached it.
            until(lambda: not listens(case.system.port + 2))
            case.order = case.system.order(customer)
            case.refused("connect_failed")
            case.note()
        until(lambda: listens(case.system.port + 2))
    case.settles("delivered")
    yield from ()


def unresolvable(_: Case) -> Iterator[str]:
    yield "https://provider.invalid"


def full(_: Case) -> Iterator[str]:
    """A server that accepts no more connections."""
    with socket.socket() as server, contextlib.ExitStack() as waiting:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _number in range(4):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def without_tls(case: Case) -> Iterator[str]:
    yield case.system.sandbox("").replace("http:", "https:")


def unreachable(address: Callable[[Case], Iterator[str]], reason: str) -> Play:
    """The first sender has a wrong address for the provider; the next one has the right one."""

    def play(case: Case) -> Generator[None]:
        # No sweep uses the right address before the first attempt has failed.
        with case.without_record(), case.fault("look", "refuse"), contextlib.contextmanager(address)(case) as url:
            case.place()
            case.rig.send_elsewhere(stream_event(case.rig.proxy.images[case.number]), url)
            case.refused(reason)
            case.note()
        case.settles("delivered")
        yield from ()

    return play


def down_for_longer_than_all_retries(case: Case) -> Generator[None]:
    case.place("http:429")
    case.settles("failed")
    yield from ()


def asked_for_again(case: Case) -> Generator[None]:
    case.place("http:429")
    case.settles("failed")
    case.note()
    case.rig.behave()
    case.again()
    case.settles("delivered")
    yield from ()


def lost_answer_and_report(case: Case) -> Generator[None]:
    case.place("drop_after", delivery="success")
    case.settles("delivered")
    yield from ()


# Workers that are killed


def killed_at(step: str, action: str, *states: str, delivery: str = "none") -> Play:
    """kill -9 the senders when one of them reaches this step."""

    def play(case: Case) -> Generator[None]:
        with case.fault(step, action) as fault:
            case.place(delivery=delivery)
            # With its answer held back, the store has it before the sender dies.
            until(lambda: fault.done if action == "hold_answer" else fault.met)
            case.rig.kill_senders()
            if action == "hold":
                # A request that the dead sender had not sent yet never arrives.
                fault.action = "refuse"
        if delivery == "none":
            yield
        # Otherwise the next sender is about to get the order; the next row must not kill that one.
        case.settles(*states, seconds=LEASE)

    return play


def killed_in_flight(delivery: str, state: str) -> Play:
    """kill -9 the senders while the provider has the request."""

    def play(case: Case) -> Generator[None]:
        # The provider never answers, so only the sender's own deadline limits this row.
        case.place("hang_after", delivery=delivery)
        case.text()
        case.rig.kill_senders()
        case.rig.behave()
        yield
        case.settles(state, seconds=LEASE + 10)

    return play


# The store


def unreachable_at(step: str, action: str, *states: str, times: int = 1, delivery: str = "success") -> Play:
    """The store refuses calls of this step, or its answers are lost."""

    def play(case: Case) -> Generator[None]:
        with case.fault(step, action, times) as fault:
            case.place(delivery=delivery)
            until(lambda: fault.met >= times)
        yield
        case.settles(*states, seconds=LEASE)

    return play


def unreachable_for_the_order(*, again: bool) -> Play:
    """The store is down while a caller creates an order."""

    def play(case: Case) -> Generator[None]:
        case.rig.behave()
        customer = case.system.customer(phone_number=case.number)
        body = {"customer": customer["id"], "item": "macbook m2", "amount": "1"}
        with case.fault("create", "refuse"):
            answer = case.system.call("POST", "orders", body, idempotency_key=case.number)
        assert answer.status == 503
        case.note()
        if again:
            answer = case.system.call("POST", "orders", body, idempotency_key=case.number)
            assert answer.status == 201
            case.order = answer.body
            case.settles("delivered")
        else:
            case.states.clear()
        yield from ()

    return play


def every_answer_to_the_order_lost(case: Case) -> Generator[None]:
    case.rig.behave()
    customer = case.system.customer(phone_number=case.number)
    body = {"customer": customer["id"], "item": "macbook m2", "amount": "1"}
    with case.fault("create", "lose"):
        assert case.system.call("POST", "orders", body, idempotency_key=case.number).status == 503
    answer = case.system.call("POST", "orders", body, idempotency_key=case.number)
    assert answer.status == 201
    case.order = answer.body
    case.settles("delivered")
    yield from ()


def unreachable_for_the_sweep(case: Case) -> Generator[None]:
    with case.without_record(), case.fault("look", "refuse") as fault:
        case.place()
        until(lambda: fault.met >= 5)
        case.note()
    case.settles("delivered")
    yield from ()


def unreachable_when_the_lease_runs_out(case: Case) -> Generator[None]:
    # Every answer to the claim is lost, so the provider is never called; then the lease cannot be ended either. We do not
    # know how many attempts there are: after many refusals a sweep has no retries left (botocore's retry quota).
    with case.without_record(), case.fault("claim", "lose") as fault:
        case.place()
        until(lambda: fault.met)
        yield
        with case.fault("settle", "refuse", TRIES):
            case.settles("unknown", seconds=LEASE + 5)


def store_killed(case: Case) -> Generator[None]:
    case.rig.behave(latency_ms=500)
    customer = case.system.customer(phone_number=case.number)
    case.order = case.system.order(customer)
    case.text()
    case.rig.kill_store()
    time.sleep(0.5)
    case.rig.start_database()
    yield
    case.settles("delivered", seconds=LEASE)


# The stream


def record_lost(case: Case) -> Generator[None]:
    with case.without_record():
        case.place()
        case.settles("delivered")
    yield from ()


def record_twice_in_a_batch(case: Case) -> Generator[None]:
    with case.records(lambda mine, others: [*others, *mine, *mine]):
        case.place()
        case.settles("delivered")
    yield from ()


def record_again(case: Case) -> Generator[None]:
    case.place()
    case.settles("delivered")
    case.deliver_again()
    yield from ()


def record_again_while_unknown(case: Case) -> Generator[None]:
    case.place("drop_after", delivery="none")
    case.settles("unknown")
    case.rig.behave()
    case.deliver_again()
    yield from ()


def record_after_the_sweep(case: Case) -> Generator[None]:
    kept: list[Any] = []

    def late(mine: list[Any], others: list[Any]) -> list[Any]:
        kept.extend(mine)
        return others

    with case.records(late):
        case.place()
        case.settles("delivered")

    def afterwards(mine: list[Any], others: list[Any]) -> list[Any]:
        now = [*others, *mine, *kept]
        kept.clear()
        return now

    with case.records(afterwards):
        until(lambda: not kept)
        time.sleep(0.3)
    yield from ()


def records_reversed(case: Case) -> Generator[None]:
    # All changes of the order arrive together, the last one first.
    kept: list[Any] = []

    def keep(mine: list[Any], others: list[Any]) -> list[Any]:
        kept.extend(mine)
        return others

    with case.records(keep):
        case.place()
        until(lambda: len(kept) >= 3)

    def reverse(mine: list[Any], others: list[Any]) -> list[Any]:
        now = [*reversed([*kept, *mine]), *others]
        kept.clear()
        return now

    with case.records(reverse):
        until(lambda: not kept)
        case.settles("delivered")
    yield from ()


def checkpoint(*, forgotten: bool) -> Play:
    """The poller restarts from an earlier position, or from the beginning of the stream (TRIM_HORIZON)."""

    def play(case: Case) -> Generator[None]:
        earlier = case.rig.checkpoint.read_text()
        case.place()
        case.settles("delivered")
        before = len(case.texts())
        case.rig.restart_stream(None if forgotten else earlier)
        reads = Fault("GetRecords")
        with case.rig.proxy.fault(reads):
            until(lambda: reads.met >= 3)
        time.sleep(0.5)
        # Count this order's texts only: other rows are in progress.
        assert len(case.texts()) == before
        yield from ()

    return play


def poller_killed(case: Case) -> Generator[None]:
    before = case.system.pids()["stream"]
    with case.fault("claim", "hold", 1) as fault:
        case.place()
        # The sender has the record, and the poller waits for its answer.
        until(lambda: fault.met)
        case.system.kill("stream")
        until(lambda: case.system.pids().get("stream", before) != before)
    case.settles("delivered", seconds=LEASE)
    yield from ()


# Several senders


def eight_senders(case: Case) -> Generator[None]:
    with case.without_record():
        case.place(latency_ms=100)
        case.deliver_again(8)
        case.settles("delivered")
    yield from ()


def sweep_and_stream(case: Case) -> Generator[None]:
    with case.fault("claim", "hold") as fault:
        case.place()
        # The stream's sender, and the sweep's: both have read the order as queued.
        until(lambda: fault.met >= 2)
    case.settles("delivered")
    yield from ()


def two_sweeps(case: Case) -> Generator[None]:
    with case.without_record(), case.fault("claim", "hold") as fault:
        case.place()
        sweeps = [threading.Thread(target=case.system.invoke, args=("sweep_sms", {})) for _ in range(2)]
        for sweep in sweeps:
            sweep.start()
        until(lambda: fault.met >= 2)
        fault.released.set()
        for sweep in sweeps:
            sweep.join()
        case.settles("delivered")
    yield from ()


def cancelled_while_claimed(case: Case) -> Generator[None]:
    with case.fault("claim", "hold") as fault:
        case.place()
        until(lambda: fault.met)
        assert case.system.call("POST", f"orders/{case.order['id']}/cancel").status == 200
    case.settles("suppressed")
    yield from ()


def cancelled_under_way(answer: str) -> Play:
    """The provider refuses for now, and the order is cancelled meanwhile."""

    def play(case: Case) -> Generator[None]:
        with case.fault("claim", "hold_answer", 1) as fault:
            case.place(answer)
            until(lambda: fault.done)
            assert case.system.call("POST", f"orders/{case.order['id']}/cancel").status == 200
        case.settles("suppressed")
        case.rig.behave()
        yield from ()

    return play


def opted_out_while_queued(case: Case) -> Generator[None]:
    with case.without_record(), case.fault("look", "refuse"):
        case.place()
        changed = case.system.call("PATCH", f"customers/{case.order['customer']}", {"sms_opted_out": True})
        assert changed.status == 200
    case.settles("suppressed")
    yield from ()


def not_asked(case: Case) -> Generator[None]:
    case.rig.behave()
    customer = case.system.customer(phone_number=case.number)
    body = {"customer": customer["code"], "item": "green tea", "amount": "250", "sms": False}
    answer = case.system.call("POST", "orders", body)
    assert answer.status == 201, answer.raw
    case.order = answer.body
    # The order has no number to be known by.
    case.rig.proxy.images[case.number] = case.rig.proxy.images.pop("")
    case.deliver_again(8)
    case.rig.kill_senders()
    case.system.invoke("sweep_sms", {})
    yield from ()


# Delivery reports


def reported(delivery: str, state: str) -> Play:
    """The provider's own reports, in an awkward order."""

    def play(case: Case) -> Generator[None]:
        case.place(delivery=delivery)
        case.settles(state)
        time.sleep(0.3)
        yield from ()

    return play


def forged_report(case: Case) -> Generator[None]:
    case.place(delivery="none")
    case.settles("sent")
    answer = case.rig.report(case.text()["message_id"], "Failed", case.number, secret="forged")
    assert answer.status == 404
    yield from ()


def report_for_another_number(case: Case) -> Generator[None]:
    case.place(delivery="none")
    case.settles("sent")
    message_id = case.text()["message_id"]
    assert case.rig.report(message_id, "Success", case.rig.number()).status == 200
    # A report for the right number must not apply the one for the wrong number.
    assert case.rig.report(message_id, "Submitted", case.number).status == 200
    yield from ()


def report_of_an_unknown_message(case: Case) -> Generator[None]:
    case.place(delivery="none")
    case.settles("sent")
    assert case.rig.report("ATXid_never_heard_of", "Failed", case.number).status == 200
    yield from ()


def late_failure(case: Case) -> Generator[None]:
    case.place()
    case.settles("delivered")
    assert case.rig.report(case.text()["message_id"], "Failed", case.number).status == 200
    yield from ()


def thousand_reports(case: Case) -> Generator[None]:
    """Reports of a sent, a queued and an unknown text, and orphaned ones."""
    case.place("drop_before", delivery="none")
    case.settles("unknown")
    unknown = case.order
    case.another_order(delivery="none")
    case.settles("sent")
    sent, known = case.order, case.text()["message_id"]
    with case.fault("claim", "refuse"):
        case.another_order()
        statuses = itertools.cycle(["Failed", "Submitted", "AbsentSubscriber", "Rejected", "Success"])
        messages = itertools.cycle([known, *(f"ATXid_{number}x{case.number[-4:]}" for number in range(50))])
        reports = [(next(messages), next(statuses)) for _ in range(1000)]

        def post(report: tuple[str, str]) -> int:
            return case.rig.report(*report, case.number).status

        with ThreadPoolExecutor(4) as threads:
            assert set(threads.map(post, reports)) == {200}
        assert len(case.texts()) == 1
        assert case.state() == "`queued`"
        assert case.system.call("POST", f"orders/{case.order['id']}/cancel").status == 200
    case.settles("suppressed")
    case.order = unknown
    assert case.state() == "`unknown` (connection_lost)"
    case.order = sent
    yield from ()


# Orphaned reports


def looked_for_at_once(body: dict[str, Any]) -> dict[str, Any]:
    """Have each sweep try to match the report, not only one a minute."""
    values = body["ExpressionAttributeValues"]
    values[":due"] = {"S": moved(datetime.now(UTC).isoformat(), 0.5)}
    return body


@contextlib.contextmanager
def looking(case: Case) -> Iterator[Callable[[], None]]:
    """Match reports with each sweep in this block; yield a function that waits for the next match attempt."""
    with case.fault("keep", edit=looked_for_at_once), case.fault("unsettled") as looks:

        def looked() -> None:
            # One look may have started earlier.
            enough = looks.met + 2
            until(lambda: looks.met >= enough)

        yield looked


def report_before_the_order(case: Case) -> Generator[None]:
    case.rig.behave("drop_before", delivery="none")
    customer = case.system.customer(phone_number=case.number)
    with looking(case) as looked:
        assert case.rig.report(f"ATXid_before{case.number[-4:]}", "Success", case.number).status == 200
        case.order = case.system.order(customer)
        case.settles("unknown")
        looked()
    yield from ()


def two_candidates(case: Case) -> Generator[None]:
    """The first text was claimed nearly an hour before the report, and is over an hour old soon after it."""

    def old(body: dict[str, Any]) -> dict[str, Any]:
        history = json.loads(body["Item"]["sms"]["M"]["history"]["S"])
        for entry in history:
            if entry.get("cause") == "claimed":
                entry["at"] = moved(entry["at"], 60 - 3600)
        body["Item"]["sms"]["M"]["history"] = {"S": json.dumps(history)}
        return body

    # The sender writes both from its copy of the order.
    with case.fault("claim", edit=old), case.fault("settle", edit=old):
        case.place("drop_before", delivery="none")
        case.settles("unknown")
    with looking(case) as looked:
        case.another_order("drop_before", delivery="none")
        case.settles("unknown")
        assert case.rig.report(f"ATXid_either{case.number[-4:]}", "Success", case.number).status == 200
        reported = time.monotonic()
        looked()
        yield
        time.sleep(max(0, reported + 61 - time.monotonic()))
        looked()


def resent_and_reported(case: Case) -> Generator[None]:
    case.place("drop_before", delivery="none")
    case.settles("unknown")
    case.rig.behave(delivery="none")
    case.again()
    case.settles("sent")
    with looking(case) as looked:
        case.another_order("drop_before", delivery="none")
        case.settles("unknown")
        # A report as the first order's first attempt would get, had the provider accepted it.
        assert case.rig.report(f"ATXid_first{case.number[-4:]}", "Success", case.number).status == 200
        looked()
    yield from ()


# Clocks


def moved(item_time: str, seconds: float) -> str:
    return (datetime.fromisoformat(item_time) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def order_from_a_clock(seconds: float, *, lost: bool = False) -> Play:
    """A machine whose clock is wrong by this many seconds stores the order."""

    def edit(body: dict[str, Any]) -> dict[str, Any]:
        item = body["Item"]
        for name in ("order_date", "due_at"):
            item[name] = {"S": moved(item[name]["S"], seconds)}
        item["sort_key"] = {"S": f"{item['order_date']['S']}#{item['id']['S']}"}
        return body

    def play(case: Case) -> Generator[None]:
        record = case.without_record() if lost else contextlib.nullcontext()
        with record:
            with case.fault("create", edit=edit):
                case.place()
            if lost:
                time.sleep(0.5)
                case.note()
            # Without its record the schedule sends it, once it is due: a minute that no other row shares, whose provider could refuse
            # the text.
            case.settles("delivered", seconds=120)
        yield from ()

    return play


def lease_from_a_slow_clock(case: Case) -> Generator[None]:
    def edit(body: dict[str, Any]) -> dict[str, Any]:
        item = body["Item"]
        item["due_at"] = {"S": moved(item["due_at"]["S"], -60)}
        return body

    with case.fault("claim", edit=edit):
        case.place(latency_ms=8000)
        case.text()
        # The schedule may be late, and the lease must end before the answer comes.
        sweep = threading.Thread(target=case.system.invoke, args=("sweep_sms", {}))
        sweep.start()
        case.settles("unknown")
    case.note()
    sweep.join()
    case.settles("delivered")
    yield from ()


# The whole system


def everything_killed(case: Case) -> Generator[None]:
    case.rig.behave(latency_ms=500)
    customer = case.system.customer(phone_number=case.number)
    case.order = case.system.order(customer)
    case.text()
    case.system.kill_all()
    case.rig.kill_store()
    case.rig.start_database()
    case.system.start()
    case.settles("delivered", seconds=LEASE + 10)
    yield from ()


# The store fails to keep the consequences of an answer or report for other items


def pause_not_written(case: Case) -> Generator[None]:
    with case.fault("pause", "refuse", TRIES) as fault:
        case.place("bad_key")
        until(lambda: fault.met >= TRIES)
        case.refused("bad_key")
        case.note()
    case.rig.behave()
    case.settles("delivered")
    yield from ()


def block_not_written(case: Case) -> Generator[None]:
    with case.fault("number", "refuse"):
        case.place("status:406")
        case.settles("failed")
    yield from ()


def not_written(step: str, answer: str, state: str) -> Play:
    """The store refuses calls of this step until the caller gives up; a provider repeats its reports."""

    def play(case: Case) -> Generator[None]:
        with case.fault(step, "refuse", TRIES) as fault:
            case.place(answer)
            until(lambda: fault.met >= TRIES)
        case.rig.behave()
        yield
        case.settles(state, seconds=LEASE + 30)

    return play


def provider_refuses(answer: str, reason: str) -> Row:
    return Row(f"The provider refuses permanently: `{answer}`", 0, f"`failed` ({reason})", answered(answer, "failed"))


def refuses_for_now(answer: str) -> Row:
    return Row(f"The provider refuses for now, once: `{answer}`", 1, DELIVERED, refused_once(answer))


def misconfigured(answer: str, reason: str) -> Row:
    state = f"`queued` ({reason}), then {DELIVERED}"
    return Row(
        f"The provider refuses the configuration until a person corrects it: `{answer}`", 1, state, corrected(answer)
    )


def ambiguous(answer: str, reason: str, texts: int) -> Row:
    state = f"`unknown` ({reason})"
    return Row(
        f"The provider's answer does not say whether it sent the text: `{answer}`",
        texts,
        state,
        answered(answer, "unknown"),
    )


ROWS = [
    Row(
        "The order comes from a machine whose clock is a minute fast, and the stream loses its record",
        1, f"`queued`, then {DELIVERED}", order_from_a_clock(60, lost=True),
    ),
    # The provider's answers. Those that keep a sender waiting come first.
    Row("The provider accepts the text and never answers: `hang_after`", 1, "`unknown` (timeout)",
        answered_slowly("hang_after")),
    Row("The provider accepts the text and answers a byte at a time: `drip`", 1, "`unknown` (timeout)",
        answered_slowly("drip")),
    *(Row(f"The provider accepts the text: `{answer}`", 1, DELIVERED, answered(answer, "delivered", delivery="success"))
      for answer in ("accept", "status:100", "status:101")),
    provider_refuses("status:401", "RiskHold"),
    provider_refuses("status:403", "InvalidPhoneNumber"),
    provider_refuses("status:404", "UnsupportedNumberType"),
    provider_refuses("status:406", "UserInBlacklist"),
    provider_refuses("status:407", "CouldNotRoute"),
    provider_refuses("status:502", "RejectedByGateway"),
    provider_refuses("http:400", "http_400"),
    provider_refuses("http:404", "http_404"),
    provider_refuses("http:405", "http_405"),
    provider_refuses("http:406", "http_406"),
    provider_refuses("http:413", "http_413"),
    provider_refuses("http:415", "http_415"),
    refuses_for_now("status:405"),
    refuses_for_now("status:409"),
    refuses_for_now("status:500"),
    refuses_for_now("status:501"),
    refuses_for_now("http:429"),
    misconfigured("status:402", "InvalidSenderId"),
    misconfigured("http:401", "bad_key"),
    misconfigured("http:403", "http_403"),
    misconfigured("bad_key", "bad_key"),
    misconfigured("bad_sender", "InvalidSenderId"),
    misconfigured("redirect", "http_307"),
    ambiguous("status:408", "code_408", 0),
    ambiguous("http:500", "http_500", 0),
    ambiguous("http:502", "http_502", 0),
    ambiguous("http:503", "http_503", 0),
    ambiguous("http:504", "http_504", 0),
    ambiguous("drop_before", "connection_lost", 0),
    ambiguous("drop_after", "connection_lost", 1),
    ambiguous("http503_after", "http_503", 1),
    ambiguous("garbage_after", "unreadable_answer", 1),
    Row("The provider's answer is lost, but its delivery report arrives", 1, DELIVERED, lost_answer_and_report),
    Row("The provider is unreachable for a moment", 1, f"`queued` (connect_failed), then {DELIVERED}",
        connection_refused),
    Row("The provider's name does not resolve, once", 1, f"`queued` (connect_failed), then {DELIVERED}",
        unreachable(unresolvable, "connect_failed")),
    Row("The provider accepts no connection in time, once", 1, f"`queued` (connect_timeout), then {DELIVERED}",
        unreachable(full, "connect_timeout")),
    Row("The provider does not speak TLS, once", 1, f"`queued` (connect_failed), then {DELIVERED}",
        unreachable(without_tls, "connect_failed")),
    Row("The provider is down for longer than all retries", 0, "`failed` (http_429)", down_for_longer_than_all_retries),
    Row("The provider was down for longer than all retries; a person asks for the text again", 1,
        f"`failed` (http_429), then {DELIVERED}", asked_for_again),
    # The store.
    Row("The store is unreachable when the order is created", 0, "no order",
        unreachable_for_the_order(again=False)),
    Row("The store is unreachable when the order is created; the caller repeats the request with its key", 1,
        f"no order, then {DELIVERED}", unreachable_for_the_order(again=True)),
    Row("The store's answer to the new order is lost, once", 1, DELIVERED, unreachable_at("create", "lose", "delivered")),
    Row("Every answer of the store to the new order is lost; the caller repeats the request with its key", 1, DELIVERED,
        every_answer_to_the_order_lost),
    Row("The store is unreachable when the sender reads the pause and opt-outs", 1, DELIVERED,
        unreachable_at("read", "refuse", "delivered", times=TRIES)),
    Row("The store is unreachable for the claim", 1, DELIVERED,
        unreachable_at("claim", "refuse", "delivered", times=TRIES)),
    Row("The store's answer to the claim is lost", 1, DELIVERED, unreachable_at("claim", "lose", "delivered")),
    Row("Every answer of the store to the claim is lost", 0, LEASE_EXPIRED,
        unreachable_at("claim", "lose", "unknown", times=TRIES)),
    Row("The store is unreachable for state and message id, once", 1, DELIVERED,
        unreachable_at("settle", "refuse", "delivered")),
    Row("The store is unreachable for state and message id, on every attempt", 1, LEASE_EXPIRED,
        unreachable_at("settle", "refuse", "unknown", times=TRIES, delivery="none")),
    Row("The store is unreachable for state and message id, on every attempt; the delivery report arrives", 1, DELIVERED,
        unreachable_at("settle", "refuse", "delivered", times=TRIES)),
    Row("The store's answer to state and message id is lost", 1, DELIVERED,
        unreachable_at("settle", "lose", "delivered")),
    Row("The delivery report overtakes the answer, and the store is unreachable for the message id, once", 1,
        DELIVERED, unreachable_at("link", "refuse", "delivered", delivery="before_answer")),
    Row("The delivery report overtakes the answer, and the store is unreachable for the message id, on every attempt",
        1, DELIVERED, unreachable_at("link", "refuse", "delivered", times=TRIES, delivery="before_answer")),
    Row("The delivery report overtakes the answer, and the store's answer to the message id is lost", 1, DELIVERED,
        unreachable_at("link", "lose", "delivered", delivery="before_answer")),
    Row("The store is unreachable for the sweep, and the stream loses the record", 1, f"`queued`, then {DELIVERED}",
        unreachable_for_the_sweep),
    Row("The store is unreachable when a lease expires", 0, LEASE_EXPIRED, unreachable_when_the_lease_runs_out),
    Row("The store is unreachable for the pause after the provider refused the configuration", 1,
        f"`queued` (bad_key), then {DELIVERED}", pause_not_written),
    Row("The store is unreachable for the block after the provider refused the number", 0,
        "`failed` (UserInBlacklist)", block_not_written),
    Row("The store is unreachable for the delivery report", 1, DELIVERED,
        not_written("report", "accept", "delivered")),
    Row("The store is unreachable for the report of a text whose answer was lost", 1, DELIVERED,
        not_written("keep", "drop_after", "delivered")),
    Row("The store is unreachable when the sweep matches an orphaned report", 1, DELIVERED,
        not_written("unsettled", "drop_after", "delivered")),
    # The stream.
    Row("The stream loses the record", 1, DELIVERED, record_lost),
    Row("The stream delivers the record twice in a batch", 1, DELIVERED, record_twice_in_a_batch),
    Row("The stream delivers the record again after the text was delivered", 1, DELIVERED, record_again),
    Row("The stream delivers the record again while the text is unknown", 1, "`unknown` (connection_lost)",
        record_again_while_unknown),
    Row("The stream delivers the record after the sweep has sent the text", 1, DELIVERED, record_after_the_sweep),
    Row("The stream delivers the order's records in reverse order", 1, DELIVERED, records_reversed),
    Row("The stream's checkpoint is rolled back", 1, DELIVERED, checkpoint(forgotten=False)),
    Row("A deploy replays the stream from TRIM_HORIZON", 1, DELIVERED, checkpoint(forgotten=True)),
    # Several senders.
    Row("Eight senders get the same order at the same time", 1, DELIVERED, eight_senders),
    Row("Sweep and stream claim the same order at the same time", 1, DELIVERED, sweep_and_stream),
    Row("Two more sweeps claim the same order at the same time", 1, DELIVERED, two_sweeps),
    Row("The order is cancelled while a sender claims it", 0, "`suppressed` (order_cancelled)",
        cancelled_while_claimed),
    Row("The order is cancelled during the call to the provider, which refuses for now", 0, "`suppressed` (order_cancelled)",
        cancelled_under_way("http:429")),
    Row("The order is cancelled during the call to the provider, which refuses the configuration", 0,
        "`suppressed` (order_cancelled)", cancelled_under_way("bad_key")),
    Row("The customer opts out while the text is queued", 0, "`suppressed` (opted_out)", opted_out_while_queued),
    Row("Eight senders get an order that asks for no text, and are killed", 0, "`suppressed` (not_asked)", not_asked),
    # Delivery reports.
    Row("The delivery report arrives before the answer", 1, DELIVERED, reported("before_answer", "delivered")),
    Row("The delivery report arrives twice", 1, DELIVERED, reported("duplicate", "delivered")),
    Row("The delivery reports arrive out of order", 1, DELIVERED, reported("out_of_order", "delivered")),
    Row("The delivery report says that the text did not arrive", 1, "`undelivered` (DeliveryFailure)",
        reported("failed", "undelivered")),
    Row("A failure report arrives after the success report", 1, DELIVERED, late_failure),
    Row("A delivery report is forged", 1, "`sent`", forged_report),
    Row("A delivery report names another number, and the next one names the right number", 1, "`sent`",
        report_for_another_number),
    Row("A delivery report names an unknown message", 1, "`sent`", report_of_an_unknown_message),
    Row("A thousand delivery reports arrive for a number with a sent, a queued and an unknown text; most are orphaned",
        1, DELIVERED, thousand_reports),
    Row("An orphaned report arrives before an order whose text the provider does not accept", 0,
        "`unknown` (connection_lost)", report_before_the_order),
    Row("An orphaned report fits two unknown texts, even when one is over an hour old", 0,
        "`unknown` (connection_lost)", two_candidates),
    Row("An orphaned report fits an attempt before a resend, and the next order's unknown text", 1,
        "`unknown` (connection_lost)", resent_and_reported),
    # Clocks.
    Row("The order comes from a machine whose clock is a minute fast", 1, DELIVERED, order_from_a_clock(60)),
    Row("The order comes from a machine whose clock is a minute slow", 1, DELIVERED, order_from_a_clock(-60)),
    Row("The sender's clock is a minute slow, so its lease expires immediately", 1,
        f"`unknown` (lease_expired), then {DELIVERED}", lease_from_a_slow_clock),
    # Processes that die.
    Row("A worker is killed before its claim", 1, DELIVERED, killed_at("claim", "hold", "delivered",
        delivery="success")),
    Row("A worker is killed after its claim", 0, LEASE_EXPIRED, killed_at("claim", "hold_answer", "unknown")),
    Row("A worker is killed after the request has left", 1, LEASE_EXPIRED, killed_in_flight("none", "unknown")),
    Row("A worker is killed after the request has left; the delivery report arrives", 1, DELIVERED,
        killed_in_flight("success", "delivered")),
    Row("A worker is killed after the provider's answer, before it writes state and message id", 1, LEASE_EXPIRED,
        killed_at("settle", "hold", "unknown")),
    Row("A worker is killed after it has written state and message id", 1, "`sent`",
        killed_at("settle", "hold_answer", "sent")),
    Row("The delivery report overtakes the answer, and a worker is killed between message id and state", 1,
        DELIVERED, killed_at("link", "hold_answer", "delivered", delivery="before_answer")),
    Row("The stream's poller is killed while it hands over the record", 1, DELIVERED, poller_killed),
    Row("The store is killed while the text is being sent", 1, DELIVERED, store_killed),
    Row("The whole system is killed while the text is being sent", 1, DELIVERED, everything_killed),
]  # fmt: skip
