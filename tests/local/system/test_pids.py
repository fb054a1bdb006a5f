"""`pids.json`, the list of the system's processes."""

import json
import multiprocessing
from pathlib import Path

from local.system.pids import drop_pid, read, set_pid


def test_where_no_system_has_run_the_list_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path / "nowhere") == {}


def test_a_name_means_the_last_recorded_process(tmp_path: Path) -> None:
    set_pid(tmp_path, "gateway", 1)
    set_pid(tmp_path, "store", 2)
    set_pid(tmp_path, "gateway", 3)
    assert read(tmp_path) == json.loads((tmp_path / "pids.json").read_text()) == {"gateway": 3, "store": 2}


def test_a_process_that_ended_is_not_listed(tmp_path: Path) -> None:
    set_pid(tmp_path, "gateway", 1)
    drop_pid(tmp_path, "gateway")
    drop_pid(tmp_path, "gateway")
    assert read(tmp_path) == {}


def test_the_end_of_a_process_does_not_drop_the_one_that_took_its_name(tmp_path: Path) -> None:
    set_pid(tmp_path, "worker-send_sms-1", 1)
    set_pid(tmp_path, "worker-send_sms-1", 2)
    drop_pid(tmp_path, "worker-send_sms-1", 1)
    assert read(tmp_path) == {"worker-send_sms-1": 2}


def test_a_damaged_list_starts_empty(tmp_path: Path) -> None:
    (tmp_path / "pids.json").write_text('{"gateway": ')
    set_pid(tmp_path, "store", 2)
    assert read(tmp_path) == {"store": 2}


def _names(state: Path, first: int) -> None:
    for number in range(first, first + 40):
        set_pid(state, f"worker-{number}", number)
        assert read(state)[f"worker-{number}"] == number


def test_concurrent_writers_lose_no_entry(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_names, args=(tmp_path, 40 * number)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 4
    assert read(tmp_path) == {f"worker-{number}": number for number in range(160)}
