"""The local issuer's tokens, with the claims of Okta's custom authorization server."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from local.okta.clients import USERS, User
from local.okta.database import Grant, GrantDatabase
from local.okta.signing_key import SigningKey, encode

__all__ = ["AUDIENCE", "TOKEN_SECONDS", "Tokens"]

AUDIENCE = "api://default"
TOKEN_SECONDS = 3600


class Tokens:
    """Issues and checks tokens. Claims: developer.okta.com/docs/api/openapi/okta-oauth."""

    def __init__(self, issuer: str, key: SigningKey, grants: GrantDatabase, now: Callable[[], float]) -> None:
        self._issuer = issuer
        self._key = key
        self._grants = grants
        self._now = now

    def issue(self, grant: Grant, scopes: tuple[str, ...] | None = None) -> dict[str, Any]:
        """Return the token endpoint's answer, with fewer `scopes` than the grant's if given."""
        narrowed = replace(grant, scopes=scopes) if scopes is not None else grant
        access = self._access(narrowed)
        answer = {
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "access_token": access,
            "scope": " ".join(narrowed.scopes),
        }
        if "offline_access" in grant.scopes:
            answer["refresh_token"] = self._grants.new_refresh(grant)
        if "openid" in narrowed.scopes and grant.login:
            answer["id_token"] = self._id(narrowed, access)
        return answer

    def access_claims(self, token: str) -> dict[str, Any] | None:
        """Return the claims of an access token that is valid now, or None."""
        claims = self._key.claims(token)
        if claims is None or claims.get("aud") != AUDIENCE or claims.get("iss") != self._issuer:
            return None
        live = claims.get("exp", 0) > self._now() and self._grants.access_is_live(str(claims.get("jti")))
        return claims if live else None

    def id_token_claims(self, token: str) -> dict[str, Any] | None:
        """Return the claims of an ID token of ours, expired or not; None for anything else."""
        claims = self._key.claims(token)
        ours = claims is not None and claims.get("iss") == self._issuer and str(claims.get("jti")).startswith("ID.")
        return claims if ours else None

    @staticmethod
    def user_claims(user: User, scopes: tuple[str, ...]) -> dict[str, Any]:
        """Return the claims about a user that these scopes allow (OpenID Connect Core, 5.4)."""
        claims: dict[str, Any] = {"sub": user.uid}
        if "profile" in scopes:
            claims |= {"name": user.name, "preferred_username": user.login}
        if "email" in scopes:
            claims |= {"email": user.email, "email_verified": True}
        return claims

    def _access(self, grant: Grant) -> str:
        now = int(self._now())
        jti = f"AT.{secrets.token_urlsafe(32)}"
        claims: dict[str, Any] = {
            "ver": 1,
            "jti": jti,
            "iss": self._issuer,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "cid": grant.client,
            "scp": list(grant.scopes),
            "sub": grant.login or grant.client,
        }
        if grant.login:
            claims |= {"uid": USERS[grant.login].uid, "auth_time": grant.auth_time}
        self._grants.add_access(jti, grant.family, now + TOKEN_SECONDS)
        return self._key.sign(claims)

    def _id(self, grant: Grant, access: str) -> str:
        now = int(self._now())
        half = hashlib.sha256(access.encode()).digest()[:16]
        claims = self.user_claims(USERS[grant.login], grant.scopes) | {
            "ver": 1,
            "iss": self._issuer,
            "aud": grant.client,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "jti": f"ID.{secrets.token_urlsafe(32)}",
            "amr": ["pwd"],
            "auth_time": grant.auth_time,
            "at_hash": encode(half),
        }
        if grant.nonce:
            claims["nonce"] = grant.nonce
        return self._key.sign(claims)
