"""docs/sms.md shows what becomes of names, letters and signs."""

import re
from pathlib import Path

from sales.domain.sms.folding import fold_all
from sales.domain.sms.wording import DEFAULT_TEMPLATE
from tests.support.texts import CODE, compose

PAGE = Path(__file__).parents[2] / "docs" / "sms.md"


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table under this row of headings."""
    [table] = re.findall(rf"^\| {re.escape(heading)} \|\n\|[-|]+\|\n((?:\|.+\|\n)+)", PAGE.read_text(), re.MULTILINE)
    return [re.split(r" (?<!\\)\| ", line.removeprefix("| ").removesuffix(" |")) for line in table.splitlines()]


def test_names_and_items_become_what_the_page_shows() -> None:
    names = rows("Written | In a text")
    assert len(names) >= 20
    for written, said in names:
        text = compose(DEFAULT_TEMPLATE, name=written, item=written, currency="KES", amount="1500", max_segments=3).text
        assert f"Dear {said}, your order {CODE} for {said} costing KES 1500 has" in text, written


def test_the_letters_of_languages_become_what_the_page_shows() -> None:
    languages = {language: (written, said) for language, written, said in rows("Letters of | Written | In a text")}
    assert {"Ewe", "Hausa", "Yoruba", "Igbo", "Gikuyu", "Luganda"} <= languages.keys()
    for written, said in languages.values():
        assert [fold_all(letter) for letter in written.split()] == said.split()


def test_signs_become_what_the_page_shows() -> None:
    signs = rows("In a text | Written")
    assert len(signs) >= 30
    for quoted, written in signs[:-1]:
        assert {fold_all(sign) for sign in written.split()} == {quoted.strip("`").replace("\\|", "|")}, quoted
    assert "".join(map(fold_all, signs[-1][1].split())) == "ABCDEFGHIJKLMNOPRSTUVWYZ"
