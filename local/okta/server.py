"""The local issuer: speaks OAuth 2.0 and OpenID Connect as Okta's custom authorization server does, on this machine only.

Under `/oauth2/default`: discovery, `v1/authorize`, `v1/token`, `v1/keys`, `v1/userinfo`, `v1/logout`, `v1/revoke` and
`v1/device/authorize`; a person types a device's code at `/activate`. Every token names `Config.issuer`, whatever host name
the request used: containers reach this machine as host.docker.internal.

In the state folder: `identity.pem` (the signing key; replace or delete it to rotate), `identity-clients.json` (the secrets
of confidential clients) and `identity.sqlite` (so that refresh tokens survive a restart).
"""

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import web

from local.config import Config
from local.okta import pages
from local.okta.clients import DEVICE_GRANT, SCOPES, Clients, OAuthError
from local.okta.database import GrantDatabase
from local.okta.sign_in import PageError, SignIn
from local.okta.signing_key import SigningKey
from local.okta.token_endpoints import TokenEndpoints
from local.okta.tokens import Tokens

__all__ = ["AuthorizationServer", "serve"]

_BASE = "/oauth2/default"
_LARGEST_BODY = 64 * 1024
_CLAIMS = (
    *("ver", "jti", "iss", "aud", "iat", "exp", "cid", "uid", "scp", "sub", "auth_time", "nonce", "amr", "at_hash"),
    *("name", "preferred_username", "email", "email_verified"),
)
_CORS_PATHS = {
    f"{_BASE}/.well-known/openid-configuration",
    f"{_BASE}/v1/keys",
    f"{_BASE}/v1/revoke",
    f"{_BASE}/v1/token",
    f"{_BASE}/v1/userinfo",
}

log = logging.getLogger(__name__)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AuthorizationServer:
    """The issuer over HTTP. `now` returns Unix seconds."""

    def __init__(self, config: Config, now: Callable[[], float] = time.time) -> None:
        config.state.mkdir(parents=True, exist_ok=True)
        self._issuer = config.issuer
        self._clients = Clients(config)
        self._clients.create_secrets()
        self._key = SigningKey(config.state / "identity.pem")
        self._key.jwk()
        self._grants = GrantDatabase(config.state / "identity.sqlite", now)
        tokens = Tokens(config.issuer, self._key, self._grants, now)
        self._tokens = TokenEndpoints(self._clients, self._grants, tokens, config.issuer_url)
        self._sign_in = SignIn(config.port, config.issuer, self._clients, self._grants, tokens, now)

    def app(self) -> web.Application:
        """Return the issuer's routes."""
        app = web.Application(client_max_size=_LARGEST_BODY, middlewares=[self._cors, _as_okta])
        app.add_routes(
            [
                web.get(f"{_BASE}/.well-known/openid-configuration", self._discovery),
                web.get(f"{_BASE}/v1/keys", self._keys),
                web.get(f"{_BASE}/v1/authorize", self._sign_in.authorize, allow_head=False),
                web.post(f"{_BASE}/v1/authorize", self._sign_in.authorize),
                web.post(f"{_BASE}/v1/login", self._sign_in.login),
                web.get(f"{_BASE}/v1/logout", self._sign_in.logout, allow_head=False),
                web.post(f"{_BASE}/v1/logout", self._sign_in.logout),
                web.post(f"{_BASE}/v1/token", self._tokens.token),
                web.post(f"{_BASE}/v1/revoke", self._tokens.revoke),
                web.get(f"{_BASE}/v1/userinfo", self._tokens.userinfo, allow_head=False),
                web.post(f"{_BASE}/v1/userinfo", self._tokens.userinfo),
                web.post(f"{_BASE}/v1/device/authorize", self._tokens.device),
                web.get("/activate", self._sign_in.show_activate),
                web.post("/activate", self._sign_in.activate),
                web.get(pages.STYLE, pages.style),
            ]
        )
        return app

    def close(self) -> None:
        """Close the database."""
        self._grants.close()

    async def _discovery(self, _: web.Request) -> web.Response:
        methods = ["client_secret_basic", "client_secret_post", "none"]
        base = f"{self._issuer}/v1"
        document = {
            "issuer": self._issuer,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "userinfo_endpoint": f"{base}/userinfo",
            "jwks_uri": f"{base}/keys",
            "end_session_endpoint": f"{base}/logout",
            "revocation_endpoint": f"{base}/revoke",
            "device_authorization_endpoint": f"{base}/device/authorize",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials", DEVICE_GRANT],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": list(SCOPES),
            "claims_supported": list(_CLAIMS),
            "token_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_methods_supported": methods,
            "code_challenge_methods_supported": ["S256"],
            "prompt_values_supported": ["none", "login"],
            "authorization_response_iss_parameter_supported": True,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
        }
        return web.json_response(document)

    async def _keys(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": [self._key.jwk()]})

    @web.middleware
    async def _cors(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        if request.path not in _CORS_PATHS:
            return await handler(request)
        origin = request.headers.get("Origin", "")
        preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        response = web.Response(status=204) if preflight else await handler(request)
        response.headers["Vary"] = "Origin"
        if origin in self._clients.origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            if preflight:
                response.headers["Access-Control-Allow-Methods"] = "GET, POST"
                response.headers["Access-Control-Allow-Headers"] = (
                    "Authorization, Content-Type, X-Okta-User-Agent-Extended"
                )
                response.headers["Access-Control-Max-Age"] = "600"
        return response


@web.middleware
async def _as_okta(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Refuse as Okta does: with OAuth's JSON, a page or, for an unknown endpoint, Okta's own JSON."""
    try:
        response = await handler(request)
    except OAuthError as refused:
        document = {"error": refused.error, "error_description": refused.description}
        response = web.json_response(document, status=refused.status)
        if refused.challenge:
            response.headers["WWW-Authenticate"] = refused.challenge
    except PageError as refused:
        return pages.message_page("This sign-in cannot go on", str(refused), 400)
    except web.HTTPException as refused:
        codes = {404: "E0000007", 405: "E0000022"}
        document = {"errorCode": codes.get(refused.status, "E0000003"), "errorSummary": refused.reason}
        response = web.json_response(document, status=refused.status)
        if isinstance(refused, web.HTTPMethodNotAllowed):
            response.headers["Allow"] = ", ".join(sorted(refused.allowed_methods))
    except ConnectionError:
        raise
    except Exception:
        log.exception("%s %s", request.method, request.path)
        response = web.json_response({"error": "server_error", "error_description": "Internal error."}, status=500)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


async def serve(config: Config) -> None:
    """Serve the issuer on its port until SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    server = AuthorizationServer(config)
    runner = web.AppRunner(server.app(), access_log=None, shutdown_timeout=1)
    try:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", config.port + 1, backlog=1024).start()
        await stopped.wait()
    finally:
        await runner.cleanup()
        server.close()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(Config.from_environ()))
