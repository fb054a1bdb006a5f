"""JSON lines of imports."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.domain.files.import_file import Columns, Result
from sales.domain.files.json_lines import read_json_lines
from sales.domain.problems import Problem

COLUMNS = Columns(fields=("name", "amount"), required=("name",), ignored=("sms",))
DONE = Result("created", "id-1", "code-1")


def test_members_that_are_read_and_others_come_back_with_the_result() -> None:
    file = read_json_lines('{"name":"José","amount":1.50,"sms":{"a":[1]},"result":"old"}\r\n\n{"name": null}', COLUMNS)
    assert [dict(row) for row in file.rows] == [{"name": "José", "amount": 1.5}, {}]
    one, other = file.with_results([DONE, Result("refused", error="name: is required")]).splitlines()
    assert json.loads(one) == {
        "name": "José", "amount": 1.5, "sms": {"a": [1]}, "result": "created", "id": "id-1", "code": "code-1", "error": None,
    }  # fmt: skip
    assert "José" in one
    assert json.loads(other) == {
        "name": None,
        "result": "refused",
        "id": None,
        "code": None,
        "error": "name: is required",
    }


def test_an_object_of_results_alone_comes_back() -> None:
    file = read_json_lines('{"name": "a"}\n{"id": "x"}', COLUMNS)
    assert json.loads(file.with_results([DONE, DONE]).splitlines()[1]) == DONE._asdict() | {"error": None}


@pytest.mark.parametrize(
    "line", ["x", "[]", '{"name": 1, "name": 2}', '{"name": NaN}', '{"name": 1e400}', '{"a":' * 5000]
)
def test_a_line_that_is_no_object_is_named(line: str) -> None:
    with pytest.raises(Problem, match="invalid_file") as raised:
        read_json_lines(f'{{"name": "a"}}\n\n{line}\n', COLUMNS)
    assert "Line 3 " in raised.value.detail


def test_half_a_character_comes_back_as_it_came() -> None:
    file = read_json_lines('{"name": "\\ud83d"}', COLUMNS)
    assert '"\\ud83d"' in file.with_results([DONE])


def test_a_file_without_lines_is_refused() -> None:
    with pytest.raises(Problem, match="invalid_file"):
        read_json_lines("\n", COLUMNS)


_values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(st.lists(st.dictionaries(st.sampled_from(["name", "sms"]), _values, min_size=1), min_size=1, max_size=4))
def test_what_is_sent_again_reads_the_same(objects: list[dict[str, object]]) -> None:
    objects[0].setdefault("name", "a")
    first = read_json_lines("\n".join(map(json.dumps, objects)), COLUMNS)
    again = read_json_lines(first.with_results([DONE] * len(first.rows)), COLUMNS)
    assert again.rows == first.rows
