"""Payload format 2.0: an HTTP request as a Lambda event, and the function's answer as an HTTP response.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from deployment import ACCOUNT

__all__ = ["API_ID", "Incoming", "answer", "arrives_as_text", "event", "message", "rendered"]

API_ID = "local"
# The bodies that API Gateway passes on as text: https://github.com/ministackorg/ministack/issues/766 has it checked on AWS.
_TEXT = re.compile(r"text/.*|application/(json|xml|javascript)")
# Headers of the connection, which is ours and not the function's.
_OURS = {"connection", "content-length", "keep-alive", "server", "transfer-encoding"}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a header's name, RFC 9110


@dataclass(frozen=True, slots=True)
class Incoming:
    """One request: path and query as the client sent them, and its arrival in Unix seconds."""

    request: web.BaseRequest
    id: str
    path: str
    query: str
    began: float


def message(status: int, text: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an answer of the API gateway's own."""
    body = json.dumps({"message": text}, separators=(",", ":")).encode()
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)


def rendered(claims: Mapping[str, Any]) -> dict[str, str]:
    """Return claims as API Gateway passes them: strings only, arrays as `[a b]`, objects as JSON, nulls left out."""
    return {name: _render(value) for name, value in claims.items() if value is not None}


def _render(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{' '.join(_render(element) for element in value)}]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, separators=(",", ":"))


def arrives_as_text(content_type: str) -> bool:
    """Return whether a body of this Content-Type reaches the function as text; any other, also without a type, as base64."""
    return bool(_TEXT.fullmatch(content_type.partition(";")[0].strip().lower()))


def event(
    incoming: Incoming, route_key: str, parameters: Mapping[str, str], authorizer: Mapping[str, Any] | None, body: bytes
) -> dict[str, Any]:
    """Return the function's event."""
    request = incoming.request
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, raw in request.headers.items():
        lower, value = name.lower(), _text(raw)
        if lower == "cookie":
            cookies += (cookie.strip() for cookie in value.split(";"))
        else:
            headers[lower] = f"{headers[lower]},{value}" if lower in headers else value
    # Decoded, as captured events of HTTP APIs show: https://github.com/middleapi/standard-server/pull/93
    path = unquote(_text(incoming.path))
    host = headers.get("host", "localhost").partition(":")[0]
    context: dict[str, Any] = {
        "accountId": ACCOUNT,
        "apiId": API_ID,
        "domainName": host,
        "domainPrefix": host.partition(".")[0],
        "http": {
            "method": request.method,
            "path": path,
            "protocol": f"HTTP/{request.version.major}.{request.version.minor}",
            "sourceIp": request.remote or "127.0.0.1",
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": incoming.id,
        "routeKey": route_key,
        "stage": "$default",
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(incoming.began)),
        "timeEpoch": int(incoming.began * 1000),
    }
    if authorizer is not None:
        context["authorizer"] = authorizer
    document: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": incoming.query,
        "headers": headers,
        "requestContext": context,
        "isBase64Encoded": False,
    }
    if cookies:
        document["cookies"] = cookies
    if incoming.query:
        joined: dict[str, str] = {}
        for name, value in parse_qsl(incoming.query, keep_blank_values=True):
            joined[name] = f"{joined[name]},{value}" if name in joined else value
        document["queryStringParameters"] = joined
    if parameters:
        document["pathParameters"] = dict(parameters)
    if body:
        document["isBase64Encoded"] = not (arrives_as_text(headers.get("content-type", "")) and _is_utf_8(body))
        document["body"] = (base64.b64encode(body) if document["isBase64Encoded"] else body).decode()
    return document


def _is_utf_8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _text(value: str) -> str:
    """Return the value as text that JSON can hold: UTF-8, or else Latin-1."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogateescape").decode("latin-1")
    return value


def answer(payload: bytes, *, head: bool = False) -> web.Response:
    """Return the function's answer as a response. Raise ValueError if it is not a valid one.

    The answer to HEAD has no body, and as its length the one that the function names. An answer without `statusCode` is the body of a 200, with a JSON content type.
    """
    document = json.loads(payload)
    if not isinstance(document, dict) or "statusCode" not in document:
        whole = document.encode("utf-8", "surrogatepass") if isinstance(document, str) else payload
        return web.Response(body=whole, content_type="application/json")
    status, body, headers = document["statusCode"], document.get("body"), document.get("headers")
    cookies = document.get("cookies")
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise ValueError("not a status of an HTTP response")
    if not (isinstance(body, str | None) and isinstance(headers, dict | None) and isinstance(cookies, list | None)):
        raise ValueError("a part of the response has another type")  # noqa: TRY004 - one error for every fault
    raw = (body or "").encode("utf-8", "surrogatepass")
    if document.get("isBase64Encoded"):
        raw = base64.b64decode(raw, validate=True)
    response = web.Response(status=status, body=raw)
    response.headers["Content-Type"] = "text/plain; charset=utf-8"
    ours = _OURS - {"content-length"} if head else _OURS
    for name, value in (headers or {}).items():
        if name.lower() not in ours:
            response.headers[_name(name)] = _value(value)
    for cookie in cookies or []:
        response.headers.add("Set-Cookie", _value(cookie))
    return response


def _name(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise ValueError("not a header's name")
    return name


def _value(value: Any) -> str:
    text = _render(value)
    if any(character in text for character in "\r\n\0"):
        raise ValueError("a header with several lines")
    return text
