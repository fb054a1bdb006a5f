"""Check each answer that a test gets from the API against the contract."""

import json
from functools import cache
from typing import Any

from contract import answers
from contract.document import build
from contract.operations import OPERATIONS


@cache
def described() -> dict[str, dict[str, Any]]:
    """The contract's answers by operation id and status."""
    operations = (operation for path in build()["paths"].values() for operation in path.values())
    return {operation["operationId"]: operation["responses"] for operation in operations}


def check_answer(function: str, status: int, headers: dict[str, str], body: str) -> None:
    """Raise AssertionError, or pydantic's ValidationError, if the answer is not in the contract."""
    if function not in OPERATIONS:
        return
    assert str(status) in described()[function], f"{function} answers {status}, which the contract does not know"
    documented = described()[function][str(status)]
    media_type = headers.get("content-type", "").partition(";")[0]
    assert media_type in documented.get("content", {"": None}) or not body, f"{function}: {status} is {media_type}"
    present = {name for name in documented.get("headers", {}) if name.lower() in headers}
    known = {name.lower() for name in documented.get("headers", {})}
    told = headers.keys() & {"etag", "location", "link", "idempotency-replayed", "retry-after", "x-request-id", "allow"}
    assert told <= known, f"{function}: the contract does not know the headers {told - known} of {status}"
    assert "X-Request-Id" in present, f"{function}: {status} has no X-Request-Id"
    model = OPERATIONS[function].answer
    if media_type == "text/csv" and OPERATIONS[function].columns:
        assert not body or body.startswith(",".join(OPERATIONS[function].columns) + "\r\n")
    elif status == OPERATIONS[function].status and model:
        model.model_validate_json(body)
    elif media_type == "application/problem+json":
        problem = answers.Problem.model_validate_json(body)
        assert problem.status == status
        assert f"* `{problem.code}`" in documented["description"], f"{function}: {status} with {problem.code}"
    elif media_type.endswith(("/json", "+json")):
        assert not body or json.loads(body), body
