"""How the local issuer refuses: with OAuth's error, Okta's own, or a page for a person."""

import secrets

__all__ = ["OAuthError", "OktaError", "PageError"]


class OAuthError(Exception):
    """A refusal with OAuth's error code (RFC 6749, 5.2); `challenge` is the WWW-Authenticate header, if it needs one."""

    def __init__(self, error: str, description: str, status: int = 400, challenge: str = "") -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status
        self.challenge = challenge

    def document(self) -> dict[str, object]:
        """Return the JSON object that applications get."""
        return {"error": self.error, "error_description": self.description}


class OktaError(Exception):
    """A refusal with Okta's own code, which its OAuth endpoints also use now and then."""

    def __init__(self, code: str, summary: str, status: int) -> None:
        super().__init__(summary)
        self.code = code
        self.summary = summary
        self.status = status
        self.challenge = ""

    def document(self) -> dict[str, object]:
        """Return the JSON object that applications get."""
        return {
            "errorCode": self.code,
            "errorSummary": self.summary,
            "errorLink": self.code,
            "errorId": f"oae{secrets.token_urlsafe(16)}",
            "errorCauses": [],
        }


class PageError(Exception):
    """A refusal to show to the person, since it may not reach the application."""
