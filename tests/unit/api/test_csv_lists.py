"""Which requests get a list as a CSV file."""

import pytest

from sales.api.csv_lists import prefers_csv


@pytest.mark.parametrize(
    "accept",
    [
        "text/csv",
        "Text/CSV",
        "text/csv; charset=utf-8",
        "text/csv;header=present, */*;q=0.1",
        "text/csv, application/json;q=0.9",
        "application/json, text/csv",
        "text/html, text/csv;q=0.001",
    ],
)
def test_csv_is_for_those_who_name_it(accept: str) -> None:
    assert prefers_csv(accept)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "text/*",
        "application/json",
        "application/json, text/csv;q=0.5",
        "text/csv;q=0",
        "text/csv;Q=0.000",
        "text/csv-schema",
        "x/text/csv",
    ],
)
def test_everybody_else_gets_json(accept: str) -> None:
    assert not prefers_csv(accept)
