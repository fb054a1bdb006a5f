"""Pins what each requirements*.in asks for, with hashes, to the newest versions that fit together.

The files hold no address of a registry and no path of this machine: they install from whatever pip is set up for. The
newest uv (https://docs.astral.sh/uv/pip/compile/) does the work in an environment of its own, which is thrown away.
"""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# In this order: what tests run with is pinned as what is deployed.
LOCKS = (
    ("shared/requirements.in", None),
    ("requirements-dev.in", "shared/requirements.txt"),
    ("requirements-sam.in", None),
    ("requirements-lint.in", None),
    ("requirements-audit.in", None),
    ("requirements-ministack.in", None),
    # The same versions of what both sides use: contestants differ by how they are built.
    ("bench/requirements.in", "shared/requirements.txt"),
)
OPTIONS = (
    "--python-version=3.13",
    "--universal",  # one file for Linux and macOS, on either instruction set
    "--generate-hashes",
    "--upgrade",
    "--no-header",  # would name this command, and so this machine
    "--no-annotate",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--quiet",
)


def main() -> int:
    """Writes every lock file anew; the exit status of the first step that fails."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        tools = Path(folder) / "bin"
        install = [str(tools / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv"]
        if status := subprocess.run(install, check=False).returncode:
            return status
        for source, constraint in LOCKS:
            target = source.removesuffix(".in") + ".txt"
            print(f"{source} -> {target}", flush=True)
            command = [str(tools / "uv"), "pip", "compile", *OPTIONS, source, "--output-file", target]
            if constraint:
                command += ["--constraint", constraint]
            environment = {**os.environ, "VIRTUAL_ENV": folder}
            if status := subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
                return status
    print("`make test` installs them and shows whether everything still works")
    return 0


if __name__ == "__main__":
    sys.exit(main())
