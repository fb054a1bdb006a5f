"""Writes of many threads in few calls."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from sales.store.group_commit import GroupCommit
from tests.support.system import until


class Writes:
    """What was written; the first call waits until it is let go."""

    def __init__(self, answer: Callable[[Sequence[str]], bool] = lambda _: True) -> None:
        self.calls: list[Sequence[str]] = []
        self.go = threading.Event()
        self._answer = answer

    def __call__(self, puts: Sequence[str]) -> bool:
        self.calls.append(puts)
        assert len(self.calls) > 1 or self.go.wait(10)
        return self._answer(puts)


def answers(writes: Writes, *asked: tuple[str, ...], most: int = 50) -> list[Future[bool]]:
    """What each of these is told that asks, in this order, while the write of the first one is under way."""
    group = GroupCommit[str](writes, most)
    with ThreadPoolExecutor(len(asked)) as threads:
        told = []
        for number, puts in enumerate(asked):
            told.append(threads.submit(group.put, *((put, put) for put in puts)))
            until(lambda waiting=number: writes.calls and len(group._asked) == waiting)
        writes.go.set()
    return told


def test_what_is_asked_for_while_a_write_is_under_way_goes_together_in_the_next() -> None:
    writes = Writes()
    told = answers(writes, ("a",), ("b", "c"), ("d",), ("e",))
    assert all(each.result() for each in told)
    assert writes.calls == [["a"], ["b", "c", "d", "e"]]


def test_a_group_is_no_larger_than_is_allowed_and_takes_nothing_apart() -> None:
    writes = Writes()
    told = answers(writes, ("a",), ("b", "c"), ("d", "e"), ("f",), most=3)
    assert all(each.result() for each in told)
    assert writes.calls == [["a"], ["b", "c"], ["d", "e", "f"]]


def test_a_key_is_in_a_group_once() -> None:
    writes = Writes()
    told = answers(writes, ("a",), ("b",), ("b",), ("c",))
    assert all(each.result() for each in told)
    assert writes.calls == [["a"], ["b"], ["b", "c"]]


def test_all_of_a_group_that_was_not_written_are_told_so_and_nobody_else() -> None:
    told = answers(Writes(lambda puts: "c" not in puts), ("a",), ("b",), ("c",))
    assert [each.result() for each in told] == [True, False, False]


def test_an_error_is_raised_for_what_was_written_alone_and_no_news_of_others_for_a_group() -> None:
    def fails(puts: Sequence[str]) -> bool:
        raise ConnectionError

    told = answers(Writes(fails), ("a",), ("b",), ("c",))
    with pytest.raises(ConnectionError):
        told[0].result()
    assert [each.result() for each in told[1:]] == [False, False]


@pytest.mark.parametrize("most", [1, 5])
def test_many_threads_are_each_told_of_their_own_puts(most: int) -> None:
    written: list[str] = []

    def write(puts: Sequence[str]) -> bool:
        if any(put.endswith("3") for put in puts):
            raise ConnectionError
        good = all(not put.endswith("7") for put in puts)
        if good:
            written.extend(puts)
        return good

    group = GroupCommit[str](write, most)

    def put(name: str) -> str:
        try:
            return name if group.put((name, name)) else ""
        except ConnectionError:
            assert name.endswith("3")
            return ""

    names = [str(number) for number in range(500)]
    with ThreadPoolExecutor(32) as threads:
        told = list(threads.map(put, names))
    assert sorted(written) == sorted(filter(None, told))
    assert not any(name.endswith(("3", "7")) for name in written)
    assert most > 1 or len(written) == 400
