"""What every endpoint does with a request and an answer."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from sales.api.endpoint import Request, Response, endpoint, parse_json
from sales.api.unmatched import Route, find
from sales.domain.problems import PROBLEMS, FieldError, Problem
from sales.runtime import log
from tests.conftest import forget_process_state
from tests.support.events import Context, http_event

pytestmark = pytest.mark.usefixtures("environment")


def answer(function: Any, event: dict[str, Any] | None = None, scope: str | None = None) -> dict[str, Any]:
    return endpoint(scope=scope)(function)(event or http_event("GET", "/x", authorized=False), Context())


def test_a_request_id_is_echoed_when_it_is_one_and_made_when_it_is_not() -> None:
    def ask(given: str) -> str:
        event = http_event("GET", "/x", headers={"X-Request-Id": given}, authorized=False)
        return str(answer(lambda _: Response(200), event)["headers"]["x-request-id"])

    assert ask("abc-1._Z") == "abc-1._Z"
    for bad in ("", "a b", "x" * 129, "é", 'a"b', "a\nb"):
        assert ask(bad) != bad


def test_whatever_a_function_raises_is_a_500_that_says_nothing_of_it(lines: Callable[[], str]) -> None:
    def fail(_: Request) -> Response:
        raise RuntimeError("secret +254704590344")

    found = answer(fail)
    assert found["statusCode"] == 500
    assert json.loads(found["body"])["code"] == "unexpected"
    logged = lines()
    assert "secret" not in found["body"] + logged
    assert json.loads(logged)["raised"] == "RuntimeError"


def test_a_problem_is_answered_as_rfc_9457_has_it() -> None:
    def fail(_: Request) -> Response:
        raise Problem("validation_failed", errors=[FieldError("/a", "required", "must be given")], headers={"X-A": "b"})

    found = answer(fail)
    assert found["headers"]["content-type"] == "application/problem+json"
    assert found["headers"]["x-a"] == "b"
    body = json.loads(found["body"])
    assert body["status"] == found["statusCode"] == 422
    assert body["errors"] == [{"pointer": "/a", "code": "required", "detail": "must be given"}]
    assert body["request_id"] == found["headers"]["x-request-id"]
    assert {"type", "title", "detail", "instance", "code"} <= body.keys()


def test_a_webhooks_secret_is_not_repeated_in_a_problem() -> None:
    def fail(_: Request) -> Response:
        raise Problem("not_found")

    assert "s3cret" not in answer(fail, http_event("POST", "/webhooks/x/s3cret", authorized=False))["body"]


def test_every_problem_has_a_4xx_or_5xx_status_a_title_and_what_to_do() -> None:
    for status, title, action in PROBLEMS.values():
        assert 400 <= status < 600
        assert title
        assert action.endswith(".")


def test_an_endpoint_with_a_scope_lets_nobody_in_without_it() -> None:
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
def test_what_is_no_json_object_is_invalid_json(raw: bytes) -> None:
    with pytest.raises(Problem, match="invalid_json"):
        parse_json(raw)


def test_a_body_in_base64_is_the_same_body() -> None:
    found = answer(
        lambda request: Response(200, request.json()), http_event("POST", "/x", b'{"a": "\xc3\xa9"}', authorized=False)
    )
    assert json.loads(found["body"]) == {"a": "é"}


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ('"1"', 304), ('"0", "1"', 304), ("*", 304), ('"2"', 200), ("", 200), ("1", 200), ('"1', 200),
        # Compared weakly (RFC 9110, 13.1.2).
        ('W/"1"', 304), ('"0", W/"1"', 304), (',"0" ,, W/"1",', 304), ('W/"2"', 200), ('w/"1"', 200), ('"W/1"', 200),
        # A comma may stand in an entity-tag.
        ('"0,1"', 200), ('"0,", "1"', 304),
    ],
)  # fmt: skip
def test_who_has_the_version_gets_304_whether_it_says_so_weakly_or_not(given: str, status: int) -> None:
    event = http_event("GET", "/x", headers={"If-None-Match": given}, authorized=False)
    assert answer(lambda _: Response(200, {}, version=1), event)["statusCode"] == status


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ('"1"', 200), ("*", 200), (' "1" ', 200), ('"2", "1"', 200), ('"2","1",', 200), ('"x", "1"', 200),
        # Compared strongly (RFC 9110, 13.1.1): a weak one never fits, nor one that only means the same.
        ('W/"1"', 412), ('"2", W/"1"', 412), ('"01"', 412), ('"1.0"', 412), ('"2"', 412), ('"2", "3"', 412),
        ('"x"', 412), ('""', 412), (f'"{"9" * 400}"', 412),
        ("1", 400), ("", 400), (",", 400), ("W/x", 400), ('w/"1"', 400), ('"1', 400), ('"1" "2"', 400), ('*, "1"', 400),
        ('"a b"', 400), (", ".join(f'"{number}"' for number in range(101)), 400),
    ],
)  # fmt: skip
def test_a_change_is_made_for_one_of_the_versions_that_if_match_names(given: str, status: int) -> None:
    def change(request: Request) -> Response:
        request.check_version(1)
        return Response(200)

    event = http_event("POST", "/x", headers={"If-Match": given}, authorized=False)
    assert answer(change, event)["statusCode"] == status


@pytest.mark.parametrize("part", ['"1",', " ,", "\t", 'W/"', '"" ', ", \t"])
def test_a_header_of_ten_kilobytes_is_read_in_no_time(part: str) -> None:
    event = http_event("GET", "/x", headers={"If-None-Match": part * (10_240 // len(part)) + "x"}, authorized=False)
    began = time.perf_counter()
    assert answer(lambda _: Response(200, {}, version=1), event)["statusCode"] == 200
    assert time.perf_counter() - began < 1


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What is logged from now on."""
    log._logger()
    forget_process_state()
    capsys.readouterr()
    return lambda: capsys.readouterr().out


def test_only_what_may_be_said_is_logged(lines: Callable[[], str]) -> None:
    log.bind("request-1")
    log.info("sms", phone_number="+254704590344", order_id="o", reason=None)
    line = json.loads(lines())
    assert (line["message"], line["request_id"], line["phone_number"]) == ("sms", "request-1", "+2547****0344")
    assert "reason" not in line
    with pytest.raises(TypeError, match="email"):
        log.info("x", email="a@example.com")


class TestRouting:
    ROUTES = (
        Route("GET", "/orders", "list_orders"),
        Route("POST", "/orders", "create_order"),
        Route("GET", "/orders/{order}", "get_order"),
        Route("POST", "/orders/{order}/cancel", "cancel_order"),
        Route("POST", "/orders/special", "special"),
    )

    def test_a_trailing_slash_leads_to_the_route_without_it(self) -> None:
        assert find(self.ROUTES, "GET", "/orders/")[0].function == "list_orders"
        assert find(self.ROUTES, "GET", "/orders/1/")[1] == {"order": "1"}

    def test_a_literal_path_goes_before_a_parameter(self) -> None:
        assert find(self.ROUTES, "POST", "/orders/special")[0].function == "special"

    def test_a_wrong_method_is_405_with_the_right_ones(self) -> None:
        with pytest.raises(Problem) as raised:
            find(self.ROUTES, "DELETE", "/orders/")
        assert (raised.value.status, raised.value.headers["Allow"]) == (405, "GET, POST")

    @pytest.mark.parametrize("path", ["/", "/order", "/orders/1/2", "//orders", "/orders//cancel"])
    def test_an_unknown_path_is_404(self, path: str) -> None:
        with pytest.raises(Problem, match="not_found"):
            find(self.ROUTES, "GET", path)
