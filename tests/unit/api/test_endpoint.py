"""Endpoints: requests, answers, problems."""

import base64
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from sales.api.endpoint import Request, Response, endpoint
from sales.domain.problems import PROBLEMS, FieldError, Problem
from sales.runtime import log
from tests.conftest import forget_process_state
from tests.support.events import Context, http_event

pytestmark = pytest.mark.usefixtures("environment")


def answer(function: Any, event: dict[str, Any] | None = None, scope: str | None = None) -> dict[str, Any]:
    return endpoint(scope=scope)(function)(event or http_event("GET", "/x", authorized=False), Context())


def test_a_callers_own_request_id_is_echoed_and_anything_else_is_ignored() -> None:
    def ask(request_id: str) -> str:
        event = http_event("GET", "/x", headers={"X-Request-Id": request_id}, authorized=False)
        return str(answer(lambda _: Response(200), event)["headers"]["x-request-id"])

    for good in ("abc-1._Z", "x" * 128):
        assert ask(good) == good
    for bad in ("", "a b", "x" * 129, "é", 'a"b', "a\nb", "one,two"):
        assert ask(bad) == "request", "API Gateway's own id"


def test_the_request_id_in_logs_and_problems_is_api_gateways_whatever_the_caller_sends(
    lines: Callable[[], str],
) -> None:
    def fail(_: Request) -> Response:
        raise Problem("not_found")

    for sent, logged in (({}, None), ({"X-Request-Id": "mine"}, "mine"), ({"X-Request-Id": "no id"}, None)):
        body = answer(fail, http_event("POST", "/x", headers=sent, authorized=False))["body"]
        assert json.loads(body)["request_id"] == "request"
        for line in map(json.loads, lines().splitlines()):
            assert (line["request_id"], line.get("client_request_id")) == ("request", logged)


def test_an_event_without_api_gateways_id_has_that_of_its_invocation() -> None:
    assert (
        answer(lambda _: Response(200), {"rawPath": "/x", "requestContext": {"http": {"method": "GET"}}})["headers"][
            "x-request-id"
        ]
        == Context.aws_request_id
    )


@pytest.mark.parametrize("key", ["k", "!~", "x" * 255])
def test_an_idempotency_key_of_visible_ascii_characters_is_read(key: str) -> None:
    event = http_event("POST", "/x", headers={"Idempotency-Key": key}, authorized=False)
    assert answer(lambda request: Response(200, request.required_idempotency_key), event)["body"] == key


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "é", "a\x7f", "k,k", "k,other", ",", "k,", "k, k"])
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


def audited(logged: str) -> dict[str, Any] | None:
    """Return the audit line of one request, without what every line has."""
    found = [line for line in map(json.loads, logged.splitlines()) if line["message"] == "audit"]
    assert len(found) <= 1
    everywhere = {"level", "message", "timestamp", "service", "request_id", "action"}
    return {name: value for name, value in found[0].items() if name not in everywhere} if found else None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_each_request_for_a_change_writes_an_audit_line(method: str, lines: Callable[[], str]) -> None:
    answer(lambda _: Response(200, version=3), http_event(method, "/x"), "sales:read")
    assert audited(lines()) == {"actor": "tester", "client": "sales-service", "status": 200, "version": 3}


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_request_that_reads_is_audited_only_if_its_endpoint_says_so(method: str, lines: Callable[[], str]) -> None:
    for declared, expected in ((None, False), (True, True), (False, False)):
        endpoint(scope="sales:read", audited=declared)(lambda _: Response(200))(http_event(method, "/x"), Context())
        assert (audited(lines()) is not None) is expected
    endpoint(scope="sales:read", audited=False)(lambda _: Response(200))(http_event("POST", "/x"), Context())
    assert audited(lines()) is None


def test_a_refused_change_is_audited_with_its_code_and_caller(lines: Callable[[], str]) -> None:
    def refuse(code: str) -> Callable[[Request], Response]:
        def function(_: Request) -> Response:
            raise Problem(code)

        return function

    def fail(_: Request) -> Response:
        raise RuntimeError

    tester = {"actor": "tester", "client": "sales-service"}
    for function, event, expected in (
        (fail, http_event("POST", "/x", authorized=False), {"status": 401, "code": "unauthorized"}),
        (fail, http_event("POST", "/x", scopes=()), tester | {"status": 403, "code": "insufficient_scope"}),
        (fail, http_event("POST", "/x", "x" * 100_001), tester | {"status": 413, "code": "payload_too_large"}),
        (refuse("version_mismatch"), http_event("POST", "/x"), tester | {"status": 412, "code": "version_mismatch"}),
        (fail, http_event("POST", "/x"), tester | {"status": 500, "code": "unexpected"}),
    ):
        answer(function, event, "sales:read")
        assert audited(lines()) == expected


