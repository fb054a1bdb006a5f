"""`make login` and `make token`: tokens in one step, from the local issuer and from .env's."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from local.commands import token
from local.commands.login import by_browser, by_device
from local.commands.token import Issuer, NoTokenError
from local.config import Config
from tests.support import tokens
from tests.support.people import fill_in, read_until, sign_in
from tests.support.system import ROOT, System, free_ports, until

pytestmark = pytest.mark.local
SCOPE = "sales:read"


# A script starts commands in the background with SIGINT ignored, and exec keeps that.
IGNORING_SIGINT = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
)


def start(system: System, module: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start a command as `make` does; `true` stands for a browser that opens nothing."""
    variables = system.environ() | {"SCOPE": SCOPE, "BROWSER": "true"} | environment
    command = [sys.executable, "-m", f"local.commands.{module}", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )


def reads(system: System, token: str) -> bool:
    return system.call("GET", "orders", token=token.strip()).status == 200


def test_a_person_signs_in_in_the_browser_and_the_token_is_all_that_is_printed(system: System) -> None:
    process = start(system, "login")
    assert "You are signed in" in sign_in(read_until(process, r"http://\S+/authorize\?\S+(?=\n)")).text
    printed, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", printed)
    assert reads(system, printed)


def test_an_answer_to_another_sign_in_is_ignored(system: System) -> None:
    port = system.login_port
    process = start(system, "login")
    address = read_until(process, r"http://\S+/authorize\?\S+(?=\n)")
    forged = requests.get(f"http://127.0.0.1:{port}/callback?code=theirs&state=theirs", timeout=10)
    assert forged.status_code == 404
    sign_in(address)
    assert reads(system, process.communicate(timeout=20)[0])


def test_a_person_signs_in_on_another_device(system: System) -> None:
    process = start(system, "login", "--device")
    address = read_until(process, r"http://\S+")
    code = re.search(r"user_code=([\w-]+)", address)
    assert code
    browser = requests.Session()
    page = browser.get(address, timeout=10)
    fill_in(browser, page, user_code=code[1], username="demo", password="demo", answer="allow")
    assert reads(system, process.communicate(timeout=30)[0])


def test_a_machine_gets_its_token_from_the_configured_issuer(system: System) -> None:
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
            {"OKTA_ISSUER": "{issuer}", "OKTA_CLIENT_ID": "x", "OKTA_CLIENT_SECRET": "x"},
            "Invalid value for 'client_id' parameter",
        ),
        ("token", {"OKTA_ISSUER": "{api}", "OKTA_CLIENT_ID": "x", "OKTA_CLIENT_SECRET": "x"}, "is not an issuer"),
        ("token", {"SCOPE": "sales:all"}, "scopes are not configured"),
    ],
)
def test_a_missing_token_is_explained_in_a_sentence(
    system: System, module: str, changes: dict[str, str], sentence: str
) -> None:
    places = {"issuer": f"http://127.0.0.1:{system.port + 1}/oauth2/default", "api": system.url("")}
    process = start(system, module, **{name: value.format(**places) for name, value in changes.items()})
    printed, said = process.communicate(timeout=20)
    assert (process.returncode, printed) == (1, "")
    assert sentence in said
    assert "Traceback" not in said


def test_a_port_in_use_is_named(system: System) -> None:
    process = start(system, "login", LOGIN_PORT=str(system.port))
    _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert f"Port {system.port} is in use" in said


@pytest.mark.parametrize("given", ["80", "70000", "eighty"])
def test_an_impossible_login_port_is_named(tmp_path: Path, given: str) -> None:
    process = start(System(tmp_path), "login", LOGIN_PORT=given)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert said.startswith("LOGIN_PORT must be a number from 1024")


def test_a_connection_that_the_browser_never_uses_holds_nothing_up(system: System) -> None:
    port = system.login_port
    process = start(system, "login")
    address = read_until(process, r"http://\S+/authorize\?\S+(?=\n)")
    with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)) as half:
        half.sendall(b"GET /callback?code=x HTTP/1.1\r\n")
        assert "You are signed in" in sign_in(address).text
        assert reads(system, process.communicate(timeout=20)[0])


@pytest.fixture
def issuer() -> Iterator[tokens.Issuer]:
    """An issuer that a test scripts."""
    with tokens.running(tokens.Issuer()) as issuer:
        yield issuer


