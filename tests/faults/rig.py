"""The rig of the fault matrix: one system with its store behind a proxy, and an order for each row."""

import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from deployment import REGION
from local.aws.credentials import session_token
from local.config import Config
from local.system.supervisor import LAYOUT, load_template
from tests.faults.proxy import Fault, Proxy
from tests.support.days import offset_before_midnight
from tests.support.events import stream_event
from tests.support.system import ROOT, Answer, System, request, start_database, until

# Short waits; the lease is longer than the provider's deadline of 10 s, as it is on AWS.
WAITS = {
    "SMS_MAX_ATTEMPTS": "2",
    "SMS_RETRY_SECONDS": "0.2",
    "SMS_LEASE_SECONDS": "12",
    "SMS_PAUSE_SECONDS": "0.5",
    "DAY_SETTLE_SECONDS": "10",
}
LEASE = 60.0
CHECKPOINT = "stream-*send_sms.json"
# A separate sender: it sends one batch and prints the result.
SENDER = """
import json, sys
from functions.send_sms.app import handler
from tests.support.events import Context
print(json.dumps(handler(json.load(sys.stdin), Context())))
"""


class Rig:
    """A system whose store a row can break or kill."""

    def __init__(self, state: Path) -> None:
        self.state = state
        # The shop's day ends while the rows are played.
        self.offset = offset_before_midnight(2)
        self.system = System(state, **WAITS, UTC_OFFSET=self.offset)
        self.proxy = Proxy(self.system.port + 3)
        self.system.environment["DYNAMODB_ENDPOINT"] = self.proxy.url
        self._store: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1000)

    def start_database(self) -> None:
        self._store = start_database(Config(self.system.port, self.state, {}))
        # As the supervisor leaves it: the store on disk belongs to this version.
        (self.state / "version").write_text(LAYOUT)

    def kill_store(self) -> None:
        if self._store:
            self._store.kill()
            self._store.wait()

    def close(self) -> None:
        self.system.stop()
        self.system.kill_all()
        self.proxy.close()
        self.kill_store()

    def number(self) -> str:
        return f"+25470000{next(self._numbers)}"

    def behave(self, default: str = "accept", **behaviour: Any) -> None:
        self.system.behave(default=default, delivery_delay_ms=100, **behaviour)

    def kill_senders(self) -> None:
        self.system.kill("worker-send_sms")
        self.system.kill("worker-sweep_sms")

    def report(self, message_id: str, status: str, number: str, *, secret: str = "", **more: str) -> Answer:
        """Post a delivery report, with the right secret by default."""
        secret = secret or (self.state / "webhook-secret").read_text().strip()
        fields = {"id": message_id, "status": status, "phoneNumber": number, "networkCode": "99999", **more}
        url = self.system.url(f"/webhooks/africastalking/delivery/{secret}")
        return request("POST", url, urlencode(fields), {"content-type": "application/x-www-form-urlencoded"})

    def send_elsewhere(self, event: dict[str, Any], sms_endpoint: str) -> None:
        """Hand a batch to a sender that has another address for the provider."""
        overrides = {"DYNAMODB_ENDPOINT": self.proxy.url, **WAITS}
        config = Config(self.system.port, self.state, overrides)
        environment = {
            "PATH": os.defpath,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_SESSION_TOKEN": session_token(self.state),
            # A resolver that gets no answer gives up before the sender does.
            "RES_OPTIONS": "timeout:1 attempts:1",
            **load_template(config).functions["send_sms"].environment,
            **config.overrides,
            "SMS_ENDPOINT": sms_endpoint,
        }
        sender = subprocess.run(
            [sys.executable, "-c", SENDER], input=json.dumps(event), env=environment, cwd=ROOT, capture_output=True,
            text=True, check=True, timeout=90,
        )  # fmt: skip
        assert json.loads(sender.stdout.splitlines()[-1]) == {"batchItemFailures": []}

    @property
    def checkpoint(self) -> Path:
        (path,) = self.state.glob(CHECKPOINT)
        return path

    def restart_stream(self, checkpoint: str | None) -> None:
        """Kill the poller, and replace its checkpoint before the supervisor restarts it."""
        before = self.system.pids()["stream"]
        os.kill(before, signal.SIGKILL)
        if checkpoint is None:
            self.checkpoint.unlink()
        else:
            self.checkpoint.write_text(checkpoint)
        until(lambda: self.system.pids().get("stream", before) != before)


