"""Events as Lambda receives them: HTTP API payload 2.0 and stream records."""

import base64
import json
from typing import Any
from urllib.parse import urlencode


class Context:
    """A Lambda context with time left."""

    aws_request_id = "00000000-0000-4000-8000-000000000000"

    def __init__(self, seconds: float = 60) -> None:
        self._milliseconds = int(seconds * 1000)

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


def http_event(
    method: str,
    path: str,
    body: Any = None,
    *,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    parameters: dict[str, str] | None = None,
    scopes: tuple[str, ...] = ("sales:read", "sales:write", "sales:manage"),
    subject: str = "tester",
    client: str = "sales-service",
    authorized: bool = True,
) -> dict[str, Any]:
    """Return a request as API Gateway passes it on, with the authorizer's claims in its format."""
    raw = body if isinstance(body, str | bytes) or body is None else json.dumps(body)
    sent = {"content-type": "application/json", **{k.lower(): v for k, v in (headers or {}).items()}}
    if isinstance(raw, str) and sent["content-type"] != "application/json":
        # Late: a bench makes events where the local system's packages are missing.
        from local.aws.payload import arrives_as_text

        raw = raw if arrives_as_text(sent["content-type"]) else raw.encode()
    context: dict[str, Any] = {
        "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test"},
        "requestId": "request",
        "routeKey": f"{method} {path}",
        "stage": "$default",
    }
    if authorized:
        claims = {"sub": subject, "cid": client, "scp": f"[{' '.join(scopes)}]", "exp": "4102444800"}
        context["authorizer"] = {"jwt": {"claims": claims, "scopes": list(scopes)}}
    event = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": urlencode(query or {}),
        "headers": sent,
        "requestContext": context,
        "isBase64Encoded": isinstance(raw, bytes),
    }
    if query:
        event["queryStringParameters"] = query
    if parameters:
        event["pathParameters"] = parameters
    if raw is not None:
        event["body"] = base64.b64encode(raw).decode() if isinstance(raw, bytes) else raw
    return event


def form_event(path: str, fields: dict[str, str], parameters: dict[str, str]) -> dict[str, Any]:
    """Return a webhook request as API Gateway passes it on."""
    return http_event(
        "POST",
        path,
        urlencode(fields),
        headers={"content-type": "application/x-www-form-urlencoded"},
        parameters=parameters,
        authorized=False,
    )


def stream_event(*images: dict[str, Any]) -> dict[str, Any]:
    """Return a batch of INSERT records with these new images, in DynamoDB's format."""
    return {
        "Records": [
            {
                "eventID": str(number),
                "eventName": "INSERT",
                "eventSource": "aws:dynamodb",
                "dynamodb": {"SequenceNumber": f"{number:021d}", "NewImage": image, "StreamViewType": "NEW_IMAGE"},
            }
            for number, image in enumerate(images, 1)
        ]
    }
