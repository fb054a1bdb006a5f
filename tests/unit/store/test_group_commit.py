"""Writes of many threads in few calls."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from sales.store.group_commit import GroupCommit
from sales.store.table import Conflict
from tests.support.system import until


class Writes:
    """Records the writes; the first call waits for `go`."""

    def __init__(self, taken: str = "") -> None:
        self.calls: list[Sequence[str]] = []
        self.go = threading.Event()
        self._taken = taken

    def __call__(self, puts: Sequence[str]) -> None:
        self.calls.append(puts)
        assert len(self.calls) > 1 or self.go.wait(10)
        if any(put in self._taken for put in puts):
            raise Conflict([f"other {put}" if put in self._taken else None for put in puts])


def put_all(
    writes: Callable[[Sequence[str]], None], *requests: tuple[str, ...], largest: int = 50
) -> list[Future[None]]:
    """Request these puts in this order during the write of the first one; return their futures."""
    group = GroupCommit[str](writes, largest)
    with ThreadPoolExecutor(len(requests)) as threads:
        futures = []
        for number, puts in enumerate(requests):
            futures.append(threads.submit(group.put, *((put, put) for put in puts)))
            until(lambda waiting=number: writes.calls and len(group._waiting) == waiting)
        writes.go.set()
    return futures


def test_puts_during_a_write_share_the_next_one() -> None:
    writes = Writes()
    for future in put_all(writes, ("a",), ("b", "c"), ("d",), ("e",)):
        future.result()
    assert writes.calls == [["a"], ["b", "c", "d", "e"]]


def test_a_group_keeps_its_limit_and_never_splits_a_request() -> None:
    writes = Writes()
    for future in put_all(writes, ("a",), ("b", "c"), ("d", "e"), ("f",), largest=3):
        future.result()
    assert writes.calls == [["a"], ["b", "c"], ["d", "e", "f"]]


def test_a_key_is_in_a_group_once() -> None:
    writes = Writes()
    for future in put_all(writes, ("a",), ("b",), ("b",), ("c",)):
        future.result()
    assert writes.calls == [["a"], ["b"], ["b", "c"]]


def test_only_the_conflicting_request_of_a_group_fails() -> None:
    writes = Writes(taken="c")
    first, innocent, to_blame, other = put_all(writes, ("a",), ("b",), ("c", "d"), ("e",))
    for future in (first, innocent, other):
        future.result()
    with pytest.raises(Conflict) as conflict:
        to_blame.result()
    assert conflict.value.current == ["other c", None]
    assert writes.calls[:2] == [["a"], ["b", "c", "d", "e"]]
    assert sorted(writes.calls[2:]) == [["b"], ["e"]]


def test_a_conflict_of_a_lone_write_is_told_without_a_second_one() -> None:
    writes = Writes(taken="a")
    [future] = put_all(writes, ("a",))
    with pytest.raises(Conflict) as conflict:
        future.result()
    assert conflict.value.current == ["other a"]
    assert writes.calls == [["a"]]


def test_after_a_groups_error_each_request_is_written_alone() -> None:
    class Fails(Writes):
        def __call__(self, puts: Sequence[str]) -> None:
            super().__call__(puts)
            if "b" in puts:
                raise ConnectionError

    writes = Fails()
    first, fails, written = put_all(writes, ("a",), ("b",), ("c",))
    first.result()
    written.result()
    with pytest.raises(ConnectionError):
        fails.result()
    assert sorted(writes.calls[2:]) == [["b"], ["c"]]


@pytest.mark.parametrize("largest", [1, 5])
def test_many_threads_are_each_told_of_their_own_puts(largest: int) -> None:
    written: list[str] = []

    def write(puts: Sequence[str]) -> None:
        if any(put.endswith("3") for put in puts):
            raise ConnectionError
        if any(put.endswith("7") for put in puts):
            raise Conflict([put if put.endswith("7") else None for put in puts])
        written.extend(puts)

    group = GroupCommit[str](write, largest)

    def put(name: str) -> str:
        if name.endswith("3"):
            with pytest.raises(ConnectionError):
                group.put((name, name))
            return ""
        if name.endswith("7"):
            with pytest.raises(Conflict) as conflict:
                group.put((name, name))
            assert conflict.value.current == [name]
            return ""
        group.put((name, name))
        return name

    names = [str(number) for number in range(500)]
    with ThreadPoolExecutor(32) as threads:
        told = list(threads.map(put, names))
    assert sorted(written) == sorted(filter(None, told))
    assert not any(name.endswith(("3", "7")) for name in written)
    assert len(written) == 400
