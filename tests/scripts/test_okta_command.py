"""`make okta` as a person or a script runs it: what it asks, prints, writes and never shows."""

import getpass
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from deployment import ROOT
from local.config import Config
from scripts.okta import __main__ as command
from scripts.okta.api import Api, OktaError
from scripts.okta.settings import write_env
from tests.support import tokens
from tests.support.okta import NO_LICENCE, NOT_NOW, TOKEN, TOO_MANY, Organisation, running

SECRET = "made-up-"


@pytest.fixture
def issuer() -> Iterator[tokens.Issuer]:
    """The custom authorization server that issues tokens as the new objects allow."""
    with tokens.running(tokens.Issuer()) as found:
        found.grants = (200, {"access_token": found.token(aud="api://sales")})
        yield found


@pytest.fixture
def okta(issuer: tokens.Issuer) -> Iterator[Organisation]:
    with running(Organisation()) as organisation:
        organisation.issuer = issuer.url
        yield organisation


@pytest.fixture
def run(
    okta: Organisation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Return what runs the command: its exit status and output. With `typed`, standard input is a terminal."""

    (tmp_path / "template.yaml").symlink_to(ROOT / "template.yaml")

    def main(*arguments: str, typed: list[str] | None = None, token: str | None = TOKEN) -> tuple[int, str]:
        answers = iter(typed or [])
        monkeypatch.setattr(sys, "argv", ["okta", "--domain", okta.url, *arguments])
        monkeypatch.setattr("sys.stdin.isatty", lambda: typed is not None, raising=False)
        monkeypatch.setattr("builtins.input", lambda question: next(answers))
        monkeypatch.setattr(getpass, "getpass", lambda question: next(answers))
        monkeypatch.setattr("time.sleep", lambda seconds: None)
        # `.env` is in its root.
        settings = Config(8000, tmp_path, {}, root=tmp_path)
        monkeypatch.setattr(Config, "from_environ", lambda: settings)
        monkeypatch.delenv("OKTA_API_TOKEN", raising=False)
        if token:
            monkeypatch.setenv("OKTA_API_TOKEN", token)
        status = command.main()
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    return main


def test_a_script_gets_settings_that_doctor_finds_right(okta: Organisation, run: Callable[..., Any], issuer: tokens.Issuer, tmp_path: Path) -> None:  # fmt: skip
    status, said = run("--yes")
    ids = {each["label"]: each["id"] for each in okta.items("apps")}
    for line in (
        f"OKTA_ISSUER={issuer.url}",
        "OKTA_AUDIENCE=api://sales",
        f"OKTA_CLIENT_ID={ids['Sales machine']}",
        f"OKTA_LOGIN_CLIENT_ID={ids['Sales command line']}",
        f"CONSOLE_CLIENT_ID={ids['Sales console']}",
    ):
        assert f"\n{line}\n" in said
    assert "21 of 21 to create or change; nothing is deleted." in said
    assert "ok       token: RS256, for api://sales" in said
    assert status == 0, said
    assert not (tmp_path / ".env").exists()
    assert "Okta needs API Access Management" in said.splitlines()[0]


def test_neither_token_nor_secret_is_ever_shown(okta: Organisation, run: Callable[..., Any]) -> None:
    for arguments in (["--yes"], ["--yes", "--write"]):
        said = run(*arguments)[1]
        assert TOKEN not in said
        assert SECRET not in said


def test_written_settings_have_the_machines_secret_and_are_private(okta: Organisation, run: Callable[..., Any], tmp_path: Path) -> None:  # fmt: skip
    (tmp_path / ".env").write_text("# mine\nLOG_LEVEL=WARN\nOKTA_CLIENT_ID=old\n")
    run("--yes", "--write")
    text = (tmp_path / ".env").read_text()
    [machine] = [each for each in okta.items("apps") if each["label"] == "Sales machine"]
    assert text.startswith(f"# mine\nLOG_LEVEL=WARN\nOKTA_CLIENT_ID={machine['id']}\n")
    assert f"OKTA_CLIENT_SECRET={machine['credentials']['oauthClient']['client_secret']}\n" in text
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def test_the_second_time_it_says_that_nothing_changes_and_asks_nothing(okta: Organisation, run: Callable[..., Any]) -> None:  # fmt: skip
    run("--yes")
    okta.changes.clear()
    status, said = run()
    assert status == 0
    assert "Nothing to change: all of it is as it should be." in said
    assert okta.changes == []


def test_a_person_types_the_token_and_agrees(okta: Organisation, run: Callable[..., Any], tmp_path: Path) -> None:
    status, _ = run(typed=[TOKEN, "y", "n"], token=None)
    assert status == 0
    assert len(okta.changes) == 21
    assert not (tmp_path / ".env").exists()
    run(typed=[f" SSWS {TOKEN}\n", "y"], token=None)
    assert (tmp_path / ".env").exists()


@pytest.mark.parametrize("answer", ["n", "", "what"])
def test_without_a_yes_nothing_changes(okta: Organisation, run: Callable[..., Any], answer: str) -> None:
    status, said = run(typed=[answer])
    assert status == 1
    assert said.endswith("Nothing was changed.\n")
    assert okta.changes == []


def test_without_a_terminal_it_needs_yes(okta: Organisation, run: Callable[..., Any]) -> None:
    status, said = run()
    assert status == 1
    assert "YES=1" in said
    assert okta.changes == []


def test_without_a_terminal_it_needs_the_token_in_the_environment(okta: Organisation, run: Callable[..., Any]) -> None:
    status, said = run("--yes", token=None)
    assert status == 1
    assert "set OKTA_API_TOKEN" in said
    assert okta.requests == []


def test_an_existing_servers_audience_is_kept_and_printed(okta: Organisation, run: Callable[..., Any], issuer: tokens.Issuer) -> None:  # fmt: skip
    okta.add("authorizationServers", name="sales", audiences=["api://other"], issuerMode="ORG_URL")
    issuer.grants = (200, {"access_token": issuer.token(aud="api://other")})
    status, said = run("--yes")
    assert "The server keeps its audience: api://other." in said
    assert "\nOKTA_AUDIENCE=api://other\n" in said
    assert status == 0, said


def test_a_problem_that_doctor_finds_is_its_exit_status(okta: Organisation, run: Callable[..., Any], issuer: tokens.Issuer) -> None:  # fmt: skip
    issuer.grants = (400, {"error": "access_denied", "error_description": "Policy evaluation failed"})
    status, said = run("--yes")
    assert status == 1
    assert "PROBLEM  token: " in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--domain", "shop-admin.okta.com"), "Use shop.okta.com."),
        (("--domain", "https://shop-admin.oktapreview.com/admin/dashboard"), "Use shop.oktapreview.com."),
        (("--domain", "no domain"), "no domain of an Okta organisation"),
        (("--domain", "http://shop.okta.com"), "no domain of an Okta organisation"),
        (("--domain", "https://me@shop.okta.com"), "no domain of an Okta organisation"),
        (("--api", "http://shop.example.com"), "is not the API's address"),
        (("--api", "https://shop.example.com/api/v1/sales"), "is not the API's address"),
        (("--audience", "two words"), "must be the audience"),
    ],
)
def test_a_wrong_argument_is_a_sentence_before_anything_is_asked(okta: Organisation, run: Callable[..., Any], arguments: tuple[str, ...], words: str) -> None:  # fmt: skip
    status, said = run("--yes", *arguments)
    assert status == 1
    assert words in said
    assert okta.requests == []


def refusing(problem: Exception, path: str = "", times: int = 99) -> Callable[[int, str, str], None]:
    remaining = [times]

    def refuse(number: int, method: str, asked: str) -> None:
        if path in asked and remaining[0]:
            remaining[0] -= 1
            raise problem

    return refuse


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (NO_LICENCE, "This organisation lacks the feature: it needs API Access Management"),
        (ConnectionError(), "does not answer (ConnectionError). Check the domain and this network."),
        (NOT_NOW, "Okta cannot do this now. Try again in a few minutes."),
        (TOO_MANY, "Okta's limit of requests is still used up."),
    ],
)
def test_a_refusal_is_a_sentence(okta: Organisation, run: Callable[..., Any], problem: Exception, words: str) -> None:
    okta.before = refusing(problem)
    status, said = run("--yes")
    assert status == 1
    assert words in said
    assert "Traceback" not in said


def test_a_wrong_token_is_a_sentence_with_oktas_request_id(okta: Organisation, run: Callable[..., Any]) -> None:
    status, said = run("--yes", token="another-token")
    assert status == 1
    assert "Okta does not accept the API token." in said
    assert "X-Okta-Request-Id: request-1" in said
    assert "another-token" not in said


def test_an_unusable_token_is_not_sent(okta: Organisation, run: Callable[..., Any]) -> None:
    assert run("--yes", token="two words")[0] == 1
    assert okta.requests == []


def test_a_used_up_limit_is_waited_for_until_okta_lifts_it(okta: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("scripts.okta.api.time.sleep", waits.append)
    okta.before = refusing(TOO_MANY, times=2)
    assert Api(okta.url, TOKEN).read("groups", "a role", q="Sales") == []
    waits = [wait for wait in waits if wait]
    assert len(waits) == 2
    assert all(30 <= wait <= 32 for wait in waits)


def test_the_token_follows_neither_a_redirect_nor_a_page_to_another_address(okta: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    elsewhere = requests.Response()
    elsewhere.status_code = 200
    elsewhere._content = b"[]"
    elsewhere.headers["Link"] = '<https://other.example.com/api/v1/groups?after=1>; rel="next"'
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(requests.Session, "request", lambda *_, **options: sent.append(options) or elsewhere)
    with pytest.raises(OktaError, match=r"continues its list at another address \(other.example.com\)"):
        Api(okta.url, TOKEN).read("groups", "a role")
    assert [options["allow_redirects"] for options in sent] == [False]


@pytest.mark.parametrize("content", [b"<html>", b"{}", b'"text"'])
def test_an_answer_of_something_else_is_a_sentence(okta: Organisation, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:  # fmt: skip
    other = requests.Response()
    other.status_code = 200
    other._content = content
    monkeypatch.setattr(requests.Session, "request", lambda *_, **__: other)
    with pytest.raises(OktaError, match="does not answer as Okta does"):
        Api(okta.url, TOKEN).read("groups", "a role")


def test_the_command_runs_as_make_starts_it(okta: Organisation, tmp_path: Path) -> None:
    environment = os.environ | {"OKTA_API_TOKEN": TOKEN, "SALES_STATE": str(tmp_path)}
    arguments = [sys.executable, "-m", "scripts.okta", "--domain", okta.url, "--yes"]
    done = subprocess.run(arguments, cwd=ROOT, env=environment, input="", capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
    assert "\nOKTA_AUDIENCE=api://sales\n" in done.stdout, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert len(okta.changes) == 21


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "A=1\nB=2\n"),
        ("C=3", "C=3\nA=1\nB=2\n"),
        ("A=old\nC=3\n", "A=1\nC=3\nB=2\n"),
        ("# A=old\nexport A='old' # why\n", "# A=old\nA=1\nB=2\n"),
        ("A=old\nA=older\n", "A=1\nA=1\nB=2\n"),
        ("BA=x\n", "BA=x\nA=1\nB=2\n"),
    ],
)
def test_a_setting_replaces_its_line_and_keeps_the_others(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / ".env"
    path.write_text(text)
    write_env(path, {"A": "1", "B": "2"})
    assert path.read_text() == expected
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("text", "value"), [("X='open\n", "1"), ('Y="one\nA=two"\n', "1"), ("", "with # comment")])
def test_a_file_that_cannot_be_changed_safely_stays_as_it_is(tmp_path: Path, text: str, value: str) -> None:
    path = tmp_path / ".env"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"\.env"):
        write_env(path, {"A": value})
    assert path.read_text() == text


def test_the_stand_ins_contract_names_its_source() -> None:
    contract = json.loads((ROOT / "tests/support/okta_api.json").read_text())
    assert contract["source"].startswith("okta/okta-management-openapi-spec")
