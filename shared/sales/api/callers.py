"""The caller of a request and the scopes of the token.

Behind API Gateway the JWT authorizer has verified the token and put its claims into the event. An event without an
authorizer (`sam local` ignores JWT authorizers) has its bearer token verified here against the issuer's keys. No setting
turns authentication off.
"""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from sales.domain.caller import Caller, scope_list
from sales.domain.problems import Problem

if TYPE_CHECKING:
    from sales.api.tokens import Verifier

__all__ = ["caller_of", "require_scope"]


def caller_of(
    event: Mapping[str, Any], headers: Mapping[str, str], *, issuer: str, audience: str, jwks_uri: str
) -> Caller:
    """Return the caller of an HTTP API event (payload 2.0).

    Raise Problem `unauthorized` (401) with WWW-Authenticate (RFC 6750).
    """
    authorizer = event.get("requestContext", {}).get("authorizer")
    if authorizer is not None:
        jwt = authorizer.get("jwt") or {}
        claims, scopes = jwt.get("claims") or {}, scope_list(jwt.get("scopes"))
    else:
        claims, scopes = _verified(headers.get("authorization", ""), issuer, audience, jwks_uri)
    caller = Caller.from_claims(claims, scopes)
    if caller is None:
        raise _unauthorized("the token names no caller")
    return caller


def require_scope(caller: Caller, scope: str) -> None:
    """Raise Problem `insufficient_scope` unless the caller's token carries this very scope: none contains another."""
    if scope not in caller.scopes:
        raise Problem(
            "insufficient_scope",
            f"The token needs the scope {scope}.",
            headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
        )


def _verified(authorization: str, issuer: str, audience: str, jwks_uri: str) -> tuple[dict[str, Any], list[str]]:
    """Return the claims and scopes of a bearer token. Raise Problem `unauthorized`."""
    scheme, _, token = authorization.partition(" ")
    if not scheme:
        raise Problem("unauthorized", headers={"WWW-Authenticate": "Bearer"})
    if scheme.lower() != "bearer" or not token:
        raise _unauthorized("the Authorization header is not a bearer token")
    # Behind API Gateway functions verify no token, so they do not pay for these imports.
    from sales.api.jwks import TokenError
    from sales.api.tokens import token_scopes

    try:
        claims = _verifier(issuer, audience, jwks_uri).claims(token)
    except TokenError as error:
        raise _unauthorized(error.reason) from None
    return claims, token_scopes(claims)


@cache
def _verifier(issuer: str, audience: str, jwks_uri: str) -> "Verifier":
    from sales.api.tokens import Verifier

    return Verifier(issuer, audience, jwks_uri)


def _unauthorized(reason: str) -> Problem:
    return Problem(
        "unauthorized",
        reason[0].upper() + reason[1:] + ".",
        headers={"WWW-Authenticate": f'Bearer error="invalid_token", error_description="{reason}"'},
    )
