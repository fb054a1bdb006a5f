"""Cells that a spreadsheet has changed."""

import pytest

from sales.domain.files.spreadsheets import fault, read_field


@pytest.mark.parametrize(
    ("name", "cell", "text"),
    [
        ("phone_number", "'0704 590 344 ", "0704 590 344"),
        ("phone_number", "'+254704590344", "+254704590344"),
        ("customer", "'5XQ2-M7KD", "5XQ2-M7KD"),
        ("name", "'t Hooft", "'t Hooft"),
        ("name", "\u00a0Jane ", "Jane"),
        ("name", "Mary \r\nWanjiku", "Mary Wanjiku"),
        ("amount", "56000,68", "56000.68"),
        ("amount", "5,5", "5.5"),
        ("amount", "1,500", "1,500"),
        ("amount", "1.500,00", "1.500,00"),
        ("item", "5,5", "5,5"),
    ],
)
def test_a_cell_is_read_as_a_request_would_have_it(name: str, cell: str, text: str) -> None:
    assert read_field(name, cell) == text


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("phone_number", "2.54705E+11", "as text"),
        ("phone_number", "2,54705E+11", "as text"),
        ("reference", "1.23457E+15", "as text"),
        ("amount", "5.60007E+04", "as text"),
        ("item", "6.00123E+12", "as text"),
        ("phone_number", "254704590344.0", "with decimals"),
        ("customer", "254704590344.00", "with decimals"),
        ("name", "#N/A", "#N/A"),
        ("name", "#REF!", "#REF!"),
        ("amount", "Err:508", "Err:508"),
        ("amount", "1,500.00", "1500.00"),
        ("amount", "1,500", "1500.00"),
        ("amount", "1.500,00", "1500.00"),
        ("amount", "1 500", "1500.00"),
        ("amount", "12,34,567", ""),
        ("amount", "1.500", "1500 or 1.5"),
        ("amount", "1.000", "1000 or 1.0"),
    ],
)
def test_what_a_spreadsheet_has_done_is_said_with_what_to_do(name: str, text: str, said: str) -> None:
    sentence = fault(name, text, "KES")
    assert said in sentence
    assert bool(said) == bool(sentence)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("name", "Jane"),
        ("item", "1,500"),
        ("item", "3E"),
        ("reference", "12E5"),
        ("reference", "1001.0"),
        ("amount", "1500.00"),
        ("amount", "1500"),
        ("phone_number", "0704.590.344"),
        ("name", "Hashtag #1"),
    ],
)
def test_ordinary_cells_are_no_fault(name: str, text: str) -> None:
    assert fault(name, text, "KES") == ""


def test_three_decimals_are_right_in_a_currency_that_has_them() -> None:
    assert fault("amount", "1.500", "KWD") == ""
    assert fault("amount", "1.500", "") != ""
