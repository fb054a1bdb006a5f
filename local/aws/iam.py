"""IAM on this machine: a function may make exactly the calls that its own role's statements allow.

`evaluate` is the rule; `requirements` is what a call needs (Service Authorization Reference, "Actions, resources, and
condition keys" for DynamoDB, Secrets Manager and Lambda). In a worker, botocore loads this module as a plugin into
each client (`BOTOCORE_EXPERIMENTAL__PLUGINS`, botocore/plugin.py); the deployed functions know nothing of it.

The stream's reader asks too, since Lambda reads a stream with its function's role. The first use of each action and
resource is logged to `permissions.jsonl` in the state folder.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from deployment import ACCOUNT, REGION

__all__ = ["LOG", "Role", "Statement", "environment", "evaluate", "initialize_client_plugin", "requirements"]

LOG: Final = "permissions.jsonl"
_VARIABLE: Final = "LOCAL_PERMISSIONS"
# Lambda alone answers a refusal with 403 (https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html).
_STATUS: Final = {"lambda": 403}
_TRANSACTION: Final = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}

type Statement = Mapping[str, Any]


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _matches(pattern: str, text: str, flags: int = 0) -> bool:
    # IAM's wildcards: * is any text, ? any one character; all other characters are literal.
    expression = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(expression, text, flags | re.DOTALL) is not None


def evaluate(statements: Sequence[Statement], action: str, resource: str) -> bool:
    """Whether these statements of a role allow the action on the resource (an ARN). A Deny wins over any Allow.

    Raise ValueError for a statement with a part that this module does not know, rather than allow more than it says.
    """
    allowed = False
    for statement in statements:
        if unknown := set(statement) - {"Sid", "Effect", "Action", "Resource"}:
            raise ValueError(f"{', '.join(sorted(unknown))} in a statement is unknown to the local IAM")
        # IAM ignores case in actions, but not in resources.
        if any(_matches(pattern, action, re.IGNORECASE) for pattern in _listed(statement["Action"])) and any(
            _matches(pattern, resource) for pattern in _listed(statement["Resource"])
        ):
            if statement["Effect"] == "Deny":
                return False
            allowed = True
    return allowed


def requirements(
    service: str, operation: str, parameters: Mapping[str, Any], secrets: Sequence[str] = ()
) -> Iterator[tuple[str, str]]:
    """Yield the actions and resources that a call needs, all of them. `secrets` are the names of those that exist."""
    match service, operation:
        case "dynamodb", "TransactWriteItems" | "TransactGetItems":
            # A transaction needs the permissions of its parts.
            for entry in parameters["TransactItems"]:
                for kind, item in entry.items():
                    yield f"dynamodb:{_TRANSACTION[kind]}", _table(item["TableName"])
        case "dynamodb", "BatchGetItem" | "BatchWriteItem":
            for table in parameters["RequestItems"]:
                yield f"dynamodb:{operation}", _table(table)
        case "dynamodb", _:
            index = f"/index/{parameters['IndexName']}" if "IndexName" in parameters else ""
            yield f"dynamodb:{operation}", _table(parameters["TableName"]) + index
        case "secretsmanager", _:
            # Secrets Manager appends six random characters to a secret's ARN. IAM is asked first: for a name that no
            # secret has, the resource is the bare name.
            name = parameters["SecretId"]
            ending = "-aB3dE6" if name in secrets else ""
            yield f"secretsmanager:{operation}", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}{ending}"
        case "lambda", "Invoke":
            name, qualifier = parameters["FunctionName"], parameters.get("Qualifier")
            arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
            yield "lambda:InvokeFunction", f"{arn}:{qualifier}" if qualifier else arn
        case _:
            raise ValueError(f"the local IAM does not know which permissions {service}:{operation} needs")


def _table(name: str) -> str:
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"


class Role:
    """A function's role; logs the first use of each action and resource to the state folder."""

    def __init__(self, function: str, statements: Sequence[Statement], state: Path) -> None:
        self.function = function
        self._statements = statements
        self._log = state / LOG
        self._known: dict[tuple[str, str], bool] = {}

    def allows(self, action: str, resource: str) -> bool:
        """Whether the role allows this. Asking the same again costs only a look-up."""
        allowed = self._known.get((action, resource))
        if allowed is None:
            allowed = self._known[action, resource] = evaluate(self._statements, action, resource)
            line = {"function": self.function, "action": action, "resource": resource, "allowed": allowed}
            with self._log.open("a") as log:
                log.write(json.dumps(line) + "\n")
        return allowed


def environment(
    function: str, statements: Sequence[Statement], state: Path, secrets: Iterable[str] = ()
) -> dict[str, str]:
    """Return the variables that put a worker under its function's statements. `secrets` are the names of those that exist."""
    document = json.dumps([function, list(statements), str(state), list(secrets)])
    return {"BOTOCORE_EXPERIMENTAL__PLUGINS": f"permissions={__name__}", _VARIABLE: document}


@cache
def _role() -> tuple[Role, Sequence[str]]:
    function, statements, state, secrets = json.loads(os.environ[_VARIABLE])
    return Role(function, statements, Path(state)), secrets


def _check(params: Mapping[str, Any], model: Any, **_: Any) -> None:
    service = model.service_model.service_name
    role, secrets = _role()
    for action, resource in requirements(service, model.name, params, secrets):
        if not role.allows(action, resource):
            from botocore.exceptions import ClientError

            message = (
                f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{role.function} is not authorized to perform: {action} "
                f"on resource: {resource} because no identity-based policy allows the {action} action"
            )
            answer = {
                "Error": {"Code": "AccessDeniedException", "Message": message},
                "ResponseMetadata": {"HTTPStatusCode": _STATUS.get(service, 400)},
            }
            raise ClientError(answer, model.name)


def initialize_client_plugin(client: Any) -> None:
    """Register the check; botocore calls this for each client. Reads nothing yet: botocore would hide a failure."""
    client.meta.events.register_last("before-parameter-build", _check)
