"""The console's modules that need no browser, tested by node's own runner, and what they share with the API's code."""

import json
import re
import shutil
import subprocess
from itertools import product

import pytest

from deployment import ROOT
from sales.domain.files.import_file import LARGEST_FILE, MOST_ROWS
from sales.domain.sms.segments import GSM_7, units
from sales.domain.sms.states import Cause, Status, move

HERE = ROOT / "tests" / "console"
STATIC = ROOT / "functions" / "serve_console" / "static"
MODULES = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.js"))
LONGEST = 250


def test_the_modules_pass_their_own_tests() -> None:
    node = shutil.which("node")
    assert node, "node is not installed"
    tests = sorted(str(path) for path in HERE.glob("*.test.js"))
    run = subprocess.run([node, "--test", *tests], capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    counted = re.search(r"^# pass (\d+)$", run.stdout, re.MULTILINE)
    assert counted
    assert int(counted[1]) >= len(tests)


def test_the_table_of_states_is_the_state_machines() -> None:
    moves = [
        [status.value, cause.value, after.value]
        for status, cause in product(Status, Cause)
        if (after := move(status, cause)) is not None
    ]
    assert json.loads((HERE / "states.json").read_text()) == moves, "write tests/console/states.json again"


def test_the_characters_that_take_two_places_are_the_senders() -> None:
    found = re.search(r"""new Set\("(.+)"\);""", (STATIC / "values" / "segments.js").read_text())
    assert found
    assert set(json.loads(f'"{found[1]}"')) == {character for character in GSM_7 if units(character, "GSM-7") == 2}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_one_subject_and_says_it_first(name: str) -> None:
    lines = (STATIC / name).read_text().splitlines()
    assert lines[0].startswith("// ")
    assert len(lines) <= LONGEST


@pytest.mark.parametrize("name", MODULES)
def test_no_text_goes_over_several_lines(name: str) -> None:
    # The console is served without indentation and lines of comment.
    for line in (STATIC / name).read_text().splitlines():
        assert line.count("`") % 2 == 0 or line.lstrip().startswith("//"), line


# A text in quotes that begins with a capital letter and goes on in lower case, unless it is one of the browser's names below.
SENTENCE = re.compile(r"""["`]([A-Z][a-z’]+(?: [^"`]*)?)["`]""")
BROWSERS = frozenset(
    {
        "Authorization",
        "Content-Type",
        "If-None-Match",
        "If-Match",
        "Link",
        "Retry-After",
        "Idempotency-Key",
        "Enter",
        "Escape",
        "Event",
        "Bearer ${token()}",
    }
)


@pytest.mark.parametrize("name", [name for name in MODULES if not name.startswith("words/")])
def test_a_sentence_is_in_words(name: str) -> None:
    code = re.sub(r"^\s*//.*$", "", (STATIC / name).read_text(), flags=re.MULTILINE)
    assert [text for text in SENTENCE.findall(code) if text not in BROWSERS] == []


def test_parts_of_a_file_are_within_the_limits_of_an_import() -> None:
    source = (STATIC / "shop" / "import_file.js").read_text()
    rows, size = (re.search(rf"{name} = ([\d_]+);", source) for name in ("MOST_ROWS", "MOST_BYTES"))
    assert rows
    assert size
    assert int(rows[1]) == MOST_ROWS
    assert int(size[1]) < LARGEST_FILE
