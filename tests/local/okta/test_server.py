"""The local issuer over real HTTP, as a browser, a service, a device and an attacker use it."""

import asyncio
import base64
import hashlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests
from aiohttp import web
from jose import jwt

from local.config import Config
from local.okta.clients import USERS
from local.okta.server import AuthorizationServer

ROOT = Path(__file__).parents[3]
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
ALL = "openid profile email offline_access sales:read sales:write sales:manage"


def free_port() -> int:
    """Return a free port whose next port is free, too."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


class SignIn:
    """The issuer in a thread, and the actions of its users. `late` moves its clock, in seconds."""

    def __init__(self, state: Path, **options: int) -> None:
        self.options = options
        self.config = Config(port=free_port(), state=state, settings={})
        self.late = 0.0
        self.base = self.config.issuer
        self.console = f"{self.config.api_url}/"
        self.start()

    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.server = AuthorizationServer(self.config, lambda: time.time() + self.late, **self.options)
        self.runner = web.AppRunner(self.server.app(), access_log=None)
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self._do(self.runner.setup())
        self._do(web.TCPSite(self.runner, "127.0.0.1", self.config.port + 1).start())

    def stop(self) -> None:
        self._do(self.runner.cleanup())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.server.close()

    def _do(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def secret(self, client: str) -> str:
        return json.loads((self.config.state / "identity-clients.json").read_text())[client]

    def post(self, path: str, **fields: Any) -> requests.Response:
        auth = fields.pop("auth", None)
        return requests.post(self.base + path, data=fields, auth=auth, timeout=10)

    def token(self, **fields: Any) -> requests.Response:
        return self.post("/v1/token", **fields)

    def ask(self, browser: requests.Session, **changes: str | None) -> requests.Response:
        """Send an authorization request of the console; None removes a parameter."""
        parameters = {
            "client_id": "sales-console",
            "redirect_uri": self.console,
            "response_type": "code",
            "scope": ALL,
            "state": "some state",
            "nonce": "some nonce",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        } | changes
        query = {name: value for name, value in parameters.items() if value is not None}
        return browser.get(f"{self.base}/v1/authorize", params=query, allow_redirects=False, timeout=10)

    def fill_in(self, browser: requests.Session, page: requests.Response, **fields: str) -> requests.Response:
        """Send the page's form with these fields."""
        action = re.search(r'action="([^"]*)"', page.text)
        assert action
        hidden = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
        form = {name: unescape(value) for name, value in hidden} | fields
        return browser.post(self.config.issuer_url + action[1], data=form, allow_redirects=False, timeout=10)

    def code(self, browser: requests.Session | None = None, **changes: str | None) -> str:
        browser = browser or requests.Session()
        answer = self.fill_in(browser, self.ask(browser, **changes), username="demo", password="demo")
        return sent_back(answer)["code"]

    def asked(self, login: str, scope: str, browser: requests.Session | None = None) -> dict[str, str]:
        """Sign a person in, and return what the issuer sends back to the application."""
        browser = browser or requests.Session()
        page = self.ask(browser, scope=scope)
        return sent_back(self.fill_in(browser, page, username=login, password=login))

    def redeem(self, code: str, **changes: Any) -> requests.Response:
        fields = {
            "grant_type": "authorization_code",
            "client_id": "sales-console",
            "redirect_uri": self.console,
            "code": code,
            "code_verifier": VERIFIER,
        } | changes
        return self.token(**fields)

    def signed_in(self) -> dict[str, Any]:
        answer = self.redeem(self.code())
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refresh(self, token: str, **fields: str) -> requests.Response:
        return self.token(
            **{"grant_type": "refresh_token", "client_id": "sales-console", "refresh_token": token} | fields
        )

    def service_token(self, **fields: str) -> requests.Response:
        auth = ("sales-service", self.secret("sales-service"))
        return self.token(
            **{"grant_type": "client_credentials", "scope": "sales:read sales:write sales:manage"} | fields, auth=auth
        )

    def claims(self, token: str, audience: str = "api://default", **more: Any) -> dict[str, Any]:
        keys = requests.get(f"{self.base}/v1/keys", timeout=10).json()
        return jwt.decode(token, keys, ["RS256"], audience=audience, issuer=self.base, **more)

    def active(self, token: str) -> bool:
        """Whether an access token with the scope openid is valid."""
        return requests.get(f"{self.base}/v1/userinfo", headers={"Authorization": f"Bearer {token}"}, timeout=10).ok


def sent_back(answer: requests.Response) -> dict[str, str]:
    """Return the parameters that a redirect passes to the client."""
    assert answer.status_code == 302, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def refused(answer: requests.Response, error: str, status: int = 400) -> bool:
    document = answer.json()
    assert set(document) == {"error", "error_description"}
    return (answer.status_code, document["error"]) == (status, error)


