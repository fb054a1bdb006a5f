"""HTTP endpoints: an HTTP API event (payload 2.0) becomes a Request, and a Response or Problem becomes the answer.

Nothing here knows customers or orders.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from functools import wraps
from string import ascii_letters, digits
from typing import Any, Protocol
from urllib.parse import parse_qsl

from sales.api.callers import caller_of, require_scope
from sales.domain.caller import Caller
from sales.domain.characters import is_visible_ascii
from sales.domain.json_objects import parse_json
from sales.domain.problems import FieldError, Problem
from sales.runtime import log
from sales.runtime.settings import settings
from sales.runtime.startup import started

__all__ = ["Request", "Response", "endpoint"]

BASE_PATH = "/api/v1/sales"
LARGEST_BODY = 100_000
# From here on compression saves a client more than it costs.
_LARGE_BODY = 4_000
# On every answer; browsers ignore the second over plain http.
_SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
}
# Methods that change nothing.
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_REQUEST_ID_CHARACTERS = frozenset(ascii_letters + digits + "._-")

type Event = Mapping[str, Any]
type LambdaHandler = Callable[[Event, Any], dict[str, Any]]


class Request:
    """One HTTP request, already authenticated if its endpoint asks for a scope. Header names are in lower case."""

    def __init__(self, event: Event, headers: Mapping[str, str], raw_body: bytes, caller: Caller | None) -> None:
        self.method: str = event["requestContext"]["http"]["method"]
        self.path: str = event.get("rawPath", "/")
        self.headers = headers
        self.parameters: Mapping[str, str] = event.get("pathParameters") or {}
        self.raw_query: str = event.get("rawQueryString", "")
        self.raw_body = raw_body
        self.event = event
        self._caller = caller

    @property
    def caller(self) -> Caller:
        """Return the caller. Only endpoints with a scope have one."""
        if self._caller is None:
            raise RuntimeError("an endpoint without a scope has no caller")
        return self._caller

    def query(self, *allowed: str) -> dict[str, str]:
        """Return the query parameters.

        Raise Problem `invalid_query` with every parameter that is unknown, repeated or empty.
        """
        parameters: dict[str, str] = {}
        errors = []
        for name, value in parse_qsl(self.raw_query, keep_blank_values=True):
            if name not in allowed:
                errors.append(FieldError(f"?{name[:100]}", "unknown_parameter", f"is not one of: {', '.join(allowed)}"))
            elif name in parameters:
                errors.append(FieldError(f"?{name}", "repeated", "must appear only once"))
            elif not value:
                errors.append(FieldError(f"?{name}", "required", "must not be empty"))
            else:
                parameters[name] = value
        if errors:
            raise Problem("invalid_query", errors=errors)
        return parameters

    @property
    def media_type(self) -> str:
        """Return the body's media type, in lower case and without parameters, or an empty string."""
        return _media_type(self.headers.get("content-type", ""))

    def json(self) -> dict[str, Any]:
        """Return the body's JSON object, its decimal numbers as Decimal, as float with an exponent. Raise Problem 400 or 415."""
        media_type = _media_type(self.headers.get("content-type", "application/json"))
        if media_type != "application/json" and not re.fullmatch(r"application/[\w.+-]+\+json", media_type):
            raise Problem("unsupported_media_type", "Unsupported media type: send application/json.")
        return parse_json(self.raw_body)

    def form(self, limit: int) -> dict[str, str]:
        """Return a webhook's form of at most `limit` bytes. Raise Problem 400, 413 or 415."""
        if self.media_type != "application/x-www-form-urlencoded":
            raise Problem("unsupported_media_type", "Unsupported media type: send application/x-www-form-urlencoded.")
        if len(self.raw_body) > limit:
            raise Problem("payload_too_large", f"Send at most {limit:,} bytes.")
        try:
            return dict(parse_qsl(self.raw_body.decode(), keep_blank_values=True, errors="strict", max_num_fields=50))
        except ValueError:
            raise Problem("invalid_form") from None

    @property
    def idempotency_key(self) -> str | None:
        """Return the Idempotency-Key, if there is one. Raise Problem `invalid_header`."""
        key = self.headers.get("idempotency-key")
        if key is not None and not (len(key) <= 255 and is_visible_ascii(key) and _is_one_line(key)):
            raise Problem(
                "invalid_header",
                "Idempotency-Key must be one line of 1 to 255 visible ASCII characters without a comma.",
            )
        return key

    @property
    def required_idempotency_key(self) -> str:
        """Return the Idempotency-Key. Raise Problem `idempotency_key_required` or `invalid_header`."""
        if (key := self.idempotency_key) is None:
            raise Problem("idempotency_key_required")
        return key

    @property
    def if_match(self) -> frozenset[int] | None:
        """Return the versions that the caller's change applies to; None means any (no If-Match, or `*`).

        Raise Problem `invalid_header`.
        """
        header = self.headers.get("if-match")
        if header is None or header.strip() == "*":
            return None
        from sales.api.etags import MOST_ETAGS, versions

        try:
            return versions(header)
        except ValueError:
            raise Problem("invalid_header", f'If-Match must be * or 1 to {MOST_ETAGS} ETags, such as "3".') from None

    def require_if_match(self) -> None:
        """Raise Problem `precondition_required` unless If-Match names versions, or `invalid_header`."""
        if self.if_match is None:
            raise Problem("precondition_required")

    def check_version(self, current: int) -> None:
        """Raise Problem `version_mismatch` with the current version if If-Match names only others."""
        expected = self.if_match
        if expected is not None and current not in expected:
            raise Problem(
                "version_mismatch",
                f"The current version is {current}.",
                headers={"ETag": f'"{current}"'},
                current_version=current,
            )


