"""The HTTP API on this machine: routes, the JWT authorizer, payload 2.0 both ways, and AWS's own answers."""

import asyncio
import base64
import http.client
import io
import json
import logging
import re
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from deployment.template import Route, Template
from local.aws import api_gateway as module
from local.aws.api_gateway import LARGEST_BODY, LARGEST_HEADERS, Authorizer, HttpApi, HttpServer, Router
from local.aws.lambda_runtime import Result, Runtime
from local.guard import Guard, any_path
from sales.api.jwks import TokenError
from tests.support import tokens

ROUTES = [
    Route("GET", "/open", "open", authorized=False),
    Route("POST", "/open", "open", authorized=False),
    Route("GET", "/things/{thing}", "get", authorized=True, scopes=("sales:read",)),
    Route("POST", "/things", "make", authorized=True, scopes=("sales:write", "sales:all")),
    Route("GET", "/whoami", "who", authorized=True),
    Route("POST", "/webhooks/{secret}", "hook", authorized=False),
]
DEFAULT = Route("ANY", "$default", "rest", authorized=False)


@dataclass
class Functions:
    """Stands in for the workers: records events, and answers as a test says."""

    answers: Any = field(default_factory=lambda: {"statusCode": 200, "body": "ok"})
    failed: bool = False
    seconds: float = 0
    events: list[dict[str, Any]] = field(default_factory=list)

    async def invoke(self, name: str, event: bytes) -> Result:
        self.events.append(json.loads(event) | {"function": name})
        await asyncio.sleep(self.seconds)
        payload = self.answers if isinstance(self.answers, bytes) else json.dumps(self.answers).encode()
        return Result(payload, self.failed)


@pytest.fixture(scope="session")
def issuer() -> Iterator[tokens.Issuer]:
    with tokens.running(tokens.Issuer()) as found:
        yield found


