"""docs/okta.md says what template, settings and code say."""

import re

import pytest

from local import doctor, login
from local.config import ROOT, Config, read_env_file
from local.template import Template, load

PAGE = (ROOT / "docs" / "okta.md").read_text()
STEPS = re.split(r"\n## (?=\d\. )", PAGE)[1:]


@pytest.fixture(scope="module")
def template() -> Template:
    return load(ROOT / "template.yaml", Config.from_environ().parameters)


def test_the_scopes_are_those_of_the_routes(template: Template) -> None:
    assert set(re.findall(r"\bsales:\w+", PAGE)) == {scope for route in template.routes for scope in route.scopes}


def test_every_setting_and_parameter_about_okta_is_there_and_no_other() -> None:
    sample = {name for name in read_env_file(ROOT / ".env.sample") if name.startswith("OKTA_")}
    assert set(re.findall(r"\bOKTA_\w+", PAGE)) == sample
    parameters = set(re.findall(r"^  (Okta\w+|ConsoleClientId):$", (ROOT / "template.yaml").read_text(), re.MULTILINE))
    assert set(re.findall(r"`(Okta\w+|Console\w+)`", PAGE)) == parameters


def test_the_redirect_addresses_are_those_that_are_used(template: Template) -> None:
    assert f"`http://127.0.0.1:{login.REDIRECT_PORT}{login.REDIRECT_PATH}`" in PAGE
    pages = set(re.findall(r"`https://<api>(/[^`]*)`", PAGE))
    assert pages == {"/", "/docs/oauth2-redirect"}
    static = ROOT / "functions"
    assert "${location.origin}/docs/oauth2-redirect" in (static / "serve_docs/static/reference.js").read_text()
    console = (static / "serve_console/static/signin.js").read_text()
    assert "const HERE = `${location.origin}/`" in console
    for name in ("redirect_uri", "post_logout_redirect_uri"):
        assert f"{name}: HERE" in console
    assert set(template.functions) >= {"serve_console", "serve_docs"}


@pytest.mark.parametrize("step", STEPS, ids=[step.split("\n")[0] for step in STEPS])
def test_each_step_says_what_is_right_and_what_is_said_when_it_is_not(step: str) -> None:
    assert step.count("**Right:**") == 1
    assert step.count("**Wrong:**") == 1


def test_there_are_seven_steps() -> None:
    assert [step[0] for step in STEPS] == list("1234567")


def test_what_our_own_parts_are_quoted_to_say_is_what_they_say() -> None:
    said = "".join(
        (ROOT / name).read_text()
        for name in ("local/doctor.py", "local/login.py", "local/token.py", "shared/sales/auth.py", "template.yaml",
                     "functions/serve_console/static/signin.js")
    )  # fmt: skip
    for sentence in (
        "must be a custom authorization server", "says that it is", "The sign-in gives no token:", "You are signed in",
        "Set OKTA_LOGIN_CLIENT_ID to the client id of a Native application", "is taken", "Nobody typed the code in time.",
        "does not answer.", "the token does not have a valid audience", "the token has expired", "insufficient_scope",
    ):  # fmt: skip
        assert sentence in PAGE, sentence
        assert sentence in said, sentence


def test_every_refusal_that_doctor_knows_is_explained() -> None:
    for code in doctor.REFUSALS:
        assert f"`{code}`" in PAGE, code
