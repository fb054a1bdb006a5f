"""docs/security.md has the results of these attacks."""

import os

import pytest

from tests.attacks.tally import PAGE, Tally

pytestmark = pytest.mark.local


def test_the_page_says_what_was_tried(tally: Tally, request: pytest.FixtureRequest) -> None:
    assert not +tally.let_in
    if os.environ.get("WRITE_SECURITY") == "1":
        pytest.skip("the page is being written")
    here = {item.path.name for item in request.session.items if item.path.parent == request.path.parent}
    partly = request.config.getoption("keyword") or any("::" in each for each in request.config.args)
    if partly or here != {path.name for path in request.path.parent.glob("test_*.py")}:
        pytest.skip("not everything was tried")
    assert PAGE.read_text().endswith(tally.table())