def browsing(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[requests.Response]:
    """Replace the browser by one that returns with these queries; list the pages it was shown."""
    shown: list[requests.Response] = []

    def come_back(address: str) -> None:
        parameters = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        for answer in answers:
            query = answer.format(state=parameters["state"])
            shown.append(requests.get(f"{parameters['redirect_uri']}?{query}", timeout=10))

    def browse(address: str) -> bool:
        threading.Thread(target=come_back, args=(address,), daemon=True).start()
        return True

    monkeypatch.setattr(webbrowser, "open", browse)
    return shown


def signing_in(issuer: tokens.Issuer, wait: float = 20, scope: str = SCOPE) -> str:
    return by_browser(Issuer(issuer.url, "cli"), scope, free_ports(), wait=wait)


def test_the_wait_ends_in_time_whatever_is_connected(issuer: tokens.Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    connected: list[socket.socket] = []

    def connect(address: str) -> bool:
        port = urlsplit(parse_qs(urlsplit(address).query)["redirect_uri"][0]).port
        connected.append(socket.create_connection(("127.0.0.1", port or 0)))
        return True

    monkeypatch.setattr(webbrowser, "open", connect)
    began = time.monotonic()
    with pytest.raises(NoTokenError, match="Timed out waiting for the sign-in"):
        signing_in(issuer, wait=0.5)
    assert time.monotonic() - began < 5
    connected[0].close()


def test_a_state_in_another_script_is_ignored(issuer: tokens.Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = browsing(monkeypatch, "state=caf%C3%A9&code=x", "state=%F0%9F%98%80", "", "state={state}&code=x")
    assert signing_in(issuer)
    assert [each.status_code for each in shown[:3]] == [404, 404, 404]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("state={state}", "neither a code nor an error"),
        ("state={state}&error=access_denied&error_description=No+rule", "^The issuer refused: access_denied: No rule$"),
        ("state={state}&error=server_error", "^The issuer refused: server_error$"),
    ],
)
def test_an_answer_without_a_code_is_explained_in_a_sentence(
    issuer: tokens.Issuer, monkeypatch: pytest.MonkeyPatch, answer: str, sentence: str
) -> None:
    shown = browsing(monkeypatch, answer)
    with pytest.raises(NoTokenError, match=sentence):
        signing_in(issuer)
    assert not shown or "You are not signed in" in shown[0].text


ALL = "sales:read sales:write sales:manage"


@pytest.mark.parametrize(
    ("asked", "fewer"), [(ALL, "sales:read sales:write"), ("sales:read sales:write", "sales:read")]
)
def test_a_refusal_of_several_scopes_says_how_to_ask_for_fewer(
    issuer: tokens.Issuer, monkeypatch: pytest.MonkeyPatch, asked: str, fewer: str
) -> None:
    browsing(monkeypatch, "state={state}&error=access_denied")
    with pytest.raises(NoTokenError, match=f'ask for less: SCOPE="{fewer}" make login$'):
        signing_in(issuer, scope=asked)
    issuer.script = [(200, DEVICE), (400, {"error": "access_denied", "error_description": "Policy"})]
    with pytest.raises(NoTokenError, match=f'Policy\nIf .*: SCOPE="{fewer}" make login$'):
        by_device(Issuer(issuer.url, "cli"), asked)


def test_a_machine_that_may_do_less_is_told_how_to_ask(
    issuer: tokens.Issuer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    issuer.grants = (400, {"error": "access_denied", "error_description": "Policy"})
    config = Config(9300, tmp_path, {"OKTA_ISSUER": issuer.url, "OKTA_CLIENT_ID": "x", "OKTA_CLIENT_SECRET": "x"})
    monkeypatch.setattr(Config, "of_running", lambda: config)
    for scope, hint in (("", 'SCOPE="sales:read sales:write" make token'), ("sales:read", "")):
        monkeypatch.setenv("SCOPE", scope)
        assert token.main() == 1
        printed, said = capsys.readouterr()
        assert printed == ""
        assert said == "Could not get a token: Policy\n" + (
            f"If not all of this is allowed, ask for less: {hint}\n" if hint else ""
        )


@pytest.mark.parametrize("document", [[], ["issuer"], "text", 5])
def test_a_discovery_document_must_be_an_object(issuer: tokens.Issuer, document: Any) -> None:
    issuer.document = document
    with pytest.raises(NoTokenError, match=r"is not an issuer: .* names no issuer"):
        signing_in(issuer)


def test_an_endpoint_must_be_an_address(issuer: tokens.Issuer) -> None:
    issuer.discovery = {"authorization_endpoint": None}
    with pytest.raises(NoTokenError, match="has no authorization_endpoint"):
        signing_in(issuer)


DEVICE = {"device_code": "d", "user_code": "u", "verification_uri": "https://example.com", "interval": 0.05}


@pytest.mark.parametrize("missing", ["device_code", "user_code", "verification_uri"])
def test_a_device_answer_without_a_code_is_explained_in_a_sentence(issuer: tokens.Issuer, missing: str) -> None:
    issuer.script = [(200, {name: value for name, value in DEVICE.items() if name != missing})]
    with pytest.raises(NoTokenError, match=f"its answer has no {missing}"):
        by_device(Issuer(issuer.url, "cli"), SCOPE)


@pytest.mark.parametrize("changes", [{"expires_in": None}, {"expires_in": "soon"}, {"expires_in": -1}])
def test_a_device_answer_without_times_gets_the_defaults(issuer: tokens.Issuer, changes: dict[str, Any]) -> None:
    issuer.script = [(200, DEVICE | changes)]
    assert by_device(Issuer(issuer.url, "cli"), SCOPE)


def test_polling_for_the_device_survives_failures(issuer: tokens.Issuer) -> None:
    waiting = (400, {"error": "authorization_pending"})
    issuer.script = [(200, DEVICE), waiting, None, (503, "busy"), (429, {"errorSummary": "Too many"}), waiting]
    assert by_device(Issuer(issuer.url, "cli"), SCOPE)
    assert issuer.script == []


def test_an_issuer_that_stays_away_is_reported(issuer: tokens.Issuer) -> None:
    issuer.script = [(200, DEVICE), *[None] * 20]
    with pytest.raises(NoTokenError, match="does not answer"):
        by_device(Issuer(issuer.url, "cli"), SCOPE, wait=0.5)


def test_a_refusal_ends_the_wait_for_the_device(issuer: tokens.Issuer) -> None:
    issuer.script = [(200, DEVICE), (400, {"error": "access_denied", "error_description": "You said no."})]
    with pytest.raises(NoTokenError, match="You said no"):
        by_device(Issuer(issuer.url, "cli"), SCOPE)


def interrupt(process: subprocess.Popen[str]) -> None:
    """Ctrl-C."""
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said.endswith("\nStopped.\n")
    assert "Traceback" not in said


@pytest.mark.parametrize("arguments", [(), ("--device",)], ids=["in the browser", "on another device"])
def test_an_interrupted_sign_in_ends_with_a_word(system: System, arguments: tuple[str, ...]) -> None:
    process = start(system, "login", *arguments)
    read_until(process, r"http://\S+")
    interrupt(process)


@pytest.mark.parametrize("module", ["token", "doctor"])
def test_an_interrupted_wait_for_an_issuer_ends_with_a_word(issuer: tokens.Issuer, tmp_path: Path, module: str) -> None:
    issuer.delay = 5
    named = {"OKTA_ISSUER": issuer.url, "OKTA_CLIENT_ID": "x", "OKTA_CLIENT_SECRET": "x"}
    process = start(System(tmp_path), module, **named)
    until(lambda: issuer.fetches)
    interrupt(process)


@pytest.mark.parametrize("module", ["token", "login"])
def test_a_command_in_the_background_of_a_script_can_be_interrupted(
    issuer: tokens.Issuer, tmp_path: Path, module: str
) -> None:
    issuer.delay = 5
    settings = {
        "OKTA_ISSUER": issuer.url,
        "OKTA_CLIENT_ID": "x",
        "OKTA_CLIENT_SECRET": "x",
        "OKTA_LOGIN_CLIENT_ID": "x",
    }
    command = [sys.executable, "-c", IGNORING_SIGINT, sys.executable, "-m", f"local.commands.{module}"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=System(tmp_path).environ() | settings, stderr=subprocess.PIPE, text=True
    )
    until(lambda: issuer.fetches)
    interrupt(process)