class Resource(Protocol):
    """An item that the API shows."""

    @property
    def version(self) -> int:
        """Return a number that grows with every change."""
        ...

    def public(self) -> dict[str, Any]:
        """Return the item as JSON."""
        ...


class Response:
    """The answer to a request. Text and bytes are sent as they are, any other body as JSON; `version` becomes the ETag.

    `replayed` marks the answer to a request whose Idempotency-Key was used before.
    """

    def __init__(
        self,
        status: int,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        version: int | None = None,
        *,
        replayed: bool = False,
    ) -> None:
        self.status = status
        self.body = body
        self.headers = headers or {}
        self.version = version
        self.replayed = replayed

    @classmethod
    def created(cls, resource: Resource, path: str, *, replayed: bool = False) -> "Response":
        """Return 201 with the resource, its ETag and its location: `path` is below the API's root."""
        location = {"location": f"{BASE_PATH}/{path}"}
        return cls(201, resource.public(), location, resource.version, replayed=replayed)


def endpoint(
    *, scope: str | None, audited: bool | None = None, largest_body: int = LARGEST_BODY
) -> Callable[[Callable[[Request], Response]], LambdaHandler]:
    """Turn a function from Request to Response into a Lambda handler.

    The caller's token must carry the scope; `scope=None` makes the endpoint public. Every answer has X-Request-Id and,
    unless the function says otherwise, `Cache-Control: no-store`; the answer to HEAD is GET's without the body. A Problem
    becomes problem+json; any other exception is logged and becomes a 500 that reveals nothing about it.

    Each request except a GET writes a line of the audit trail, whatever its answer is. `audited` overrides this: False for
    an endpoint that changes nothing, True for a GET that takes data out of the shop. A body of more than `largest_body`
    bytes is refused.
    """

    def decorate(function: Callable[[Request], Response]) -> LambdaHandler:
        # functions/<action>/app.py
        action = function.__module__.removesuffix(".app").rpartition(".")[2]

        @wraps(function)
        def handler(event: Event, context: Any) -> dict[str, Any]:
            headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
            request_context = event.get("requestContext") or {}
            request_id = request_context.get("requestId") or context.aws_request_id
            proposed = headers.get("x-request-id", "")
            client_request_id = proposed if _can_be_request_id(proposed) else None
            log.bind(request_id, client_request_id)
            path = event.get("rawPath", "/")
            outcome: dict[str, Any] = {}
            try:
                response = function(_request(event, headers, scope, largest_body))
                answer = _answer(response, headers, event)
                outcome = {"version": response.version, "replayed": response.replayed or None}
            except Problem as problem:
                outcome = {"code": problem.code}
                # The route key: the path may hold a webhook's secret.
                log.info("problem", code=problem.code, status=problem.status, route=event.get("routeKey"))
                answer = _problem(problem, path, request_id)
            except Exception as raised:  # noqa: BLE001 - the boundary: nothing about it may reach the caller
                log.exception("unexpected", raised, route=event.get("routeKey"))
                outcome = {"code": "unexpected"}
                answer = _problem(Problem("unexpected"), path, request_id)
            method = (request_context.get("http") or {}).get("method")
            if method not in _READING if audited is None else audited:
                log.audit(action, answer["statusCode"], **outcome)
            answer["headers"]["x-request-id"] = client_request_id or request_id
            return _as_sent(answer, event)

        return started(handler)

    return decorate


