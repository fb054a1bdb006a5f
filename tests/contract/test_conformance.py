"""The running system answers every request as its contract says: schemathesis, with all checks, follows links.

EXAMPLES is the number of generated requests of each kind per operation: 10 in `make test`, always with the same seed
(though requests also depend on the ids in answers); 400 in `make contract-fuzz`, which sends more than 10,000 requests
with a new seed and writes bench/results/contract.md.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.report import publish, table
from contract.operations import OPERATIONS
from tests.support.system import ROOT, System, running

pytestmark = [pytest.mark.local, pytest.mark.slow]
HERE = Path(__file__).parent
EXAMPLES = int(os.environ.get("EXAMPLES", "10"))
LONG = EXAMPLES >= 250
# The cases that hooks.py lets schemathesis reach, by the name in its counts. Only the long run reaches them all.
REACHED = {
    "replays": "replays",
    "304": "answers of 304",
    "412": "answers of 412",
    "pages by cursor": "pages by cursor",
    "files": "files imported",
    "links": "links followed: requests that name an item of an answer before",
}
REACHED_AT_LENGTH = {
    "code idempotency_key_reused": "keys that were used with another body",
    "code customer_erased": "requests for erased customers",
    "code order_cancelled": "requests for cancelled orders",
    "202": "texts sent again",
}


def ask(system: System, folder: Path) -> tuple[str, dict[str, int]]:
    """Return what schemathesis printed, and the counts of hooks.py."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(HERE / "schemathesis.toml"),
        "run", str(ROOT / "functions/serve_docs/static/openapi.json"), "--url", system.url(""),
        "--header", f"Authorization: Bearer {system.token()}", "--checks", "all",
        "--max-examples", str(EXAMPLES), "--max-failures", "20", "--no-color",
        *(["--workers", "2"] if LONG else ["--workers", "1", "--generation-deterministic"]),
    ]  # fmt: skip
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.contract.hooks",
        "WEBHOOK_SECRET": (system.state / "webhook-secret").read_text().strip(),
        "REACHED": str(folder / "reached.json"),
    }
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=2400, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    return done.stdout, json.loads((folder / "reached.json").read_text())


def record(said: str, reached: dict[str, int], links: Any) -> None:
    seed = re.search(r"Seed: (\d+)", said)
    rows = [
        ["requests", f"{reached['requests']:,}"],
        ["seed", seed[1] if seed else "none"],
        ["answers of 5xx", reached["5xx"]],
        ["statuses, headers and media types that the contract has not", 0],
        ["answers that break their schema", 0],
        ["links of the contract and inferred from it, covered and all", f"{links[1]} of {links[2]}"],
        *([label, reached[name]] for name, label in (REACHED | REACHED_AT_LENGTH).items()),
    ]
    publish("contract", "The contract, held against the running system by schemathesis", table(["", ""], rows))


def test_every_answer_is_in_the_contract(tmp_path: Path) -> None:
    with running() as system:
        system.behave(delivery="none")
        said, reached = ask(system, tmp_path)
        assert all(text["to"] for text in system.texts())
    generated = re.search(r"(\d+) generated", said.replace(",", ""))
    assert generated
    assert int(generated[1]) >= (10_000 if LONG else 1_500)
    assert reached["5xx"] == 0
    links = re.search(r"API Links: +(\d+) covered / (\d+) selected", said)
    assert links
    assert int(links[1]) > 0
    missed = [name for name in (*REACHED, *(REACHED_AT_LENGTH if LONG else ())) if not reached.get(name)]
    assert not missed, f"not reached: {missed}"
    if LONG:
        declared = {link.operation for operation in OPERATIONS.values() for link in operation.links.values()}
        assert {name for name in declared if not reached.get(f"link to {name}")} == set()
        record(said, reached, links)
