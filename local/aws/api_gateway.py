"""An API Gateway HTTP API on this machine: routes, the JWT authorizer, limits, and AWS's own answers.

AWS answers some requests without a function (401, 403, 404, 413, 431, 500, 503). Clients will meet those answers, so
they are the same here.
"""

import asyncio
import hashlib
import json
import os
import signal
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TextIO
from urllib.parse import unquote, urlsplit

from aiohttp import web
from aiohttp.http import HttpVersion10
from aiohttp.http_exceptions import LineTooLong

from deployment.template import Route, Template, load
from local.aws.lambda_runtime import LARGEST_PAYLOAD, Runtime, large_requests, serve
from local.aws.payload import API_ID, Incoming, answer, event, message, rendered
from local.aws.secrets_manager import SecretsManager
from local.config import Config
from local.guard import Guard, any_path
from local.private_files import make_folder
from sales.api.jwks import TokenError
from sales.api.routes import path_parameters
from sales.api.tokens import Verifier, token_scopes

__all__ = ["Authorizer", "HttpApi", "HttpServer", "Router"]

INTEGRATION_SECONDS = 30.0
DRAIN_SECONDS = 3.0
LARGEST_BODY = 10 * 1024 * 1024
LARGEST_HEADERS = 10_240
# How long to trust a verified token without verifying it again; never beyond its expiry.
_TOKEN_SECONDS = 60.0
_TOKENS = 10_000


class Router:
    """Finds a request's route as API Gateway does.

    An exact match wins over one with parameters, then a greedy one (`{proxy+}`), then `$default`; the request's own method
    wins over ANY. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
    """

    def __init__(self, routes: list[Route], *, trailing_slash: bool) -> None:
        self._trailing_slash = trailing_slash
        self._literal = {(route.method, route.path): route for route in routes if "{" not in route.path}
        self._patterns = [route for route in routes if "{" in route.path]
        self._patterns.sort(
            key=lambda route: ([_openness(part) for part in route.path.split("/")], route.method == "ANY")
        )
        self._default = next((route for route in routes if route.path == "$default"), None)

    def find(self, method: str, path: str) -> tuple[Route | None, dict[str, str]]:
        """Return the route of this method and path (as sent), and the path's parameters, decoded."""
        if self._trailing_slash and len(path) > 1 and path.endswith("/"):
            path = path[:-1]
        if route := self._literal.get((method, path)) or self._literal.get(("ANY", path)):
            return route, {}
        for route in self._patterns:
            if route.method in (method, "ANY") and (values := path_parameters(route.path, path)) is not None:
                return route, {name: unquote(value) for name, value in values.items()}
        return self._default, {}


def _openness(part: str) -> int:
    """Return 0 for a part of a path that matches itself, 1 for any one part, 2 for the whole rest."""
    return 2 if part.endswith("+}") else int(part.startswith("{"))


@dataclass(frozen=True, slots=True)
class _VerifiedToken:
    claims: dict[str, Any]
    until: float


class Authorizer:
    """The JWT authorizer: checks the RS256 signature, issuer, audience and times."""

    def __init__(self, issuer: str, audience: str) -> None:
        self._verifier = Verifier(issuer, audience)
        self._verified: dict[bytes, _VerifiedToken] = {}
        # Fetching a key blocks its thread. Several threads, so tokens with a known key do not queue behind a fetch.
        self._threads = ThreadPoolExecutor(max_workers=8)

    async def claims(self, header: str | None) -> dict[str, Any]:
        """Return the claims of an Authorization header's token, with or without `Bearer`. Raise TokenError."""
        if not header:
            raise TokenError("")
        token = header[7:] if header[:7].lower() == "bearer " else header
        digest = hashlib.sha256(token.encode(errors="surrogateescape")).digest()
        now = time.time()
        verified = self._verified.get(digest)
        if verified and verified.until > now:
            return verified.claims
        claims = await asyncio.get_running_loop().run_in_executor(self._threads, self._verifier.claims, token)
        if len(self._verified) >= _TOKENS:
            self._verified.clear()
        self._verified[digest] = _VerifiedToken(claims, min(claims["exp"], now + _TOKEN_SECONDS))
        return claims


