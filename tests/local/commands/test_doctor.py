"""`make doctor` on configurations with one fault each: the problem that it names, and its advice."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.commands import sam_local as samlocal
from local.commands.doctor.__main__ import examine
from local.commands.doctor.configuration import check_secrets_age, check_sms_key, check_stored
from local.commands.doctor.machine import check_node_modules, check_tools
from local.config import Config
from tests.support.system import ROOT, System, free_ports
from tests.support.tokens import Issuer, running

pytestmark = pytest.mark.local


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An authorization server without faults."""
    with running(Issuer()) as found:
        yield found


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder without data, which keeps the parsed template: parsing it is most of the work."""
    return tmp_path_factory.mktemp("doctor")


def doctor(state: Path, **settings: str) -> tuple[int, str]:
    """Return its exit status and its output."""
    environment = os.environ | {
        "PORT": str(free_ports()),
        "SALES_STATE": str(state),
        # npm and Docker are slow to ask, and have their own tests.
        "PATH": "",
    }
    command = [sys.executable, "-m", "local.commands.doctor"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment | settings, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


def at(issuer: Issuer) -> dict[str, str]:
    """Return all settings for this issuer."""
    return {"OKTA_ISSUER": issuer.url, "OKTA_CLIENT_ID": "machine", "OKTA_CLIENT_SECRET": "its-secret"}


def test_a_new_machine_has_no_problems_and_its_stopped_parts_are_not_checked(tmp_path: Path) -> None:
    status, said = doctor(tmp_path / "state", PATH=os.environ["PATH"])
    assert status == 0, said
    assert "ok       Python: 3.13" in said
    assert re.search(r"ok       packages: \d\d+, as pinned in requirements-dev.txt", said)
    assert "-        database: " in said
    assert "-        issuer: OKTA_ISSUER is not set and the system is not running" in said
    assert "No problems found." in said


def test_a_running_systems_database_and_issuer_are_checked_with_a_real_token(system: System) -> None:
    given = {"PORT": str(system.port), "LOGIN_PORT": str(system.login_port)}
    status, said = doctor(system.state, **given)
    assert status == 0, said
    assert re.search(r"ok       database: \w+ answers", said)
    assert "ok       token: RS256, for api://default, with sales:read sales:write sales:manage" in said
    assert "ok       console's client: sales-console may sign people in" in said
    assert "ok       make login's client: sales-cli may sign people in" in said


def test_a_good_issuer_is_checked_down_to_its_token(state: Path, issuer: Issuer) -> None:
    status, said = doctor(state, **at(issuer))
    assert status == 0, said
    for line in (
        "ok       issuer: http",
        "ok       signing keys: 1 for RS256",
        "ok       scopes: sales:read sales:write sales:manage",
    ):
        assert line in said
    assert "ok       token: RS256, for api://default, with sales:read sales:write, valid for 10 minutes" in said


def publishing(**said: Any) -> Callable[[Issuer], object]:
    return lambda issuer: setattr(issuer, "discovery", said)


def granting(status: int, **said: Any) -> Callable[[Issuer], object]:
    return lambda issuer: setattr(issuer, "grants", (status, said))


def giving(**claims: Any) -> Callable[[Issuer], object]:
    return lambda issuer: setattr(issuer, "grants", (200, {"access_token": issuer.token(**claims)}))


def keys_of(**changes: Any) -> Callable[[Issuer], object]:
    def change(issuer: Issuer) -> None:
        issuer.published = {"keys": [key | changes for key in issuer.keys()["keys"]]}

    return change


def signed_with_another(issuer: Issuer) -> None:
    issuer.grants = (200, {"access_token": issuer.sign({"alg": "RS512", "kid": issuer.kid}, issuer.claims())})


@pytest.mark.parametrize(
    ("break_it", "problem", "advice"),
    [
        (lambda issuer: setattr(issuer, "down", True), "issuer: .*status 503", "Compare OKTA_ISSUER"),
        (publishing(issuer="https://other.example.com"), "issuer: .* calls itself https://other", "exactly that"),
        (
            publishing(jwks_uri="http://127.0.0.1:1/oauth2/v1/keys"),
            "organisation's own server",
            "custom authorization server",
        ),
        (publishing(jwks_uri="http://127.0.0.1:1/keys"), "signing keys: .*ConnectionError", "administrator"),
        (keys_of(alg="ES256"), "no RSA key for RS256", "RS256 only"),
        (granting(401, error="invalid_client"), "token: ", "Compare OKTA_CLIENT_ID and OKTA_CLIENT_SECRET"),
        (granting(400, error="invalid_scope"), "token: ", "Add the scopes sales:read sales:write sales:manage"),
        (
            granting(400, error="access_denied", error_description="Policy evaluation failed"),
            "Policy eval",
            "access policy",
        ),
        (granting(400, error="invalid_dpop_proof"), "token: ", "Turn off Require"),
        (granting(400, error="unauthorized_client"), "token: ", "Client Credentials"),
        (giving(aud="api://other"), "valid audience", "OktaAudience"),
        (giving(iss="https://other.example.com"), "valid issuer", "Issuer to OKTA_ISSUER"),
        (granting(200), "no access_token", "docs/okta.md"),
        (lambda issuer: setattr(issuer, "grants", (200, [])), "not answer with a JSON object", "docs/okta.md"),
        (signed_with_another, "not RS256", "RS256"),
        (giving(iat=4e9, exp=5e9), "not valid yet", "clock"),
        (giving(scp=["sales:read"]), "lacks sales:write", "access policy"),
        (giving(exp=4e9), "valid for ", "Shorten"),
    ],
)
def test_each_fault_of_an_issuer_is_named_with_advice(
    state: Path, issuer: Issuer, break_it: Callable[[Issuer], object], problem: str, advice: str
) -> None:
    break_it(issuer)
    status, said = doctor(state, **at(issuer))
    assert status == 1, said
    assert re.search(rf"PROBLEM  .*{problem}.*\n         .*{advice}", said), said
    assert said.endswith("\n1 problem.\n")
    assert "its-secret" not in said


@pytest.mark.parametrize(
    ("settings", "problem", "advice"),
    [
        ({"OKTA_ISSUER": "https://example.okta.com"}, "issuer: .* organisation's own server", "Correct OKTA_ISSUER"),
        (
            {"OKTA_ISSUER": "https://example.okta.com/oauth2/default/"},
            "without a slash at the end",
            "Correct OKTA_ISSUER",
        ),
        ({"OKTA_ISSUER": "https://example-admin.okta.com/oauth2/default"}, "administrators' pages", "Remove -admin"),
        (
            {"OKTA_ISSUER": "http://127.0.0.1:1/oauth2/default"},
            "issuer: .*ConnectionError",
            "Can this network reach it",
        ),
        (
            {"DYNAMODB_ENDPOINT": "http://127.0.0.1:1"},
            "database: http://127.0.0.1:1 does not answer",
            "DYNAMODB_ENDPOINT",
        ),
        ({"LOCAL_STORE": "another"}, "database: No local database another is installed", "make run"),
        ({"SMS_MAX_ATTEMPTS": "many"}, ".env: .*SMS_MAX_ATTEMPTS", ".env.sample"),
        ({"DEFAULT_CURRENCY": "KSH"}, ".env: DEFAULT_CURRENCY: must be an ISO 4217 code", ".env.sample"),
        ({"DEFAULT_COUNTRY": "GB"}, r".env: SMS_ALLOWED: must list .* United Kingdom shares \+44", ".env.sample"),
        ({"LOCAL_STORE": "dynoxyde"}, "database: No local database dynoxyde is installed", "make run"),
        ({"AFRICASTALKING_API_KEY": "two words"}, "Africa's Talking key: cannot be sent", "without spaces"),
    ],
)
def test_each_wrong_setting_is_named_with_advice(
    state: Path, settings: dict[str, str], problem: str, advice: str
) -> None:
    status, said = doctor(state, **settings)
    assert status == 1, said
    assert re.search(rf"PROBLEM  .*{problem}.*\n         .*{advice}", said), said


# Made up: of the shapes of real ones.
KEYS = ["0123456789abcdef" * 4, "atsk_" + "0123456789abcdef01" * 4]


@pytest.mark.parametrize("key", KEYS, ids=["old", "new"])
def test_a_key_of_a_known_shape_is_ok(key: str) -> None:
    (found,) = check_sms_key(Config(port=free_ports(), state=ROOT, settings={"AFRICASTALKING_API_KEY": key}))
    assert str(found).startswith("ok       Africa's Talking key: has the right shape")
    assert key not in str(found)


@pytest.mark.parametrize(
    "key", ["sandbox", "password", KEYS[0][1:], KEYS[1][:-1], KEYS[0].upper(), f"{KEYS[1]}0", "x" * 64]
)
def test_a_key_of_another_shape_is_a_warning_that_hides_the_key(key: str) -> None:
    (found,) = check_sms_key(Config(port=free_ports(), state=ROOT, settings={"AFRICASTALKING_API_KEY": key}))
    shown = rf"warning  Africa's Talking key: {len(key)} characters that are neither .*\n         Compare it"
    assert re.match(shown, str(found))
    assert key not in str(found)
    assert not found.problem


PEOPLE = {"OKTA_LOGIN_CLIENT_ID": "0oa1cli", "CONSOLE_CLIENT_ID": "0oa2console"}


def test_peoples_clients_are_checked_without_signing_anyone_in(state: Path, issuer: Issuer) -> None:
    status, said = doctor(state, OKTA_ISSUER=issuer.url, **PEOPLE)
    assert status == 0, said
    assert "ok       console's client: 0oa2console may sign people in" in said
    assert "ok       make login's client: 0oa1cli may sign people in" in said


def test_clients_that_are_not_set_are_not_checked(state: Path, issuer: Issuer) -> None:
    status, said = doctor(state, OKTA_ISSUER=issuer.url)
    assert status == 0, said
    assert "-        console's client: CONSOLE_CLIENT_ID names no application of the issuer" in said
    assert "-        make login's client: OKTA_LOGIN_CLIENT_ID is not set" in said


@pytest.mark.parametrize(
    ("sign_in", "problem", "advice"),
    [
        (
            (400, "Invalid value for 'client_id' parameter.", ""),
            "the issuer does not know 0oa1cli",
            "Compare it with the Client ID",
        ),
        (
            (400, "The 'redirect_uri' parameter must be a Login redirect URI in the client app settings.", ""),
            "0oa1cli has a different redirect address",
            "Add exactly http://127.0.0.1:8010/callback to",
        ),
        (
            (302, "", "{back}?error=invalid_scope&error_description=No+such+scope"),
            "0oa1cli: invalid_scope No such scope",
            "Add the scopes sales:read sales:write sales:manage",
        ),
        ((302, "", "{back}?error=unauthorized_client"), "0oa1cli: unauthorized_client", "grant Authorization Code"),
        ((302, "", "{back}?error=access_denied"), "0oa1cli: access_denied", "access policy"),
        ((302, "", "{back}?error=server_error"), "0oa1cli: server_error", "docs/okta.md"),
    ],
)
def test_a_client_that_cannot_sign_people_in_is_named_with_advice(
    state: Path, issuer: Issuer, sign_in: tuple[int, str, str], problem: str, advice: str
) -> None:
    issuer.sign_in = sign_in
    status, said = doctor(state, OKTA_ISSUER=issuer.url, OKTA_LOGIN_CLIENT_ID="0oa1cli")
    assert status == 1, said
    assert re.search(rf"PROBLEM  make login's client: {problem}\n         .*{advice}", said), said


def test_the_consoles_redirect_address_depends_on_its_deployment(state: Path, issuer: Issuer) -> None:
    issuer.sign_in = (400, "The 'redirect_uri' parameter must be a Login redirect URI.", "")
    status, said = doctor(state, OKTA_ISSUER=issuer.url, CONSOLE_CLIENT_ID="0oa2console")
    assert status == 0, said
    assert "ok       console's client: the issuer knows 0oa2console" in said


@pytest.mark.parametrize(
    ("sign_in", "said_of_it"),
    [
        ((302, "", "https://example.okta.com/login"), "ok       make login's client: 0oa1cli may sign people in"),
        ((200, "<form>", ""), "-        make login's client: status 200 does not tell"),
        ((503, "", ""), "-        make login's client: status 503 does not tell"),
    ],
)
def test_an_unclear_answer_of_the_issuer_is_not_the_clients_fault(
    state: Path, issuer: Issuer, sign_in: tuple[int, str, str], said_of_it: str
) -> None:
    issuer.sign_in = sign_in
    status, said = doctor(state, OKTA_ISSUER=issuer.url, OKTA_LOGIN_CLIENT_ID="0oa1cli")
    assert status == 0, said
    assert said_of_it in said


def test_an_impossible_client_id_is_not_sent(state: Path, issuer: Issuer) -> None:
    status, said = doctor(state, OKTA_ISSUER=issuer.url, OKTA_LOGIN_CLIENT_ID="<client id>")
    assert status == 1
    assert "PROBLEM  make login's client: <client id> must be the client id of an application" in said


def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **programs: str) -> str:
    """Return the findings on a machine that has only these programs, given as shell scripts."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, prints in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{prints}\n")
        (folder / name).chmod(0o755)
    (tmp_path / "root").mkdir()
    for name in (".python-version", "requirements-dev.txt", "requirements-sam.txt"):
        shutil.copy(ROOT / name, tmp_path / "root")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(samlocal, "ROOT", tmp_path / "root")
    config = Config(port=free_ports(), state=tmp_path, settings={}, root=tmp_path / "root")
    return "".join(f"{finding}\n" for finding in (*check_tools(config), *check_node_modules(config)))


