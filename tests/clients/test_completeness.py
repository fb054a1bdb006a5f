"""The check of the generated clients' calls notices what they leave out."""

from typing import Any

import pytest

from tests.clients.test_generated import check

ONLY_UNREACHABLE = {"description": "* `ambiguous_code`: Several orders have this code."}
ALSO_REACHABLE = {"description": "* `ambiguous_code`: Several have it.\n* `reference_taken`: Another order has it."}
CONTRACT = {
    "paths": {
        "/a": {
            "get": {"operationId": "get_a", "responses": {"200": {}, "404": {}, "409": ONLY_UNREACHABLE, "500": {}}}
        },
        "/b": {"post": {"operationId": "create_b", "responses": {"201": {}, "409": ALSO_REACHABLE, "422": {}}}},
    }
}
ALL = {"get_a": [200, 404], "create_b": [201, 409, 422]}


def test_calls_of_everything_pass() -> None:
    check("calls.py", ALL, CONTRACT)


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        ({"get_a": [200, 404]}, r"create_b: add it to tests/clients/calls\.py"),
        (ALL | {"create_b": [201, 422]}, r"create_b: add a call that meets \[409\]"),
        (ALL | {"get_a": [200]}, r"get_a: add a call that meets \[404\]"),
        (ALL | {"get_a": [200, 404, 418]}, r"does not list \{418\}"),
        (ALL | {"get_c": [200]}, r"calls what the contract does not have: \{'get_c'\}"),
    ],
)
def test_what_is_missing_is_named(statuses: dict[str, Any], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check("calls.py", statuses, CONTRACT)
