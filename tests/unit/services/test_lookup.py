"""Customers and orders by the names in a path."""

import pytest

from sales.domain.problems import Problem
from sales.services import lookup


@pytest.mark.parametrize("name", ["", "x", "7KQ2M9X-A", "message#ATXid_1", "control#sms", "0" * 36, "erasure#7KQ2M9XA"])
def test_what_is_neither_an_orders_id_nor_a_code_is_not_found_without_a_read(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "store", lambda: pytest.fail("the store was asked"))
    with pytest.raises(Problem, match="not_found"):
        lookup.find_order(name)


@pytest.mark.parametrize("name", ["", "x", "optout#1", "7KQ2M9X0", "7KQ2M9XAA"])
def test_an_invalid_id_or_code_is_not_found_without_a_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "store", lambda: pytest.fail("the store was asked"))
    with pytest.raises(Problem, match="not_found"):
        lookup.find_customer(name)
