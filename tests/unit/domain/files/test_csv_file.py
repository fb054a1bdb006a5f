"""CSV files of imports: what programs write, and what comes back."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.domain.files.csv_file import read_csv, read_layout
from sales.domain.files.import_file import Columns, Result, read_text
from sales.domain.problems import Problem

COLUMNS = Columns(fields=("name", "amount", "note"), required=("name",), ignored=("version",))
DONE = Result("created", "id-1", "code-1")


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [
        ("name,amount", ","),
        ("name;amount", ";"),
        ("name\tamount", "\t"),
        ("name", ","),
        ('"name;x","y"', ","),
        ('"a,b,c";"d"', ";"),
        ("\n\n name ; amount ", ";"),
    ],
)
def test_the_first_line_says_what_separates_cells(header: str, delimiter: str) -> None:
    assert read_layout(header + "\na,b,c;d;e").delimiter == delimiter


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("has_bom", [True, False])
def test_the_file_comes_back_in_its_own_layout(line_end: str, has_bom: bool) -> None:
    file = read_csv(line_end.join(["name;amount", "Jane;5", ""]), COLUMNS, has_bom=has_bom)
    assert file.rows == [{"name": "Jane", "amount": "5"}]
    written = file.with_results([DONE])
    head = "\ufeff" if has_bom else ""
    assert written == head + line_end.join(["name;amount;result;id;code;error", "Jane;5;created;id-1;code-1;", ""])


def test_cells_keep_their_spelling_and_order() -> None:
    text = 'amount,name,version\r\n" 1 ","Jane ""J"", A.",\r\n,"two\nlines",7\r\n'
    file = read_csv(text, COLUMNS)
    assert file.rows == [{"amount": "1", "name": 'Jane "J", A.'}, {"name": "two lines"}]
    assert list(csv.reader(io.StringIO(file.with_results([DONE, DONE]), newline=""))) == [
        ["amount", "name", "version", "result", "id", "code", "error"],
        [" 1 ", 'Jane "J", A.', "", *DONE],
        ["", "two\nlines", "7", *DONE],
    ]


def test_results_replace_those_of_an_earlier_import_where_they_are() -> None:
    file = read_csv("Result,name,ID,error\nrefused,Jane,x,why\n", COLUMNS)
    assert file.with_results([DONE]) == "Result,name,ID,error,code\ncreated,Jane,id-1,,code-1\n"


def test_rows_and_columns_without_text_do_not_count() -> None:
    file = read_csv("name,,\nJane,,\n,,\n ,\t,\nTom\n,,,,,\n", COLUMNS)
    assert file.rows == [{"name": "Jane"}, {"name": "Tom"}]
    assert file.with_results([DONE] * 2).splitlines()[0] == "name,result,id,code,error"


def test_a_cell_in_a_column_without_a_name_is_named_by_column_and_line() -> None:
    with pytest.raises(Problem) as raised:
        read_csv("name,,amount,\nJane,,5,\nTom,,6,7\n", COLUMNS)
    assert [error.detail[:41] for error in raised.value.errors] == ["column 4 has no name, but text in line 3:"]


def test_an_empty_column_between_others_stays() -> None:
    file = read_csv("name,,amount\nJane,,5\n", COLUMNS)
    assert file.with_results([DONE]).splitlines() == [
        "name,,amount,result,id,code,error",
        "Jane,,5,created,id-1,code-1,",
    ]


@pytest.mark.parametrize(
    ("cell", "read", "written"),
    [
        ("=1+1", "=1+1", "'=1+1"),
        ("'=1+1", "=1+1", "'=1+1"),
        ("''=1", "'=1", "''=1"),
        ("'t Hooft", "'t Hooft", "'t Hooft"),
        ("+254700000001", "+254700000001", "'+254700000001"),
    ],
)
def test_no_cell_comes_back_as_a_formula(cell: str, read: str, written: str) -> None:
    file = read_csv(f"name\n{cell}\n", COLUMNS)
    assert file.rows == [{"name": read}]
    assert file.with_results([DONE]).splitlines()[1].split(",")[0] == written


@pytest.mark.parametrize("text", ['name\n"Jane\n', 'name\n"Jane"x\n', f'name\n"{"x" * 140_000}"\n'])
def test_a_row_without_an_end_is_named_by_its_first_line(text: str) -> None:
    with pytest.raises(Problem) as raised:
        read_csv(text, COLUMNS)
    assert (raised.value.code, raised.value.detail[:18]) == ("invalid_file", "The row in line 2 ")


def test_as_many_rows_as_allowed_are_read() -> None:
    assert len(read_csv("name\n" + "x\n" * 1000 + "\n" * 50, COLUMNS).rows) == 1000
    with pytest.raises(Problem, match="too_many_rows") as raised:
        read_csv("name\n" + "x\n" * 1001, COLUMNS)
    assert "1,001" in raised.value.detail


def test_the_line_of_a_lost_letter_counts_from_the_first() -> None:
    with pytest.raises(Problem, match="invalid_file") as raised:
        read_text("\n\ufffd".encode())
    assert "line 2" in raised.value.detail


def test_of_very_many_wrong_columns_a_hundred_are_named() -> None:
    with pytest.raises(Problem) as raised:
        read_csv(",".join(f"c{number}" for number in range(5000)), COLUMNS)
    assert len(raised.value.errors) == 100


def test_a_wrong_column_is_named() -> None:
    with pytest.raises(Problem) as raised:
        read_csv("name,tel\nJane,1\n", COLUMNS)
    assert raised.value.detail == "These columns are wrong: tel."


def test_of_a_very_long_column_name_the_beginning_is_named() -> None:
    with pytest.raises(Problem) as raised:
        read_csv("name," + "x" * 101, COLUMNS)
    assert [error.pointer for error in raised.value.errors] == ["/" + "x" * 100]


_cells = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8)


@given(st.lists(st.lists(_cells, min_size=2, max_size=2), max_size=5), st.sampled_from(",;\t"))
def test_what_is_sent_again_reads_the_same(rows: list[list[str]], delimiter: str) -> None:
    sent = io.StringIO(newline="")
    csv.writer(sent, delimiter=delimiter).writerows([["name", "note"], *rows])
    first = read_csv(sent.getvalue(), COLUMNS)
    again = read_csv(first.with_results([DONE] * len(first.rows)), COLUMNS)
    assert again.rows == first.rows
    assert again.with_results([DONE] * len(first.rows)) == first.with_results([DONE] * len(first.rows))
