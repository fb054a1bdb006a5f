"""`make demo`, and a system on somebody else's store."""

import subprocess
import sys
from pathlib import Path

import pytest

from local.config import Config
from local.demo import CUSTOMERS, orders_of
from local.store import StoreClient, StoreError, choose, wait_until_ready
from tests.local.system import ROOT, System, free_ports, running

pytestmark = pytest.mark.local


def demo(system: System) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local.demo"],
        cwd=ROOT, env=system.environ(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_demo_loaded_twice_is_there_once() -> None:
    with running() as system:
        for _ in range(2):
            answer = demo(system)
            assert (answer.returncode, answer.stderr) == (0, "")
            assert f"{len(CUSTOMERS)} customers" in answer.stdout
        orders = list(system.orders())
        assert len(orders) == sum(len(orders_of(number)) for number in range(len(CUSTOMERS)))
        for order in orders:
            system.reaches(order, "delivered")
        assert len(system.texts()) == len(orders)


def test_the_demo_without_a_running_system_is_a_sentence(tmp_path: Path) -> None:
    answer = demo(System(tmp_path / "state"))
    assert answer.returncode == 1
    assert answer.stderr.startswith("The system does not run")


def test_a_system_can_use_a_store_that_somebody_else_runs(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    config = Config(port=free_ports() + 10, state=tmp_path, settings={})
    try:
        server = choose(config)
    except StoreError as error:
        pytest.skip(str(error))
    process = subprocess.Popen(server.command, env=dict(server.environment) or None, stdout=subprocess.DEVNULL)
    try:
        wait_until_ready(StoreClient(config.store_url))
        with running(DYNAMODB_ENDPOINT=config.store_url) as system:
            assert "store" not in system.pids()
            order = system.order(system.customer(phone_number="+254700001101"))
            system.reaches(order, "delivered")
    finally:
        process.kill()
        process.wait()
