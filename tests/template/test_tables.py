"""The tables: how they are kept, and that an update of a stack of the last release can make the present ones."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from contract.document import template
from deployment.tables import layout, refusals
from tests.template.deployed import TEMPLATE, Deployed

RELEASED = json.loads((TEMPLATE.parent / "docs/released/template-tables.json").read_text())
NEW = "status HASH S, projects ALL"


@pytest.mark.parametrize("name", ["CustomersTable", "OrdersTable"])
def test_a_table_is_on_demand_encrypted_recoverable_and_retained(name: str) -> None:
    table = Deployed().resources[name]
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    properties = table["Properties"]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    # DynamoDB encrypts every table. A key of KMS would cost a call for each request, and protect nothing more here.
    assert "SSESpecification" not in properties
    assert properties["DeletionProtectionEnabled"] is True
    assert "TableName" not in properties  # a name would forbid replacement, and two stacks in one account


def test_there_are_exactly_two_tables() -> None:
    assert set(Deployed().of_type("AWS::DynamoDB::Table")) == {"CustomersTable", "OrdersTable"}


def test_a_stack_of_the_last_release_can_be_updated() -> None:
    assert list(refusals(RELEASED, layout(template().tables))) == []


def test_the_released_tables_are_those_of_the_template() -> None:
    assert RELEASED.keys() <= Deployed().of_type("AWS::DynamoDB::Table").keys()
    orders = layout(template().tables)["OrdersTable"]
    assert orders["key"] == "id HASH S"
    assert orders["indexes"]["by_code"] == "code HASH S, projects KEYS_ONLY"
    assert orders["indexes"]["by_due"] == "due_shard HASH S, due_at RANGE S, projects KEYS_ONLY"


def change(tables: dict[str, Any], edit: Callable[[dict[str, Any]], Any]) -> list[str]:
    changed = copy.deepcopy(tables)
    edit(changed)
    return list(refusals(tables, changed))


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        *(
            (lambda tables, key=key: tables["OrdersTable"].update(key=key), "replace the table by an empty one")
            for key in ("code HASH S", "id HASH N", "id HASH S, at RANGE S")
        ),
        (lambda tables: tables.pop("CustomersTable"), "CustomersTable is gone"),
        (lambda tables: tables["OrdersTable"]["indexes"].update(by_due=NEW), "The index by_due"),
        (lambda tables: tables["OrdersTable"]["indexes"].update(a=NEW, b=NEW), "a, b of OrdersTable come or go"),
        (
            lambda tables: tables["OrdersTable"]["indexes"].update(a=tables["OrdersTable"]["indexes"].pop("by_due")),
            "a, by_due of OrdersTable come or go",
        ),
    ],
)
def test_what_one_update_cannot_change_is_named(edit: Callable[[dict[str, Any]], Any], why: str) -> None:
    (refusal,) = change(RELEASED, edit)
    assert why in refusal


@pytest.mark.parametrize(
    "edit",
    [
        lambda tables: tables["OrdersTable"]["indexes"].pop("by_due"),
        lambda tables: [table["indexes"].update(a=NEW) for table in tables.values()],
        lambda tables: tables.update(DaysTable={"key": "day HASH S", "indexes": {"a": NEW, "b": NEW}}),
    ],
)
def test_one_index_of_each_table_and_a_new_table_are_possible(edit: Callable[[dict[str, Any]], Any]) -> None:
    assert change(RELEASED, edit) == []
