"""`make demo`, and a system on a database that it did not start."""

import os
import pty
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from local.aws.dynamodb import DatabaseError
from local.commands.demo import CUSTOMERS, FILES, SPECIAL, SWAHILI_EVERY, ordinary_orders
from local.config import Config
from tests.support.system import ROOT, System, free_ports, request, running, start_database, until

pytestmark = pytest.mark.local


COMMAND = [sys.executable, "-m", "local.commands.demo"]


def demo(system: System) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        COMMAND, cwd=ROOT, env=system.environ(), capture_output=True, text=True, timeout=120, check=False
    )


def demo_in_a_terminal(system: System) -> tuple[int, str]:
    """Return its exit status and its output to the terminal, without the last line."""
    terminal, end = pty.openpty()
    process = subprocess.Popen(COMMAND, cwd=ROOT, env=system.environ(), stdout=subprocess.DEVNULL, stderr=end)
    os.close(end)
    shown = b""
    # Linux reports an error once the other end is closed.
    with suppress(OSError):
        while part := os.read(terminal, 4096):
            shown += part
    os.close(terminal)
    return process.wait(120), shown.decode()


def shop(system: System) -> dict[str, tuple[str, str, str]]:
    """Return each order's status, text status and reference, by its id."""
    return {
        order["id"]: (order["status"], order["sms"]["status"], order["reference"] or "") for order in system.orders()
    }


def set_behaviour(system: System) -> dict[str, Any]:
    """Return the sandbox's behaviour without the balance, which texts lower."""
    body: dict[str, Any] = request("GET", system.sandbox("/_sandbox/behaviour")).body
    return {name: value for name, value in body.items() if name != "balance"}


def test_the_demo_has_every_outcome_and_loads_only_once() -> None:
    imported = {kind: len(file.splitlines()) - 1 for kind, file in FILES.items()}
    customers = len(CUSTOMERS) + len(SPECIAL) + imported["customers"]
    orders = len(ordinary_orders()) + len(SPECIAL) + imported["orders"]
    with running() as system:
        behaviour = set_behaviour(system)
        status, bar = demo_in_a_terminal(system)
        assert status == 0, bar
        steps = bar.replace("\n", "\r").split("\r")
        total = customers + orders - sum(imported.values())
        assert [step.split("] ")[1] for step in steps if step] == [f"{done}/{total}" for done in range(1, total + 1)]
        assert f"[{'#' * 40}] " in bar

        until(lambda: "sent" not in {sms for _, sms, _ in shop(system).values()}, seconds=60)
        first = shop(system)
        assert Counter(sms for _, sms, _ in first.values()) == {
            "delivered": orders - imported["orders"] - 5, "failed": 1, "undelivered": 1, "unknown": 1,
            "suppressed": imported["orders"] + 2,
        }  # fmt: skip
        assert [status for status, _, _ in first.values()].count("cancelled") == 1
        references = [reference for _, _, reference in first.values() if reference]
        assert len(references) == len(set(references)) > len(SPECIAL)
        texts = system.texts()
        assert len(texts) == orders - imported["orders"] - 3
        in_swahili = [number for number, _, _ in ordinary_orders() if number % SWAHILI_EVERY == 0]
        assert len(in_swahili) == sum(text["text"].startswith("Mpendwa ") for text in texts) > 0

        answer = demo(system)
        assert (answer.returncode, answer.stderr) == (0, "")
        assert f"{customers} customers and {orders} orders" in answer.stdout
        assert shop(system) == first
        assert system.texts() == texts
        assert set_behaviour(system) == behaviour


def test_the_demo_without_a_running_system_says_how_to_start_one(tmp_path: Path) -> None:
    answer = demo(System(tmp_path / "state"))
    assert answer.returncode == 1
    assert answer.stderr.startswith("The system is not running")


def test_a_system_can_use_a_database_that_it_did_not_start(tmp_path: Path) -> None:
    config = Config(port=free_ports(), state=tmp_path, settings={})
    try:
        process = start_database(config)
    except DatabaseError as error:
        pytest.skip(str(error))
    try:
        with running(DYNAMODB_ENDPOINT=config.database_url) as system:
            assert "store" not in system.pids()
            order = system.order(system.customer(phone_number="+254700001101"))
            system.reaches(order, "delivered")
    finally:
        process.kill()
        process.wait()