class Front:
    """An API gateway on its own port."""

    def __init__(self, issuer: tokens.Issuer, routes: list[Route]) -> None:
        self.functions = Functions()
        self.log = io.StringIO()
        template = Template(routes=routes, issuer=issuer.url, audience=(tokens.AUDIENCE,))
        self.api = HttpApi(template, cast("Runtime", self.functions), self.log, Guard((), any_path))
        self.port = 0

    @property
    def event(self) -> dict[str, Any]:
        """The last event of any function."""
        return self.functions.events[-1]

    def raw(self, data: bytes) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Send these bytes, with this API gateway as the Host in place of x; return status, headers and body."""
        data = data.replace(b"Host: x\r\n", b"Host: localhost:%d\r\n" % self.port)
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(data)
            answer = http.client.HTTPResponse(connection, method=data.partition(b" ")[0].decode("latin-1"))
            answer.begin()
            return answer.status, answer.headers, answer.read()

    def ask(
        self, method: str, target: str, *headers: str, body: bytes = b""
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Send a request; return status, headers and body."""
        lines = [f"{method} {target} HTTP/1.1", "Host: x", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return self.raw("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body)


@contextmanager
def front(issuer: tokens.Issuer, routes: list[Route]) -> Iterator[Front]:
    api = Front(issuer, routes)
    loop = asyncio.new_event_loop()

    async def start() -> asyncio.Server:
        return await loop.create_server(HttpServer(api.api), "127.0.0.1", 0)

    listening = loop.run_until_complete(start())
    api.port = listening.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        listening.close()


@pytest.fixture
def api(issuer: tokens.Issuer) -> Iterator[Front]:
    with front(issuer, [*ROUTES, DEFAULT]) as found:
        yield found


@pytest.fixture
def bare(issuer: tokens.Issuer) -> Iterator[Front]:
    """An API gateway without a $default route."""
    with front(issuer, ROUTES) as found:
        yield found


# Routes


def routed(method: str, path: str, *keys: str, slash: bool = True) -> tuple[str | None, dict[str, str]]:
    routes = [Route(*key.split(" "), function=key, authorized=False) for key in keys if key != "$default"]
    if "$default" in keys:
        routes.append(DEFAULT)
    route, parameters = Router(routes, trailing_slash=slash).find(method, path)
    return route.key if route else None, parameters


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("method", "path", "key"),
    [
        ("GET", "/a/b", "GET /a/b"),
        ("GET", "/a/c", "GET /a/{x}"),
        ("GET", "/c/b", "GET /{x}/b"),
        ("GET", "/c/d", "GET /{rest+}"),
        ("GET", "/a/b/c", "GET /a/{rest+}"),
        ("PUT", "/a/b", "ANY /a/b"),
        ("PUT", "/a/c", "ANY /a/{x}"),
        ("PUT", "/c/d", "$default"),
        ("GET", "/", "$default"),
    ],
)
def test_the_narrowest_route_wins_in_any_order(order: int, method: str, path: str, key: str) -> None:
    keys = [
        "GET /a/b", "ANY /a/b", "GET /a/{x}", "ANY /a/{x}", "GET /{x}/b", "GET /a/{rest+}", "GET /{rest+}", "$default",
    ]  # fmt: skip
    assert routed(method, path, *keys[::order])[0] == key


def test_without_a_default_route_there_may_be_none() -> None:
    assert routed("GET", "/b", "GET /a") == (None, {})


def test_a_paths_parameters_are_decoded_and_not_empty() -> None:
    assert routed("GET", "/a/x%20%C3%A9", "GET /a/{b}") == ("GET /a/{b}", {"b": "x é"})
    assert routed("GET", "/a//c", "GET /a/{b}/c")[0] is None


def test_a_greedy_parameter_matches_the_rest_of_the_path() -> None:
    assert routed("GET", "/a/b/c%2Fd", "GET /a/{rest+}")[1] == {"rest": "b/c/d"}


@pytest.mark.parametrize(("slash", "key"), [(True, "GET /a/{b}"), (False, "$default")])
def test_a_trailing_slash_goes_to_the_route_or_to_the_default_one(slash: bool, key: str) -> None:
    assert routed("GET", "/a/b/", "GET /a/{b}", "$default", slash=slash)[0] == key


def test_two_trailing_slashes_are_another_path() -> None:
    assert routed("GET", "/a//", "GET /a", "$default")[0] == "$default"


# The event


def test_the_event_is_of_payload_format_2_0(api: Front) -> None:
    before = time.time()
    status, headers, _ = api.ask(
        "POST",
        "/open?a=1&b=%C3%A9&a=2&c=",
        "X-One: 1",
        "x-one: 2",
        "Cookie: k=v; l=w",
        "User-Agent: me",
        "Content-Type: application/json",
        body=b'{"a": 1}',
    )
    event = api.event
    context = event.pop("requestContext")
    moment = context.pop("timeEpoch")
    assert status == 200
    assert event == {
        "function": "open",
        "version": "2.0",
        "routeKey": "POST /open",
        "rawPath": "/open",
        "rawQueryString": "a=1&b=%C3%A9&a=2&c=",
        "queryStringParameters": {"a": "1,2", "b": "é", "c": ""},
        "cookies": ["k=v", "l=w"],
        "headers": {
            "host": f"localhost:{api.port}",
            "x-one": "1,2",
            "user-agent": "me",
            "content-type": "application/json",
            "content-length": "8",
        },
        "body": '{"a": 1}',
        "isBase64Encoded": False,
    }
    assert before * 1000 - 1 <= moment <= time.time() * 1000
    assert context.pop("time") == time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(moment / 1000))
    assert context == {
        "accountId": "000000000000",
        "apiId": "local",
        "domainName": "localhost",
        "domainPrefix": "localhost",
        "http": {
            "method": "POST", "path": "/open", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "me",
        },
        "requestId": headers["apigw-requestid"],
        "routeKey": "POST /open",
        "stage": "$default",
    }  # fmt: skip


def test_the_event_leaves_out_missing_parts_of_the_request(api: Front) -> None:
    api.ask("GET", "/open")
    assert not {"body", "cookies", "queryStringParameters", "pathParameters"} & set(api.event)
    assert "authorizer" not in api.event["requestContext"]


def test_the_path_is_decoded_and_the_query_is_not(api: Front) -> None:
    api.ask("GET", "/no/such%20path%C3%A9?q=%20", "X: y")
    assert (api.event["rawPath"], api.event["rawQueryString"]) == ("/no/such pathé", "q=%20")
    assert api.event["requestContext"]["http"]["path"] == "/no/such pathé"


@pytest.mark.parametrize(
    ("media_type", "is_text"),
    [
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/xml", True),
        ("application/javascript", True),
        ("text/csv", True),
        ("application/x-www-form-urlencoded", False),
        ("application/merge-patch+json", False),
        ("application/x-ndjson", False),
        ("image/png", False),
        ("", False),
    ],
)
def test_only_bodies_of_text_arrive_as_text(api: Front, media_type: str, is_text: bool) -> None:
    api.ask("POST", "/open", *([f"Content-Type: {media_type}"] if media_type else []), body="é=1".encode())
    assert api.event["isBase64Encoded"] is not is_text
    assert api.event["body"] == ("é=1" if is_text else base64.b64encode("é=1".encode()).decode())


