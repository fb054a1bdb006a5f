"""The page about the counter lists the situations that browser tests play."""

import re

from deployment import ROOT

TESTS = sorted((ROOT / "tests" / "browser").glob("test_counter_*.py"))


def test_the_page_lists_the_situations_that_are_tested() -> None:
    tested = [
        (name.replace("_", " "), path.name)
        for path in TESTS
        for name in re.findall(r"^def test_(\w+)\(", path.read_text(), re.MULTILINE)
    ]
    page = (ROOT / "docs" / "console.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \| `(test_\w+\.py)` \|$", page, re.MULTILINE)
    assert [(situation[0].lower() + situation[1:], path) for situation, path in rows] == tested
