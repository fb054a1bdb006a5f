"""Endpoints: requests, answers, problems."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from sales.api.endpoint import Request, Response, endpoint, parse_json
from sales.domain.problems import PROBLEMS, FieldError, Problem
from sales.runtime import log
from tests.conftest import forget_process_state
from tests.support.events import Context, http_event

pytestmark = pytest.mark.usefixtures("environment")


def answer(function: Any, event: dict[str, Any] | None = None, scope: str | None = None) -> dict[str, Any]:
    return endpoint(scope=scope)(function)(event or http_event("GET", "/x", authorized=False), Context())


def test_a_valid_request_id_is_echoed_and_any_other_is_replaced() -> None:
    def ask(request_id: str) -> str:
        event = http_event("GET", "/x", headers={"X-Request-Id": request_id}, authorized=False)
        return str(answer(lambda _: Response(200), event)["headers"]["x-request-id"])

    for good in ("abc-1._Z", "x" * 128):
        assert ask(good) == good
    for bad in ("", "a b", "x" * 129, "é", 'a"b', "a\nb"):
        assert ask(bad) != bad


@pytest.mark.parametrize("key", ["k", "!~", "x" * 255])
def test_an_idempotency_key_of_visible_ascii_characters_is_read(key: str) -> None:
    event = http_event("POST", "/x", headers={"Idempotency-Key": key}, authorized=False)
    assert answer(lambda request: Response(200, request.required_idempotency_key), event)["body"] == key


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "é", "a\x7f"])
def test_any_other_idempotency_key_is_an_invalid_header(key: str) -> None:
    event = http_event("POST", "/x", headers={"Idempotency-Key": key}, authorized=False)
    answered = answer(lambda request: Response(200, request.idempotency_key), event)
    assert json.loads(answered["body"])["code"] == "invalid_header"


def test_an_exception_is_a_500_that_reveals_nothing(lines: Callable[[], str]) -> None:
    def fail(_: Request) -> Response:
        raise RuntimeError("secret +254704590344")

    answered = answer(fail)
    assert answered["statusCode"] == 500
    assert json.loads(answered["body"])["code"] == "unexpected"
    logged = lines()
    assert "secret" not in answered["body"] + logged
    assert json.loads(logged)["raised"] == "RuntimeError"


def test_a_problem_is_answered_as_rfc_9457_says() -> None:
    def fail(_: Request) -> Response:
        raise Problem("validation_failed", errors=[FieldError("/a", "required", "is required")], headers={"X-A": "b"})

    answered = answer(fail)
    assert answered["headers"]["content-type"] == "application/problem+json"
    assert answered["headers"]["x-a"] == "b"
    body = json.loads(answered["body"])
    assert body["status"] == answered["statusCode"] == 422
    assert body["errors"] == [{"pointer": "/a", "code": "required", "detail": "is required"}]
    assert body["request_id"] == answered["headers"]["x-request-id"]
    assert {"type", "title", "detail", "instance", "code"} <= body.keys()


def test_a_problem_never_repeats_a_webhook_secret() -> None:
    def fail(_: Request) -> Response:
        raise Problem("not_found")

    assert "s3cret" not in answer(fail, http_event("POST", "/webhooks/x/s3cret", authorized=False))["body"]


def test_every_problem_has_a_status_a_title_and_advice() -> None:
    for status, title, action in PROBLEMS.values():
        assert 400 <= status < 600
        assert title
        assert action.endswith(".")


def test_an_endpoint_with_a_scope_refuses_callers_without_it() -> None:
    def who(request: Request) -> Response:
        return Response(200, request.caller.subject)

    assert answer(who, http_event("GET", "/x"), "sales:read")["body"] == "tester"
    assert answer(who, http_event("GET", "/x", scopes=("sales:write",)), "sales:read")["statusCode"] == 403
    assert answer(who, http_event("GET", "/x", authorized=False), "sales:read")["statusCode"] == 401


def test_an_endpoint_without_a_scope_has_no_caller() -> None:
    assert answer(lambda request: Response(200, request.caller.subject))["statusCode"] == 500


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[",
        b"NaN",
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1, "a": 2}',
        b"\xff",
        b'{"a":' * 50_000,
        b"1",
        "{}".encode("utf-16"),
    ],
)
def test_anything_but_a_json_object_is_invalid_json(raw: bytes) -> None:
    with pytest.raises(Problem, match="invalid_json"):
        parse_json(raw)


def test_a_base64_body_is_decoded() -> None:
    answered = answer(
        lambda request: Response(200, request.json()), http_event("POST", "/x", b'{"a": "\xc3\xa9"}', authorized=False)
    )
    assert json.loads(answered["body"]) == {"a": "é"}


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Return a function that returns everything logged since the last call."""
    log._logger()
    forget_process_state()
    capsys.readouterr()
    return lambda: capsys.readouterr().out
