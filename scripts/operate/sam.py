"""Run sam for the commands that deploy: the only place that knows how sam reads parameters."""

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import yaml

from deployment import ROOT

__all__ = ["deploy", "parameter_file"]

SAM = ROOT / ".venv-sam/bin/sam"


def parameter_file(parameters: Mapping[str, str]) -> str:
    """Return the text of a YAML file from which sam reads exactly these values.

    On the command line sam splits values at blanks. From a file it takes them whole, but removes quotes around a value, and
    a backslash before a blank or a quote (samcli/cli/types.py), and does so twice: so each blank and quote gets two.
    """
    escaped = {name: re.sub(r"""([ "'])""", r"\\\\\1", value) for name, value in parameters.items()}
    # Quoted, because the YAML that sam reads has numbers that ours does not know, such as 0E0.
    return yaml.safe_dump(escaped, default_style='"', width=2**20)


def deploy(
    template: Path, stack: str, parameters: Mapping[str, str], tags: Mapping[str, str], *, named_iam: bool = False
) -> int:
    """Deploy a template with the credentials and region of the environment; return sam's exit status.

    Parameters that are not given keep their value; in a new stack they have their default. sam prints the progress.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "parameters.yaml"
        file.write_text(parameter_file(parameters))
        command = [
            str(SAM), "deploy",
            "--template-file", str(template),
            "--stack-name", stack,
            "--s3-prefix", stack,
            "--resolve-s3",
            "--capabilities", "CAPABILITY_NAMED_IAM" if named_iam else "CAPABILITY_IAM",
            "--no-confirm-changeset",
            "--no-fail-on-empty-changeset",
            "--tags", *(f"{name}={value}" for name, value in tags.items()),
            "--parameter-overrides", f"file://{file}",
        ]  # fmt: skip
        environment = os.environ | {"SAM_CLI_TELEMETRY": "0"}
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
