"""The sign-in: speaks OAuth 2.0 and OpenID Connect as Okta's custom authorization server does, on this machine only.

Under `/oauth2/default`: discovery, `v1/authorize`, `v1/token`, `v1/keys`, `v1/userinfo`, `v1/logout`, `v1/revoke`,
`v1/introspect` and `v1/device/authorize`; the page where a device's code is typed is `/activate`. Every token names
`Config.issuer`, whatever host name the request came by: containers reach this machine as host.docker.internal.

In the state folder: `identity.pem` (signing key; replace or delete it to rotate), `identity-clients.json`
(secrets of the confidential clients) and `identity.sqlite` (refresh tokens live through a restart).
"""

import asyncio
import logging
import re
import secrets
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from urllib.parse import urlencode, urlsplit, urlunsplit

from aiohttp import web

from local.config import Config
from local.okta import pages
from local.okta.clients import DEVICE_GRANT, SCOPES, USERS, Client, Clients, OAuthError
from local.okta.database import SESSION_SECONDS, Grant, IdentityStore
from local.okta.signing_key import SigningKey
from local.okta.token_endpoints import TokenApi, read_fields, read_scopes
from local.okta.tokens import Tokens

__all__ = ["Identity", "serve"]

_BASE = "/oauth2/default"
_LARGEST_BODY = 64 * 1024
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_SECONDS = re.compile(r"[0-9]{1,10}")
# What of an authorization request goes through the sign-in page.
_CARRIED = (
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
)
_CLAIMS = (
    *("ver", "jti", "iss", "aud", "iat", "exp", "cid", "uid", "scp", "sub", "auth_time", "nonce", "amr", "at_hash"),
    *("name", "preferred_username", "email", "email_verified"),
)
_CORS_PATHS = {
    f"{_BASE}/.well-known/openid-configuration",
    f"{_BASE}/.well-known/oauth-authorization-server",
    f"{_BASE}/v1/keys",
    f"{_BASE}/v1/revoke",
    f"{_BASE}/v1/token",
    f"{_BASE}/v1/userinfo",
}

log = logging.getLogger(__name__)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _PageError(Exception):
    """A refusal that a person is told, not an application."""