def test_a_text_that_is_not_utf_8_is_base64(api: Front) -> None:
    api.ask("POST", "/open", "Content-Type: text/plain", body=b"\xff\x00\xfe")
    assert api.event["isBase64Encoded"] is True
    assert base64.b64decode(api.event["body"]) == b"\xff\x00\xfe"


def test_a_compressed_body_is_passed_on_unchanged(api: Front) -> None:
    api.ask("POST", "/open", "Content-Type: text/plain", "Content-Encoding: gzip", body=b"not gzip")
    assert api.event["body"] == "not gzip"


def test_a_header_that_is_not_utf_8_is_still_text(api: Front) -> None:
    status, _, _ = api.raw(b"GET /open HTTP/1.1\r\nHost: x\r\nX-Name: \xe9\xff\r\n\r\n")
    assert (status, api.event["headers"]["x-name"]) == (200, "éÿ")


def test_a_target_may_be_an_absolute_url(api: Front) -> None:
    api.ask("GET", f"http://127.0.0.1:{api.port}/open?a=1")
    assert (api.event["function"], api.event["rawPath"], api.event["rawQueryString"]) == ("open", "/open", "a=1")


def test_a_client_that_expects_100_continue_gets_it(api: Front) -> None:
    with socket.create_connection(("127.0.0.1", api.port), timeout=5) as connection:
        lines = ["Content-Type: text/plain", "Content-Length: 4", "Expect: 100-continue", "", ""]
        head = "\r\n".join(["POST /open HTTP/1.1", f"Host: localhost:{api.port}", *lines])
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.sendall(b"body")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert api.event["body"] == "body"


# HEAD


@pytest.mark.parametrize("target", ["/open", "/no/such"])
def test_head_gets_the_functions_headers_and_length_and_no_body(api: Front, target: str) -> None:
    api.functions.answers = {
        "statusCode": 200,
        "headers": {"etag": '"3"', "content-length": "17"},
        "body": "not for HEAD",
    }
    status, headers, body = api.ask("HEAD", target)
    assert (status, headers["etag"], headers["content-length"], body) == (200, '"3"', "17", b"")
    assert api.event["requestContext"]["http"]["method"] == "HEAD"
    assert api.event["routeKey"] == "$default"


# The authorizer


def bearer(issuer: tokens.Issuer, **claims: Any) -> str:
    return f"Authorization: Bearer {issuer.token(**claims)}"


def test_without_a_token_the_answer_is_awss_own(api: Front) -> None:
    status, headers, body = api.ask("GET", "/things/1")
    assert (status, headers["www-authenticate"], body) == (401, "Bearer", b'{"message":"Unauthorized"}')
    assert headers["content-type"] == "application/json"
    assert api.functions.events == []


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": 1_700_000_000}, "the token has expired"),
        ({"aud": "another"}, "the token does not have a valid audience"),
        ({"iss": "https://another"}, "the token does not have a valid issuer"),
        ({"exp": None}, "the token has no expiry"),
        ({"nbf": 9_999_999_999}, "the token is not valid yet"),
    ],
)
def test_an_invalid_token_is_refused_with_the_reason(
    api: Front, issuer: tokens.Issuer, claims: dict[str, Any], reason: str
) -> None:
    status, headers, body = api.ask("GET", "/things/1", bearer(issuer, **claims))
    assert (status, body) == (401, b'{"message":"Unauthorized"}')
    assert headers["www-authenticate"] == f'Bearer scope="" error="invalid_token" error_description="{reason}"'
    assert api.functions.events == []


@pytest.mark.parametrize("value", ["Basic eDp5", "Bearer", "Bearer ", "Bearer a.b.c", "\udcff", "Bearer \udcff.x.y"])
def test_a_malformed_token_is_refused(api: Front, value: str) -> None:
    assert api.ask("GET", "/things/1", f"Authorization: {value}")[0] == 401


