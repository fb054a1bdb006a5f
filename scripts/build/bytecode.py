"""Compile what is deployed, under the Python of the functions' runtime.

`sam build` ships no bytecode, /var/task and /opt are read-only, and the zip's dates (1980) make ordinary bytecode stale:
without `unchecked-hash`, every cold start would compile every module. https://github.com/aws/aws-lambda-builders/issues/924
"""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from scripts.build.errors import BuildError

RUNTIME = (3, 13)


def check_runtime() -> None:
    """Raise BuildError under another Python than Lambda's: it could not read our bytecode."""
    if sys.version_info[:2] != RUNTIME:
        raise BuildError(
            f"bytecode for Lambda needs Python {RUNTIME[0]}.{RUNTIME[1]}, this is {sys.version.split()[0]}"
        )


def compile_tree(root: Path, mounted: str, paths: Iterable[Path], *options: str) -> None:
    """Write bytecode for every module of `paths`; tracebacks name them as they are once `root` is `mounted`."""
    command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", *options]
    # Bytecode lists a set in the order of its hashes: with a fixed seed, equal sources make equal zips.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    result = subprocess.run([*command, "-s", root, "-p", mounted, *sorted(paths)], env=environment, check=False)
    if result.returncode:
        raise BuildError(f"some modules under {root} do not compile")


def compile_layer(python: Path) -> None:
    """Write bytecode next to the sources of sales, and in place of the sources of everything else (1.3 MB of the zip).

    A traceback through a library shows file and line, without the line's text.
    """
    own = python / "sales"
    libraries = [path for path in python.iterdir() if path != own and (path.is_dir() or path.suffix == ".py")]
    compile_tree(python, "/opt/python", libraries, "-b")
    for library in libraries:
        for source in [library] if library.is_file() else library.rglob("*.py"):
            source.unlink()
    compile_tree(python, "/opt/python", [own])