class _RefusedError(Exception):
    """The API gateway answers this request itself."""

    def __init__(self, status: int, text: str, challenge: str = "", *, authorizer_error: str = "") -> None:
        super().__init__(text)
        self.authorizer_error = authorizer_error
        self.answer = message(status, text, {"WWW-Authenticate": challenge} if challenge else None)


class HttpApi:
    """The HTTP API in front of the functions."""

    def __init__(self, template: Template, runtime: Runtime, access_log: TextIO, guard: Guard) -> None:
        self._router = Router(
            template.routes, trailing_slash=os.environ.get("LOCAL_TRAILING_SLASH", "route") == "route"
        )
        self._authorizer = Authorizer(template.issuer, template.audience[0]) if template.audience else None
        self._runtime = runtime
        self._access_log = access_log
        self._guard = guard

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        target = request.raw_path
        if not target.startswith("/") and "://" in target:
            # An absolute URL, as clients send it to proxies (RFC 9112, 3.2.2).
            split = urlsplit(target)
            target = f"{split.path or '/'}?{split.query}"
        path, _, query = target.partition("?")
        incoming = Incoming(request, str(uuid.uuid4()), path, query, time.time())
        route, parameters = self._router.find(request.method, path)
        claims: dict[str, Any] = {}
        error = authorizer_error = ""
        try:
            if request.version < HttpVersion10:
                # The parser reads a line without a version as HTTP/0.9, which has neither headers nor statuses.
                raise _RefusedError(400, "Bad Request")
            if why := self._guard.refusal_of(request):
                raise _RefusedError(403, why)
            if _header_size(request) > LARGEST_HEADERS:
                raise _RefusedError(431, "Request Header Fields Too Large")
            if route is None:
                raise _RefusedError(404, "Not Found")
            if route.authorized:
                claims = await self._claims(request)
            response = await self._integrate(incoming, route, parameters, _authorize(claims, route))
        except _RefusedError as refused:
            response, error, authorizer_error = refused.answer, str(refused), refused.authorizer_error
        response.headers["apigw-requestid"] = incoming.id
        response.headers["Server"] = "local"
        self._log(incoming, route, response, claims, error, authorizer_error)
        return response

    async def _claims(self, request: web.BaseRequest) -> dict[str, Any]:
        # Joined, two tokens are invalid; picking one would be a guess.
        header = ",".join(request.headers.getall("Authorization", []))
        try:
            if self._authorizer is None or not header:
                raise TokenError("")
            return await self._authorizer.claims(header)
        except TokenError as error:
            detail = f' scope="" error="invalid_token" error_description="{error.reason}"' if error.reason else ""
            raise _RefusedError(401, "Unauthorized", f"Bearer{detail}", authorizer_error=error.reason) from None

    async def _integrate(
        self, incoming: Incoming, route: Route, parameters: dict[str, str], authorizer: dict[str, Any] | None
    ) -> web.Response:
        document = event(incoming, route.key, parameters, authorizer, await _body(incoming.request))
        payload = json.dumps(document, ensure_ascii=False).encode()
        if len(payload) > LARGEST_PAYLOAD:
            raise _RefusedError(413, "Request Entity Too Large")
        try:
            result = await asyncio.wait_for(self._runtime.invoke(route.function, payload), INTEGRATION_SECONDS)
            if not result.failed:
                return answer(result.payload, head=incoming.request.method == "HEAD")
        except TimeoutError:
            raise _RefusedError(503, "Service Unavailable") from None
        except ValueError:
            pass  # the function did not answer with a valid response
        raise _RefusedError(500, "Internal Server Error")

    def _log(
        self,
        incoming: Incoming,
        route: Route | None,
        response: web.Response,
        claims: dict[str, Any],
        error: str,
        authorizer_error: str,
    ) -> None:
        # The fields of the template's access log: the route key, never the path, which may hold a webhook's secret. As on AWS,
        # a hyphen stands for what a request does not have.
        latency = round((time.time() - incoming.began) * 1000, 1)
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(incoming.began)),
            "request_id": incoming.id,
            "route": route.key if route else None,
            "method": incoming.request.method,
            "status": response.status,
            "response_bytes": len(response.body) if isinstance(response.body, bytes) else 0,
            "latency_ms": latency,
            "integration_latency_ms": "-" if error else latency,
            "error": error or "-",
            "integration_error": "-",
            "authorizer_error": authorizer_error or "-",
            "client_id": claims.get("cid", "-"),
            "azp": claims.get("azp", "-"),
            "client_id_claim": claims.get("client_id", "-"),
            "uid": claims.get("uid", "-"),
            "source_ip": incoming.request.remote or "-",
            "api_id": API_ID,
        }
        self._access_log.write(json.dumps(line) + "\n")


