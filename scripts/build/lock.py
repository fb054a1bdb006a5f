"""Pin the newest compatible versions of everything each requirements*.in lists, with hashes; `make lock` runs it.

The files name neither a registry nor a path of this machine: they install from whatever index pip is set up for. The
newest uv (https://docs.astral.sh/uv/pip/compile/) resolves them in a temporary environment.

  python -m scripts.build.lock
"""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# In this order: the tests run with the versions that are deployed.
LOCKS = (
    ("shared/requirements.in", None),
    ("requirements-dev.in", "shared/requirements.txt"),
    ("requirements-sam.in", None),
    ("requirements-lint.in", None),
    ("requirements-audit.in", None),
    ("requirements-ministack.in", None),
    ("requirements-clients.in", None),
    # The same versions for both sides: contestants differ only in how they are built.
    ("bench/requirements.in", "shared/requirements.txt"),
)
OPTIONS = (
    "--python-version=3.13",
    "--universal",  # one file for Linux and macOS on both instruction sets
    "--generate-hashes",
    "--upgrade",
    "--no-header",  # it would name this command, and so this machine
    "--no-annotate",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--quiet",
)


def main() -> int:
    """Rewrite every lock file; return the exit status of the first step that fails."""
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
    print("Now run `make test`: it installs them and shows whether everything still works.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
