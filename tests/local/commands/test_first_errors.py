"""First errors on a machine that lacks something: each is a sentence that says what to do next."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local.config import read_env_file
from tests.support.clones import have_installed
from tests.support.system import ROOT, System, free_ports

pytestmark = pytest.mark.local
# The programs that scripts/setup.sh needs besides Python and npm.
TOOLS = [
    "awk",
    "cat",
    "cksum",
    "cmp",
    "cp",
    "cut",
    "dirname",
    "env",
    "grep",
    "head",
    "mkdir",
    "rm",
    "sed",
    "sh",
    "sleep",
    "tail",
    "tr",
    "uname",
]
# Nothing listens there.
NOWHERE = "http://127.0.0.1:9/"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with the project's files and `bin`, the only folder that its PATH names."""
    for name in ("package.json", "package-lock.json", *(path.name for path in ROOT.glob("requirements-*.txt"))):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "shared", tmp_path / "shared", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup.sh", tmp_path / "scripts" / "setup.sh")
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        path = shutil.which(tool)
        assert path, tool
        (tmp_path / "bin" / tool).symlink_to(path)
    return tmp_path


def put(machine: Path, name: str, script: str) -> None:
    """Install a program on this machine."""
    path = machine / "bin" / name
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def put_python(machine: Path) -> None:
    """Install Python 3.13 under its usual name."""
    put(machine, "python3.13", f'exec "{sys.base_prefix}/bin/python3.13" "$@"')


def setup(machine: Path, *parts: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": str(machine / "bin"), "HOME": str(machine)} | environment
    return subprocess.run(
        ["sh", str(machine / "scripts" / "setup.sh"), *parts],
        env=variables, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_a_missing_python_is_named_with_how_to_install_it(machine: Path) -> None:
    answer = setup(machine)
    assert answer.returncode == 1
    assert "Python 3.13 (with venv) is needed and was not found.\n" in answer.stderr
    assert "PYTHON=/path/to/python3.13" in answer.stderr
    assert answer.stdout == ""


def test_another_python_is_named(machine: Path) -> None:
    put(machine, "python3", "echo 3.11")
    answer = setup(machine)
    assert answer.returncode == 1
    assert "was not found: python3 is 3.11." in answer.stderr


def test_a_python_without_venv_is_named(machine: Path) -> None:
    put(machine, "python3.13", f'case "$2" in *ensurepip*) exit 1; esac; exec "{sys.executable}" "$@"')
    answer = setup(machine)
    assert answer.returncode == 1
    assert "python3.13 has no venv" in answer.stderr
    assert "apt install python3.13-venv" in answer.stderr


def test_a_configured_python_that_is_missing_is_named(machine: Path) -> None:
    answer = setup(machine, PYTHON="/nowhere/python3.13")
    assert answer.returncode == 1
    assert "/nowhere/python3.13, which PYTHON names, is not a working Python." in answer.stderr


def test_a_first_start_without_a_network_says_so_and_can_be_repeated(machine: Path) -> None:
    put_python(machine)
    for _ in range(2):
        answer = setup(machine, PIP_INDEX_URL=NOWHERE, PIP_RETRIES="1")
        assert answer.returncode == 1
        assert "The package index cannot be reached." in answer.stderr
        assert "The first start needs the network" in answer.stderr
        assert "No matching distribution" not in answer.stderr
        assert "NewConnectionError" in (machine / ".venv" / "install.log").read_text()
        assert not (machine / ".venv.lock").exists()


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="dynoxide is for x86-64")
def test_without_npm_the_other_database_is_used_and_npm_explained(machine: Path) -> None:
    have_installed(machine, ".venv", "requirements-dev.txt")
    have_installed(machine, ".venv-ministack", "requirements-ministack.txt")
    answer = setup(machine, "store")
    assert answer.returncode == 0
    assert "npm was not found. It comes with Node.js: run 'brew install node' or 'apt install npm'" in answer.stderr
    assert "Using ministack as the store instead" in answer.stderr
    answer = setup(machine, "docs")
    assert answer.returncode == 0
    assert "/docs has no viewer" in answer.stderr


@pytest.mark.skipif(not shutil.which("npm"), reason="npm is not there")
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="dynoxide is for x86-64")
def test_npm_without_a_network_is_reported_and_the_other_database_used(machine: Path) -> None:
    have_installed(machine, ".venv", "requirements-dev.txt")
    have_installed(machine, ".venv-ministack", "requirements-ministack.txt")
    environment = {"npm_config_registry": NOWHERE, "npm_config_fetch_retries": "0", "PATH": os.environ["PATH"]}
    answer = setup(machine, "store", npm_config_cache=str(machine / "cache"), **environment)
    assert answer.returncode == 0
    assert "The package index cannot be reached." in answer.stderr
    assert "Using ministack as the store instead" in answer.stderr


