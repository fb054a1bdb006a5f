"""sales.domain.files.csv_cells: what spreadsheets could take for a formula, and what they cannot."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.domain.files.csv_cells import read_cell, write_cell, write_list


@pytest.mark.parametrize("text", ["=1+1", "+254704590344", "-5", "@SUM(A1)", "\t=1", "\r=1", "'=1+1", "''+1"])
def test_a_formula_gets_an_apostrophe(text: str) -> None:
    assert write_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "john doe", "56000.68", "'t Hooft", "a=1", "''"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert write_cell(text) == text
    assert read_cell(text) == text


def test_a_cell_without_an_apostrophe_reads_as_it_is() -> None:
    assert read_cell("+254704590344") == "+254704590344"


@given(st.text(alphabet="'=+-@\t\ra1", max_size=6) | st.text())
def test_what_is_written_reads_as_it_was_and_is_no_formula(text: str) -> None:
    assert read_cell(write_cell(text)) == text
    assert not write_cell(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_a_list_has_a_header_and_a_line_for_each_row() -> None:
    rows = [
        {
            "name": "=1+1",
            "opted_out": True,
            "version": 3,
            "sms": {"status": "sent", "text": 'say "hi",\nbye'},
            "more": 1,
        },
        {"name": None, "opted_out": False, "sms": {}},
    ]
    file = write_list(["name", "opted_out", "version", "sms_status", "sms_text"], rows)
    assert (
        file == 'name,opted_out,version,sms_status,sms_text\r\n\'=1+1,true,3,sent,"say ""hi"",\nbye"\r\n,false,,,\r\n'
    )


def test_an_empty_list_is_its_header() -> None:
    assert write_list(["a", "b"], []) == "a,b\r\n"


@given(st.lists(st.text(alphabet="a'=+,;\"\r\n \u00e9", max_size=8), min_size=2, max_size=2))
def test_a_csv_reader_returns_what_was_written(values: list[str]) -> None:
    [_, row] = csv.reader(
        io.StringIO(write_list(["one", "two"], [dict(zip(["one", "two"], values, strict=True))]), newline="")
    )
    assert [read_cell(cell) for cell in row] == values