def test_a_missing_tool_that_only_some_uses_need_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = tools(tmp_path, monkeypatch)
    for name in ("Node.js", "npm"):
        assert f"warning  {name}: was not found; without it the database is ministack" in said
    assert "'brew install node' or 'apt install npm'" in said
    assert "warning  sam: was not found; only `make deploy` and `make sam-local` need it\n         `make build`" in said
    assert "warning  Docker: was not found; only `make sam-local` needs it\n         Install Docker" in said
    assert "-        node_modules: npm was not found" in said


def test_a_tool_that_is_too_old_or_does_not_answer_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = tools(
        tmp_path,
        monkeypatch,
        node="echo v12.22.9",
        npm="echo 6.14.16",
        sam="echo SAM CLI, version 1.100.0",
        docker="echo 'Cannot connect to the Docker daemon' >&2; exit 1",
    )
    assert "warning  Node.js: 12.22.9 is older than 16;" in said
    assert "warning  npm: 6.14.16 is older than 7;" in said
    assert re.search(r"warning  sam: 1.100.0 is older than [\d.]+;", said)
    assert "warning  Docker: does not answer; only `make sam-local` needs it" in said


def test_usable_tools_are_reported_with_their_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = tools(
        tmp_path,
        monkeypatch,
        node="echo v20.1.0",
        npm="echo 10.2.3",
        sam="echo SAM CLI, version 9.9.9",
        docker="echo 27.5.1",
    )
    for line in ("Node.js: 20.1.0", "npm: 10.2.3", "sam: 9.9.9", "Docker: 27.5.1"):
        assert f"ok       {line}\n" in said
    assert "-        node_modules: nothing is installed; `make run` does that" in said