def test_a_platform_without_dynoxide_gets_the_other_database(machine: Path) -> None:
    put_python(machine)
    put(machine, "uname", 'case "$1" in -s) echo Linux;; *) echo aarch64;; esac')
    have_installed(machine, ".venv", "requirements-dev.txt")
    answer = setup(machine, "store", PIP_INDEX_URL=NOWHERE, PIP_RETRIES="1")
    assert "dynoxide has no build for Linux aarch64: the database is ministack" in answer.stderr
    assert answer.returncode == 1
    shutil.rmtree(machine / ".venv-ministack")
    have_installed(machine, ".venv-ministack", "requirements-ministack.txt")
    answer = setup(machine, "store")
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize(
    "why", ["cannot create directory '.venv.lock': Read-only file system", "No space left on device"]
)
def test_an_unwritable_folder_is_reported_without_waiting(machine: Path, why: str) -> None:
    put(machine, "mkdir", f'echo "mkdir: {why}" >&2; exit 1')
    put(machine, "sleep", ":")
    answer = setup(machine)
    assert answer.returncode == 1
    assert f"Nothing can be installed into {machine}: mkdir: {why}\n" in answer.stderr
    assert "that the disk has space, then run the same command again." in answer.stderr


def test_a_lock_that_cannot_be_removed_is_reported_without_waiting(machine: Path) -> None:
    (machine / ".venv.lock").mkdir()
    gone = subprocess.Popen(["true"])
    gone.wait()
    (machine / ".venv.lock" / "pid").write_text(str(gone.pid))
    put(machine, "rm", "exit 1")
    put(machine, "sleep", ":")
    answer = setup(machine)
    assert answer.returncode == 1
    assert f"Nothing can be installed into {machine}: mkdir: " in answer.stderr


@pytest.mark.parametrize("owner", ["gone", "never said"])
def test_the_lock_of_a_killed_command_is_taken_over(machine: Path, owner: str) -> None:
    (machine / ".venv.lock").mkdir()
    if owner == "gone":
        gone = subprocess.Popen(["true"])
        gone.wait()
        (machine / ".venv.lock" / "pid").write_text(str(gone.pid))
    put(machine, "sleep", ":")
    answer = setup(machine)
    assert "Python 3.13 (with venv) is needed" in answer.stderr
    assert not (machine / ".venv.lock").exists()


def test_the_lock_of_a_running_command_is_waited_for(machine: Path) -> None:
    (machine / ".venv.lock").mkdir()
    with subprocess.Popen(["sleep", "1"]) as other:
        # The process is listed until this test waits for it.
        (machine / ".venv.lock" / "pid").write_text(str(other.pid))
        put(machine, "sleep", "rm -rf .venv.lock")
        answer = setup(machine)
    assert f"Another command is installing (process {other.pid}); waiting for it\n" in answer.stderr
    assert "Python 3.13 (with venv) is needed" in answer.stderr


