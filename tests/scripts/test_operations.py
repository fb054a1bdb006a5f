"""The commands of docs/operations.md, run against a running system."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deployment.template import load
from local.aws.dynamodb import DatabaseClient
from local.aws.stream.delivery import Delivery
from local.aws.stream.record import Record, stream_event
from local.config import Config
from tests.support.system import System, free_ports, request, running, until

pytestmark = pytest.mark.local
STREAM = "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/1"


@pytest.fixture(scope="module")
def own() -> Iterator[System]:
    """A system whose parts these tests stop."""
    with running() as system:
        yield system


def script(system: System, name: str, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"scripts.operate.{name}", "--local", *arguments]
    return subprocess.run(
        command, env=system.environ(), input=given, capture_output=True, text=True, timeout=120, check=False
    )


@contextmanager
def nothing_sends(system: System) -> Iterator[None]:
    """Stop the stream and the sweep for this block; they continue from there after it."""
    with system.unsupervised():
        for name in ("stream", "schedule"):
            system.kill(name)
        yield


def item_of(system: System, order: dict[str, Any]) -> dict[str, Any]:
    """Return the item of an order."""
    store = DatabaseClient(f"http://127.0.0.1:{system.port + 3}")
    [table] = [name for name in store.call("ListTables", {})["TableNames"] if "orders" in name]
    item: dict[str, Any] = store.call("GetItem", {"TableName": table, "Key": {"id": {"S": order["id"]}}})["Item"]
    return item


def give_up(system: System, *images: dict[str, Any]) -> list[Path]:
    """Have the local event source mapping give up these new orders, in one batch."""
    config = Config(port=system.port, state=system.state, settings={})
    template = load(config.template, config.parameters)
    [mapping] = [each for each in template.streams if each.function == "send_sms"]
    raw = [
        {"eventName": "INSERT", "dynamodb": {"NewImage": image, "SequenceNumber": str(number)}}
        for number, image in enumerate(images, 1)
    ]
    records = [Record(str(n), stream_event(each, mapping.table, STREAM), 0.0) for n, each in enumerate(raw, 1)]

    functions: Any = None  # giving up calls none
    Delivery(mapping, functions, system.state / "on-failure").give_up(
        records, "shard", "RetryAttemptsExhausted", 1, b""
    )
    return list((system.state / "on-failure").glob("*.json"))


def texts_to(system: System, number: str) -> list[dict[str, Any]]:
    return [text for text in system.texts() if text["to"] == number]


def test_replaying_failed_records_twice_texts_a_customer_once(own: System) -> None:
    number = "+254700000601"
    with nothing_sends(own):
        order = own.order(own.customer(phone_number=number))
        [batch] = give_up(own, item_of(own, order))
        kept = batch.with_suffix(".kept")
        shutil.copy(batch, kept)
        assert own.sms(order)["status"] == "queued"
        done = script(own, "replay_failed")
        assert (done.returncode, done.stdout) == (0, "Batches accepted by send_sms: 1, kept: 0.\n"), done.stderr
        assert not batch.exists()
        assert len(texts_to(own, number)) == 1
        kept.rename(batch)
        assert script(own, "replay_failed").returncode == 0
        assert not batch.exists()
        assert len(texts_to(own, number)) == 1
    # The stream hands the order over too, later.
    own.reaches(order, "delivered")
    other = own.order(own.customer(phone_number="+254700000602"))
    own.reaches(other, "delivered")
    assert len(texts_to(own, number)) == 1


def test_a_batch_that_send_sms_does_not_accept_is_kept(own: System) -> None:
    with nothing_sends(own):
        [batch] = give_up(own, {"id": {"S": "not an order"}})
        done = script(own, "replay_failed")
        assert done.returncode == 1
        assert done.stdout == "Batches accepted by send_sms: 0, kept: 1.\n"
        assert batch.name in done.stderr
        assert json.loads(batch.read_text())["payload"]
        batch.unlink()
    until(own.answers)


def test_replaying_queued_orders_twice_texts_a_customer_once(own: System) -> None:
    early, inside = "+254700000603", "+254700000604"
    with nothing_sends(own):
        before = own.order(own.customer(phone_number=early))
        first, last = (own.order(own.customer(phone_number=inside)) for _ in range(2))
        stale = item_of(own, first)
        between = ("--since", first["order_date"], "--until", "2999-01-01")
        done = script(own, "replay_orders", *between)
        assert (done.returncode, done.stdout) == (0, "Queued orders handed to send_sms: 2, not accepted: 0.\n"), (
            done.stderr
        )
        assert len(texts_to(own, inside)) == 2
        assert texts_to(own, early) == []
        assert own.sms(before)["status"] == "queued"
        # The end is exclusive.
        done = script(own, "replay_orders", "--since", "2026-01-01", "--until", before["order_date"])
        assert done.stdout == "Queued orders handed to send_sms: 0, not accepted: 0.\n"
        done = script(own, "replay_orders", *between)
        assert done.stdout == "Queued orders handed to send_sms: 0, not accepted: 0.\n"
        # As if another replay had read the order before this one sent it.
        give_up(own, stale)
        assert script(own, "replay_failed").returncode == 0
        assert len(texts_to(own, inside)) == 2
    for order in (before, first, last):
        own.reaches(order, "delivered")
    assert len(texts_to(own, inside)) == 2
    assert len(texts_to(own, early)) == 1


def test_a_range_that_is_not_a_time_is_refused(own: System) -> None:
    done = script(own, "replay_orders", "--since", "yesterday", "--until", "2999-01-01")
    assert done.returncode == 2
    assert "yesterday is neither a date nor a time" in done.stderr


def test_restoring_lost_items_sends_no_text(own: System) -> None:
    number, when = "+254700000608", "20261123T180000Z"
    store = DatabaseClient(f"http://127.0.0.1:{own.port + 3}")
    tables = {name.partition("-")[2]: name for name in store.call("ListTables", {})["TableNames"]}
    delivered = own.order(own.customer(phone_number=number))
    own.reaches(delivered, "delivered")
    with nothing_sends(own):
        gone, sent_since, changed = (own.order(own.customer(phone_number=number)) for _ in range(3))
        # The tables that point-in-time recovery would create.
        for name in ("customers", "orders"):
            table = store.call("DescribeTable", {"TableName": tables[name]})["Table"]
            schema = {key: table[key] for key in ("KeySchema", "AttributeDefinitions")}
            keys = {each["AttributeName"] for each in schema["KeySchema"]}
            schema["AttributeDefinitions"] = [e for e in schema["AttributeDefinitions"] if e["AttributeName"] in keys]
            copy = f"{tables[name]}-at-{when}"
            store.call("CreateTable", {"TableName": copy, "BillingMode": "PAY_PER_REQUEST", **schema})
            for item in store.call("Scan", {"TableName": tables[name]})["Items"]:
                store.call("PutItem", {"TableName": copy, "Item": item})
    for order in (gone, sent_since, changed):
        own.reaches(order, "delivered")
    assert own.call("POST", f"orders/{changed['id']}/cancel").status == 200
    before = len(texts_to(own, number))
    for order in (gone, delivered):
        store.call("DeleteItem", {"TableName": tables["orders"], "Key": {"id": {"S": order["id"]}}})
    code = own.call("GET", f"customers/{gone['customer']}").body["code"].replace("-", "")
    store.call("DeleteItem", {"TableName": tables["customers"], "Key": {"code": {"S": code}}})

    for copied in (1, 0):
        done = script(own, "restore", "--at", "2026-11-23T18:00:00Z")
        assert done.returncode == 0, done.stderr
        assert f"{tables['customers']}: {copied} copied" in done.stdout
        assert f"{tables['orders']}: {2 * copied} copied" in done.stdout

    assert own.call("GET", f"customers/{gone['customer']}").status == 200
    assert own.sms(delivered)["status"] == "delivered"
    assert own.sms(sent_since)["status"] == "delivered"
    assert own.call("GET", f"orders/{changed['id']}").body["status"] == "cancelled"
    # We cannot tell whether it went out since, and it did.
    assert (own.sms(gone)["status"], own.sms(gone)["reason"]) == ("unknown", "restored")
    assert gone["id"] in [order["id"] for order in own.orders(sms_status="unknown")]
    # Everything that sends has seen it: both sweeps, and the stream, which hands over a later order after these.
    for part in (0, 1):
        assert own.invoke("sweep_sms", {"part": part, "parts": 2}).status == 200
    own.reaches(own.order(own.customer(phone_number="+254700000609")), "delivered")
    assert len(texts_to(own, number)) == before


def report(url: str) -> int:
    """Post a delivery report for an unknown message."""
    form = "id=ATXid_x&status=Success&phoneNumber=%2B254700000605"
    return request("POST", url, form, {"content-type": "application/x-www-form-urlencoded"}).status


def test_the_two_newest_webhook_secrets_work_and_a_rotation_loses_no_report(own: System) -> None:
    first = own.url(f"/webhooks/africastalking/delivery/{(own.state / 'webhook-secret').read_text().strip()}")
    assert report(first) == 200
    callbacks = [first]
    for _ in range(2):
        done = script(own, "rotate_secret", "webhook")
        assert done.returncode == 0, done.stderr
        delivery, optout = done.stdout.splitlines()[1:]
        assert optout == delivery.replace("/delivery/", "/optout/")
        # The function caches secrets for minutes, but looks up one that it does not know.
        assert until(lambda url=delivery: report(url) == 200, seconds=10)
        assert report(callbacks[-1]) == 200
        callbacks.append(delivery)
        order = own.order(own.customer(phone_number="+254700000606"))
        own.reaches(order, "delivered")
    own.kill("worker-record_delivery_report")
    assert until(lambda: report(callbacks[2]) == 200)
    assert [report(url) for url in callbacks] == [404, 200, 200]
    done = script(own, "rotate_secret", "webhook", "--leaked")
    assert done.returncode == 0, done.stderr
    callbacks.append(done.stdout.splitlines()[1])
    # A worker keeps secrets for minutes; a new one shows what is left.
    own.kill("worker-record_delivery_report")
    assert until(lambda: report(callbacks[3]) == 200)
    assert [report(url) for url in callbacks] == [404, 404, 404, 200]
    order = own.order(own.customer(phone_number="+254700000608"))
    own.reaches(order, "delivered")


def test_a_new_api_key_is_used_and_shown_nowhere(own: System) -> None:
    key = "atsk_an-example-of-a-new-api-key"
    done = script(own, "rotate_secret", "sms-key", given=f"{key}\n")
    assert done.returncode == 0, done.stderr
    assert key not in done.stdout + done.stderr
    order = own.order(own.customer(phone_number="+254700000607"))
    own.reaches(order, "delivered", seconds=100)
    assert len(texts_to(own, "+254700000607")) == 1
    assert not any(key in log.read_text() for log in own.state.rglob("*.log"))


@pytest.mark.parametrize("given", ["", "short\n", "this is a sentence and not a key\n"])
def test_input_that_cannot_be_an_api_key_changes_nothing(own: System, given: str) -> None:
    before = (own.state / "sms-api-key").read_text()
    done = script(own, "rotate_secret", "sms-key", given=given)
    assert done.returncode == 1
    assert "Nothing was changed" in done.stderr
    assert (own.state / "sms-api-key").read_text() == before


def smoke(system: System, **environment: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "scripts.operate.smoke", "--local"]
    done = subprocess.run(
        command, env=system.environ() | environment, capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_smoke_test_passes_on_a_working_system_and_stores_nothing(own: System) -> None:
    before = len(list(own.orders()))
    status, said = smoke(own, TOKEN=own.token())
    assert status == 0, said
    assert said.count("ok  ") == 7
    assert len(list(own.orders())) == before
    status, said = smoke(own)
    assert status == 0, said
    assert "without TOKEN" in said


def test_the_smoke_test_names_the_failing_checks(own: System) -> None:
    status, said = smoke(own, TOKEN=own.token("sales:read"))
    assert status == 1
    assert re.search(r"PROBLEM  a text is composed, not sent: POST \S+: 403 instead of 200: .*insufficient_scope", said)
    assert said.count("PROBLEM") == 1
    status, said = smoke(own, PORT=str(free_ports()), TOKEN="x")
    assert status == 1
    assert said.count("no answer (ConnectionError)") == 7
