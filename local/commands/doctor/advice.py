"""Advice about an issuer's refusal, by its code and, where one code has several causes, by its words."""

from local.commands.refusals import Refusal
from local.commands.token import SCOPE

__all__ = ["MACHINE_SCOPE", "REFUSALS", "about_sign_in", "about_token"]

# The scopes that a machine usually has: `make okta` gives it these.
MACHINE_SCOPE = "sales:read sales:write"
_UNKNOWN = "docs/okta.md lists the usual reasons."
# Advice for each error code of a token endpoint (RFC 6749, 5.2), and for Okta's own codes.
REFUSALS = {
    "invalid_client": "Compare OKTA_CLIENT_ID and OKTA_CLIENT_SECRET with the API Services application, which must be active.",
    "invalid_scope": f"Add the scopes {SCOPE} to the authorization server (docs/okta.md, step 2).",
    "access_denied": "Add an access policy for this client, with a rule that allows client credentials and these scopes. "
    'Check a client that may do less with SCOPE="sales:read" make doctor.',
    "invalid_dpop_proof": "Turn off Require Demonstrating Proof of Possession (DPoP) for the application.",
    "unauthorized_client": "Enable the grant Client Credentials for the application.",
    "E0000007": "Compare OKTA_ISSUER with the issuer under Security > API > Authorization Servers: no server has this id.",
    "E0000015": "The organisation lacks API Access Management, without which there is no custom authorization server.",
    "E0000047": "Okta's limit of requests is used up. Try again in a minute.",
}
# The same for an authorization endpoint (RFC 6749, 4.1.2.1).
_SIGN_IN = REFUSALS | {
    "access_denied": "Add an access policy for this client, with a rule that allows authorization code and these scopes.",
    "unauthorized_client": "Enable the grant Authorization Code for the application.",
}
# Causes that share a code, by words of Okta's description.
_CAUSES = (
    (
        "network zone",
        "The application allows only some networks: run this from one of them, or change its network zone.",
    ),
    ("not assigned", "Assign the person, or a group of theirs, to the application."),
    ("client_id", "No application of this organisation has this client id: copy it again."),
)


def about_token(refusal: Refusal) -> str:
    """Return what to do about a token endpoint's refusal."""
    return _cause(refusal) or REFUSALS.get(refusal.code, _UNKNOWN)


def about_sign_in(refusal: Refusal) -> str:
    """Return what to do about an authorization endpoint's refusal."""
    return _cause(refusal) or _SIGN_IN.get(refusal.code, _UNKNOWN)


def _cause(refusal: Refusal) -> str:
    if refusal.code not in {"access_denied", "invalid_client"}:
        return ""
    words = refusal.description.lower()
    return next((advice for part, advice in _CAUSES if part in words), "")