@dataclass
class Case:
    """One row in progress, with its own order and phone number."""

    rig: Rig
    number: str
    order: dict[str, Any] = field(default_factory=dict)
    states: list[str] = field(default_factory=list)

    @property
    def system(self) -> System:
        return self.rig.system

    def place(self, default: str = "accept", **behaviour: Any) -> None:
        """Place the order while the provider behaves like this."""
        self.rig.behave(default, **behaviour)
        self.order = self.system.order(self.system.customer(phone_number=self.number))

    def fault(
        self, step: str, action: str = "", times: int | None = None, **edits: Any
    ) -> AbstractContextManager[Fault]:
        """Break the store in a step of this order."""
        about = None if step in {"look", "GetRecords", "pause"} else self.number
        return self.rig.proxy.fault(Fault(step, action, about, times, **edits))

    def texts(self) -> list[dict[str, Any]]:
        return [text for text in self.system.texts() if text["to"] == self.number]

    def text(self) -> dict[str, Any]:
        """Return the first text that the provider accepted."""
        return until(self.texts, seconds=60)[0]

    def settles(self, *states: str, seconds: float = 60) -> None:
        """Wait until the order has one of these states."""
        try:
            self.system.reaches(self.order, *states, seconds=seconds)
        except AssertionError as late:
            raise AssertionError(f"{late}: {self.system.sms(self.order)}, {self.texts()}") from None

    def refused(self, reason: str | None = None, seconds: float = 60) -> None:
        """Wait until an answer of the provider puts the text back in the queue."""

        def look() -> bool:
            sms = self.system.sms(self.order)
            return bool(sms["status"] == "queued" and sms["reason"] and reason in (None, sms["reason"]))

        until(look, seconds=seconds, every=0.02)

    def state(self) -> str:
        """Return the state that the order shows, with its reason."""
        if not self.order:
            return "no order"
        sms = self.system.sms(self.order)
        return f"`{sms['status']}`" + (f" ({sms['reason']})" if sms["reason"] else "")

    def note(self) -> None:
        """Add the state that the order shows now to the row's result."""
        self.states.append(self.state())

    def shown(self) -> str:
        return ", then ".join([*self.states, self.state()])

    def records(self, change: Callable[[list[Any], list[Any]], list[Any]]) -> AbstractContextManager[Fault]:
        """Change the poller's records: `change` gets this order's records of an answer, and the others."""

        def edit(answer: dict[str, Any]) -> dict[str, Any]:
            mine: list[Any] = []
            others: list[Any] = []
            for record in answer["Records"]:
                image = record["dynamodb"].get("NewImage", {})
                is_mine = image.get("sms", {}).get("M", {}).get("to", {}).get("S") == self.number
                (mine if is_mine else others).append(record)
            return answer | {"Records": change(mine, others)}

        return self.fault("GetRecords", edit_answer=edit)

    def without_record(self) -> AbstractContextManager[Fault]:
        """Let the stream lose this order's records."""
        return self.records(lambda mine, others: others)

    def deliver_again(self, times: int = 1) -> list[Answer]:
        """Hand this order's record to send_sms this many times, all at the same time."""
        event = stream_event(self.rig.proxy.images[self.number])
        answers: list[Answer] = []
        threads = [
            threading.Thread(target=lambda: answers.append(self.system.invoke("send_sms", event))) for _ in range(times)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(answer.status == 200 and answer.body == {"batchItemFailures": []} for answer in answers)
        return answers

    def another_order(self, default: str = "accept", **behaviour: Any) -> None:
        """Place one more order of the same customer; the row is about that one from now on."""
        self.rig.behave(default, **behaviour)
        self.order = self.system.order({"id": self.order["customer"]})

    def again(self) -> None:
        """Ask for the text once more, as a person does."""
        answer = self.system.call(
            "POST", f"orders/{self.order['id']}/sms", {"reason": "asked for"}, idempotency_key=f"again-{self.number}"
        )
        assert answer.status == 202, answer.raw


type Play = Callable[[Case], Generator[None]]


@dataclass(frozen=True)
class Row:
    """A row of the matrix: a fault and the expected result. Where `play` yields, other rows continue."""

    fault: str
    texts: int
    state: str
    play: Play


@contextmanager
def rig() -> Iterator[Rig]:
    """Start a rig; stop it and remove its files afterwards."""
    with tempfile.TemporaryDirectory(prefix="sales-") as folder:
        made = Rig(Path(folder) / "state")
        try:
            made.start_database()
            made.system.start()
            yield made
        finally:
            with suppress(OSError):
                made.close()
        leaks = made.system.leaks()
        assert not leaks, leaks