def okta_code(answer: requests.Response) -> str:
    """Return the code of an error in Okta's own form."""
    document = answer.json()
    assert set(document) == {"errorCode", "errorSummary", "errorLink", "errorId", "errorCauses"}
    assert document["errorLink"] == document["errorCode"]
    return str(document["errorCode"])


@pytest.fixture
def sign_in(tmp_path: Path) -> Iterator[SignIn]:
    running = SignIn(tmp_path)
    yield running
    running.stop()


def test_discovery_names_the_issuers_endpoints_whatever_the_host_header(sign_in: SignIn) -> None:
    url = f"{sign_in.base}/.well-known/openid-configuration"
    document = requests.get(url.replace("127.0.0.1", "localhost"), timeout=10).json()
    assert document["issuer"] == sign_in.config.issuer
    assert document["token_endpoint"] == f"{sign_in.base}/v1/token"
    assert document["code_challenge_methods_supported"] == ["S256"]


def test_a_person_signs_in_and_gets_tokens_with_oktas_claims(sign_in: SignIn) -> None:
    before = int(time.time())
    tokens = sign_in.signed_in()
    access = sign_in.claims(tokens["access_token"])
    assert set(access) == {"ver", "jti", "iss", "aud", "iat", "exp", "cid", "uid", "scp", "sub", "auth_time"}
    assert (access["ver"], access["aud"], access["cid"], access["sub"]) == (1, "api://default", "sales-console", "demo")
    assert access["scp"] == ALL.split()
    assert access["exp"] - access["iat"] == tokens["expires_in"] == 3600
    assert access["auth_time"] >= before
    identity = sign_in.claims(tokens["id_token"], "sales-console", access_token=tokens["access_token"])
    assert (identity["nonce"], identity["preferred_username"], identity["name"]) == ("some nonce", "demo", "Demo User")
    assert identity["sub"] == access["uid"]
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    info = requests.get(f"{sign_in.base}/v1/userinfo", headers=header, timeout=10).json()
    assert (info["sub"], info["email"]) == (identity["sub"], identity["email"])


def test_a_service_gets_a_token_for_itself_with_the_scopes_it_names(sign_in: SignIn) -> None:
    everything = sign_in.claims(sign_in.service_token().json()["access_token"])
    assert (everything["sub"], everything["cid"]) == ("sales-service", "sales-service")
    assert everything["scp"] == ["sales:read", "sales:write", "sales:manage"]
    assert not {"uid", "auth_time"} & set(everything)
    posted = sign_in.token(
        grant_type="client_credentials",
        client_id="sales-service",
        client_secret=sign_in.secret("sales-service"),
        scope="sales:read",
    ).json()
    assert sign_in.claims(posted["access_token"])["scp"] == ["sales:read"]
    assert "refresh_token" not in posted


def test_a_service_must_name_scopes_and_gets_only_those_of_services(sign_in: SignIn) -> None:
    for scope, error, description in (
        ("", "invalid_scope", "No scopes were requested."),
        (
            "sales:admin",
            "invalid_scope",
            "One or more scopes are not configured for the authorization server resource.",
        ),
        ("openid", "access_denied", REFUSED_BY_POLICY),
        ("sales:read offline_access", "access_denied", REFUSED_BY_POLICY),
    ):
        answer = sign_in.service_token(scope=scope)
        assert refused(answer, error)
        assert answer.json()["error_description"] == description


def test_a_wrong_secret_an_unknown_client_or_no_client_is_401(sign_in: SignIn) -> None:
    wrong = sign_in.token(grant_type="client_credentials", auth=("sales-service", "wrong"))
    assert refused(wrong, "invalid_client", 401)
    assert wrong.headers["WWW-Authenticate"].startswith("Basic")
    assert refused(sign_in.token(grant_type="client_credentials", client_id="sales-service"), "invalid_client", 401)
    unknown = sign_in.token(grant_type="client_credentials", client_id="nobody")
    assert (unknown.status_code, okta_code(unknown)) == (401, "invalid_client")
    assert unknown.json()["errorSummary"] == "Invalid value for 'client_id' parameter."
    assert refused(sign_in.token(grant_type="client_credentials"), "invalid_client", 401)
    assert refused(sign_in.token(grant_type="client_credentials", client_id="sales-console"), "unauthorized_client")
    assert refused(sign_in.token(grant_type="password", client_id="sales-cli"), "unsupported_grant_type")


