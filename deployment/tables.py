"""Compares the tables' keys and indexes with the released ones: what one update of a stack cannot change.

CloudFormation replaces a table whose key changes by an empty one. DynamoDB changes no index, and CloudFormation creates or
deletes one index of a table in an update.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["layout", "refusals"]

type Layout = Mapping[str, Mapping[str, Any]]


def layout(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return each table's key and indexes in words, from its properties by logical id."""
    found = {}
    for logical_id, table in tables.items():
        types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
        indexes = table.get("GlobalSecondaryIndexes", [])
        found[logical_id] = {
            "key": _key(table, types),
            "indexes": {index["IndexName"]: f"{_key(index, types)}, {_projection(index)}" for index in indexes},
        }
    return found


def _key(keyed: Mapping[str, Any], types: Mapping[str, str]) -> str:
    return ", ".join(
        f"{part['AttributeName']} {part['KeyType']} {types[part['AttributeName']]}" for part in keyed["KeySchema"]
    )


def _projection(index: Mapping[str, Any]) -> str:
    projection = index["Projection"]
    return " ".join(["projects", projection["ProjectionType"], *sorted(projection.get("NonKeyAttributes", []))])


def refusals(released: Layout, present: Layout) -> Iterator[str]:
    """Yield why an update from the released layout to the present one would lose data or fail, as sentences."""
    for name, old in released.items():
        if name not in present:
            yield f"{name} is gone: the update would leave it behind, with its data."
            continue
        new = present[name]
        if old["key"] != new["key"]:
            yield f"The key of {name} has changed: the update would replace the table by an empty one."
        had, has = old["indexes"], new["indexes"]
        for index in sorted(had.keys() & has.keys()):
            if had[index] != has[index]:
                yield f"The index {index} of {name} has changed: give the changed one another name."
        if len(different := sorted(had.keys() ^ has.keys())) > 1:
            yield f"{', '.join(different)} of {name} come or go together: an update can change one index of a table."
