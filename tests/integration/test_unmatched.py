"""The `$default` route: requests that match no other route."""

import io
import json
from importlib import import_module
from typing import Any

import pytest

from sales.api import unmatched
from sales.api.routes import read_routes
from tests.conftest import ENVIRONMENT
from tests.integration.api import Answer, call
from tests.support.events import Context, http_event

pytestmark = pytest.mark.usefixtures("environment")
ORDERS = "/api/v1/sales/orders"


class FakeLambda:
    """Lambda's Invoke API: records calls and gives a scripted answer."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answer: dict[str, Any] = {}

    def invoke(self, *, FunctionName: str, Qualifier: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - AWS's names
        assert Qualifier == "live"
        self.asked.append((FunctionName, json.loads(Payload)))
        body = {"statusCode": 201, "headers": {"location": "/x"}, "body": "{}"}
        return {"Payload": io.BytesIO(json.dumps(body).encode()), **self.answer}


@pytest.fixture
def functions(environment: pytest.MonkeyPatch) -> FakeLambda:
    fake = FakeLambda()
    environment.setenv("FUNCTION_PREFIX", "sales-")
    environment.setattr(unmatched, "_client", lambda: fake)
    return fake


def ask(method: str, path: str, body: Any = None, **kwargs: Any) -> Answer:
    return call("answer_unmatched", http_event(method, path, body, authorized=False, **kwargs))


def test_a_path_with_a_slash_reaches_the_function_of_its_route(functions: FakeLambda) -> None:
    answer = ask(
        "POST", f"{ORDERS}/abc/sms/", {"reason": "x"}, headers={"Authorization": "Bearer t", "X-Request-Id": "r"}
    )
    assert (answer.status, answer.headers["location"], answer.headers["x-request-id"]) == (201, "/x", "r")
    [(function, event)] = functions.asked
    assert function == "sales-resend_sms"
    assert event["routeKey"] == event["requestContext"]["routeKey"] == f"POST {ORDERS}/{{order}}/sms"
    assert event["rawPath"] == f"{ORDERS}/abc/sms"
    assert event["pathParameters"] == {"order": "abc"}
    assert event["headers"]["authorization"] == "Bearer t"
    assert json.loads(event["body"]) == {"reason": "x"}


def test_a_binary_answer_stays_binary(functions: FakeLambda) -> None:
    body = {"statusCode": 200, "headers": {"content-type": "image/png"}, "body": "iVBORw==", "isBase64Encoded": True}
    functions.answer = {"Payload": io.BytesIO(json.dumps(body).encode())}
    raw = import_module("functions.answer_unmatched.app").handler(
        http_event("GET", f"{ORDERS}/", authorized=False), Context()
    )
    assert (raw["body"], raw["isBase64Encoded"]) == ("iVBORw==", True)


def test_the_authorizers_claims_are_not_forwarded(functions: FakeLambda) -> None:
    call("answer_unmatched", http_event("GET", f"{ORDERS}/"))
    assert "authorizer" not in functions.asked[0][1]["requestContext"]


def test_a_failing_function_is_a_500_without_its_message(functions: FakeLambda) -> None:
    functions.answer = {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorMessage": "secret"}')}
    answer = ask("GET", f"{ORDERS}/")
    assert (answer.status, answer.body["code"]) == (500, "unexpected")
    assert "secret" not in str(answer.body)


@pytest.mark.parametrize("path", ["/nothing", "/api/v1/sales", f"{ORDERS}/a/b/c/", "//"])
def test_an_unknown_path_is_404(path: str, functions: FakeLambda) -> None:
    answer = ask("GET", path)
    assert (answer.status, answer.body["code"]) == (404, "not_found")
    assert not functions.asked


def test_a_path_with_its_own_route_is_never_forwarded(functions: FakeLambda) -> None:
    assert ask("GET", ORDERS).status == 404
    assert not functions.asked


def test_a_wrong_method_is_405_and_names_the_right_ones(functions: FakeLambda) -> None:
    answer = ask("DELETE", f"{ORDERS}/")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    answer = ask("HEAD", f"{ORDERS}/x/cancel")
    assert (answer.status, answer.headers["allow"], answer.body) == (405, "POST", "")


@pytest.mark.parametrize("slash", ["", "/"])
def test_head_is_gets_answer_without_its_body(slash: str, functions: FakeLambda) -> None:
    headers = {"etag": '"3"', "content-type": "application/json"}
    answered = {"statusCode": 200, "headers": headers, "body": '{"name": "é"}'}
    functions.answer = {"Payload": io.BytesIO(json.dumps(answered).encode())}
    raw = import_module("functions.answer_unmatched.app").handler(
        http_event("HEAD", f"{ORDERS}/abc{slash}", authorized=False, headers={"Authorization": "Bearer t"}), Context()
    )
    assert (raw["statusCode"], raw["body"], raw["headers"]["etag"]) == (200, "", '"3"')
    assert raw["headers"]["content-length"] == str(len('{"name": "é"}'.encode()))
    [(function, event)] = functions.asked
    # The function checks the token and its scope as for GET.
    assert (function, event["routeKey"]) == ("sales-get_order", f"GET {ORDERS}/{{order}}")
    assert event["requestContext"]["http"]["method"] == "GET"
    assert event["headers"]["authorization"] == "Bearer t"
    assert "authorizer" not in event["requestContext"]


def test_head_of_a_path_with_its_own_route_is_never_forwarded(functions: FakeLambda) -> None:
    assert ask("HEAD", "/healthz").status == 404
    assert not functions.asked
    assert ask("HEAD", "/healthz/").status == 201
    assert functions.asked[0][1]["routeKey"] == "HEAD /healthz"


def test_customers_and_orders_cannot_be_deleted(functions: FakeLambda) -> None:
    for path in ("/api/v1/sales/customers/x", f"{ORDERS}/x"):
        answer = ask("DELETE", path)
        assert (answer.status, answer.body["code"]) == (405, "method_not_allowed")
        assert "DELETE" not in answer.headers["allow"]


def test_the_routes_are_the_templates() -> None:
    from pathlib import Path

    from deployment.template import load

    root = Path(__file__).parents[2]
    template = load(root / "template.yaml", {"OktaIssuer": ENVIRONMENT["OKTA_ISSUER"], "ConsoleClientId": "console"})
    known = read_routes(root / "functions/answer_unmatched/routes.json")
    assert {(route.method, route.path, route.function) for route in known} == {
        (route.method, route.path, route.function) for route in template.routes if route.path != "$default"
    }
