"""The local issuer in a browser: people sign in, sign out, and approve a device.

Forms come from our own pages only: a token in the cookie and in the form must match (and the browser's Origin is ours:
local/guard.py).
"""

import re
import secrets
from collections.abc import Callable, Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

from aiohttp import web

from local.okta import pages
from local.okta.clients import USERS, Client, Clients
from local.okta.database import SESSION_SECONDS, Grant, GrantDatabase
from local.okta.errors import OAuthError, PageError
from local.okta.policy import check_policy
from local.okta.token_endpoints import read_fields, read_scopes
from local.okta.tokens import Tokens

__all__ = ["SignIn"]

_BASE64URL_SHA256 = re.compile(r"[A-Za-z0-9_-]{43}")
_SECONDS = re.compile(r"[0-9]{1,10}")
# The parameters of an authorization request that the sign-in page carries on.
_CARRIED = (
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
)


class SignIn:
    """The endpoints that answer with pages and redirects. Their handlers raise PageError."""

    def __init__(
        self, port: int, clients: Clients, grants: GrantDatabase, tokens: Tokens, now: Callable[[], float]
    ) -> None:
        self._clients = clients
        self._grants = grants
        self._tokens = tokens
        self._now = now
        # Cookies ignore ports, so each local system needs its own names.
        self._browser_cookie = f"sales-identity-{port}"
        self._form_cookie = f"sales-identity-form-{port}"

    async def authorize(self, request: web.Request) -> web.StreamResponse:
        """Answer an authorization request: with a code, an error, or the sign-in page."""
        query = await _read_request(request)
        client = self._trusted(query)
        try:
            _check(query, client)
            prompts = query.get("prompt", "").split()
            session = self._session(request)
            if session is not None and not self._asks_again(prompts, query.get("max_age", ""), session[1]):
                return self._give_code(client, query, *session)
            if "none" in prompts:
                raise OAuthError("login_required", "The client specified not to prompt, but the user is not logged in.")
        except OAuthError as refused:
            return self._refuse(query, refused)
        return self._ask(request, client, query, query.get("login_hint", ""))

    def _trusted(self, query: Mapping[str, str]) -> Client:
        """Return the client. Raise PageError if a redirect might not reach it (RFC 6749, 4.1.2.1)."""
        client = self._clients.find(query.get("client_id", ""))
        if client is None:
            raise PageError("The application that asked is not registered (client_id).")
        if query.get("redirect_uri") not in client.redirect_uris:
            raise PageError("The 'redirect_uri' parameter must be a Login redirect URI in the client app settings.")
        return client

    def _asks_again(self, prompts: list[str], max_age: str, auth_time: int) -> bool:
        if max_age and not _SECONDS.fullmatch(max_age):
            raise OAuthError("invalid_request", "The 'max_age' parameter must be a number of seconds.")
        # A max_age of 0 always asks (OpenID Connect Core, 3.1.2.1), hence >= rather than >.
        return "login" in prompts or (bool(max_age) and self._now() - auth_time >= int(max_age))

    def _session(self, request: web.Request) -> tuple[str, int] | None:
        """Return the user who is signed in in this browser and since when, or None."""
        session = self._grants.browser(request.cookies.get(self._browser_cookie, ""))
        return session if session is not None and session[0] in USERS else None

    def _give_code(self, client: Client, query: Mapping[str, str], login: str, auth_time: int) -> web.Response:
        scopes = read_scopes(query["scope"])
        check_policy(client, login, scopes)
        grant = Grant(client.id, login, scopes, auth_time, query.get("nonce", ""), secrets.token_hex(16))
        code = self._grants.new_code(grant, query["redirect_uri"], query.get("code_challenge", ""))
        return self._send_back(query, {"code": code})

    def _refuse(self, query: Mapping[str, str], refused: OAuthError) -> web.Response:
        return self._send_back(query, {"error": refused.error, "error_description": refused.description})

    def _send_back(self, query: Mapping[str, str], answer: dict[str, str]) -> web.Response:
        """Redirect to the client."""
        if "state" in query:
            answer["state"] = query["state"]
        parts = urlsplit(query["redirect_uri"])
        target = urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, urlencode(answer))))))
        headers = {"Location": target, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        return web.Response(status=302, headers=headers)

    def _ask(
        self, request: web.Request, client: Client, query: Mapping[str, str], login: str = "", problem: str = ""
    ) -> web.Response:
        form_token = self._form_token(request)
        fields = {name: query[name] for name in _CARRIED if name in query} | {"form_token": form_token}
        return self._guard(pages.login_page(client.name, fields, query["redirect_uri"], login, problem), form_token)

    async def login(self, request: web.Request) -> web.StreamResponse:
        """Sign in the person who sent the sign-in page, and redirect with a code."""
        form = await _read_page(request)
        self._check_form(request, form)
        client = self._trusted(form)
        try:
            _check(form, client)
        except OAuthError as refused:
            return self._refuse(form, refused)
        login = form.get("username", "").strip()
        if not _password_fits(login, form.get("password", "")):
            return self._ask(request, client, form, login, "The user name or the password is wrong.")
        try:
            response = self._give_code(client, form, login, int(self._now()))
        except OAuthError as refused:
            # The person is signed in all the same: the application may ask for less without another password.
            response = self._refuse(form, refused)
        self._sign_in(request, response, login)
        return response

    def _sign_in(self, request: web.Request, response: web.Response, login: str) -> None:
        # A cookie from before the sign-in must not become the signed-in one.
        self._grants.end_browser(request.cookies.get(self._browser_cookie, ""))
        cookie = self._grants.new_browser(login)
        response.set_cookie(
            self._browser_cookie, cookie, max_age=SESSION_SECONDS, path="/", httponly=True, samesite="Lax"
        )

    def _form_token(self, request: web.Request) -> str:
        token = request.cookies.get(self._form_cookie, "")
        return token if _BASE64URL_SHA256.fullmatch(token) else secrets.token_urlsafe(32)

    def _guard(self, response: web.Response, form_token: str) -> web.Response:
        response.set_cookie(self._form_cookie, form_token, path="/", httponly=True, samesite="Strict")
        return response

    def _check_form(self, request: web.Request, form: Mapping[str, str]) -> None:
        cookie = request.cookies.get(self._form_cookie, "")
        token = form.get("form_token", "")
        same = bool(cookie) and secrets.compare_digest(cookie.encode(errors="replace"), token.encode(errors="replace"))
        if not same:
            raise PageError("This form is too old, or did not come from the sign-in page. Please start again.")

    async def logout(self, request: web.Request) -> web.StreamResponse:
        """Sign out the person whom `id_token_hint` names, and redirect to an address that its client has registered.

        As at Okta, the token may have expired, and any other fault leads to an error page and signs no one out.
        """
        query = await _read_request(request)
        if not query.get("id_token_hint"):
            raise PageError("Missing parameters: id_token_hint")
        hint = self._tokens.id_token_claims(query["id_token_hint"])
        client = self._clients.find(str(hint["aud"])) if hint is not None else None
        if hint is None or client is None:
            raise PageError("The 'id_token_hint' parameter is not a valid ID token.")
        session = self._session(request)
        if session is not None and USERS[session[0]].uid != hint["sub"]:
            raise PageError("The 'id_token_hint' parameter names another person than the one who is signed in.")
        target = query.get("post_logout_redirect_uri", "")
        if target and target not in client.sign_out_uris:
            raise PageError(
                "The 'post_logout_redirect_uri' parameter must be a Logout redirect URI in the client app settings."
            )
        self._grants.end_browser(request.cookies.get(self._browser_cookie, ""))
        if target:
            if "state" in query:
                target += f"{'&' if '?' in target else '?'}{urlencode({'state': query['state']})}"
            response = web.Response(status=302, headers={"Location": target, "Cache-Control": "no-store"})
        else:
            response = pages.message_page("Signed out", "You can close this page.")
        response.del_cookie(self._browser_cookie, path="/", httponly=True, samesite="Lax")
        return response

    async def show_activate(self, request: web.Request) -> web.Response:
        """Show the page on which a person types a device's code."""
        return self._ask_device(request, _user_code(request.query.get("user_code", "")))

    def _ask_device(self, request: web.Request, user_code: str, problem: str = "") -> web.Response:
        form_token = self._form_token(request)
        session = self._session(request)
        device = self._grants.waiting_device(user_code)
        client = self._clients.find(device[0]) if device is not None else None
        waiting = (client.name, device[1]) if client is not None and device is not None else None
        fields = {"form_token": form_token}
        page = pages.device_page(fields, user_code, session[0] if session else "", waiting, problem)
        return self._guard(page, form_token)

    async def activate(self, request: web.Request) -> web.Response:
        """Allow or refuse a device's sign-in, as the person answered."""
        form = await _read_page(request)
        self._check_form(request, form)
        user_code = _user_code(form.get("user_code", ""))
        session = self._session(request)
        login, auth_time = session or (form.get("username", "").strip(), int(self._now()))
        if session is None and not _password_fits(login, form.get("password", "")):
            return self._ask_device(request, user_code, "The user name or the password is wrong.")
        device = self._grants.waiting_device(user_code)
        if device is None:
            return self._ask_device(
                request, user_code, "No device is waiting with this code. Codes expire after ten minutes."
            )
        if form.get("answer") == "allow":
            grant = Grant(device[0], login, device[1], auth_time, "", secrets.token_hex(16))
            self._grants.answer_device(user_code, grant)
            response = pages.message_page("Device signed in", "You can close this page and go back to your device.")
        else:
            self._grants.answer_device(user_code, None)
            response = pages.message_page("Device not signed in", "The device was refused.")
        if session is None:
            self._sign_in(request, response, login)
        return response


def _check(query: Mapping[str, str], client: Client) -> None:
    """Raise OAuthError for a request that the client may not make."""
    if "authorization_code" not in client.grants:
        raise OAuthError("unauthorized_client", "The client is not authorized to use the authorization code grant.")
    if query.get("response_type") != "code":
        description = (
            "The response type is not supported by the authorization server. Configured response types: [code]"
        )
        raise OAuthError("unsupported_response_type" if query.get("response_type") else "invalid_request", description)
    if not query.get("state"):
        raise OAuthError("invalid_request", "The authentication request has an invalid 'state' parameter.")
    if "request" in query or "request_uri" in query:
        raise OAuthError("request_not_supported", "Request objects are not supported.")
    challenge, method = query.get("code_challenge", ""), query.get("code_challenge_method", "")
    if not challenge:
        description = "PKCE code challenge is required when the token endpoint authentication method is 'NONE'."
        raise OAuthError("invalid_request", description)
    if method != "S256":
        raise OAuthError("invalid_request", "The PKCE code challenge method must be 'S256'.")
    if not _BASE64URL_SHA256.fullmatch(challenge):
        raise OAuthError("invalid_request", "The PKCE code challenge must be a SHA-256 in base64url.")
    prompts = query.get("prompt", "").split()
    if "none" in prompts and len(prompts) > 1:
        raise OAuthError("invalid_request", "The prompt 'none' must stand alone.")
    read_scopes(query.get("scope", ""))


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
        raise PageError(refused.description) from None


async def _read_request(request: web.Request) -> dict[str, str]:
    """Return the parameters of a browser's request, by GET or POST (OpenID Connect Core, 3.1.2.1)."""
    if request.method == "POST":
        return await _read_page(request)
    if len(request.query) != len(set(request.query)):
        raise PageError("A parameter is repeated.")
    return dict(request.query)
