"""Gives each answer of the local issuer what Okta gives it: refusals, limits, cross-origin headers, request ids."""

import logging
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable

from aiohttp import web

from local.okta import pages
from local.okta.clients import Client, Clients
from local.okta.errors import OAuthError, OktaError, PageError

__all__ = ["BASE", "CLIENT", "Cors", "Limits", "as_okta"]

BASE = "/oauth2/default"
_KEYS = f"{BASE}/v1/keys"
_TOKEN = f"{BASE}/v1/token"
# Browsers of trusted origins may read these; those of a client's redirect addresses may read its tokens.
_FOR_TRUSTED_ORIGINS = {
    f"{BASE}/.well-known/openid-configuration",
    _KEYS,
    f"{BASE}/v1/revoke",
    f"{BASE}/v1/userinfo",
}
_WINDOW_SECONDS = 60
# The client of a request for tokens, once it is known.
CLIENT = web.RequestKey("client", Client)
_LIMITS = web.RequestKey("limits", dict[str, str])

log = logging.getLogger(__name__)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def as_okta(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Refuse as Okta does: with OAuth's JSON, Okta's own JSON, or a page."""
    try:
        response = await handler(request)
    except (OAuthError, OktaError) as refused:
        response = web.json_response(refused.document(), status=refused.status)
        if refused.challenge:
            response.headers["WWW-Authenticate"] = refused.challenge
    except PageError as refused:
        response = pages.message_page("This sign-in cannot go on", str(refused), 400)
    except web.HTTPException as refused:
        codes = {404: "E0000007", 405: "E0000022"}
        error = OktaError(codes.get(refused.status, "E0000003"), refused.reason, refused.status)
        response = web.json_response(error.document(), status=error.status)
        if isinstance(refused, web.HTTPMethodNotAllowed):
            response.headers["Allow"] = ", ".join(sorted(refused.allowed_methods))
    except ConnectionError:
        raise
    except Exception:
        log.exception("%s %s", request.method, request.path)
        response = web.json_response(OAuthError("server_error", "Internal error.").document(), status=500)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Okta-Request-Id"] = secrets.token_urlsafe(20)
    response.headers.update(request.get(_LIMITS, {}))
    return response


class Limits:
    """Okta's limit of requests to each endpoint in a minute. Okta counts for the whole organisation, so this does too."""

    def __init__(self, limit: int, now: Callable[[], float]) -> None:
        self._limit = limit
        self._now = now
        self._window = 0
        self._counts: Counter[str] = Counter()

    @web.middleware
    async def middleware(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Count the request. Raise OktaError if it is one too many."""
        if request.path.startswith(f"{BASE}/v1/") and request.path != _KEYS:
            window = int(self._now()) // _WINDOW_SECONDS
            if window != self._window:
                self._window = window
                self._counts.clear()
            self._counts[request.path] += 1
            left = self._limit - self._counts[request.path]
            request[_LIMITS] = {
                "X-Rate-Limit-Limit": str(self._limit),
                "X-Rate-Limit-Remaining": str(max(left, 0)),
                "X-Rate-Limit-Reset": str((window + 1) * _WINDOW_SECONDS),
            }
            if left < 0:
                raise OktaError("E0000047", "API call exceeded rate limit due to too many requests.", 429)
        return await handler(request)


class Cors:
    """Which pages may read an answer in a browser. A handler of tokens sets `CLIENT`."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    @web.middleware
    async def middleware(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Answer preflights, and add the headers that let a page read the answer."""
        if request.path != _TOKEN and request.path not in _FOR_TRUSTED_ORIGINS:
            return await handler(request)
        origin = request.headers.get("Origin", "")
        preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        response = web.Response(status=204) if preflight else await handler(request)
        response.headers["Vary"] = "Origin"
        if origin and self._may_read(request, origin, preflight=preflight):
            response.headers["Access-Control-Allow-Origin"] = origin
            if preflight:
                response.headers["Access-Control-Allow-Methods"] = "POST" if request.path == _TOKEN else "GET, POST"
                response.headers["Access-Control-Allow-Headers"] = (
                    "Authorization, Content-Type, X-Okta-User-Agent-Extended"
                )
                response.headers["Access-Control-Max-Age"] = "3600"
        return response

    def _may_read(self, request: web.Request, origin: str, *, preflight: bool) -> bool:
        if request.path != _TOKEN:
            return origin in self._clients.trusted_origins
        client = request.get(CLIENT)
        # A preflight does not say which client it is for.
        return preflight or (client is not None and origin in client.origins)