def test_a_code_works_once_and_its_second_use_revokes_its_tokens(sign_in: SignIn) -> None:
    code = sign_in.code()
    tokens = sign_in.redeem(code).json()
    assert sign_in.active(tokens["access_token"])
    assert refused(sign_in.redeem(code), "invalid_grant")
    assert not sign_in.active(tokens["access_token"])
    assert refused(sign_in.refresh(tokens["refresh_token"]), "invalid_grant")


def test_a_code_needs_its_own_verifier_redirect_uri_and_client(sign_in: SignIn) -> None:
    for changes in (
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"code_verifier": CHALLENGE},
        {"redirect_uri": f"{sign_in.console}docs"},
        {"client_id": "sales-cli"},
    ):
        answer = sign_in.redeem(sign_in.code(), **changes)
        assert refused(answer, "invalid_grant"), changes
        anothers = answer.json()["error_description"].startswith("The grant was issued to another client.")
        assert anothers is ("client_id" in changes)


def test_a_code_expires_after_five_minutes(sign_in: SignIn) -> None:
    first, second = sign_in.code(), sign_in.code()
    sign_in.late = 290
    assert sign_in.redeem(first).status_code == 200
    sign_in.late = 301
    assert refused(sign_in.redeem(second), "invalid_grant")


def test_an_authorization_request_needs_pkce_with_s256(sign_in: SignIn) -> None:
    browser = requests.Session()
    for changes in (
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"code_challenge": "short"},
    ):
        answer = sent_back(sign_in.ask(browser, **changes))
        assert (answer["error"], answer["state"]) == ("invalid_request", "some state")


def test_an_unregistered_redirect_uri_is_never_redirected_to(sign_in: SignIn) -> None:
    port = sign_in.config.port
    for uri in (
        "https://evil.example/",
        f"http://127.0.0.1:{port}",
        f"http://127.0.0.1:{port}/docs/",
        f"http://127.0.0.1:{port}/?x",
        f"http://127.0.0.1:{port + 2}/",
        f"http://127.0.0.1:{port}@evil.example/",
        "",
    ):
        answer = sign_in.ask(requests.Session(), redirect_uri=uri)
        assert answer.status_code == 400
        assert "Location" not in answer.headers
        assert answer.headers["Content-Type"].startswith("text/html")
    assert sign_in.ask(requests.Session(), client_id="<script>").status_code == 400


def test_the_command_line_may_use_its_registered_addresses_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGIN_PORT", "51004")
    sign_in = SignIn(tmp_path)
    try:
        for uri in (
            "http://127.0.0.1:8010/callback",
            "http://127.0.0.1:51004/callback",
            "https://oauth.pstmn.io/v1/callback",
            f"http://localhost:{sign_in.config.port}/callback",
        ):
            code = sign_in.code(client_id="sales-cli", redirect_uri=uri)
            assert sign_in.redeem(code, client_id="sales-cli", redirect_uri=uri).status_code == 200
        for other in (
            "http://127.0.0.1:51005/callback",
            "http://127.0.0.1:51004/",
            "http://127.0.0.1:51004/callback/",
            "http://127.0.0.1:51004/Callback",
            "http://localhost:51004/callback",
            "http://[::1]:51004/callback",
            "https://127.0.0.1:51004/callback",
            "http://127.0.0.1:51004@evil.example/callback",
            "javascript:alert(1)",
            sign_in.console,
        ):
            assert sign_in.ask(requests.Session(), client_id="sales-cli", redirect_uri=other).status_code == 400, other
    finally:
        sign_in.stop()


REFUSED_BY_POLICY = "Policy evaluation failed for this request, please check the policy configurations."
# Each person's scopes, as docs/okta.md's groups have them.
MAY = {
    "viewer": {"sales:read"},
    "clerk": {"sales:read", "sales:write"},
    "demo": {"sales:read", "sales:write", "sales:manage"},
}


@pytest.mark.parametrize("login", MAY)
@pytest.mark.parametrize(
    "scope",
    [
        "sales:read",
        "sales:write",
        "sales:manage",
        "sales:read sales:write",
        "sales:write sales:manage",
        ALL,
        "openid profile",
    ],
)
def test_a_person_gets_the_scopes_of_their_group_or_none(sign_in: SignIn, login: str, scope: str) -> None:
    wanted = {name for name in scope.split() if name.startswith("sales:")}
    answer = sign_in.asked(login, scope)
    if not wanted <= MAY[login]:
        assert (answer["error"], answer["error_description"]) == ("access_denied", REFUSED_BY_POLICY)
        assert "code" not in answer
        return
    claims = sign_in.claims(sign_in.redeem(answer["code"]).json()["access_token"])
    assert (claims["sub"], claims["scp"]) == (login, scope.split())


