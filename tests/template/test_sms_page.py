"""docs/sms.md shows what becomes of names and items."""

import re
from pathlib import Path

from sales.domain.sms.content import compose
from sales.domain.sms.wording import DEFAULT_TEMPLATE

PAGE = Path(__file__).parents[2] / "docs" / "sms.md"
ROW = re.compile(r"^\| (?!Written|-)(.+?) \| (.+?) \|$", re.MULTILINE)


def test_what_becomes_of_names_and_items_is_as_the_page_shows_it() -> None:
    rows = ROW.findall(PAGE.read_text())
    assert len(rows) >= 20
    for written, said in rows:
        text = compose(DEFAULT_TEMPLATE, name=written, item=written, currency="KES", amount="1500", max_segments=3).text
        assert f"Dear {said}, your order for {said} costing KES 1500 has" in text, written
