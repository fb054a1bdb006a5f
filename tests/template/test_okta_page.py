"""docs/okta.md agrees with template, settings and code."""

import base64
import json
import re
import subprocess
import sys

import pytest

from deployment import ROOT
from deployment.template import Template, load
from local.commands.doctor.advice import MACHINE_SCOPE, REFUSALS
from local.commands.token import SCOPE
from local.config import REDIRECT_PATH, REDIRECT_PORT, Config, read_env_file
from local.okta.clients import CUSTOM_SCOPES, USERS, Client
from local.okta.errors import OAuthError
from local.okta.policy import check_policy
from sales.api.callers import caller_of, require_scope
from sales.domain.problems import Problem
from scripts.okta.objects import ACCESS, MACHINE_SCOPES, SCOPES

PAGE = (ROOT / "docs" / "okta.md").read_text()
STEPS = re.split(r"\n## (?=\d\. )", PAGE)[1:]
SESSION = ROOT / "functions/serve_console/static/session"
SIGN_IN = (SESSION / "session.js").read_text() + (SESSION / "issuer.js").read_text()


def rows(step: int, first: str) -> list[list[str]]:
    """Return the cells of the table in this step that has this first column."""
    lines = STEPS[step - 1].split(f"| {first} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]


@pytest.fixture(scope="module")
def template() -> Template:
    return load(ROOT / "template.yaml", Config.from_environ().parameters)


def test_the_scopes_are_those_of_the_routes(template: Template) -> None:
    assert set(re.findall(r"\bsales:\w+", PAGE)) == {scope for route in template.routes for scope in route.scopes}


def test_make_okta_creates_the_scopes_and_rules_of_the_page() -> None:
    page = {row[0]: set(re.findall(r"`([\w:]+)`", row[3])) for row in rows(4, "Rule")}
    assert {f"Sales {name}": scopes - {"openid", "profile"} for name, scopes in page.items()} == {
        name: set(scopes) for name, scopes in ACCESS.items()
    }
    assert " ".join(SCOPES) == SCOPE
    assert " ".join(MACHINE_SCOPES) == MACHINE_SCOPE


def test_every_setting_and_parameter_of_okta_is_there() -> None:
    sample = {name for name in read_env_file(ROOT / ".env.sample") if name.startswith("OKTA_")}
    # Typed or in the environment, never in a file.
    assert set(re.findall(r"\bOKTA_\w+", PAGE)) - {"OKTA_API_TOKEN"} == sample
    parameters = set(re.findall(r"^  (Okta\w+|ConsoleClientId):$", (ROOT / "template.yaml").read_text(), re.MULTILINE))
    assert set(re.findall(r"`(Okta\w+|Console\w+)`", PAGE)) == parameters


def test_the_redirect_addresses_are_the_ones_in_use(template: Template) -> None:
    assert f"`http://127.0.0.1:{REDIRECT_PORT}{REDIRECT_PATH}`" in PAGE
    pages = set(re.findall(r"`https://<api>(/[^`]*)`", PAGE))
    assert pages == {"/", "/docs/oauth2-redirect"}
    static = ROOT / "functions"
    assert "${location.origin}/docs/oauth2-redirect" in (static / "serve_docs/static/reference.js").read_text()
    assert "const HERE = `${location.origin}/`" in SIGN_IN
    for name in ("redirect_uri", "post_logout_redirect_uri"):
        assert f"{name}: HERE" in SIGN_IN
    assert set(template.functions) >= {"serve_console", "serve_docs"}


@pytest.mark.parametrize("step", STEPS, ids=[step.split("\n")[0] for step in STEPS])
def test_each_step_says_what_is_right_and_what_failure_looks_like(step: str) -> None:
    assert step.count("**Right:**") == 1
    assert step.count("**Wrong:**") == 1


def test_there_are_seven_steps() -> None:
    assert [step[0] for step in STEPS] == list("1234567")


def test_quoted_messages_are_our_own_messages() -> None:
    said = "".join(
        (ROOT / name).read_text()
        for name in ("local/commands/doctor/issuer.py", "local/commands/login.py", "local/commands/token.py", "shared/sales/api/callers.py",
                     "shared/sales/api/tokens.py", "template.yaml", "functions/serve_console/static/words/session.js")
    )  # fmt: skip
    for sentence in (
        "must be an issuer", "calls itself", "Could not get a token:", "You are signed in",
        "Set OKTA_LOGIN_CLIENT_ID to the client id of a Native application", "is in use", "The code was not entered in time.",
        "The issuer refused:", "If not all of this is allowed",
        "does not answer.", "the token does not have a valid audience", "the token has expired", "insufficient_scope",
    ):  # fmt: skip
        assert sentence in PAGE, sentence
        assert sentence in said, sentence


def test_every_refusal_of_doctor_is_explained() -> None:
    for code in REFUSALS:
        assert f"`{code}`" in PAGE, code


def test_each_application_has_the_grants_that_it_uses() -> None:
    grants = {row[0].split(" (")[0]: row[2] for row in rows(3, "For")}
    sources = {name: (ROOT / "local/commands" / f"{name}.py").read_text() for name in ("token", "login")}
    reference = (ROOT / "functions/serve_docs/static/reference.js").read_text()
    assert 'grant_type="client_credentials"' in sources["token"]
    assert grants["a machine"] == "client credentials"
    assert 'grant_type="authorization_code"' in sources["login"]
    assert "urn:ietf:params:oauth:grant-type:device_code" in sources["login"]
    assert grants["a person at a terminal"] == "authorization code with PKCE; device authorization"
    assert 'grant_type: "authorization_code"' in SIGN_IN
    assert "usePkceWithAuthorizationCodeGrant: true" in reference
    for source in (sources["login"], SIGN_IN):
        assert re.search(r"""code_challenge_method"?: "S256\"""", source)
    assert grants["console and reference"] == "authorization code with PKCE"


def test_each_group_has_the_rule_for_what_the_console_asks_for_it() -> None:
    rules = {row[0]: set(re.findall(r"`([\w:]+)`", row[3])) for row in rows(4, "Rule")}
    asked = re.search(r"const LEVELS = \[([^]]+)\]", SIGN_IN)
    assert asked
    levels = [set(level.split()) for level in re.findall(r'"([^"]+)"', asked[1])]
    assert [rules[name] for name in ("managers", "clerks", "readers")] == levels
    assert levels[0] == {"openid", "profile", *SCOPE.split()}
    groups = {row[0]: re.findall(r"`(Sales \w+)`", row[2]) for row in rows(4, "Rule")}
    assert groups == {name: [f"Sales {name}"] for name in ("readers", "clerks", "managers")}
    # The local issuer has the same policy.
    for user, name in (("viewer", "readers"), ("clerk", "clerks"), ("demo", "managers")):
        assert USERS[user].groups == tuple(groups[name])
        for scope in CUSTOM_SCOPES:
            assert allows(user, scope) is (scope in rules[name])


def allows(user: str, scope: str) -> bool:
    try:
        check_policy(Client("", "", public=True, grants=(), groups=USERS[user].groups), user, (scope,))
    except OAuthError:
        return False
    return True


def test_the_address_for_postman_is_in_its_environment() -> None:
    environment = json.loads((ROOT / "docs/postman/okta.postman_environment.json").read_text())
    callback = next(each["value"] for each in environment["values"] if each["key"] == "callback_url")
    (row,) = (row for row in rows(3, "For") if "Postman" in row[0])
    assert row[3] == f"`{callback}`"


def test_the_command_for_a_token_shows_its_claims() -> None:
    command = re.search(r"python3 -c '([^']+)'", PAGE)
    assert command
    # Every length that base64url without padding can have.
    for name in ("a", "ab", "abc"):
        claims = json.dumps({"sub": name, "name": "\u00fc\u00ff?>"}, ensure_ascii=False)
        part = base64.urlsafe_b64encode(claims.encode()).rstrip(b"=").decode()
        shown = subprocess.run(
            [sys.executable, "-X", "utf8", "-c", command[1]], input=f"e30.{part}.c2ln\n", capture_output=True, text=True,
            encoding="utf-8", check=True, timeout=20,
        )  # fmt: skip
        assert json.loads(shown.stdout) == json.loads(claims)


@pytest.mark.parametrize(
    ("event", "code", "challenge"),
    [
        ({}, "unauthorized", "Bearer"),
        (
            {"requestContext": {"authorizer": {"jwt": {"claims": {"sub": "one"}, "scopes": ["sales:read"]}}}},
            "insufficient_scope",
            'Bearer error="insufficient_scope", scope="sales:write"',
        ),
    ],
)
def test_the_functions_refuse_as_the_page_says(event: dict[str, object], code: str, challenge: str) -> None:
    with pytest.raises(Problem) as refused:
        require_scope(
            caller_of(event, {}, issuer="https://issuer", audience="api://default", jwks_uri=""), "sales:write"
        )
    assert (refused.value.code, refused.value.headers["WWW-Authenticate"]) == (code, challenge)
    assert f'`"code": "{code}"`' in STEPS[6]
