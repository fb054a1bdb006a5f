"""docs/security.md: each row that the standards ask for names tests that exist, or a reason."""

import re

from tests.template.deployed import TEMPLATE

ROOT = TEMPLATE.parent
PAGE = (ROOT / "docs/security.md").read_text()


def rows() -> list[list[str]]:
    part = PAGE.partition("\n## OWASP API Top 10 and ASVS level 2\n")[2].partition("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    return lines[1:]


def test_every_row_holds_or_gives_a_reason() -> None:
    assert len(rows()) > 20
    for item, now, why in rows():
        assert now in {"holds", "partly", "accepted", "Okta's"}, item
        assert now != "holds" or re.search(r"`tests/|\]\(|`\.", why), item
        assert len(why) > 20, item


def test_every_file_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`((?:tests|local|shared|scripts|\.github)/[\w/.-]+|\.checkov\.yaml)`", PAGE))
    assert len(named) > 20
    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_every_link_of_the_page_leads_somewhere() -> None:
    for path, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", PAGE):
        if not path.startswith("https://"):
            target = (ROOT / "docs" / path).read_text() if path else PAGE
            headings = re.findall(r"^#+ (.+)$", target, re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
            assert not anchor or anchor in anchors, (path, anchor)