def test_two_tokens_are_refused(api: Front, issuer: tokens.Issuer) -> None:
    good = bearer(issuer)
    assert api.ask("GET", "/things/1", good)[0] == 200
    assert api.ask("GET", "/things/1", good, good)[0] == 401
    assert len(api.functions.events) == 1


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", ""])
def test_a_token_may_stand_alone_or_after_bearer(api: Front, issuer: tokens.Issuer, scheme: str) -> None:
    assert api.ask("GET", "/things/1", f"Authorization: {scheme}{issuer.token()}")[0] == 200


def test_a_token_without_any_of_the_routes_scopes_is_forbidden(api: Front, issuer: tokens.Issuer) -> None:
    status, headers, body = api.ask("POST", "/things", bearer(issuer, scp=["sales:read"]))
    assert (status, body) == (403, b'{"message":"Forbidden"}')
    assert headers["www-authenticate"] == (
        'Bearer scope="sales:write sales:all" error="insufficient_scope" '
        'error_description="expected scopes: [sales:write sales:all]"'
    )
    assert api.functions.events == []


def test_one_of_the_routes_scopes_is_enough(api: Front, issuer: tokens.Issuer) -> None:
    assert api.ask("POST", "/things", bearer(issuer, scp=["sales:all"]))[0] == 200


def test_claims_are_strings_and_scopes_come_from_the_token(api: Front, issuer: tokens.Issuer) -> None:
    claims = {"exp": int(time.time()) + 500, "scp": ["sales:read", "openid"], "groups": ["a", 1], "admin": True,
              "half": 1.5, "whole": 7.0, "address": {"city": "Nairobi"}, "none": []}  # fmt: skip
    api.ask("GET", "/things/1", bearer(issuer, **claims))
    jwt = api.event["requestContext"]["authorizer"]["jwt"]
    expected = {"exp": str(claims["exp"]), "scp": "[sales:read openid]", "groups": "[a 1]", "admin": "true",
                "half": "1.5", "whole": "7", "address": '{"city":"Nairobi"}', "none": "[]", "ver": "1"}  # fmt: skip
    assert {name: jwt["claims"][name] for name in expected} == expected
    assert jwt["scopes"] == ["sales:read", "openid"]


def test_a_claim_that_is_null_is_left_out(api: Front, issuer: tokens.Issuer) -> None:
    token = issuer.sign({"alg": "RS256", "kid": issuer.kid}, issuer.claims() | {"uid": None})
    api.ask("GET", "/things/1", f"Authorization: Bearer {token}")
    assert "uid" not in api.event["requestContext"]["authorizer"]["jwt"]["claims"]


def test_a_route_without_scopes_has_none_in_the_event(api: Front, issuer: tokens.Issuer) -> None:
    api.ask("GET", "/whoami", bearer(issuer))
    assert api.event["requestContext"]["authorizer"]["jwt"]["scopes"] is None


def with_authorizer[Found](issuer: tokens.Issuer, story: Callable[[Authorizer], Awaitable[Found]]) -> Found:
    async def run() -> Found:
        return await story(Authorizer(issuer.url, tokens.AUDIENCE))

    return asyncio.run(run())


