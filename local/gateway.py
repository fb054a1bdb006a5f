"""An API Gateway HTTP API on this machine: routes, the JWT authorizer, payload 2.0, and AWS's own answers.

What AWS answers by itself (401, 403, 404, 413, 500, 503) is answered here as AWS does it, since clients will meet it.
"""

import asyncio
import base64
import hashlib
import json
import os
import signal
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TextIO
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from local.config import ACCOUNT, Config
from local.runtime import LARGEST_PAYLOAD, Result, Runtime, large_requests, serve
from local.secrets import SecretsManager
from local.template import Route, Template, load
from sales.auth import TokenError, Verifier, token_scopes

__all__ = ["Authorizer", "Gateway", "Router"]

INTEGRATION_SECONDS = 30.0
DRAIN_SECONDS = 3.0
LARGEST_BODY = 10 * 1024 * 1024
LARGEST_HEADERS = 10_240
_API_ID = "local"
# A verified token is not verified again for so long: a changed key or clock shows within a minute.
_TOKEN_SECONDS = 60.0
_TOKENS = 10_000


class Router:
    """Finds a request's route as API Gateway does: a full match first, then one with a parameter, then `$default`."""

    def __init__(self, routes: list[Route], *, trailing_slash: bool) -> None:
        self._trailing_slash = trailing_slash
        self._literal = {(each.method, each.path): each for each in routes if "{" not in each.path}
        self._patterns = [(each, each.path.split("/")) for each in routes if "{" in each.path]
        self._default = next((each for each in routes if each.path == "$default"), None)

    def find(self, method: str, path: str) -> tuple[Route | None, dict[str, str]]:
        """The route and the path's parameters, decoded."""
        if self._trailing_slash and len(path) > 1 and path.endswith("/"):
            path = path[:-1]
        if route := self._literal.get((method, path)):
            return route, {}
        given = path.split("/")
        for route, parts in self._patterns:
            if route.method in (method, "ANY") and (found := _match(parts, given)) is not None:
                return route, found
        return self._default, {}


def _match(parts: list[str], given: list[str]) -> dict[str, str] | None:
    if len(parts) != len(given):
        return None
    found = {}
    for part, value in zip(parts, given, strict=True):
        if part.startswith("{") and value:
            found[part[1:-1]] = unquote(value)
        elif part != value:
            return None
    return found


@dataclass(frozen=True, slots=True)
class _Known:
    claims: dict[str, Any]
    until: float


class Authorizer:
    """The JWT authorizer: RS256 by the issuer's keys, issuer, audience, times, and one of the route's scopes."""

    def __init__(self, issuer: str, audience: str) -> None:
        self._verifier = Verifier(issuer, audience)
        self._known: dict[bytes, _Known] = {}
        # Fetching keys blocks; tokens are verified beside the event loop.
        self._thread = ThreadPoolExecutor(max_workers=1)

    async def claims(self, header: str | None) -> dict[str, Any]:
        """The claims of the token in an Authorization header, bare or after `Bearer`. Raises TokenError."""
        if not header:
            raise TokenError("")
        token = header[7:] if header[:7].lower() == "bearer " else header
        mark = hashlib.sha256(token.encode(errors="surrogateescape")).digest()
        now = time.time()
        known = self._known.get(mark)
        if known and known.until > now:
            return known.claims
        claims = await asyncio.get_running_loop().run_in_executor(self._thread, self._verifier.claims, token)
        if len(self._known) >= _TOKENS:
            self._known.clear()
        self._known[mark] = _Known(claims, min(claims["exp"], now + _TOKEN_SECONDS))
        return claims


def rendered(claims: Mapping[str, Any]) -> dict[str, str]:
    """Claims as API Gateway hands them to Lambda: all strings, arrays as `[a b]`, objects as JSON, nulls left out."""
    return {name: _render(value) for name, value in claims.items() if value is not None}


def _render(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{' '.join(_render(each) for each in value)}]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, separators=(",", ":"))


def _message(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status, text=json.dumps({"message": message}), content_type="application/json", headers=headers
    )


