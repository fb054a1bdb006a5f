"""Which scopes a person may get: the access policy of the local issuer, as docs/okta.md sets up Okta's.

Rules are lists of what is allowed. A request gets its scopes if one rule allows all of them; no rule takes anything away.
"""

from collections.abc import Mapping

from local.okta.clients import CUSTOM_SCOPES, SCOPES, USERS, Client
from local.okta.errors import OAuthError

__all__ = ["check_policy"]

_OF_EVERYONE = frozenset(SCOPES) - frozenset(CUSTOM_SCOPES)
_RULES: Mapping[str, frozenset[str]] = {
    # group: the scopes that its people may get
    "Sales readers": _OF_EVERYONE | {"sales:read"},
    "Sales clerks": _OF_EVERYONE | {"sales:read", "sales:write"},
    "Sales managers": _OF_EVERYONE | {"sales:read", "sales:write", "sales:manage"},
}


def check_policy(client: Client, login: str, scopes: tuple[str, ...]) -> None:
    """Raise OAuthError unless the user may use the client, and one rule allows them all these scopes.

    Without `login` the client asks for itself.
    """
    if not login:
        allowed = set(scopes) <= set(client.scopes)
    else:
        groups = USERS[login].groups
        if not set(groups) & set(client.groups):
            raise OAuthError("access_denied", "User is not assigned to the client application.")
        allowed = any(_RULES[group].issuperset(scopes) for group in groups)
    if not allowed:
        description = "Policy evaluation failed for this request, please check the policy configurations."
        raise OAuthError("access_denied", description)