def _authorize(claims: dict[str, Any], route: Route) -> dict[str, Any] | None:
    """Return the event's authorizer. Raise _RefusedError if the token has none of the route's scopes."""
    if not route.authorized:
        return None
    scopes = token_scopes(claims)
    if route.scopes and not set(route.scopes) & set(scopes):
        expected = " ".join(route.scopes)
        detail = f'error="insufficient_scope" error_description="expected scopes: [{expected}]"'
        raise _RefusedError(403, "Forbidden", f'Bearer scope="{expected}" {detail}')
    return {"jwt": {"claims": rendered(claims), "scopes": scopes if route.scopes else None}}


def _header_size(request: web.BaseRequest) -> int:
    return len(request.raw_path) + sum(len(name) + len(value) + 4 for name, value in request.raw_headers)


async def _body(request: web.BaseRequest) -> bytes:
    if (request.content_length or 0) > LARGEST_BODY:
        raise _RefusedError(413, "Request Entity Too Large")
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # The interim answer does not count as the response's beginning.
        request.writer.output_size = 0
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise _RefusedError(413, "Request Entity Too Large") from None
    except web.RequestPayloadError:
        raise _RefusedError(400, "Bad Request") from None


class _Connection(web.RequestHandler):
    """A connection that answers an invalid request as AWS does, and logs nothing of its content."""

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        if isinstance(exc, LineTooLong):
            refused = _RefusedError(431, "Request Header Fields Too Large")
        elif status < 500:
            refused = _RefusedError(400, "Bad Request")
        else:
            # A client that disconnects mid-request gets no answer, and it is not our error.
            if not isinstance(exc, ConnectionError):
                self.log_exception("an error of the API gateway itself", exc_info=exc)
            refused = _RefusedError(500, "Internal Server Error")
        refused.answer.force_close()
        refused.answer.headers["Server"] = "local"
        return refused.answer


class HttpServer(web.Server):
    """The API gateway's HTTP server."""

    def __init__(self, api: HttpApi) -> None:
        super().__init__(
            api,
            access_log=None,
            request_factory=large_requests(LARGEST_BODY),
            # The function gets bodies as the client sent them.
            auto_decompress=False,
            # Above API Gateway's own limit, so that its answer is given rather than the parser's.
            max_line_size=LARGEST_HEADERS * 2,
            max_field_size=LARGEST_HEADERS * 2,
            max_headers=LARGEST_HEADERS,
        )

    def __call__(self) -> web.RequestHandler:
        """Open a connection."""
        return _Connection(self, loop=self._loop, **self._kwargs)


async def main() -> None:
    """Serve the API (unless LOCAL_WITHOUT_HTTP is set) and the runtime until SIGINT or SIGTERM."""
    config = Config.from_environ()
    template = load(config.template, config.parameters, cache=config.state)
    runtime = Runtime(template, config)
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    make_folder(config.state)
    config.logs.mkdir(exist_ok=True)
    with (config.logs / "access.log").open("a", buffering=1) as access_log:
        await serve(runtime, config, SecretsManager(config))
        front = HttpServer(HttpApi(template, runtime, access_log, Guard(config.ports, any_path)))
        listening: asyncio.Server | None = None
        if not os.environ.get("LOCAL_WITHOUT_HTTP"):
            listening = await loop.create_server(front, "127.0.0.1", config.port, backlog=1024)
        # The first order's text should not wait for a cold start. A person's own request may.
        for mapping in template.streams:
            runtime.warm(mapping.function)
        tidy = asyncio.create_task(runtime.keep_tidy())
        await stop.wait()
        tidy.cancel()
        # Answer requests in flight before their workers end.
        if listening:
            listening.close()
        await front.shutdown(DRAIN_SECONDS)
        await runtime.close()


if __name__ == "__main__":
    asyncio.run(main())