def test_the_three_people_have_identities_of_their_own(sign_in: SignIn) -> None:
    codes = [sign_in.asked(login, "openid sales:read")["code"] for login in MAY]
    claims = [sign_in.claims(sign_in.redeem(code).json()["access_token"]) for code in codes]
    assert len({each["uid"] for each in claims}) == len(MAY)


def test_a_refused_person_is_signed_in_and_may_ask_for_less(sign_in: SignIn) -> None:
    browser = requests.Session()
    assert sign_in.asked("clerk", "openid sales:manage", browser)["error"] == "access_denied"
    again = sent_back(sign_in.ask(browser, scope="openid sales:manage", prompt="none"))
    assert (again["error"], again["error_description"]) == ("access_denied", REFUSED_BY_POLICY)
    assert "code" in sent_back(sign_in.ask(browser, scope="openid sales:write", prompt="none"))


def test_a_device_gets_no_more_than_the_person_may(sign_in: SignIn) -> None:
    device = sign_in.post("/v1/device/authorize", client_id="sales-cli", scope="sales:read sales:write").json()
    browser = requests.Session()
    page = browser.get(device["verification_uri_complete"], timeout=10)
    answers = {"user_code": device["user_code"], "username": "viewer", "password": "viewer", "answer": "allow"}
    assert sign_in.fill_in(browser, page, **answers).status_code == 200
    answer = sign_in.token(grant_type=DEVICE, client_id="sales-cli", device_code=device["device_code"])
    assert refused(answer, "access_denied")
    assert answer.json()["error_description"] == REFUSED_BY_POLICY


def test_a_refresh_token_is_replaced_and_its_second_use_revokes_the_family(sign_in: SignIn) -> None:
    first = sign_in.signed_in()
    second = sign_in.refresh(first["refresh_token"]).json()
    third = sign_in.refresh(second["refresh_token"]).json()
    assert sign_in.claims(third["access_token"])["scp"] == ALL.split()
    assert len({first["refresh_token"], second["refresh_token"], third["refresh_token"]}) == 3
    assert refused(sign_in.refresh(first["refresh_token"]), "invalid_grant")
    assert refused(sign_in.refresh(third["refresh_token"]), "invalid_grant")
    assert not sign_in.active(third["access_token"])


def test_a_refresh_token_gives_only_the_scopes_it_was_granted(sign_in: SignIn) -> None:
    tokens = sign_in.redeem(sign_in.code(scope="offline_access sales:read")).json()
    assert refused(sign_in.refresh(tokens["refresh_token"], scope="sales:read sales:write"), "invalid_scope")
    fewer = sign_in.refresh(tokens["refresh_token"], scope="sales:read").json()
    assert sign_in.claims(fewer["access_token"])["scp"] == ["sales:read"]
    assert refused(sign_in.refresh(fewer["refresh_token"], client_id="sales-cli"), "invalid_grant")
    again = sign_in.refresh(fewer["refresh_token"]).json()
    assert sign_in.claims(again["access_token"])["scp"] == ["offline_access", "sales:read"]


