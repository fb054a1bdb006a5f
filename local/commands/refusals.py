"""How an issuer refuses: OAuth's error (RFC 6749, 5.2), or the error object of Okta's own API, which its token endpoint sends too."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

__all__ = ["Refusal", "json_object"]

_REQUEST_ID = "X-Okta-Request-Id"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something was refused. Each part is empty where the answer does not have it."""

    code: str = ""
    description: str = ""
    request_id: str = ""

    @classmethod
    def of(cls, document: Mapping[str, Any] | None, request_id: str = "") -> "Refusal":
        """Read an error object of either form; anything else has neither code nor description."""
        document = document or {}
        code = _text(document.get("error")) or _text(document.get("errorCode"))
        description = _text(document.get("error_description")) or _text(document.get("errorSummary"))
        causes = document.get("errorCauses")
        if isinstance(causes, list):
            reasons = [_text(cause.get("errorSummary")) for cause in causes if isinstance(cause, dict)]
            description = ": ".join(part for part in (description, "; ".join(filter(None, reasons))) if part)
        return cls(code, description, request_id)

    @classmethod
    def of_answer(cls, answer: requests.Response) -> "Refusal":
        """Read what an endpoint answered; an answer without a description has its status."""
        refusal = cls.of(json_object(answer), answer.headers.get(_REQUEST_ID, ""))
        description = refusal.description or f"status {answer.status_code}"
        return cls(refusal.code, description, refusal.request_id)

    def __str__(self) -> str:
        return f"{self.description} ({_REQUEST_ID}: {self.request_id})" if self.request_id else self.description


def json_object(answer: requests.Response) -> dict[str, Any] | None:
    """Return the answer's JSON object, or None for anything else."""
    try:
        document = answer.json()
    except requests.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
