"""Who calls the API."""

from dataclasses import dataclass

__all__ = ["Caller"]


@dataclass(frozen=True, slots=True)
class Caller:
    """The verified sender of a request: Okta's `sub`, its client `cid`, and what the token allows."""

    subject: str
    client: str
    scopes: frozenset[str]

    @property
    def identity(self) -> str:
        """What makes two callers the same: client and subject (a client's own token has its id as subject)."""
        return f"{self.client}\n{self.subject}"
