"""`make login` and `make token`: tokens in one step, from the local sign-in and from an issuer that .env names."""

import json
import re
import subprocess
import sys
from html import unescape
from urllib.parse import urlsplit

import pytest
import requests

from tests.local.system import ROOT, System, free_ports

pytestmark = pytest.mark.local
SCOPE = "sales:read"


def start(system: System, module: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """A command as `make` runs it; `true` stands for a browser that opens nothing."""
    given = system.environ() | {"SCOPE": SCOPE, "BROWSER": "true"} | environment
    command = [sys.executable, "-m", f"local.{module}", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )


def told(process: subprocess.Popen[str], pattern: str) -> str:
    """The first part of standard error that fits."""
    assert process.stderr
    seen = ""
    for line in process.stderr:
        seen += line
        if match := re.search(pattern, seen):
            return match[0]
    raise AssertionError(seen)


def fill_in(browser: requests.Session, page: requests.Response, **fields: str) -> requests.Response:
    """Sends the page's form as a browser does."""
    action = re.search(r'action="([^"]*)"', page.text)
    assert action, page.text
    hidden = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
    form = {name: unescape(value) for name, value in hidden} | fields
    parts = urlsplit(page.url)
    return browser.post(f"{parts.scheme}://{parts.netloc}{action[1]}", data=form, timeout=10)


def reads(system: System, token: str) -> bool:
    return system.call("GET", "orders", token=token.strip()).status == 200


def test_a_person_signs_in_in_the_browser_and_the_token_is_all_that_is_printed(system: System) -> None:
    process = start(system, "login", LOGIN_PORT=str(free_ports()))
    browser = requests.Session()
    page = browser.get(told(process, r"http://\S+/authorize\?\S+(?=\n)"), timeout=10)
    done = fill_in(browser, page, username="demo", password="demo")
    assert "You are signed in" in done.text
    printed, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", printed)
    assert reads(system, printed)


def test_an_answer_to_another_sign_in_is_not_taken(system: System) -> None:
    port = free_ports()
    process = start(system, "login", LOGIN_PORT=str(port))
    address = told(process, r"http://\S+/authorize\?\S+(?=\n)")
    forged = requests.get(f"http://127.0.0.1:{port}/callback?code=theirs&state=theirs", timeout=10)
    assert forged.status_code == 404
    browser = requests.Session()
    fill_in(browser, browser.get(address, timeout=10), username="demo", password="demo")
    assert reads(system, process.communicate(timeout=20)[0])


def test_a_person_signs_in_on_another_device(system: System) -> None:
    process = start(system, "login", "--device")
    address = told(process, r"http://\S+")
    code = re.search(r"user_code=([\w-]+)", address)
    assert code
    browser = requests.Session()
    page = browser.get(address, timeout=10)
    fill_in(browser, page, user_code=code[1], username="demo", password="demo", answer="allow")
    assert reads(system, process.communicate(timeout=30)[0])


def test_a_machine_gets_its_token_at_the_issuer_that_the_settings_name(system: System) -> None:
    secret = json.loads((system.state / "identity-clients.json").read_text())["sales-service"]
    issuer = f"http://127.0.0.1:{system.port + 1}/oauth2/default"
    named = {"OKTA_ISSUER": issuer, "OKTA_CLIENT_ID": "sales-service", "OKTA_CLIENT_SECRET": secret}
    process = start(system, "token", **named)
    printed, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    assert reads(system, printed)


@pytest.mark.parametrize(
    ("module", "changes", "sentence"),
    [
        ("token", {"OKTA_ISSUER": "http://127.0.0.1:9"}, "Set OKTA_CLIENT_ID and OKTA_CLIENT_SECRET"),
        ("login", {"OKTA_ISSUER": "http://127.0.0.1:9"}, "Set OKTA_LOGIN_CLIENT_ID"),
        (
            "login",
            {"OKTA_ISSUER": "http://127.0.0.1:9", "OKTA_LOGIN_CLIENT_ID": "x"},
            "The issuer does not answer. Check OKTA_ISSUER",
        ),
        (
            "token",
            {"OKTA_ISSUER": "{issuer}", "OKTA_CLIENT_ID": "sales-service", "OKTA_CLIENT_SECRET": "wrong"},
            "client secret supplied for a confidential client is invalid",
        ),
        (
            "token",
            {"OKTA_ISSUER": "{issuer}/", "OKTA_CLIENT_ID": "x", "OKTA_CLIENT_SECRET": "x"},
            "Invalid value for 'client_id' parameter",
        ),
        ("token", {"OKTA_ISSUER": "{api}", "OKTA_CLIENT_ID": "x", "OKTA_CLIENT_SECRET": "x"}, "is no issuer"),
        ("token", {"SCOPE": "sales:all"}, "scopes are not configured"),
    ],
)
def test_why_there_is_no_token_is_a_sentence(
    system: System, module: str, changes: dict[str, str], sentence: str
) -> None:
    places = {"issuer": f"http://127.0.0.1:{system.port + 1}/oauth2/default", "api": system.url("")}
    process = start(system, module, **{name: value.format(**places) for name, value in changes.items()})
    printed, said = process.communicate(timeout=20)
    assert (process.returncode, printed) == (1, "")
    assert sentence in said
    assert "Traceback" not in said


def test_a_port_that_is_taken_is_named(system: System) -> None:
    process = start(system, "login", LOGIN_PORT=str(system.port))
    _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert f"Port {system.port} is taken" in said