def test_a_verified_token_is_remembered_until_it_expires(
    issuer: tokens.Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(authorizer: Authorizer) -> list[int]:
        calls = []
        verify = authorizer._verifier.claims
        monkeypatch.setattr(authorizer._verifier, "claims", lambda token: calls.append(1) or verify(token))
        now = time.time()
        token = issuer.token(exp=now + 30)
        found = []
        for seconds in (0, 1, 29, 31):
            monkeypatch.setattr(time, "time", lambda seconds=seconds: now + seconds)
            try:
                await authorizer.claims(token)
            except TokenError:
                calls.append(100)
            found.append(sum(calls))
        return found

    assert with_authorizer(issuer, story) == [1, 1, 1, 102]


def test_a_token_is_verified_again_after_a_minute(issuer: tokens.Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(authorizer: Authorizer) -> int:
        calls = []
        verify = authorizer._verifier.claims
        monkeypatch.setattr(authorizer._verifier, "claims", lambda token: calls.append(1) or verify(token))
        now, token = time.time(), issuer.token()
        for seconds in (0, 59, 61):
            monkeypatch.setattr(time, "time", lambda seconds=seconds: now + seconds)
            await authorizer.claims(token)
        return len(calls)

    assert with_authorizer(issuer, story) == 2


def test_a_slow_issuer_does_not_hold_up_requests_without_a_token() -> None:
    with tokens.running(tokens.Issuer()) as slow, front(slow, ROUTES) as api:
        slow.delay = 0.6

        async def both() -> float:
            loop = asyncio.get_running_loop()
            token = loop.run_in_executor(None, api.ask, "GET", "/things/1", bearer(slow))
            await asyncio.sleep(0.2)
            began = time.monotonic()
            await loop.run_in_executor(None, api.ask, "GET", "/open")
            waited = time.monotonic() - began
            assert (await token)[0] == 200
            return waited

        assert asyncio.run(both()) < 0.4


# The answer


def answered(api: Front, answer: Any) -> tuple[int, http.client.HTTPMessage, bytes]:
    api.functions.answers = answer
    return api.ask("GET", "/open")


def test_a_response_has_status_headers_cookies_and_body_of_the_functions_answer(api: Front) -> None:
    status, headers, body = answered(
        api,
        {
            "statusCode": 201, "headers": {"content-type": "a/b", "X-Number": 5, "ETag": '"1"'}, "body": "é",
            "cookies": ["a=1; Path=/", "b=2"],
        },
    )  # fmt: skip
    assert (status, body) == (201, "é".encode())
    assert (headers["content-type"], headers["x-number"], headers["etag"]) == ("a/b", "5", '"1"')
    assert headers.get_all("set-cookie") == ["a=1; Path=/", "b=2"]


def test_a_base64_body_is_decoded(api: Front) -> None:
    assert answered(api, {"statusCode": 200, "body": "/wD+", "isBase64Encoded": True})[2] == b"\xff\x00\xfe"


@pytest.mark.parametrize(
    ("answer", "body"),
    [({"a": 1}, b'{"a": 1}'), ([1, 2], b"[1, 2]"), ("text", b"text"), (None, b"null"), (5, b"5")],
)
def test_an_answer_without_a_status_is_a_json_body(api: Front, answer: Any, body: bytes) -> None:
    status, headers, found = answered(api, answer)
    assert (status, headers["content-type"], found) == (200, "application/json", body)


def test_a_body_without_a_content_type_is_plain_text(api: Front) -> None:
    assert answered(api, {"statusCode": 200, "body": "x"})[1]["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("status", [204, 304])
def test_a_bodyless_status_has_no_body(api: Front, status: int) -> None:
    found, headers, body = answered(api, {"statusCode": status, "body": "x", "headers": {"etag": '"1"'}})
    assert (found, headers["etag"], body) == (status, '"1"', b"")


def test_a_function_does_not_frame_the_connection(api: Front) -> None:
    framing = {"Content-Length": "1", "Transfer-Encoding": "chunked", "Connection": "close", "Server": "x/1.0"}
    status, headers, body = answered(api, {"statusCode": 299, "body": "whole", "headers": framing})
    assert (status, headers["content-length"], body) == (299, "5", b"whole")
    assert (headers["transfer-encoding"], headers["server"]) == (None, "local")


@pytest.mark.parametrize(
    "answer",
    [
        b"no json",
        {"statusCode": "200"},
        {"statusCode": 0},
        {"statusCode": 1000},
        {"statusCode": None},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": 5},
        {"statusCode": 200, "body": "*", "isBase64Encoded": True},
        {"statusCode": 200, "headers": []},
        {"statusCode": 200, "headers": {"a b": "c"}},
        {"statusCode": 200, "headers": {"a": "b\r\nc: d"}},
        {"statusCode": 200, "cookies": "a=1"},
        {"statusCode": 200, "cookies": ["a\nb"]},
    ],
)
def test_an_invalid_answer_is_a_server_error(api: Front, answer: Any) -> None:
    status, headers, body = answered(api, answer)
    assert (status, body) == (500, b'{"message":"Internal Server Error"}')
    assert headers["c"] is None


def test_a_failed_function_is_a_server_error_without_details(api: Front) -> None:
    api.functions.failed = True
    status, _, body = answered(api, {"errorType": "ValueError", "errorMessage": "secret"})
    assert (status, body) == (500, b'{"message":"Internal Server Error"}')


def test_a_function_slower_than_the_api_gateways_timeout_is_unavailable(
    api: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INTEGRATION_SECONDS", 0.2)
    api.functions.seconds = 5
    status, _, body = api.ask("GET", "/open")
    assert (status, body) == (503, b'{"message":"Service Unavailable"}')


# Limits and odd requests


def test_without_a_matching_or_default_route_nothing_is_found(bare: Front) -> None:
    status, _, body = bare.ask("GET", "/nothing")
    assert (status, body) == (404, b'{"message":"Not Found"}')


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PATCH"])
def test_a_method_without_a_route_is_not_found(bare: Front, method: str) -> None:
    assert bare.ask(method, "/open")[0] == 404


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PURGE"])
def test_the_default_route_matches_every_method(api: Front, method: str) -> None:
    api.ask(method, "/open")
    assert (api.event["function"], api.event["requestContext"]["http"]["method"]) == ("rest", method)


def test_a_body_beyond_ten_megabytes_is_too_large(api: Front) -> None:
    status, _, body = api.ask("POST", "/open", f"Content-Length: {LARGEST_BODY + 1}")
    assert (status, body) == (413, b'{"message":"Request Entity Too Large"}')


def test_a_chunked_body_beyond_ten_megabytes_is_too_large(api: Front) -> None:
    size = LARGEST_BODY + 1
    data = b"POST /open HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % size
    status, _, _ = api.raw(data + b"x" * size + b"\r\n0\r\n\r\n")
    assert status == 413


def test_a_body_too_large_for_an_event_is_refused(api: Front) -> None:
    assert api.ask("POST", "/open", body=b"x" * (6 * 1024 * 1024))[0] == 413
    assert api.functions.events == []


def test_a_body_of_several_megabytes_arrives(api: Front) -> None:
    assert api.ask("POST", "/open", "Content-Type: text/plain", body=b"x" * 5_000_000)[0] == 200
    assert len(api.event["body"]) == 5_000_000


@pytest.mark.parametrize("size", [LARGEST_HEADERS, 3 * LARGEST_HEADERS])
def test_headers_beyond_ten_kilobytes_are_too_large(api: Front, size: int) -> None:
    status, headers, body = api.ask("GET", "/open", f"X-Large: {'x' * size}")
    assert (status, body) == (431, b'{"message":"Request Header Fields Too Large"}')
    assert headers["server"] == "local"


def test_hundreds_of_small_headers_are_accepted(api: Front) -> None:
    assert api.ask("GET", "/open", *(f"x-{number}: 1" for number in range(500)))[0] == 200


@pytest.mark.parametrize(
    "data",
    [
        b"POST /open HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /open HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbodyb",
        b"POST /open HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\nbody",
        b"POST /open HTTP/1.1\r\nHost: x\r\nContent-Length : 4\r\n\r\nbody",
        b"GET /open HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n",
        b"GET /webhooks/topsecret\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01 topsecret\r\n\r\n",
    ],
)
def test_an_ambiguous_request_is_refused_and_neither_shown_nor_logged(
    api: Front, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    status, headers, body = api.raw(data)
    assert (status, body, headers["server"]) == (400, b'{"message":"Bad Request"}', "local")
    assert api.functions.events == []
    assert "topsecret" not in caplog.text


def test_the_server_hides_its_software(api: Front) -> None:
    for target in ("/open", "/things/1"):
        assert api.ask("GET", target)[1]["server"] == "local"


# The access log


def test_the_access_log_has_the_route_key_and_neither_path_nor_token(api: Front, issuer: tokens.Issuer) -> None:
    token = issuer.token(cid="a-client", uid="a-person")
    _, headers, _ = api.ask("GET", "/things/hidden?q=hidden", f"Authorization: Bearer {token}")
    api.ask("POST", "/webhooks/hidden")
    api.ask("GET", "/hidden")
    lines = [json.loads(line) for line in api.log.getvalue().splitlines()]
    assert [(line["route"], line["method"], line["status"], line["client_id"], line["uid"]) for line in lines] == [
        ("GET /things/{thing}", "GET", 200, "a-client", "a-person"),
        ("POST /webhooks/{secret}", "POST", 200, "-", "-"),
        ("$default", "GET", 200, "-", "-"),
    ]
    assert lines[0]["request_id"] == headers["apigw-requestid"]
    assert "hidden" not in api.log.getvalue()
    assert token not in api.log.getvalue()


def test_the_access_log_has_the_fields_of_the_deployed_one(api: Front) -> None:
    api.ask("GET", "/things/hidden", "Authorization: Bearer x.y.z")
    (line,) = (json.loads(line) for line in api.log.getvalue().splitlines())
    template = (Path(__file__).parents[3] / "template.yaml").read_text()
    assert list(line) == re.findall(r'"(\w+)":"\$context', template)
    assert (line["status"], line["error"], line["integration_latency_ms"]) == (401, "Unauthorized", "-")
    assert line["authorizer_error"] not in ("", "-")