def test_a_refresh_follows_the_policy_of_the_moment(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    first = sign_in.signed_in()["refresh_token"]
    demo = USERS["demo"]
    with monkeypatch.context() as context:
        context.setitem(USERS, "demo", replace(demo, groups=("Sales readers",)))
        assert refused(sign_in.refresh(first), "access_denied")
        fewer = sign_in.refresh(first, scope="openid offline_access sales:read").json()
        assert "sales:write" not in sign_in.claims(fewer["access_token"])["scp"]
        context.setitem(USERS, "demo", replace(demo, groups=()))
        assert refused(sign_in.refresh(fewer["refresh_token"]), "access_denied")
    assert sign_in.refresh(fewer["refresh_token"]).status_code == 200


def test_refresh_and_id_tokens_need_the_scopes_offline_access_and_openid(sign_in: SignIn) -> None:
    tokens = sign_in.redeem(sign_in.code(scope="sales:read")).json()
    assert not {"refresh_token", "id_token"} & set(tokens)
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    answer = requests.get(f"{sign_in.base}/v1/userinfo", headers=header, timeout=10)
    assert refused(answer, "insufficient_scope", 403)
    assert refused(requests.get(f"{sign_in.base}/v1/userinfo", timeout=10), "invalid_token", 401)


def test_refresh_tokens_browsers_secrets_and_the_key_survive_a_restart(sign_in: SignIn) -> None:
    browser = requests.Session()
    tokens = sign_in.redeem(sign_in.code(browser)).json()
    secret = sign_in.secret("sales-service")
    sign_in.stop()
    sign_in.start()
    assert sign_in.secret("sales-service") == secret
    assert sign_in.claims(tokens["access_token"])["sub"] == "demo"
    assert sign_in.refresh(tokens["refresh_token"]).status_code == 200
    assert "code" in sent_back(sign_in.ask(browser))


def test_a_kill_neither_revokes_tokens_nor_revives_them(sign_in: SignIn) -> None:
    sign_in.stop()
    process = run_alone(sign_in.config)
    try:
        used = sign_in.signed_in()["refresh_token"]
        fresh = sign_in.refresh(used).json()["refresh_token"]
        other = sign_in.signed_in()["refresh_token"]
    finally:
        process.kill()
        process.wait()
        sign_in.start()
    assert sign_in.refresh(other).status_code == 200
    assert refused(sign_in.refresh(used), "invalid_grant")
    assert refused(sign_in.refresh(fresh), "invalid_grant")


def kids(sign_in: SignIn) -> list[str]:
    return [key["kid"] for key in requests.get(f"{sign_in.base}/v1/keys", timeout=10).json()["keys"]]


def test_the_next_key_is_published_before_it_signs_and_the_earlier_one_after(sign_in: SignIn) -> None:
    path = sign_in.config.state / "identity.pem"
    old, (current, following) = sign_in.service_token().json()["access_token"], kids(sign_in)
    path.with_name("identity-next.pem").replace(path)
    new = sign_in.service_token().json()["access_token"]
    after = kids(sign_in)
    assert (after[0], after[2:]) == (following, [current])
    assert after[1] not in {current, following}
    assert jwt.get_unverified_header(new) == {"alg": "RS256", "kid": following, "typ": "JWT"}
    assert sign_in.claims(new)
    assert sign_in.claims(old)


def test_a_deleted_key_is_withdrawn_immediately(sign_in: SignIn) -> None:
    path = sign_in.config.state / "identity.pem"
    old, (current, following) = sign_in.service_token().json()["access_token"], kids(sign_in)
    path.unlink()
    new, after = sign_in.service_token().json()["access_token"], kids(sign_in)
    assert after[1:] == [following]
    assert jwt.get_unverified_header(new)["kid"] == after[0] != current
    assert sign_in.claims(new)
    with pytest.raises(Exception, match="Signature verification failed"):
        sign_in.claims(old)
    path.write_text("half a key")
    assert kids(sign_in) == after


def test_only_their_owner_may_read_the_key_and_the_secrets(sign_in: SignIn) -> None:
    for name in ("identity.pem", "identity-next.pem", "identity-clients.json", "identity.sqlite"):
        assert stat.S_IMODE((sign_in.config.state / name).stat().st_mode) == 0o600, name


def test_no_code_token_or_cookie_is_stored_in_plain(sign_in: SignIn) -> None:
    browser = requests.Session()
    code = sign_in.code(browser)
    tokens = sign_in.redeem(code).json()
    stored = b"".join(path.read_bytes() for path in sign_in.config.state.glob("identity.sqlite*"))
    assert b"sales-console" in stored
    cookies = [str(cookie.value) for cookie in browser.cookies]
    assert cookies
    for secret in (code, tokens["refresh_token"], tokens["access_token"], *cookies):
        assert secret.encode() not in stored


def test_a_person_signs_in_once_unless_the_client_asks_again(sign_in: SignIn) -> None:
    browser = requests.Session()
    assert sent_back(sign_in.ask(browser, prompt="none"))["error"] == "login_required"
    page = sign_in.ask(browser)
    answer = sign_in.fill_in(browser, page, username="demo", password="demo")
    cookie = next(c for c in answer.headers["Set-Cookie"].split(", ") if "sales-identity-" in c)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert sent_back(answer)["state"] == "some state"
    assert "code" in sent_back(sign_in.ask(browser))
    assert "code" in sent_back(sign_in.ask(browser, prompt="none"))
    for again in ({"prompt": "login"}, {"max_age": "0"}):
        assert sign_in.ask(browser, **again).status_code == 200
    sign_in.late = 100
    assert sign_in.ask(browser, max_age="60").status_code == 200
    for max_age in ("soon", "-1", "9" * 5000):
        assert sent_back(sign_in.ask(browser, max_age=max_age))["error"] == "invalid_request"


def log_out(sign_in: SignIn, browser: requests.Session, **query: str) -> requests.Response:
    return browser.get(f"{sign_in.base}/v1/logout", params=query, allow_redirects=False, timeout=10)


def test_signing_out_forgets_the_browser_and_redirects_to_registered_addresses_only(sign_in: SignIn) -> None:
    browser = requests.Session()
    hint = sign_in.redeem(sign_in.code(browser)).json()["id_token"]
    for other in ("https://evil.example/", f"{sign_in.console}?x", sign_in.console.upper()):
        answer = log_out(sign_in, browser, id_token_hint=hint, post_logout_redirect_uri=other, state="s")
        assert answer.status_code == 400, other
    assert "code" in sent_back(sign_in.ask(browser, prompt="none"))
    answer = log_out(sign_in, browser, id_token_hint=hint, post_logout_redirect_uri=sign_in.console, state="s")
    assert answer.headers["Location"] == f"{sign_in.console}?state=s"
    assert sent_back(sign_in.ask(browser, prompt="none"))["error"] == "login_required"
    # Without a session it has no effect, and redirects all the same.
    again = log_out(sign_in, browser, id_token_hint=hint, post_logout_redirect_uri=sign_in.console)
    assert again.headers["Location"] == sign_in.console


def test_signing_out_without_a_valid_id_token_is_an_error_page_and_signs_no_one_out(sign_in: SignIn) -> None:
    browser = requests.Session()
    tokens = sign_in.redeem(sign_in.code(browser)).json()
    head, body, signature = tokens["id_token"].split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    key = (sign_in.config.state / "identity.pem").read_text()
    others = [
        {},
        {"client_id": "sales-console"},
        {"id_token_hint": ""},
        {"id_token_hint": "nonsense"},
        {"id_token_hint": tokens["access_token"]},
        {"id_token_hint": f"{head}.{body}.{signature[:-8]}AAAAAAAA"},
        {"id_token_hint": jwt.encode(claims, "a" * 32, "HS256")},
        {"id_token_hint": jwt.encode(claims | {"aud": "other"}, key, "RS256")},
        {"id_token_hint": jwt.encode(claims | {"iss": "https://other.example"}, key, "RS256")},
    ]
    for query in others:
        answer = log_out(sign_in, browser, post_logout_redirect_uri=sign_in.console, **query)
        assert (answer.status_code, answer.headers.get("Location")) == (400, None), query
        assert answer.headers["Content-Type"].startswith("text/html")
    assert "code" in sent_back(sign_in.ask(browser, prompt="none"))


def test_an_expired_id_token_signs_its_person_out_and_no_one_else(sign_in: SignIn) -> None:
    browser, clerks = requests.Session(), requests.Session()
    hint = sign_in.redeem(sign_in.code(browser)).json()["id_token"]
    assert "code" in sign_in.asked("clerk", "openid sales:read", clerks)
    sign_in.late = 2 * 3600
    assert log_out(sign_in, clerks, id_token_hint=hint).status_code == 400
    assert "code" in sent_back(sign_in.ask(clerks, scope="openid", prompt="none"))
    assert log_out(sign_in, browser, id_token_hint=hint).status_code == 200
    assert sent_back(sign_in.ask(browser, prompt="none"))["error"] == "login_required"


def test_a_wrong_password_is_reported_and_the_input_escaped(sign_in: SignIn) -> None:
    browser = requests.Session()
    page = sign_in.fill_in(browser, sign_in.ask(browser), username='"><script>', password="demo")
    assert page.status_code == 400
    assert "The user name or the password is wrong." in page.text
    assert "<script" not in page.text
    assert "code" in sent_back(sign_in.fill_in(browser, page, username="demo", password="demo"))


def test_the_page_has_a_strict_policy_and_its_own_style_sheet(sign_in: SignIn) -> None:
    page = sign_in.ask(requests.Session())
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'")
    assert "unsafe" not in policy
    assert f"form-action 'self' {sign_in.config.api_url};" in policy
    assert "style=" not in page.text
    assert "<style" not in page.text
    style = re.search(r'rel="stylesheet" href="([^"]*)"', page.text)
    assert style
    css = requests.get(sign_in.config.issuer_url + style[1], timeout=10)
    assert css.headers["Content-Type"].startswith("text/css")
    for name in ("username", "password"):
        assert f'<label for="{name}"' in page.text


def test_a_form_of_another_page_signs_no_one_in(sign_in: SignIn) -> None:
    browser, other = requests.Session(), requests.Session()
    page = sign_in.ask(browser)
    assert sign_in.fill_in(other, page, username="demo", password="demo").status_code == 400
    assert sign_in.fill_in(browser, page, username="demo", password="demo", form_token="x").status_code == 400
    browser.headers["Origin"] = "https://evil.example"
    assert sign_in.fill_in(browser, page, username="demo", password="demo").status_code == 403
    browser.headers["Origin"] = sign_in.config.issuer_url
    assert "code" in sent_back(sign_in.fill_in(browser, page, username="demo", password="demo"))


def test_a_device_signs_in_after_a_person_allowed_it(sign_in: SignIn) -> None:
    device = sign_in.post("/v1/device/authorize", client_id="sales-cli", scope="openid sales:read").json()
    poll = {"grant_type": DEVICE, "client_id": "sales-cli", "device_code": device["device_code"]}
    assert refused(sign_in.token(**poll), "authorization_pending")
    assert refused(sign_in.token(**poll), "slow_down")
    browser = requests.Session()
    page = browser.get(device["verification_uri_complete"], timeout=10)
    assert "Sales command line" in page.text
    wrong = sign_in.fill_in(browser, page, user_code=device["user_code"], username="demo", password="x", answer="allow")
    assert wrong.status_code == 400
    typed = device["user_code"][:4].lower() + "-" + device["user_code"][4:]
    done = sign_in.fill_in(browser, page, user_code=typed, username="demo", password="demo", answer="allow")
    assert done.status_code == 200
    claims = sign_in.claims(sign_in.token(**poll).json()["access_token"])
    assert (claims["sub"], claims["scp"]) == ("demo", ["openid", "sales:read"])
    assert refused(sign_in.token(**poll), "invalid_grant")


def test_a_refused_or_late_device_gets_no_token(sign_in: SignIn) -> None:
    assert refused(sign_in.post("/v1/device/authorize", client_id="sales-console"), "unauthorized_client")
    first, second = (
        sign_in.post("/v1/device/authorize", client_id="sales-cli", scope="sales:read").json() for _ in range(2)
    )
    browser = requests.Session()
    page = browser.get(first["verification_uri"], timeout=10)
    answers = {"username": "demo", "password": "demo", "answer": "deny"}
    assert sign_in.fill_in(browser, page, user_code=first["user_code"], **answers).status_code == 200
    poll = {"grant_type": DEVICE, "client_id": "sales-cli"}
    assert refused(sign_in.token(**poll, device_code=first["device_code"]), "access_denied")
    sign_in.late = 601
    assert refused(sign_in.token(**poll, device_code=second["device_code"]), "expired_token")


def test_only_its_client_can_revoke_a_token_and_a_revoked_one_stops_working(sign_in: SignIn) -> None:
    tokens = sign_in.signed_in()
    for client, live in (("sales-cli", True), ("sales-console", False)):
        answer = sign_in.post("/v1/revoke", client_id=client, token=tokens["access_token"])
        assert answer.status_code == 200
        assert sign_in.active(tokens["access_token"]) is live
    refreshed = sign_in.refresh(tokens["refresh_token"])
    assert refreshed.status_code == 200
    refresh_token = refreshed.json()["refresh_token"]
    sign_in.post("/v1/revoke", client_id="sales-console", token=refresh_token)
    assert not sign_in.active(refreshed.json()["access_token"])
    assert refused(sign_in.refresh(refresh_token), "invalid_grant")
    assert sign_in.post("/v1/revoke", client_id="sales-console", token="nonsense").status_code == 200
    assert refused(sign_in.post("/v1/revoke", token="nonsense"), "invalid_client", 401)


def allowed_origin(answer: requests.Response) -> str | None:
    return answer.headers.get("Access-Control-Allow-Origin")


def test_only_trusted_origins_may_read_metadata_and_keys_in_a_browser(sign_in: SignIn) -> None:
    for path in ("/v1/keys", "/.well-known/openid-configuration"):
        for origin, allowed in ((sign_in.config.api_url, True), ("https://evil.example", False)):
            headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
            preflight = requests.options(sign_in.base + path, headers=headers, timeout=10)
            answer = requests.get(sign_in.base + path, headers={"Origin": origin}, timeout=10)
            for response in (preflight, answer):
                assert (allowed_origin(response) == origin) is allowed


def test_a_page_may_read_the_tokens_of_a_client_that_redirects_to_it(sign_in: SignIn) -> None:
    url, origin = f"{sign_in.base}/v1/token", sign_in.config.api_url
    preflight = requests.options(url, headers={"Origin": origin, "Access-Control-Request-Method": "POST"}, timeout=10)
    assert (preflight.status_code, allowed_origin(preflight)) == (204, origin)
    assert preflight.headers["Access-Control-Allow-Methods"] == "POST"
    assert preflight.headers["Access-Control-Max-Age"] == "3600"
    # The guard lets the issuer's own origin pass, but the console has no redirect address there.
    for asking, allowed in ((origin, True), (sign_in.config.issuer_url, False)):
        fields = {
            "grant_type": "authorization_code",
            "client_id": "sales-console",
            "redirect_uri": sign_in.console,
            "code": sign_in.code(),
            "code_verifier": VERIFIER,
        }
        answer = requests.post(url, data=fields, headers={"Origin": asking}, timeout=10)
        assert answer.status_code == 200
        assert allowed_origin(answer) == (asking if allowed else None)


def test_a_client_with_a_secret_is_refused_in_a_browser(sign_in: SignIn) -> None:
    auth = ("sales-service", sign_in.secret("sales-service"))
    fields = {"grant_type": "client_credentials", "scope": "sales:read"}
    headers = {"Origin": sign_in.config.api_url}
    answer = requests.post(f"{sign_in.base}/v1/token", data=fields, auth=auth, headers=headers, timeout=10)
    assert refused(answer, "invalid_client", 401)
    assert "must use Proof Key for Code Exchange" in answer.json()["error_description"]


def test_a_person_without_the_application_is_refused_and_signed_in(sign_in: SignIn) -> None:
    browser = requests.Session()
    answer = sign_in.asked("visitor", "openid", browser)
    assert answer["error"] == "access_denied"
    assert answer["error_description"] == "User is not assigned to the client application."
    assert sent_back(sign_in.ask(browser, scope="openid", prompt="none"))["error"] == "access_denied"


def test_a_request_above_the_limit_is_refused_until_the_next_minute(tmp_path: Path) -> None:
    sign_in = SignIn(tmp_path, limit=2)
    try:
        # Begin with a minute, so that it cannot end meanwhile.
        sign_in.late = 60 - time.time() % 60
        answers = [sign_in.service_token() for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert okta_code(answers[2]) == "E0000047"
        assert [answer.headers["X-Rate-Limit-Remaining"] for answer in answers] == ["1", "0", "0"]
        assert answers[2].headers["X-Rate-Limit-Limit"] == "2"
        reset = int(answers[2].headers["X-Rate-Limit-Reset"])
        assert 0 < reset - (time.time() + sign_in.late) <= 60
        # Another endpoint has its own limit, and the keys have none.
        assert sign_in.ask(requests.Session()).status_code == 200
        for _ in range(4):
            assert requests.get(f"{sign_in.base}/v1/keys", timeout=10).status_code == 200
        sign_in.late += 60
        assert sign_in.service_token().status_code == 200
    finally:
        sign_in.stop()


def test_every_answer_has_an_id_that_support_can_look_up(sign_in: SignIn) -> None:
    answers = [
        sign_in.service_token(),
        sign_in.token(),
        sign_in.ask(requests.Session()),
        sign_in.ask(requests.Session(), client_id="nobody"),
        requests.get(f"{sign_in.base}/v1/nothing", timeout=10),
    ]
    assert len({answer.headers["X-Okta-Request-Id"] for answer in answers}) == len(answers)


def test_malformed_requests_are_refused_with_a_reason(sign_in: SignIn) -> None:
    url = f"{sign_in.base}/v1/token"
    assert refused(requests.post(url, json={"grant_type": "client_credentials"}, timeout=10), "invalid_request")
    twice = urlencode([("client_id", "sales-cli"), ("client_id", "sales-cli")])
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert refused(requests.post(url, data=twice, headers=form, timeout=10), "invalid_request")
    assert refused(requests.post(url, data=b"a=\xff", headers=form, timeout=10), "invalid_request")
    bad = {"Authorization": "Basic nonsense", **form}
    assert refused(requests.post(url, data="", headers=bad, timeout=10), "invalid_client", 401)
    browser = requests.Session()
    for changes, error in (
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "sales:admin"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"state": None}, "invalid_request"),
    ):
        assert sent_back(sign_in.ask(browser, **changes))["error"] == error
    for path, status, code in (("/v1/nothing", 404, "E0000007"), ("/v1/token", 405, "E0000022")):
        answer = requests.get(sign_in.base + path, timeout=10)
        assert (answer.status_code, okta_code(answer)) == (status, code)


def test_the_process_answers_soon_and_ends_cleanly_at_sigterm(tmp_path: Path) -> None:
    process = run_alone(Config(port=free_port(), state=tmp_path, settings={}))
    try:
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    finally:
        process.kill()
        process.wait()


def run_alone(config: Config) -> subprocess.Popen[bytes]:
    """Start the issuer as a separate process, and return once it answers."""
    state = {"PORT": str(config.port), "SALES_STATE": str(config.state)}
    process = subprocess.Popen([sys.executable, "-m", "local.okta.server"], cwd=ROOT, env={**os.environ, **state})
    try:
        wait_for(lambda: requests.get(f"{config.issuer}/v1/keys", timeout=1).ok)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            if condition():
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.05)
    raise AssertionError("not in time")
