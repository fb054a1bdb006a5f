"""The local issuer: speaks OAuth 2.0 and OpenID Connect as Okta's custom authorization server does, on this machine only.

Under `/oauth2/default`: discovery, `v1/authorize`, `v1/token`, `v1/keys`, `v1/userinfo`, `v1/logout`, `v1/revoke` and
`v1/device/authorize`; a person types a device's code at `/activate`. Every token names `Config.issuer`, whatever host name
the request used: containers reach this machine as host.docker.internal.

In the state folder: `identity.pem` (the key that signs; rename `identity-next.pem` to it to rotate, delete it to withdraw
it), `identity-clients.json` (the secrets of confidential clients) and `identity.sqlite` (so that refresh tokens survive a
restart).
"""

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from aiohttp import web

from local.config import Config, sam_port
from local.guard import Guard, any_path
from local.okta import pages
from local.okta.clients import DEVICE_GRANT, SCOPES, Clients
from local.okta.database import GrantDatabase
from local.okta.middleware import BASE, Cors, Limits, as_okta
from local.okta.sign_in import SignIn
from local.okta.signing_key import SigningKey
from local.okta.token_endpoints import TokenEndpoints
from local.okta.tokens import Tokens
from local.private_files import make_folder

__all__ = ["AuthorizationServer", "serve"]

# Far more than people and tests need, and Okta's own order of magnitude.
_REQUESTS_A_MINUTE = 1_200
_LARGEST_BODY = 64 * 1024
_CLAIMS = (
    *("ver", "jti", "iss", "aud", "iat", "exp", "cid", "uid", "scp", "sub", "auth_time", "nonce", "amr", "at_hash"),
    *("name", "preferred_username", "email", "email_verified"),
)


class AuthorizationServer:
    """The issuer over HTTP. `now` returns Unix seconds; `limit` is how many requests an endpoint answers in a minute."""

    def __init__(self, config: Config, now: Callable[[], float] = time.time, limit: int = _REQUESTS_A_MINUTE) -> None:
        make_folder(config.state)
        # Under sam local the console and the reference are on its port.
        self._guard = Guard({*config.ports, sam_port()}, any_path)
        self._issuer = config.issuer
        self._limits = Limits(limit, now)
        self._clients = Clients(config)
        self._clients.create_secrets()
        self._key = SigningKey(config.state / "identity.pem")
        self._key.published()
        self._grants = GrantDatabase(config.state / "identity.sqlite", now)
        tokens = Tokens(config.issuer, self._key, self._grants, now)
        self._tokens = TokenEndpoints(self._clients, self._grants, tokens, config.issuer_url)
        self._sign_in = SignIn(config.port, self._clients, self._grants, tokens, now)

    def app(self) -> web.Application:
        """Return the issuer's routes."""
        app = web.Application(
            client_max_size=_LARGEST_BODY,
            middlewares=[self._guard.middleware(), Cors(self._clients).middleware, as_okta, self._limits.middleware],
        )
        app.add_routes(
            [
                web.get(f"{BASE}/.well-known/openid-configuration", self._discovery),
                web.get(f"{BASE}/v1/keys", self._keys),
                web.get(f"{BASE}/v1/authorize", self._sign_in.authorize, allow_head=False),
                web.post(f"{BASE}/v1/authorize", self._sign_in.authorize),
                web.post(f"{BASE}/v1/login", self._sign_in.login),
                web.get(f"{BASE}/v1/logout", self._sign_in.logout, allow_head=False),
                web.post(f"{BASE}/v1/logout", self._sign_in.logout),
                web.post(f"{BASE}/v1/token", self._tokens.token),
                web.post(f"{BASE}/v1/revoke", self._tokens.revoke),
                web.get(f"{BASE}/v1/userinfo", self._tokens.userinfo, allow_head=False),
                web.post(f"{BASE}/v1/userinfo", self._tokens.userinfo),
                web.post(f"{BASE}/v1/device/authorize", self._tokens.device),
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
            "request_parameter_supported": False,
        }
        return web.json_response(document)

    async def _keys(self, _: web.Request) -> web.Response:
        # Okta lets clients keep its keys as long; API Gateway keeps them for two hours.
        headers = {"Cache-Control": "max-age=3600, must-revalidate"}
        return web.json_response({"keys": self._key.published()}, headers=headers)


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