class Gateway:
    """The HTTP API in front of the functions."""

    def __init__(self, template: Template, runtime: Runtime, access_log: TextIO) -> None:
        self._router = Router(
            template.routes, trailing_slash=os.environ.get("LOCAL_TRAILING_SLASH", "route") == "route"
        )
        self._authorizer = Authorizer(template.issuer, template.audience[0])
        self._runtime = runtime
        self._access_log = access_log

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one request."""
        began = time.time()
        request_id = str(uuid.uuid4())
        route: Route | None = None
        client = ""
        try:
            path, _, query = request.raw_path.partition("?")
            route, parameters = self._router.find(request.method, path)
            if _header_size(request) > LARGEST_HEADERS:
                answer = _message(431, "Request Header Fields Too Large")
            elif route is None:
                answer = _message(404, "Not Found")
            else:
                authorizer = None
                if route.authorized:
                    claims = await self._authorizer.claims(_one(request, "Authorization"))
                    client = str(claims.get("cid", ""))
                    authorizer = _authorize(claims, route)
                answer = await self._integrate(request, route, path, query, parameters, authorizer, request_id, began)
        except TokenError as error:
            answer = _message(401, "Unauthorized", {"WWW-Authenticate": _challenge(error.reason)})
        except _ForbiddenError as error:
            answer = _message(403, "Forbidden", {"WWW-Authenticate": error.challenge})
        except web.HTTPRequestEntityTooLarge:
            answer = _message(413, "Request Entity Too Large")
        answer.headers["apigw-requestid"] = request_id
        answer.headers["Server"] = "local"
        self._log(request, route, answer, request_id, began, client)
        return answer

    def _log(
        self,
        request: web.BaseRequest,
        route: Route | None,
        answer: web.StreamResponse,
        request_id: str,
        began: float,
        client: str,
    ) -> None:
        # As the template's access log: the route key, never the path, which may hold a webhook's secret.
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
            "request_id": request_id,
            "route": route.key if route else None,
            "method": request.method,
            "status": answer.status,
            "latency_ms": round((time.time() - began) * 1000, 1),
            "client_id": client,
        }
        self._access_log.write(json.dumps(line) + "\n")

    async def _integrate(
        self,
        request: web.BaseRequest,
        route: Route,
        path: str,
        query: str,
        parameters: dict[str, str],
        authorizer: dict[str, Any] | None,
        request_id: str,
        began: float,
    ) -> web.Response:
        body = await request.read()
        event = json.dumps(
            _event(request, route, path, query, parameters, authorizer, request_id, began, body), ensure_ascii=False
        ).encode("utf-8", "surrogateescape")
        if len(event) > LARGEST_PAYLOAD:
            return _message(413, "Request Entity Too Large")
        try:
            result = await asyncio.wait_for(self._runtime.invoke(route.function, event), INTEGRATION_SECONDS)
        except TimeoutError:
            return _message(503, "Service Unavailable")
        return _answer(result)


class _ForbiddenError(Exception):
    def __init__(self, scopes: tuple[str, ...]) -> None:
        super().__init__()
        wanted = " ".join(scopes)
        self.challenge = (
            f'Bearer scope="{wanted}" error="insufficient_scope" error_description="expected scopes: [{wanted}]"'
        )


def _authorize(claims: dict[str, Any], route: Route) -> dict[str, Any]:
    scopes = token_scopes(claims)
    if route.scopes and not set(route.scopes) & set(scopes):
        raise _ForbiddenError(route.scopes)
    return {"jwt": {"claims": rendered(claims), "scopes": scopes if route.scopes else None}}


def _challenge(reason: str) -> str:
    return f'Bearer scope="" error="invalid_token" error_description="{reason}"' if reason else "Bearer"


def _one(request: web.BaseRequest, name: str) -> str | None:
    values = request.headers.getall(name, [])
    # Two tokens could be read as either; joined, they are none.
    return ",".join(values) if values else None


def _header_size(request: web.BaseRequest) -> int:
    return len(request.raw_path) + sum(len(name) + len(value) + 4 for name, value in request.raw_headers)


def _event(
    request: web.BaseRequest,
    route: Route,
    path: str,
    query: str,
    parameters: dict[str, str],
    authorizer: dict[str, Any] | None,
    request_id: str,
    began: float,
    body: bytes,
) -> dict[str, Any]:
    """The event, payload format 2.0."""
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in request.headers.items():
        lower = name.lower()
        if lower == "cookie":
            cookies += (cookie.strip() for cookie in value.split(";"))
        else:
            headers[lower] = f"{headers[lower]},{value}" if lower in headers else value
    host = headers.get("host", "localhost")
    source = (request.remote or "127.0.0.1") if request.remote else "127.0.0.1"
    context: dict[str, Any] = {
        "accountId": ACCOUNT,
        "apiId": _API_ID,
        "domainName": host.partition(":")[0],
        "domainPrefix": host.partition(".")[0].partition(":")[0],
        "http": {
            "method": request.method,
            "path": path,
            "protocol": f"HTTP/{request.version.major}.{request.version.minor}",
            "sourceIp": source,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": request_id,
        "routeKey": route.key,
        "stage": "$default",
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(began)),
        "timeEpoch": int(began * 1000),
    }
    if authorizer is not None:
        context["authorizer"] = authorizer
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": context,
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if query:
        joined: dict[str, str] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            joined[name] = f"{joined[name]},{value}" if name in joined else value
        event["queryStringParameters"] = joined
    if parameters:
        event["pathParameters"] = parameters
    if body:
        try:
            event["body"] = body.decode()
        except UnicodeDecodeError:
            event["body"] = base64.b64encode(body).decode()
            event["isBase64Encoded"] = True
    return event


def _answer(result: Result) -> web.Response:
    """The function's answer as HTTP; 500 for one that failed or is no answer."""
    try:
        found = json.loads(result.payload)
    except ValueError:
        found = None
    if result.failed or (
        isinstance(found, dict) and "statusCode" in found and not isinstance(found["statusCode"], int)
    ):
        return _message(500, "Internal Server Error")
    if not isinstance(found, dict) or "statusCode" not in found:
        return web.Response(body=result.payload, content_type="application/json")
    body = found.get("body") or ""
    raw = base64.b64decode(body) if found.get("isBase64Encoded") else body.encode("utf-8", "surrogatepass")
    answer = web.Response(status=found["statusCode"], body=raw)
    if HTTPStatus(found["statusCode"]) in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        answer = web.Response(status=found["statusCode"])
    else:
        answer.headers["Content-Type"] = "text/plain; charset=utf-8"
    for name, value in (found.get("headers") or {}).items():
        answer.headers[name] = str(value)
    for cookie in found.get("cookies") or []:
        answer.headers.add("Set-Cookie", cookie)
    return answer


