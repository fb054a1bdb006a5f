"""The fault matrix: whatever fails, the system sends no text twice, and an order without its text says so."""

import os

import pytest

from tests.faults.matrix import GUARANTEES, Matrix, table
from tests.faults.rig import WAITS, Row
from tests.faults.rows import ROWS
from tests.support.days import differing_days

pytestmark = [pytest.mark.local, pytest.mark.faults]
# States that say the customer may not have the text.
SAYING_SO = ("no order", "`queued`", "`failed`", "`unknown`", "`suppressed`")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.fault)
def test_fault(row: Row, matrix: Matrix) -> None:
    if row.fault in matrix.problems:
        raise matrix.problems[row.fault]
    texts, state = matrix.seen[row.fault]
    assert texts <= 1
    assert texts == 1 or state.rpartition(", then ")[2].startswith(SAYING_SO)
    assert (texts, state) == (row.texts, row.state)


def test_a_finished_row_sends_no_further_text(matrix: Matrix) -> None:
    for fault, (texts, state) in matrix.seen.items():
        case = matrix.cases[fault]
        assert len(case.texts()) == texts, fault
        assert case.shown() == state, fault


def test_the_figures_of_days_equal_a_recount(matrix: Matrix) -> None:
    settle = float(WAITS["DAY_SETTLE_SECONDS"])
    assert differing_days(matrix.rig.system, matrix.rig.offset, settle_seconds=settle) == {}


@pytest.mark.skipif(os.environ.get("WRITE_GUARANTEES") == "1", reason="the page is being written")
def test_the_guarantees_page_shows_these_results(matrix: Matrix) -> None:
    if len(matrix.cases) < len(ROWS):
        pytest.skip("not all rows were played")
    assert GUARANTEES.read_text().endswith(table(matrix.seen))


def test_no_row_appears_twice() -> None:
    assert len({row.fault for row in ROWS}) == len(ROWS) >= 30
