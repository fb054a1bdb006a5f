"""The running system answers as its contract says, whatever it is asked: schemathesis, all checks, links followed.

EXAMPLES is how many requests of each kind are made up for an operation: 10 in `make test`, 400 (more than 10,000
requests in all) in `make contract-fuzz`.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.local.system import ROOT, running

pytestmark = pytest.mark.local
HERE = Path(__file__).parent
EXAMPLES = int(os.environ.get("EXAMPLES", "10"))
# The short run asks the same every time, so that it fails for a change of ours only; the long one says its seed.
DICE = [] if EXAMPLES >= 250 else ["--generation-deterministic"]


def test_every_answer_is_one_that_the_contract_has(tmp_path: Path) -> None:
    with running() as system:
        system.behave(delivery="none")
        command = [
            str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(HERE / "schemathesis.toml"),
            "run", str(ROOT / "functions/serve_docs/static/openapi.json"), "--url", system.url(""),
            "--header", f"Authorization: Bearer {system.token()}", "--checks", "all",
            "--max-examples", str(EXAMPLES), *DICE, "--max-failures", "20", "--no-color",
            "--workers", "2",
        ]  # fmt: skip
        environment = {
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.contract.hooks",
            "PYTHONPATH": str(ROOT),
            "WEBHOOK_SECRET": (system.state / "webhook-secret").read_text().strip(),
        }
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=1500, check=False
        )
        print(done.stdout)
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
        generated = re.search(r"(\d+) generated", done.stdout.replace(",", ""))
        assert generated
        assert int(generated[1]) >= (10_000 if EXAMPLES >= 250 else 500)
        assert system.texts() == [] or all(text["to"] for text in system.texts())
