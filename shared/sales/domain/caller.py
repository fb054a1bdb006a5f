"""The caller of the API."""

from typing import NamedTuple

__all__ = ["Caller"]


class Caller(NamedTuple):
    """The caller of a request, from its verified token: Okta's `sub`, its client `cid`, and the token's scopes."""

    subject: str
    client: str
    scopes: frozenset[str]

    @property
    def id(self) -> str:
        """The same for two requests of one subject through one client (a client's own token has its id as subject)."""
        return f"{self.client}\n{self.subject}"
