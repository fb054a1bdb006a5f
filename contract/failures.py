"""The failures of the document: what the functions answer, what API Gateway answers itself, and where both may happen.

Many generated clients parse an answer by its status and the first media type of that status, whatever the answer's own
media type is. So the schema of the first one fits every body that the status can have.
"""

from typing import Any

from sales.domain.problems import PROBLEMS

__all__ = ["failure", "failure_schema"]

_PROBLEM, _GATEWAY_MESSAGE, _FAILURE = (
    {"schema": {"$ref": f"#/components/schemas/{model}"}} for model in ("Problem", "GatewayMessage", "Failure")
)
# API Gateway's own answers, by status.
_GATEWAY = {
    401: "The access token is missing, invalid or expired.",
    403: "The token lacks the required scope.",
    413: "The request is too large for API Gateway.",
    429: "Too many requests.",
    431: "Request line and headers are larger than API Gateway's limit of 10,240 bytes.",
    500: "The function could not be invoked.",
    503: "API Gateway or the function did not answer in time.",
}


def failure(status: int, codes: list[str]) -> dict[str, Any]:
    """Return the response object of a status with which our functions give these problem codes."""
    lines = [f"* `{code}`: {PROBLEMS[code][1]}. {PROBLEMS[code][2]}" for code in codes]
    if status in _GATEWAY:
        lines.append(f"* API Gateway: {_GATEWAY[status]}")
    headers = _headers(status, codes)
    return {
        "description": "\n".join(lines),
        **({"headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers}} if headers else {}),
        "content": _content(status, codes),
    }


def _content(status: int, codes: list[str]) -> dict[str, Any]:
    if status not in _GATEWAY:
        return {"application/problem+json": _PROBLEM}
    if not codes:
        return {"application/json": _GATEWAY_MESSAGE}
    return {"application/json": _FAILURE, "application/problem+json": _PROBLEM}


def _headers(status: int, codes: list[str]) -> list[str]:
    headers = ["X-Request-Id"] if codes else []
    if status in (401, 403):
        headers.append("WWW-Authenticate")
    if status == 412:
        headers.append("ETag")
    if "sms_too_soon" in codes or status == 503:
        headers.append("Retry-After")
    return headers


def failure_schema(problem: dict[str, Any], gateway_message: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a body that is a problem or API Gateway's message: it has all their fields and requires none."""
    return {
        "description": "Why a request failed: API Gateway's `message`, or the fields of a `Problem`.",
        "properties": {**gateway_message["properties"], **problem["properties"]},
        "type": "object",
    }