def test_a_machine_that_never_ran_the_system_has_no_database_and_no_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOCAL_STORE", raising=False)
    (found,) = check_stored(Config(port=free_ports(), state=tmp_path, settings={}, root=tmp_path))
    assert str(found).startswith("warning  database: No local database is installed.")


def test_without_a_client_no_token_is_requested(state: Path, issuer: Issuer) -> None:
    status, said = doctor(state, OKTA_ISSUER=issuer.url)
    assert status == 0, said
    assert "-        token: not requested, since OKTA_CLIENT_ID and OKTA_CLIENT_SECRET are not set" in said


@pytest.mark.parametrize("published", [["openid"], None, 5])
def test_scopes_that_are_not_public_are_left_to_the_token(state: Path, issuer: Issuer, published: object) -> None:
    issuer.discovery = {"scopes_supported": published}
    status, said = doctor(state, **at(issuer))
    assert status == 0, said
    assert "-        scopes: sales:read and sales:write and sales:manage not in the public metadata" in said


def test_data_of_another_version_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("0\n")
    status, said = doctor(tmp_path)
    assert status == 1
    assert re.search(r"PROBLEM  stored data: .*another version.*\n         `make reset`", said)


def test_another_python_and_other_packages_are_problems(tmp_path: Path) -> None:
    (tmp_path / ".python-version").write_text("3.12\n")
    (tmp_path / "requirements-dev.txt").write_text(
        'requests==0.1 \\\n    --hash=sha256:0\nnone-such==1 ; sys_platform == "win32"\nno-such-thing==1\n'
    )
    found = []
    for finding in examine(Config(port=free_ports(), state=tmp_path, settings={}, root=tmp_path)):
        found.append(str(finding))
        if finding.subject == "packages":
            break
    assert found[0].startswith("PROBLEM  Python: 3.13")
    assert "Install Python 3.12" in found[0]
    assert re.match(
        r"PROBLEM  packages: requests is [\d.]+, not 0.1; no-such-thing is not installed, not 1\n.*Remove .venv",
        found[1],
    )


@pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed")
def test_a_package_missing_from_node_modules_is_named(tmp_path: Path) -> None:
    for name in (
        ".python-version", "requirements-dev.txt", "requirements-sam.txt", "package.json", "package-lock.json",
    ):  # fmt: skip
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "node_modules").mkdir()
    found = {}
    for finding in examine(Config(port=free_ports(), state=tmp_path, settings={}, root=tmp_path)):
        found[finding.subject] = str(finding)
        if finding.subject == "node_modules":
            break
    assert re.match(r"PROBLEM  node_modules: .*missing: swagger-ui-dist@.*\n.*make store docs", found["node_modules"])


@pytest.mark.parametrize(
    ("days", "line", "warned"),
    [
        (366, "OKTA_CLIENT_SECRET=x", True),
        (364, "OKTA_CLIENT_SECRET=x", False),
        (366, "AFRICASTALKING_API_KEY=x", True),
        (366, "OKTA_CLIENT_SECRET=", False),
        (366, "PORT=9000", False),
    ],
)
def test_secrets_in_a_file_that_has_not_changed_for_a_year_are_a_warning(
    tmp_path: Path, days: int, line: str, warned: bool
) -> None:
    config = replace(Config(port=8000, state=tmp_path, settings={}), root=tmp_path)
    assert list(check_secrets_age(config)) == []
    file = tmp_path / ".env"
    file.write_text(f"{line}\n")
    then = time.time() - days * 86_400
    os.utime(file, (then, then))
    found = list(check_secrets_age(config))
    assert [finding.warning for finding in found] == ([True] if warned else [])
