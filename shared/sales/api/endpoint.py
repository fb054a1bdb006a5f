"""An HTTP API event (payload 2.0) in, a response out; knows nothing of customers and orders."""

import base64
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode

from sales.api.tokens import caller_of
from sales.domain.caller import Caller
from sales.domain.problems import FieldError, Problem
from sales.runtime import log
from sales.runtime.settings import settings
from sales.runtime.startup import started

__all__ = ["Request", "Response", "endpoint"]

BASE_PATH = "/api/v1/sales"
LARGEST_BODY = 100_000
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
# A list of entity-tags (RFC 9110, 5.6.1 and 8.8.3), and each of them: weak or not, and what stands in its quotes.
_ENTITY_TAG = r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"'
_ENTITY_TAGS = rf"[ \t]*(?:,[ \t]*)*{_ENTITY_TAG}(?:[ \t]*,(?:[ \t]*{_ENTITY_TAG})?)*[ \t]*"
_VERSION = "[1-9][0-9]{0,17}"
# DynamoDB's most for IN, which a change is held against.
_MOST_ETAGS = 100
_VISIBLE_KEY = re.compile("[!-~]{1,255}")

type Event = Mapping[str, Any]
type LambdaHandler = Callable[[Event, Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, already authenticated where its endpoint asks for a scope."""

    method: str
    path: str
    headers: Mapping[str, str]
    parameters: Mapping[str, str]
    raw_query: str
    raw_body: bytes
    id: str
    event: Event
    _caller: Caller | None = None

    @property
    def caller(self) -> Caller:
        """Who calls. Only endpoints that name a scope have one."""
        if self._caller is None:
            raise RuntimeError("an endpoint without a scope asked who calls")
        return self._caller

    def query(self, *allowed: str) -> dict[str, str]:
        """The query parameters. Raises Problem `invalid_query` naming each one that is unknown, repeated or empty."""
        found: dict[str, str] = {}
        errors = []
        for name, value in parse_qsl(self.raw_query, keep_blank_values=True):
            if name not in allowed:
                errors.append(
                    FieldError(f"?{name[:100]}", "unknown_parameter", f"must be one of: {', '.join(allowed)}")
                )
            elif name in found:
                errors.append(FieldError(f"?{name}", "repeated", "must be given once"))
            elif not value:
                errors.append(FieldError(f"?{name}", "required", "must not be empty"))
            else:
                found[name] = value
        if errors:
            raise Problem("invalid_query", errors=errors)
        return found

    def json(self) -> dict[str, Any]:
        """The body's JSON object, numbers with a point as Decimal. Raises Problem 400 or 415."""
        media_type = self.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if media_type != "application/json" and not re.fullmatch(r"application/[\w.+-]+\+json", media_type):
            raise Problem("unsupported_media_type", "The body must be application/json.")
        return parse_json(self.raw_body)

    def form(self, limit: int) -> dict[str, str]:
        """The form-encoded body of a webhook. Raises Problem 400, 413 or 415."""
        media_type = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/x-www-form-urlencoded":
            raise Problem("unsupported_media_type", "The body must be application/x-www-form-urlencoded.")
        if len(self.raw_body) > limit:
            raise Problem("payload_too_large", f"The body must be at most {limit} bytes.")
        try:
            return dict(parse_qsl(self.raw_body.decode(), keep_blank_values=True, errors="strict", max_num_fields=50))
        except ValueError:
            raise Problem("invalid_form") from None

    @property
    def idempotency_key(self) -> str | None:
        """The Idempotency-Key, 1 to 255 visible ASCII characters. Raises Problem `invalid_header`."""
        key = self.headers.get("idempotency-key")
        if key is not None and not _VISIBLE_KEY.fullmatch(key):
            raise Problem("invalid_header", "Idempotency-Key must be 1 to 255 visible ASCII characters.")
        return key

    @property
    def required_idempotency_key(self) -> str:
        """The Idempotency-Key, where there must be one. Raises Problem `idempotency_key_required`."""
        if (key := self.idempotency_key) is None:
            raise Problem("idempotency_key_required")
        return key

    @property
    def if_match(self) -> frozenset[int] | None:
        """The versions the caller's change is for; none when it does not say or says `*`.

        ETags that no version has (weak ones, RFC 9110, 13.1.1; another's) are left out. Raises Problem `invalid_header`.
        """
        given = self.headers.get("if-match")
        if given is None or given.strip() == "*":
            return None
        etags = _entity_tags(given)
        if not etags or len(etags) > _MOST_ETAGS:
            raise Problem("invalid_header", f'If-Match must be * or 1 to {_MOST_ETAGS} ETags, such as "3".')
        return frozenset(int(opaque) for weak, opaque in etags if not weak and re.fullmatch(_VERSION, opaque))

    def check_version(self, current: int) -> None:
        """Raises Problem `version_mismatch` naming the current version when If-Match asks for others."""
        wanted = self.if_match
        if wanted is not None and current not in wanted:
            raise Problem(
                "version_mismatch",
                f"The current version is {current}.",
                headers={"ETag": f'"{current}"'},
                current_version=current,
            )


class Shown(Protocol):
    """What a caller can be shown."""

    @property
    def version(self) -> int:
        """Moves with every change."""
        ...

    def public(self) -> dict[str, Any]:
        """As JSON."""
        ...


@dataclass(frozen=True, slots=True)
class Response:
    """What the caller gets. `body` is sent as JSON unless it is text or bytes; `version` becomes the ETag.

    `replayed` marks the answer to an Idempotency-Key that was used before.
    """

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    version: int | None = None
    replayed: bool = False

    @classmethod
    def created(cls, item: Shown, path: str, *, replayed: bool = False) -> "Response":
        """201 with the item, its ETag and where it is, as the path below the API's root."""
        return cls(201, item.public(), {"location": f"{BASE_PATH}/{path}"}, item.version, replayed=replayed)


def _entity_tags(given: str) -> list[tuple[bool, str]]:
    """Of each entity-tag in a list whether it is weak, and what stands in its quotes; none where it is no such list."""
    if not re.fullmatch(_ENTITY_TAGS, given):
        return []
    return [(bool(weak), opaque) for weak, opaque in re.findall(_ENTITY_TAG, given)]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("repeated name")
    return found


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def parse_json(raw: bytes) -> dict[str, Any]:
    """The JSON object these bytes are. Raises Problem `invalid_json`: also for NaN, repeated names, deep nesting."""
    from decimal import Decimal, InvalidOperation

    try:
        found = json.loads(
            raw.decode(), parse_float=Decimal, parse_constant=_constant, object_pairs_hook=_unique
        )  # bytes.decode, since json.loads would also guess UTF-16 and UTF-32
    except (ValueError, RecursionError, InvalidOperation):
        raise Problem("invalid_json") from None
    if not isinstance(found, dict):
        raise Problem("invalid_json", "The body must be a JSON object.")
    return found


def next_link(request: Request, cursor: str) -> str:
    """The Link header value (RFC 8288) that leads to the next page."""
    kept = [(name, value) for name, value in parse_qsl(request.raw_query) if name != "cursor"]
    return f'<{request.path}?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'


def endpoint(*, scope: str | None) -> Callable[[Callable[[Request], Response]], LambdaHandler]:
    """Makes a Lambda handler of a function from Request to Response.

    With a scope the caller must hold a token that carries it; `scope=None` is for the public endpoints. Every answer
    has X-Request-Id and `Cache-Control: no-store`; a Problem becomes problem+json; anything else that is raised is
    logged and becomes a 500 that says nothing of it.
    """

    def decorate(function: Callable[[Request], Response]) -> LambdaHandler:
        @wraps(function)
        def handler(event: Event, context: Any) -> dict[str, Any]:
            headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
            given = headers.get("x-request-id", "")
            request_id = given if _REQUEST_ID.fullmatch(given) else str(uuid.uuid4())
            log.bind(request_id)
            path = event.get("rawPath", "/")
            try:
                response = function(_request(event, headers, request_id, scope))
                answer = _render(response, headers, event)
            except Problem as problem:
                # The route key, because a path may hold a webhook's secret.
                log.info("problem", code=problem.code, status=problem.status, route=event.get("routeKey"))
                answer = _problem(problem, path, request_id)
            except Exception as raised:  # noqa: BLE001 - the boundary: nothing of it may reach the caller
                log.exception("unexpected", raised, route=event.get("routeKey"))
                answer = _problem(Problem("unexpected"), path, request_id)
            answer["headers"]["x-request-id"] = request_id
            return answer

        return started(handler)

    return decorate


def _request(event: Event, headers: Mapping[str, str], request_id: str, scope: str | None) -> Request:
    caller = None
    if scope is not None:
        config = settings()
        caller = caller_of(
            event,
            headers,
            scope,
            issuer=config.okta_issuer,
            audience=config.okta_audience,
            jwks_uri=config.jwks_uri,
        )
    body = event.get("body") or ""
    raw = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode("utf-8", "surrogatepass")
    if len(raw) > LARGEST_BODY:
        raise Problem("payload_too_large", f"The body must be at most {LARGEST_BODY} bytes.")
    return Request(
        method=event["requestContext"]["http"]["method"],
        path=event.get("rawPath", "/"),
        headers=headers,
        parameters=event.get("pathParameters") or {},
        raw_query=event.get("rawQueryString", ""),
        raw_body=raw,
        id=request_id,
        event=event,
        _caller=caller,
    )


def _render(response: Response, headers: Mapping[str, str], event: Event) -> dict[str, Any]:
    answered = {"cache-control": "no-store", **{name.lower(): value for name, value in response.headers.items()}}
    if response.version is not None:
        answered["etag"] = f'"{response.version}"'
    if "etag" in answered and event["requestContext"]["http"]["method"] == "GET":
        known = headers.get("if-none-match", "")
        # Compared weakly (RFC 9110, 13.1.2): what is in between may have made our ETag a weak one.
        if known.strip() == "*" or answered["etag"][1:-1] in (opaque for _, opaque in _entity_tags(known)):
            return {"statusCode": 304, "headers": answered, "body": ""}
    if response.replayed:
        answered["idempotency-replayed"] = "true"
    body = response.body
    if isinstance(body, bytes):
        encoded = base64.b64encode(body).decode()
        return {"statusCode": response.status, "headers": answered, "body": encoded, "isBase64Encoded": True}
    if not isinstance(body, str):
        answered.setdefault("content-type", "application/json")
        body = "" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return {"statusCode": response.status, "headers": answered, "body": body}


def _problem(problem: Problem, path: str, request_id: str) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in problem.headers.items()}
    # A webhook's path holds its secret; it is not repeated, not even to whom sent it.
    instance = "/webhooks" if path.startswith("/webhooks") else path
    return {
        "statusCode": problem.status,
        "headers": {"content-type": "application/problem+json", "cache-control": "no-store", **headers},
        "body": json.dumps(problem.public(instance, request_id), ensure_ascii=False, separators=(",", ":")),
    }
