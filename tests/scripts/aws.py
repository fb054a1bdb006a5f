"""AWS for commands that operate it: botocore's own clients, which accept only answers of the right shape."""

from collections.abc import Callable
from typing import Any

from botocore.session import Session

type Answer = dict[str, Any] | Callable[[dict[str, Any]], dict[str, Any]]


class Aws(Session):
    """A session whose clients answer what `answers` says, by service and operation, and note each call.

    A call without an answer is an error of the test: nothing reaches a network.
    """

    def __init__(self, answers: dict[str, Answer]) -> None:
        super().__init__()
        self.set_credentials("test", "test")
        self.set_config_variable("region", "eu-west-1")
        self.answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def create_client(self, service: str, *given: Any, **named: Any) -> Any:
        client = super().create_client(service, *given, **named)

        def answer(operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
            name = f"{service}.{operation}"
            self.calls.append((name, parameters))
            given = self.answers[name]
            given = given(parameters) if callable(given) else given
            if "Error" in given:
                raise client.exceptions.from_code(given["Error"]["Code"])(given, operation)
            return given

        client._make_api_call = answer  # the one place that every operation of a client goes through
        return client

    def called(self, name: str) -> list[dict[str, Any]]:
        """Return the parameters of each call of an operation, such as "cloudformation.DeleteStack"."""
        return [parameters for called, parameters in self.calls if called == name]


def refused(code: str, message: str = "") -> dict[str, Any]:
    """Return an answer that is an error with this code."""
    return {"Error": {"Code": code, "Message": message}}
