"""Who calls the API."""

from dataclasses import dataclass

__all__ = ["Caller"]


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a request, from its verified token: Okta's `sub`, its client `cid`, and the token's scopes."""

    subject: str
    client: str
    scopes: frozenset[str]

    @property
    def id(self) -> str:
        """The same for two requests of one subject through one client (a client's own token has its id as subject)."""
        return f"{self.client}\n{self.subject}"