def _request(event: Event, headers: Mapping[str, str], scope: str | None, largest_body: int) -> Request:
    _name_subject(event.get("pathParameters") or {})
    caller = None
    if scope is not None:
        config = settings()
        caller = caller_of(
            event,
            headers,
            issuer=config.okta_issuer,
            audience=config.okta_audience,
            jwks_uri=config.jwks_uri,
        )
        log.act_as(caller)
        require_scope(caller, scope)
    body = event.get("body") or ""
    raw = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode("utf-8", "surrogatepass")
    if len(raw) > largest_body:
        raise Problem("payload_too_large", f"Send at most {largest_body:,} bytes.")
    return Request(event, headers, raw, caller)


def _name_subject(parameters: Mapping[str, str]) -> None:
    """Log which customer or order the path names by id, for requests that are refused before it is looked up.

    Anything else that the path may hold could be a name or an address.
    """
    for name in ("customer", "order"):
        if name in parameters:
            # Late: lists and pages name nothing.
            from sales.domain.ids import is_id

            if is_id(id := parameters[name].lower()):
                log.about(**{f"{name}_id": id})


def _is_one_line(value: str) -> bool:
    """Say whether a header that cannot be a list was sent once: API Gateway joins several lines with commas."""
    return "," not in value


def _media_type(content_type: str) -> str:
    # None that we read has a parameter with a comma.
    return content_type.partition(";")[0].strip().lower() if _is_one_line(content_type) else ""


def _can_be_request_id(text: str) -> bool:
    return 1 <= len(text) <= 128 and _REQUEST_ID_CHARACTERS.issuperset(text)


def _answer(response: Response, request_headers: Mapping[str, str], event: Event) -> dict[str, Any]:
    headers = {"cache-control": "no-store", **{name.lower(): value for name, value in response.headers.items()}}
    if response.version is not None:
        headers["etag"] = f'"{response.version}"'
    known = request_headers.get("if-none-match")
    if known and "etag" in headers and event["requestContext"]["http"]["method"] in ("GET", "HEAD"):
        from sales.api.etags import is_current

        if is_current(known, headers["etag"]):
            return {"statusCode": 304, "headers": headers, "body": ""}
    if response.replayed:
        headers["idempotency-replayed"] = "true"
    body = response.body
    if isinstance(body, bytes):
        encoded = base64.b64encode(body).decode()
        return {"statusCode": response.status, "headers": headers, "body": encoded, "isBase64Encoded": True}
    if not isinstance(body, str):
        headers.setdefault("content-type", "application/json")
        body = "" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    # Lists, which the console asks for again and again: an item's ETag would need one for each encoding (RFC 9110, 8.8.3.3).
    if len(body) >= _LARGE_BODY and "etag" not in headers and "accept-encoding" in request_headers:
        from sales.api.encodings import accepts_gzip, gzipped_content

        if accepts_gzip(request_headers["accept-encoding"]):
            vary = ", ".join(filter(None, (headers.pop("vary", None), "accept-encoding")))
            headers |= {"content-encoding": "gzip", "vary": vary}
            encoded = base64.b64encode(gzipped_content(body.encode())).decode()
            return {"statusCode": response.status, "headers": headers, "body": encoded, "isBase64Encoded": True}
    return {"statusCode": response.status, "headers": headers, "body": body}


def _problem(problem: Problem, path: str, request_id: str) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in problem.headers.items()}
    # A webhook's path holds its secret: never repeat it.
    instance = "/webhooks" if path.startswith("/webhooks") else path
    return {
        "statusCode": problem.status,
        "headers": {"content-type": "application/problem+json", "cache-control": "no-store", **headers},
        "body": json.dumps(problem.public(instance, request_id), ensure_ascii=False, separators=(",", ":")),
    }


def _as_sent(answer: dict[str, Any], event: Event) -> dict[str, Any]:
    """Return the answer with the headers that every answer has, and for HEAD without the body but with its length."""
    answer["headers"] |= _SECURITY_HEADERS
    if event["requestContext"]["http"]["method"] != "HEAD":
        return answer
    body = answer["body"].encode("utf-8", "surrogatepass")
    if answer["statusCode"] != 304:
        length = len(base64.b64decode(body) if answer.pop("isBase64Encoded", False) else body)
        answer["headers"]["content-length"] = str(length)
    return answer | {"body": ""}
