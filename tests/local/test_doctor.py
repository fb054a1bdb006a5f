"""`make doctor` on configurations with one thing wrong with each: what it says, and what it says to do."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.config import Config
from local.doctor import examine
from tests.local.system import ROOT, System, free_ports
from tests.tokens import Issuer, running

pytestmark = pytest.mark.local


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An authorization server with nothing wrong."""
    with running(Issuer()) as found:
        yield found


def doctor(state: Path, **settings: str) -> tuple[int, str]:
    """Its exit status, and everything it printed."""
    environment = os.environ | {
        "PORT": str(free_ports()),
        "SALES_STATE": str(state),
        "PYTHONPATH": f"{ROOT}:{ROOT / 'shared'}",
    }
    command = [sys.executable, "-m", "local.doctor"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment | settings, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


def at(issuer: Issuer) -> dict[str, str]:
    """The settings for this issuer, complete."""
    return {"OKTA_ISSUER": issuer.url, "OKTA_CLIENT_ID": "machine", "OKTA_CLIENT_SECRET": "its-secret"}


def test_on_a_new_machine_nothing_is_wrong_and_what_does_not_run_is_not_checked(tmp_path: Path) -> None:
    status, said = doctor(tmp_path / "state")
    assert status == 0, said
    assert "ok       Python: 3.13" in said
    assert re.search(r"ok       packages: \d\d+ as requirements-dev.txt says", said)
    assert "-        store: " in said
    assert "-        sign-in: OKTA_ISSUER is not set and `make run` does not run" in said
    assert "Nothing is wrong." in said


def test_of_a_running_system_store_and_sign_in_are_checked_with_a_real_token(system: System) -> None:
    given = {"PORT": str(system.port)}
    status, said = doctor(system.state, **given)
    assert status == 0, said
    assert re.search(r"ok       store: \w+ answers", said)
    assert "ok       token: RS256, for api://default, with sales:read sales:write" in said


def test_a_good_issuer_is_checked_to_its_token(tmp_path: Path, issuer: Issuer) -> None:
    status, said = doctor(tmp_path, **at(issuer))
    assert status == 0, said
    for line in (
        "ok       issuer: http",
        "ok       signing keys: 1 for RS256",
        "ok       scopes: sales:read sales:write",
    ):
        assert line in said
    assert "ok       token: RS256, for api://default, with sales:read sales:write, good for 10 minutes" in said


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
    """A token of another algorithm."""
    issuer.grants = (200, {"access_token": issuer.sign({"alg": "RS512", "kid": issuer.kid}, issuer.claims())})


@pytest.mark.parametrize(
    ("break_it", "problem", "advice"),
    [
        (lambda issuer: setattr(issuer, "down", True), "issuer: .*status 503", "Compare OKTA_ISSUER"),
        (publishing(issuer="https://other.example.com"), "issuer: .* says that it is https://other", "exactly that"),
        (
            publishing(jwks_uri="http://127.0.0.1:1/oauth2/v1/keys"),
            "organisation's own server",
            "custom authorization server",
        ),
        (publishing(jwks_uri="http://127.0.0.1:1/keys"), "signing keys: .*ConnectionError", "administrator"),
        (keys_of(alg="ES256"), "no RSA key for RS256", "RS256 only"),
        (granting(401, error="invalid_client"), "token: ", "Compare OKTA_CLIENT_ID and OKTA_CLIENT_SECRET"),
        (granting(400, error="invalid_scope"), "token: ", "Add the scopes sales:read sales:write"),
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
        (giving(exp=4e9), "good for ", "Shorten"),
    ],
)
def test_each_fault_of_an_issuer_is_named_with_what_to_do(
    tmp_path: Path, issuer: Issuer, break_it: Callable[[Issuer], object], problem: str, advice: str
) -> None:
    break_it(issuer)
    status, said = doctor(tmp_path, **at(issuer))
    assert status == 1, said
    assert re.search(rf"PROBLEM  .*{problem}.*\n         .*{advice}", said), said
    assert said.endswith("\n1 problem\n")
    assert "its-secret" not in said


@pytest.mark.parametrize(
    ("settings", "problem", "advice"),
    [
        ({"OKTA_ISSUER": "https://example.okta.com"}, "issuer: .* custom authorization server", "Correct OKTA_ISSUER"),
        (
            {"OKTA_ISSUER": "https://example.okta.com/oauth2/default/"},
            "without a slash at the end",
            "Correct OKTA_ISSUER",
        ),
        ({"OKTA_ISSUER": "https://example-admin.okta.com/oauth2/default"}, "administrators' pages", "Take -admin out"),
        ({"OKTA_ISSUER": "http://127.0.0.1:1/oauth2/default"}, "issuer: .*ConnectionError", "from this network"),
        ({"DYNAMODB_ENDPOINT": "http://127.0.0.1:1"}, "store: http://127.0.0.1:1 does not answer", "DYNAMODB_ENDPOINT"),
        ({"LOCAL_STORE": "another"}, "store: There is no store another", "make run"),
        ({"SMS_MAX_ATTEMPTS": "many"}, ".env: .*SMS_MAX_ATTEMPTS", ".env.sample"),
        ({"AFRICASTALKING_API_KEY": "two words"}, "Africa's Talking key: cannot be sent", "no space"),
    ],
)
def test_each_wrong_setting_is_named_with_what_to_do(
    tmp_path: Path, settings: dict[str, str], problem: str, advice: str
) -> None:
    status, said = doctor(tmp_path, **settings)
    assert status == 1, said
    assert re.search(rf"PROBLEM  .*{problem}.*\n         .*{advice}", said), said


def test_without_a_client_no_token_is_asked_for(tmp_path: Path, issuer: Issuer) -> None:
    status, said = doctor(tmp_path, OKTA_ISSUER=issuer.url)
    assert status == 0, said
    assert "-        token: OKTA_CLIENT_ID and OKTA_CLIENT_SECRET are not set" in said


@pytest.mark.parametrize("published", [["openid"], None, 5])
def test_scopes_that_are_not_public_are_left_to_the_token(tmp_path: Path, issuer: Issuer, published: object) -> None:
    issuer.discovery = {"scopes_supported": published}
    status, said = doctor(tmp_path, **at(issuer))
    assert status == 0, said
    assert "-        scopes: sales:read and sales:write not in the public metadata" in said


def test_what_another_version_stored_is_named(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("0\n")
    status, said = doctor(tmp_path)
    assert status == 1
    assert re.search(r"PROBLEM  what is stored: .*another version.*\n         `make reset`", said)


def test_another_python_and_other_packages_are_named(tmp_path: Path) -> None:
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
def test_a_package_that_is_missing_from_node_modules_is_named(tmp_path: Path) -> None:
    for name in (".python-version", "requirements-dev.txt", "package.json", "package-lock.json"):
        shutil.copy(ROOT / name, tmp_path)
    found = {}
    for finding in examine(Config(port=free_ports(), state=tmp_path, settings={}, root=tmp_path)):
        found[finding.subject] = str(finding)
        if finding.subject == "node_modules":
            break
    assert re.match(r"PROBLEM  node_modules: .*missing: swagger-ui-dist@.*\n.*make store docs", found["node_modules"])
