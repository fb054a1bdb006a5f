"""newman runs the Postman collection against a whole system, as a person would after importing it."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.system import ROOT, System, request, running

pytestmark = pytest.mark.local
FOLDER = ROOT / "docs" / "postman"
COLLECTION = FOLDER / "sales.postman_collection.json"
NEWMAN = ROOT / "node_modules" / ".bin" / "newman"


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with running() as found:
        yield found


def variables(system: System) -> dict[str, str]:
    """Return what a person enters in the environment for the local system, and its ports."""
    secrets = json.loads((system.state / "identity-clients.json").read_text())
    issuer = f"http://127.0.0.1:{system.port + 1}/oauth2/default"
    return {
        "base_url": f"http://localhost:{system.port}",
        "authorization_url": f"{issuer}/v1/authorize",
        "token_url": f"{issuer}/v1/token",
        "callback_url": f"http://localhost:{system.port}/callback",
        "machine_client_secret": secrets["sales-service"],
    }


def requests_of(items: list[dict[str, Any]]) -> list[str]:
    """Return the ids of all requests in order."""
    return [name for each in items for name in (requests_of(each["item"]) if "item" in each else [each["id"]])]


def run(system: System, folder: Path) -> dict[str, Any]:
    """Return newman's report of the whole collection."""
    if not NEWMAN.is_file() or not shutil.which("node"):
        # A developer's machine may lack newman. If CI lacked it, nothing would ever run the collection.
        assert os.environ.get("CI") != "true", "newman is not installed"
        pytest.skip("newman is not installed: scripts/setup.sh npm")
    report = folder / "report.json"
    command = [str(NEWMAN), "run", str(COLLECTION), "-e", str(FOLDER / "local.postman_environment.json")]
    command += ["--reporters", "json", "--reporter-json-export", str(report), "--timeout-request", "30000"]
    for name, value in variables(system).items():
        command += ["--env-var", f"{name}={value}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)
    assert report.is_file(), done.stdout + done.stderr
    found: dict[str, Any] = json.loads(report.read_text())["run"]
    return found


def test_newman_runs_the_whole_collection_twice(system: System, tmp_path: Path) -> None:
    for _ in range(2):
        found = run(system, tmp_path)
        failures = [f"{each['source'].get('name')}: {each['error']['message']}" for each in found["failures"]]
        assert failures == []
        asked = dict.fromkeys(each["item"]["id"] for each in found["executions"])
        assert list(asked) == requests_of(json.loads(COLLECTION.read_text())["item"])
        assert found["stats"]["assertions"]["total"] >= len(asked)


def test_without_newman_ci_fails_instead_of_skipping(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tests.contract.test_postman.NEWMAN", tmp_path / "newman")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(AssertionError, match="newman is not installed"):
        run(System(tmp_path), tmp_path)
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception):
        run(System(tmp_path), tmp_path)


def test_the_four_requests_come_first_after_the_token() -> None:
    folders = json.loads(COLLECTION.read_text())["item"]
    assert [each["request"]["url"]["raw"] for each in folders[1]["item"]] == [
        "{{base_url}}/ap1/v1/sales/create-customer/",
        "{{base_url}}/ap1/v1/sales/create-order/",
        "{{base_url}}/ap1/v1/sales/customers/",
        "{{base_url}}/ap1/v1/sales/orders/",
    ]


def test_the_issuer_accepts_the_collections_sign_in(system: System) -> None:
    environment = json.loads((FOLDER / "local.postman_environment.json").read_text())
    given = {each["key"]: each["value"] for each in environment["values"]} | variables(system)
    oauth2 = {each["key"]: each["value"] for each in json.loads(COLLECTION.read_text())["auth"]["oauth2"]}

    def filled(name: str) -> str:
        text = str(oauth2[name])
        for key, value in given.items():
            text = text.replace(f"{{{{{key}}}}}", value)
        return text

    from urllib.parse import urlencode

    query = {
        "response_type": "code",
        "client_id": filled("clientId"),
        "redirect_uri": filled("redirect_uri"),
        "scope": filled("scope"),
        "state": filled("state"),
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": filled("challengeAlgorithm"),
    }
    answer = request("GET", f"{filled('authUrl')}?{urlencode(query)}")
    assert answer.status == 200
    assert b'name="password"' in answer.raw


@pytest.mark.parametrize("name", ["okta.postman_environment.json", "local.postman_environment.json"])
def test_no_environment_holds_a_secret(name: str) -> None:
    secrets = [each for each in json.loads((FOLDER / name).read_text())["values"] if each["type"] == "secret"]
    assert {each["key"]: each["value"] for each in secrets} == {"machine_client_secret": "", "access_token": ""}
