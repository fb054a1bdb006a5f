"""docs/sandbox.md has the sandbox's own tables."""

from pathlib import Path

import pytest

from local.africastalking import answers as sms_answers
from local.africastalking import behaviour as sms_behaviour

PAGE = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text().splitlines()


@pytest.mark.parametrize("module", [sms_answers, sms_behaviour])
def test_each_row_of_the_sandboxs_tables_is_on_its_page(module: object) -> None:
    rows = [line for line in str(module.__doc__).splitlines() if line.startswith("|")]
    assert len(rows) > 10
    assert [row for row in rows if row not in PAGE] == []
