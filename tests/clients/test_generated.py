"""Clients that two generators make from the served contract call every operation of a running system, failures included.

`calls.py` and `calls.ts` make the calls, each typed by its generated client. An operation or a failure that the contract
lists and that they do not meet fails the test.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.system import ROOT, System, request, running

pytestmark = [pytest.mark.local, pytest.mark.slow]
HERE = Path(__file__).parent
PYTHON = ROOT / ".venv-clients" / "bin" / "python"
MODULES = ROOT / "node_modules"
STRICT = {
    "strict": True,
    "exactOptionalPropertyTypes": True,
    "noUncheckedIndexedAccess": True,
    "target": "es2022",
    "lib": ["es2022", "dom", "dom.iterable"],
    "module": "nodenext",
    "types": [],
}
# The failures that each client must meet wherever the contract lists them.
FAILURES = {401, 403, 404, 409, 412, 422}
# Problems that no client can cause: two orders share a code once in 2^40.
UNREACHABLE = {"ambiguous_code"}


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with running() as system:
        yield system


@pytest.fixture(scope="module")
def contract(system: System) -> dict[str, Any]:
    document: dict[str, Any] = request("GET", system.url("/openapi.json")).body
    return document


def operations(contract: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield "GET /path" and the operation."""
    for path, methods in contract["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def scopes(contract: dict[str, Any]) -> dict[str, str]:
    return {
        operation["operationId"]: entry["okta"][0]
        for _, operation in operations(contract)
        for entry in operation["security"]
    }


def story(system: System, contract: dict[str, Any]) -> str:
    """Return what a client needs to know: where the contract says the API is, tokens, and the webhooks' secret."""
    needed = scopes(contract)
    every = sorted(set(needed.values()))
    return json.dumps(
        {
            "url": contract["servers"][0]["url"],
            "token": system.token(" ".join(every)),
            # For each scope a token that has all others.
            "without": {scope: system.token(" ".join(other for other in every if other != scope)) for scope in every},
            "scopes": needed,
            "secret": (system.state / "webhook-secret").read_text().strip(),
        }
    )


def run(command: list[str | Path], folder: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def is_reachable(answer: dict[str, Any]) -> bool:
    """Return whether a client can cause one of the problems that an answer's description lists."""
    codes = set(re.findall(r"^\* `([a-z_]+)`:", answer.get("description", ""), re.MULTILINE))
    return not codes or bool(codes - UNREACHABLE)


def check(client: str, statuses: dict[str, list[int]], contract: dict[str, Any]) -> None:
    """Raise AssertionError with each operation, and each of its failures, that the client did not meet."""
    missing = []
    for _, operation in operations(contract):
        name = operation["operationId"]
        listed = {int(status) for status in operation["responses"]}
        wanted = {int(status) for status, answer in operation["responses"].items() if is_reachable(answer)} & FAILURES
        if not (seen := set(statuses.get(name, ()))):
            missing.append(f"{name}: add it to tests/clients/{client}")
        elif gone := wanted - seen:
            missing.append(f"{name}: add a call that meets {sorted(gone)} to tests/clients/{client}")
        assert not (unlisted := seen - listed), f"{name}: the contract does not list {unlisted}"
    assert not missing, "\n".join(missing)
    unknown = statuses.keys() - {operation["operationId"] for _, operation in operations(contract)}
    assert not unknown, f"tests/clients/{client} calls what the contract does not have: {unknown}"


def test_the_contract_names_the_system_it_was_read_from(system: System, contract: dict[str, Any]) -> None:
    assert [server["url"] for server in contract["servers"]] == [system.url("")]


def test_a_generated_python_client_calls_every_operation(
    system: System, contract: dict[str, Any], tmp_path: Path
) -> None:
    if not PYTHON.exists():
        pytest.skip("the generator is not installed: scripts/setup.sh clients")
    (tmp_path / "openapi.json").write_text(json.dumps(contract))
    # Formatting the client takes longer than generating it.
    # The generator knows one media type of files, and of several it sends the last, which is JSON lines.
    overrides = "".join(f"  {name}: application/octet-stream\n" for name in ("text/csv", "application/x-ndjson"))
    (tmp_path / "generator.yaml").write_text(f"post_hooks: []\ncontent_type_overrides:\n{overrides}")
    generate = ["generate", "--path", "openapi.json", "--config", "generator.yaml", "--output-path", "client"]
    said = run([PYTHON.with_name("openapi-python-client"), *generate, "--fail-on-warning"], tmp_path)
    assert "warning" not in said.lower(), said
    answer = run(
        [PYTHON, HERE / "calls.py"], tmp_path, STORY=story(system, contract), PYTHONPATH=str(tmp_path / "client")
    )
    check("calls.py", json.loads(answer), contract)


def test_a_generated_typescript_client_calls_every_operation(
    system: System, contract: dict[str, Any], tmp_path: Path
) -> None:
    node = shutil.which("node")
    if node is None or not (MODULES / "openapi-typescript").is_dir():
        pytest.skip("the generator is not installed: scripts/setup.sh npm")
    (tmp_path / "openapi.json").write_text(json.dumps(contract))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "node_modules").symlink_to(MODULES)
    shutil.copy(HERE / "calls.ts", tmp_path)
    run([MODULES / ".bin/openapi-typescript", "openapi.json", "--output", "schema.ts"], tmp_path)
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": STRICT, "files": ["calls.ts"]}))
    run([MODULES / ".bin/tsc"], tmp_path)
    answer = json.loads(run([node, "calls.js"], tmp_path, STORY=story(system, contract)))
    check("calls.ts", answer["statuses"], contract)
    assert {name for name, _ in operations(contract)} == set(answer["requests"])