def test_a_refused_change_names_the_item_of_its_path_only_by_an_id(lines: Callable[[], str]) -> None:
    known = "1d5f84a1-22c7-8b3e-9a41-5a0d5c2be710"
    for parameters, expected in (
        ({"customer": known}, {"customer_id": known}),
        ({"order": known.upper()}, {"order_id": known}),
        ({"customer": "someone@example.com"}, {}),
        ({"customer": "ACHENGSS"}, {}),
        ({"secret": known}, {}),
    ):
        event = http_event("POST", "/x", parameters=parameters, authorized=False)
        answer(lambda _: Response(200), event, "sales:read")
        assert audited(lines()) == {"status": 401, "code": "unauthorized"} | expected


def test_an_answer_to_a_key_used_before_says_so_in_the_audit_trail(lines: Callable[[], str]) -> None:
    answer(lambda _: Response(201, version=1, replayed=True), http_event("POST", "/x"), "sales:read")
    assert (audited(lines()) or {})["replayed"] is True


def test_nothing_of_one_request_is_in_the_audit_line_of_the_next(lines: Callable[[], str]) -> None:
    parameters = {"customer": "1d5f84a1-22c7-8b3e-9a41-5a0d5c2be710"}
    event = http_event("POST", "/x", parameters=parameters, headers={"X-Request-Id": "mine"})
    answer(lambda _: Response(200), event, "sales:read")
    lines()
    answer(lambda _: Response(200), http_event("POST", "/x", authorized=False), "sales:read")
    assert audited(lines()) == {"status": 401, "code": "unauthorized"}


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
        return Response(200, request.caller.actor)

    assert answer(who, http_event("GET", "/x"), "sales:read")["body"] == "tester"
    assert answer(who, http_event("GET", "/x", scopes=("sales:write",)), "sales:read")["statusCode"] == 403
    assert answer(who, http_event("GET", "/x", authorized=False), "sales:read")["statusCode"] == 401


def test_an_endpoint_without_a_scope_has_no_caller() -> None:
    assert answer(lambda request: Response(200, request.caller.actor))["statusCode"] == 500


@pytest.mark.parametrize("function", [
    lambda _: Response(200, {"a": "é"}),
    lambda _: Response(200, b"\x00\x01", {"content-type": "image/png"}),
    lambda _: Response(204),
    lambda _: Problem("not_found"),
    lambda _: RuntimeError("x"),
    lambda _: Response(200, {}, version=3),
])  # fmt: skip
def test_every_answer_is_safe_from_guesses_and_plain_http_and_heads_has_no_body(function: Any) -> None:
    def act(request: Request) -> Response:
        result = function(request)
        if isinstance(result, Exception):
            raise result
        return Response(result.status, result.body, result.headers, result.version)

    headers = {"If-None-Match": '"3"', "X-Request-Id": "r"}
    get, head = (answer(act, http_event(method, "/x", authorized=False, headers=headers)) for method in ("GET", "HEAD"))
    for answered in (get, head):
        assert answered["headers"]["x-content-type-options"] == "nosniff"
        assert answered["headers"]["strict-transport-security"] == "max-age=63072000; includeSubDomains"
    body = base64.b64decode(get["body"]) if get.get("isBase64Encoded") else get["body"].encode()
    length = {} if get["statusCode"] == 304 else {"content-length": str(len(body))}
    assert head == {"statusCode": get["statusCode"], "headers": get["headers"] | length, "body": ""}


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


@pytest.mark.parametrize("accepted", [None, "gzip", "gzip;q=0", "br"])
def test_a_large_answer_without_an_etag_is_compressed_for_clients_that_accept_it(accepted: str | None) -> None:
    rows = [{"name": f"Wanjirũ {number}"} for number in range(500)]
    headers = {"Accept-Encoding": accepted} if accepted else {}
    event = http_event("GET", "/x", headers=headers, authorized=False)

    def compressed(response: Response) -> bool:
        answered = answer(lambda _: response, event)
        is_gzip = answered["headers"].get("content-encoding") == "gzip"
        raw = base64.b64decode(answered["body"]) if answered.get("isBase64Encoded") else answered["body"].encode()
        assert json.loads(gzip.decompress(raw) if is_gzip else raw) == response.body
        return is_gzip

    assert compressed(Response(200, rows, {"Vary": "Accept"})) is (accepted == "gzip")
    assert not compressed(Response(200, rows[:5]))
    assert not compressed(Response(200, rows, version=3))
    if accepted == "gzip":
        assert (
            answer(lambda _: Response(200, rows, {"Vary": "Accept"}), event)["headers"]["vary"]
            == "Accept, accept-encoding"
        )
