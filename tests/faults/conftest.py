"""One rig for the fault matrix; WRITE_GUARANTEES=1 writes its results to the table of docs/guarantees.md."""

import os
from collections.abc import Iterator

import pytest

from tests.faults.matrix import GUARANTEES, Matrix, table
from tests.faults.rig import rig
from tests.faults.rows import ROWS


@pytest.fixture(scope="session")
def matrix(request: pytest.FixtureRequest) -> Iterator[Matrix]:
    """Play all selected rows."""
    wanted = {item.callspec.params["row"].fault for item in request.session.items if hasattr(item, "callspec")
              and "row" in item.callspec.params}  # fmt: skip
    with rig() as made:
        played = Matrix(made)
        played.begin([row for row in ROWS if row.fault in wanted or len(wanted) == 0])
        yield played
    if os.environ.get("WRITE_GUARANTEES") == "1" and not played.problems and len(played.seen) == len(ROWS):
        intro = GUARANTEES.read_text().partition("| Fault |")[0]
        GUARANTEES.write_text(intro + table(played.seen))
