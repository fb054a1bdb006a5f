"""`make run` itself: start, ports, restarts after a kill, stop, reset and token."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from local.system import pids
from tests.support.system import ROOT, System, running, until

pytestmark = pytest.mark.local
PARTS = {"supervisor", "store", "gateway", "identity", "sandbox", "stream", "schedule"}


@pytest.fixture(scope="module")
def own() -> Iterator[System]:
    """A system that the tests of this file may stop and start, but must leave running."""
    with running() as system:
        yield system


def command(system: System, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT, env=system.environ() | environment, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def alive(pid: int) -> bool:
    with suppress(OSError):
        # A zombie is gone, too.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def output(system: System) -> str:
    return (system.state / "make-run.log").read_text()


def test_the_start_says_where_everything_is_and_what_to_do_next(own: System) -> None:
    until(lambda: "TOKEN=$(make -s token)" in output(own))
    for offset in range(3):
        assert f"http://127.0.0.1:{own.port + offset}" in output(own)
    assert own.pids().keys() >= PARTS


def test_a_second_start_on_the_same_state_is_refused(own: System) -> None:
    answer = command(own, "local.commands.run", PORT=str(own.port + 5))
    assert answer.returncode == 1
    assert answer.stderr.startswith("Already running (process ")
    assert own.answers()


def test_reset_is_refused_while_the_system_runs(own: System) -> None:
    answer = command(own, "local.commands.reset")
    assert answer.returncode == 1
    assert answer.stderr.startswith("Already running (process ")
    assert own.answers()


def test_a_token_has_the_requested_scopes(own: System) -> None:
    answer = command(own, "local.commands.token", SCOPE="sales:read")
    assert answer.returncode == 0
    assert own.call("GET", "orders", token=answer.stdout.strip()).status == 200
    assert own.call("POST", "orders", {}, token=answer.stdout.strip()).status == 403


def test_an_unknown_scope_is_a_sentence_and_no_token(own: System) -> None:
    answer = command(own, "local.commands.token", SCOPE="sales:everything")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "Traceback" not in answer.stderr


def test_a_port_in_use_is_named_with_what_to_do(tmp_path: Path) -> None:
    system = System(tmp_path / "state")
    with socket.socket() as other:
        other.bind(("127.0.0.1", system.port + 2))
        other.listen()
        answer = command(system, "local.commands.run")
    assert answer.returncode == 1
    assert f"Port {system.port + 2}" in answer.stderr
    assert re.search(r"PORT=9\d00 make run", answer.stderr)
    assert pids.read(system.state) == {}


def test_an_impossible_port_is_named(tmp_path: Path) -> None:
    answer = command(System(tmp_path / "state"), "local.commands.run", PORT="80")
    assert answer.returncode == 1
    assert "PORT" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_state_of_another_layout_leads_to_make_reset(tmp_path: Path) -> None:
    system = System(tmp_path / "state")
    system.state.mkdir()
    (system.state / "version").write_text("0\n")
    answer = command(system, "local.commands.run")
    assert answer.returncode == 1
    assert "holds data of another version of this system. Run `make reset`, which deletes it" in answer.stderr
    assert command(system, "local.commands.reset").returncode == 0
    assert not system.state.exists()


def test_without_a_running_system_there_is_a_sentence_and_no_token(tmp_path: Path) -> None:
    answer = command(System(tmp_path / "state"), "local.commands.token")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "make run" in answer.stderr


def test_ctrl_c_ends_every_process_soon_and_the_next_start_is_quick(own: System) -> None:
    before = own.pids()
    began = time.monotonic()
    own.stop()
    assert time.monotonic() - began < 6
    assert not [name for name, pid in before.items() if alive(pid)]
    assert own.pids() == {}
    began = time.monotonic()
    own.start()
    assert time.monotonic() - began < 5


@pytest.mark.faults
def test_after_a_kill_of_the_supervisor_the_next_start_ends_leftovers_and_keeps_data(own: System) -> None:
    customer = own.customer()
    before = own.pids()
    os.kill(before["supervisor"], signal.SIGKILL)
    until(lambda: not alive(before["supervisor"]))
    starts = output(own).count("Sales is running on this machine")
    # The old API gateway may still answer, so wait for the new system's own words.
    own.start()
    until(lambda: output(own).count("Sales is running on this machine") > starts, seconds=20)
    assert not [name for name, pid in before.items() if alive(pid)]
    assert own.pids()["store"] != before["store"]
    assert own.call("GET", f"customers/{customer['id']}").body == customer


@pytest.mark.faults
def test_a_part_ends_if_its_supervisor_dies_before_recording_it(tmp_path: Path) -> None:
    code = """import os, signal, sys
from pathlib import Path
from local.system import pids
from local.config import Config
from local.system.parts import Part
def killed(state, names, pid):
    print(pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
pids.set_pids = killed
Part(("store",), ["/bin/sleep", "60"]).start(Config(port=9, state=Path(sys.argv[1]), settings={}))
"""
    ended = subprocess.run(
        [sys.executable, "-c", code, tmp_path],
        cwd=ROOT, env=System(tmp_path).environ(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL
    until(lambda: not alive(int(ended.stdout)), seconds=10)


@pytest.mark.faults
def test_a_killed_part_is_back_within_five_seconds_and_one_line_says_so(own: System) -> None:
    before = own.pids()["stream"]
    own.kill("stream")
    until(lambda: own.pids().get("stream", before) != before, seconds=5)
    assert own.pids()["schedule"] == own.pids()["stream"]
    [line] = until(lambda: [line for line in output(own).splitlines() if "Restarted the stream" in line])
    assert "killed by signal 9" in line


@pytest.mark.faults
def test_a_reused_process_id_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        system = System(tmp_path / "state")
        for name in ("store", "gateway", "worker-send_sms-1"):
            pids.set_pid(system.state, name, stranger.pid)
        assert command(system, "local.commands.reset").returncode == 0
        system.state.mkdir()
        (system.state / "pids.json").write_text(json.dumps({"store": stranger.pid, "gateway": stranger.pid}))
        with socket.socket() as other:
            other.bind(("127.0.0.1", system.port))
            other.listen()
            assert command(system, "local.commands.run").returncode == 1
        assert stranger.poll() is None
        assert pids.read(system.state) == {}
    finally:
        stranger.kill()
        stranger.wait()


def test_without_the_api_gateway_its_port_stays_free_and_functions_run(tmp_path: Path) -> None:
    system = System(tmp_path / "state")
    with socket.socket() as other, (tmp_path / "log").open("wb") as log:
        other.bind(("127.0.0.1", system.port))
        other.listen()
        process = subprocess.Popen(
            [sys.executable, "-m", "local.commands.run", "--without", "gateway"],
            cwd=ROOT, env=system.environ(), stdout=log, stderr=log,
        )  # fmt: skip
        try:

            def ready() -> bool:
                assert process.poll() is None, (tmp_path / "log").read_text()
                with suppress(OSError):
                    return system.invoke("sweep_sms", {}).status == 200
                return False

            until(ready, seconds=20)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)