class Identity:
    """The authorization server, over HTTP. `now` is the time in seconds since 1970."""

    def __init__(self, config: Config, now: Callable[[], float] = time.time) -> None:
        config.state.mkdir(parents=True, exist_ok=True)
        self._issuer = config.issuer
        self._now = now
        # Cookies do not know ports: each local system has its own.
        self._browser_cookie = f"sales-identity-{config.port}"
        self._form_cookie = f"sales-identity-form-{config.port}"
        self._clients = Clients(config)
        self._clients.create_secrets()
        self._key = SigningKey(config.state / "identity.pem")
        self._key.jwk()
        self._store = IdentityStore(config.state / "identity.sqlite", now)
        self._tokens = Tokens(config.issuer, self._key, self._store, now)
        self._api = TokenApi(self._clients, self._store, self._tokens, config.identity_url)

    def app(self) -> web.Application:
        """The sign-in's routes."""
        app = web.Application(client_max_size=_LARGEST_BODY, middlewares=[self._cors, _as_okta])
        app.add_routes(
            [
                web.get(f"{_BASE}/.well-known/openid-configuration", self._discovery),
                web.get(f"{_BASE}/.well-known/oauth-authorization-server", self._discovery),
                web.get(f"{_BASE}/v1/keys", self._keys),
                web.get(f"{_BASE}/v1/authorize", self._authorize, allow_head=False),
                web.post(f"{_BASE}/v1/authorize", self._authorize),
                web.post(f"{_BASE}/v1/login", self._login),
                web.get(f"{_BASE}/v1/logout", self._logout, allow_head=False),
                web.post(f"{_BASE}/v1/logout", self._logout),
                web.post(f"{_BASE}/v1/token", self._api.token),
                web.post(f"{_BASE}/v1/revoke", self._api.revoke),
                web.post(f"{_BASE}/v1/introspect", self._api.introspect),
                web.get(f"{_BASE}/v1/userinfo", self._api.userinfo, allow_head=False),
                web.post(f"{_BASE}/v1/userinfo", self._api.userinfo),
                web.post(f"{_BASE}/v1/device/authorize", self._api.device),
                web.get("/activate", self._show_activate),
                web.post("/activate", self._activate),
                web.get(pages.STYLE, pages.style),
            ]
        )
        return app

    def close(self) -> None:
        """Closes its files."""
        self._store.close()

    # What the server is

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
            "introspection_endpoint": f"{base}/introspect",
            "revocation_endpoint": f"{base}/revoke",
            "device_authorization_endpoint": f"{base}/device/authorize",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query", "fragment"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials", DEVICE_GRANT],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": list(SCOPES),
            "claims_supported": list(_CLAIMS),
            "token_endpoint_auth_methods_supported": methods,
            "introspection_endpoint_auth_methods_supported": methods,
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

    # Signing in

    async def _authorize(self, request: web.Request) -> web.StreamResponse:
        asked = await _read_request(request)
        client = self._trusted(asked)
        try:
            _check(asked, client)
            prompts = asked.get("prompt", "").split()
            known = self._known(request)
            if known is not None and not self._asks_again(prompts, asked.get("max_age", ""), known[1]):
                return self._give_code(client, asked, *known)
            if "none" in prompts:
                raise OAuthError("login_required", "The client specified not to prompt, but the user is not logged in.")
        except OAuthError as refused:
            return self._send_back(asked, {"error": refused.error, "error_description": refused.description})
        return self._ask(request, client, asked, asked.get("login_hint", ""))

    def _trusted(self, asked: Mapping[str, str]) -> Client:
        """The client; raises _PageError where it is not certain that an answer would reach it (RFC 6749, 4.1.2.1)."""
        client = self._clients.find(asked.get("client_id", ""))
        if client is None:
            raise _PageError("The application that asked is not registered (client_id).")
        if not client.allows_redirect(asked.get("redirect_uri", "")):
            raise _PageError("The 'redirect_uri' parameter must be a Login redirect URI in the client app settings.")
        return client

    def _asks_again(self, prompts: list[str], max_age: str, auth_time: int) -> bool:
        if max_age and not _SECONDS.fullmatch(max_age):
            raise OAuthError("invalid_request", "The 'max_age' parameter must be a number of seconds.")
        # A max_age of 0 always asks (OpenID Connect Core, 3.1.2.1): hence not only what is older.
        return "login" in prompts or (bool(max_age) and self._now() - auth_time >= int(max_age))

    def _known(self, request: web.Request) -> tuple[str, int] | None:
        """Who is signed in in this browser, and since when."""
        known = self._store.browser(request.cookies.get(self._browser_cookie, ""))
        return known if known is not None and known[0] in USERS else None

    def _give_code(self, client: Client, asked: Mapping[str, str], login: str, auth_time: int) -> web.Response:
        scopes = read_scopes(asked["scope"], client)
        grant = Grant(client.id, login, scopes, auth_time, asked.get("nonce", ""), secrets.token_hex(16))
        code = self._store.new_code(grant, asked["redirect_uri"], asked.get("code_challenge", ""))
        return self._send_back(asked, {"code": code})

    def _send_back(self, asked: Mapping[str, str], answer: dict[str, str]) -> web.Response:
        """Redirects to the client; `iss` is RFC 9207's guard against mix-ups."""
        if "state" in asked:
            answer["state"] = asked["state"]
        answer["iss"] = self._issuer
        parts = urlsplit(asked["redirect_uri"])
        if asked.get("response_mode") == "fragment":
            target = urlunsplit(parts._replace(fragment=urlencode(answer)))
        else:
            target = urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, urlencode(answer))))))
        headers = {"Location": target, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        return web.Response(status=303 if "code" in answer else 302, headers=headers)

    def _ask(
        self, request: web.Request, client: Client, asked: Mapping[str, str], login: str = "", problem: str = ""
    ) -> web.Response:
        form_token = self._form_token(request)
        fields = {name: asked[name] for name in _CARRIED if name in asked} | {"form_token": form_token}
        return self._guard(pages.login_page(client.name, fields, asked["redirect_uri"], login, problem), form_token)

    async def _login(self, request: web.Request) -> web.StreamResponse:
        form = await _read_page(request)
        self._check_form(request, form)
        client = self._trusted(form)
        try:
            _check(form, client)
        except OAuthError as refused:
            return self._send_back(form, {"error": refused.error, "error_description": refused.description})
        login = form.get("username", "").strip()
        if not _password_fits(login, form.get("password", "")):
            return self._ask(request, client, form, login, "The user name or the password is wrong.")
        response = self._give_code(client, form, login, int(self._now()))
        self._sign_in(request, response, login)
        return response

    def _sign_in(self, request: web.Request, response: web.Response, login: str) -> None:
        # A cookie from before must not become the signed-in one.
        self._store.end_browser(request.cookies.get(self._browser_cookie, ""))
        cookie = self._store.new_browser(login)
        response.set_cookie(
            self._browser_cookie, cookie, max_age=SESSION_SECONDS, path="/", httponly=True, samesite="Lax"
        )

    # Forms come from our own pages: a token in the cookie and in the form, and the browser's Origin

    def _form_token(self, request: web.Request) -> str:
        token = request.cookies.get(self._form_cookie, "")
        return token if _CHALLENGE.fullmatch(token) else secrets.token_urlsafe(32)

    def _guard(self, response: web.Response, form_token: str) -> web.Response:
        response.set_cookie(self._form_cookie, form_token, path="/", httponly=True, samesite="Strict")
        return response

    def _check_form(self, request: web.Request, form: Mapping[str, str]) -> None:
        cookie = request.cookies.get(self._form_cookie, "")
        given = form.get("form_token", "")
        same = bool(cookie) and secrets.compare_digest(cookie.encode(errors="replace"), given.encode(errors="replace"))
        if not same or request.headers.get("Origin", f"http://{request.host}") != f"http://{request.host}":
            raise _PageError("This form was not sent from the sign-in's own page, or is too old. Please start again.")

    # Signing out

    async def _logout(self, request: web.Request) -> web.StreamResponse:
        asked = await _read_request(request)
        client_id = self._tokens.id_token_client(asked.get("id_token_hint", "")) or asked.get("client_id", "")
        target = asked.get("post_logout_redirect_uri", "")
        if target and not self._clients.allows_sign_out(target, client_id):
            raise _PageError(
                "The 'post_logout_redirect_uri' parameter must be a Logout redirect URI in the client app settings."
            )
        self._store.end_browser(request.cookies.get(self._browser_cookie, ""))
        if target:
            if "state" in asked:
                target += f"{'&' if '?' in target else '?'}{urlencode({'state': asked['state']})}"
            response = web.Response(status=302, headers={"Location": target, "Cache-Control": "no-store"})
        else:
            response = pages.message_page("Signed out", "You can close this page.")
        response.del_cookie(self._browser_cookie, path="/", httponly=True, samesite="Lax")
        return response

    # Devices

    async def _show_activate(self, request: web.Request) -> web.Response:
        return self._ask_device(request, _user_code(request.query.get("user_code", "")))

    def _ask_device(self, request: web.Request, user_code: str, problem: str = "") -> web.Response:
        form_token = self._form_token(request)
        known = self._known(request)
        device = self._store.waiting_device(user_code)
        client = self._clients.find(device[0]) if device is not None else None
        waiting = (client.name, device[1]) if client is not None and device is not None else None
        fields = {"form_token": form_token}
        page = pages.device_page(fields, user_code, known[0] if known else "", waiting, problem)
        return self._guard(page, form_token)

    async def _activate(self, request: web.Request) -> web.Response:
        form = await _read_page(request)
        self._check_form(request, form)
        user_code = _user_code(form.get("user_code", ""))
        known = self._known(request)
        login, auth_time = known or (form.get("username", "").strip(), int(self._now()))
        if known is None and not _password_fits(login, form.get("password", "")):
            return self._ask_device(request, user_code, "The user name or the password is wrong.")
        device = self._store.waiting_device(user_code)
        if device is None:
            return self._ask_device(request, user_code, "No device waits with this code. Codes end after ten minutes.")
        if form.get("answer") == "allow":
            grant = Grant(device[0], login, device[1], auth_time, "", secrets.token_hex(16))
            self._store.answer_device(user_code, grant)
            response = pages.message_page("Device signed in", "You can close this page and go back to your device.")
        else:
            self._store.answer_device(user_code, None)
            response = pages.message_page("Device not signed in", "The device was refused.")
        if known is None:
            self._sign_in(request, response, login)
        return response

    # What browsers may read from other origins

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


def _check(asked: Mapping[str, str], client: Client) -> None:
    """Whether a client may ask this; raises OAuthError."""
    if "authorization_code" not in client.grants:
        raise OAuthError("unauthorized_client", "The client is not authorized to use the authorization code grant.")
    if asked.get("response_type") != "code":
        description = (
            "The response type is not supported by the authorization server. Configured response types: [code]"
        )
        raise OAuthError("unsupported_response_type" if asked.get("response_type") else "invalid_request", description)
    if asked.get("response_mode", "query") not in {"query", "fragment"}:
        raise OAuthError("invalid_request", "The response mode is not supported by the authorization server.")
    if not asked.get("state"):
        raise OAuthError("invalid_request", "The authentication request has an invalid 'state' parameter.")
    if "request" in asked or "request_uri" in asked:
        raise OAuthError("request_not_supported", "Request objects are not supported.")
    challenge, method = asked.get("code_challenge", ""), asked.get("code_challenge_method", "")
    if client.public and not challenge:
        description = "PKCE code challenge is required when the token endpoint authentication method is 'NONE'."
        raise OAuthError("invalid_request", description)
    if (challenge or method) and method != "S256":
        raise OAuthError("invalid_request", "The PKCE code challenge method must be 'S256'.")
    if (challenge or method) and not _CHALLENGE.fullmatch(challenge):
        raise OAuthError("invalid_request", "The PKCE code challenge is no SHA-256 in base64url.")
    prompts = asked.get("prompt", "").split()
    if "none" in prompts and len(prompts) > 1:
        raise OAuthError("invalid_request", "The prompt 'none' stands alone.")
    read_scopes(asked.get("scope", ""), client)


def _password_fits(login: str, password: str) -> bool:
    user = USERS.get(login)
    expected = user.password if user is not None else secrets.token_hex()
    return secrets.compare_digest(password.encode(errors="replace"), expected.encode())


def _user_code(text: str) -> str:
    return re.sub(r"[^A-Z]", "", text.upper())[:8]


async def _read_page(request: web.Request) -> dict[str, str]:
    try:
        return await read_fields(request)
    except OAuthError as refused:
        raise _PageError(refused.description) from None


async def _read_request(request: web.Request) -> dict[str, str]:
    """The parameters of a request that a browser brings, by GET or POST (OpenID Connect Core, 3.1.2.1)."""
    if request.method == "POST":
        return await _read_page(request)
    if len(request.query) != len(set(request.query)):
        raise _PageError("A parameter is given more than once.")
    return dict(request.query)


@web.middleware
async def _as_okta(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Refuses as Okta does: OAuth's JSON, a page, or Okta's own JSON where there is no such endpoint."""
    try:
        response = await handler(request)
    except OAuthError as refused:
        document = {"error": refused.error, "error_description": refused.description}
        response = web.json_response(document, status=refused.status)
        if refused.challenge:
            response.headers["WWW-Authenticate"] = refused.challenge
    except _PageError as refused:
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
    """Runs the sign-in on its port until SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    identity = Identity(config)
    runner = web.AppRunner(identity.app(), access_log=None, shutdown_timeout=1)
    try:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", config.port + 1, backlog=1024).start()
        await stopped.wait()
    finally:
        await runner.cleanup()
        identity.close()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(Config.from_environ()))