@pytest.mark.parametrize(
    "line",
    [
        "DYNAMODB_ENDPOINT=http://127.0.0.1:4566",
        " export DYNAMODB_ENDPOINT = 'http://127.0.0.1:4566' # another one",
        'DYNAMODB_ENDPOINT=\nDYNAMODB_ENDPOINT="http://127.0.0.1:4566"',
        "DYNAMODB_ENDPOINT=",
        "DYNAMODB_ENDPOINT= # http://127.0.0.1:4566",
        "# DYNAMODB_ENDPOINT=http://127.0.0.1:4566",
        "DYNAMODB_ENDPOINT=http://127.0.0.1:4566\nDYNAMODB_ENDPOINT=''",
    ],
)
def test_a_database_in_the_env_file_replaces_our_own(machine: Path, line: str) -> None:
    have_installed(machine, ".venv", "requirements-dev.txt")
    (machine / ".env").write_text(f"LOG_LEVEL=INFO\n{line}\n")
    named = bool(read_env_file(machine / ".env").get("DYNAMODB_ENDPOINT"))
    answer = setup(machine, "store", PIP_INDEX_URL=NOWHERE, PIP_RETRIES="1")
    # Without npm and Python, no other database can be installed.
    assert (answer.returncode == 0) == named
    assert setup(machine, "store", DYNAMODB_ENDPOINT="").returncode == 1
    assert setup(machine, "store", DYNAMODB_ENDPOINT=NOWHERE).returncode == 0


def test_a_configured_python_is_used(machine: Path) -> None:
    put(machine, "python3", "echo 3.11")
    put(machine, "mine", f'exec "{sys.base_prefix}/bin/python3.13" "$@"')
    answer = setup(machine, PYTHON=str(machine / "bin" / "mine"), PIP_INDEX_URL=NOWHERE, PIP_RETRIES="1")
    assert "The package index cannot be reached." in answer.stderr


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project with a node_modules of its own, run by the Python that runs this."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("shared", "functions", "template.yaml"):
        (folder / name).symlink_to(ROOT / name)
    # The project finds itself by its modules' files, so a link would lead back here.
    for name in ("local", "deployment"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def run(project: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = System(project / "state").environ() | environment
    return subprocess.run(
        [sys.executable, "-m", "local.commands.run"],
        cwd=project, env=variables, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_without_a_database_make_store_is_named(project: Path) -> None:
    answer = run(project)
    assert answer.returncode == 1
    assert "No local database is installed. Run `make store` to install it." in answer.stderr


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="dynoxide is for x86-64")
@pytest.mark.parametrize(
    ("binary", "said"),
    [
        (b"\x7fELF of another machine", "Exec format error"),
        (b"#!/bin/sh\necho GLIBC_2.99 not found >&2\nexit 1\n", "GLIBC_2.99 not found"),
    ],
    ids=["for another machine", "ends at once"],
)
def test_a_database_that_does_not_start_is_explained_with_the_other_one(
    project: Path, binary: bytes, said: str
) -> None:
    path = project / "node_modules" / "@dynoxide" / "linux-x64" / "dynoxide"
    path.parent.mkdir(parents=True)
    path.write_bytes(binary)
    path.chmod(0o755)
    answer = run(project)
    assert answer.returncode == 1
    assert said in answer.stderr
    assert "The database did not start (exit status 1)" in answer.stderr
    assert "LOCAL_STORE=ministack make run" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_port_in_use_leads_to_free_ports(project: Path) -> None:
    first = free_ports()
    with socket.socket() as other:
        other.bind(("127.0.0.1", first + 1))
        other.listen()
        answer = run(project, PORT=str(first), DYNAMODB_ENDPOINT=NOWHERE)
    assert answer.returncode == 1
    assert f"Port {first + 1} (issuer) is in use by another program." in answer.stderr
    offered = re.search(r"PORT=(\d+) make run", answer.stderr)
    assert offered
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", int(offered[1])))