async def main() -> None:
    """Serves the API (unless LOCAL_WITHOUT_HTTP is set) and the runtime until it is told to stop."""
    config = Config.from_environ()
    template = load(config.template, config.parameters, cache=config.state)
    runtime = Runtime(template, config)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    config.logs.mkdir(parents=True, exist_ok=True)
    with (config.logs / "access.log").open("a", buffering=1) as access_log:
        await serve(runtime, config, SecretsManager(config))
        front: web.Server | None = None
        if not os.environ.get("LOCAL_WITHOUT_HTTP"):
            front = web.Server(
                Gateway(template, runtime, access_log),
                access_log=None,
                request_factory=large_requests(LARGEST_BODY),
                # Above API Gateway's own limit, so that its answer is given and not the parser's.
                max_line_size=LARGEST_HEADERS * 2,
                max_field_size=LARGEST_HEADERS * 2,
            )
            await asyncio.get_running_loop().create_server(front, "127.0.0.1", config.port, backlog=1024)
        # The first order's text should not wait for a cold start; what people ask for themselves may.
        for mapping in template.streams:
            runtime.warm(mapping.function)
        tidy = asyncio.create_task(runtime.keep_tidy())
        await stop.wait()
        tidy.cancel()
        # Requests under way are answered before their workers end.
        if front:
            await front.shutdown(DRAIN_SECONDS)
        await runtime.close()


if __name__ == "__main__":
    asyncio.run(main())
