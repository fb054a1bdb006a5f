"""The state folder and its files are their owner's only."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployment import template
from local.config import Config
from local.private_files import check_folder, make_folder, secret_line, touch, write_private
from tests.support.system import ROOT, System, running

# The user without any rights, as Linux systems number it.
NOBODY = 65534


def as_root() -> list[str]:
    """Return what goes before a command that needs root's rights."""
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    if not shutil.which("sudo") or subprocess.run([*sudo, "true"], capture_output=True, check=False).returncode:
        pytest.skip("only root can act as another user")
    return sudo


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture
def permissive() -> Iterator[None]:
    """A process that lets everyone read and write what it creates."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("permissive")
@pytest.mark.parametrize(
    "create", [touch, secret_line, lambda path: write_private(path, "text")], ids=["touch", "secret", "write"]
)
def test_a_private_file_and_its_folder_are_closed_to_others(tmp_path: Path, create: Callable[[Path], object]) -> None:
    create(tmp_path / "state" / "file")
    assert mode(tmp_path / "state" / "file") == 0o600
    assert mode(tmp_path / "state") == 0o700
    assert [entry.name for entry in (tmp_path / "state").iterdir()] == ["file"]


def test_an_open_folder_of_an_earlier_version_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    make_folder(folder)
    assert mode(folder) == 0o700


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "broken").symlink_to(tmp_path / "missing")
    for name in ("link", "broken", "link/"):
        monkeypatch.setenv("SALES_STATE", f"{tmp_path}/{name}")
        with pytest.raises(ValueError, match=r"is a link to another folder\. Name that folder itself"):
            Config.from_environ()
    # A link further up is fine: on macOS, /tmp itself is one.
    monkeypatch.setenv("SALES_STATE", str(tmp_path / "link" / "state"))
    assert Config.from_environ().state == (tmp_path / "real" / "state").resolve()


def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_folder(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    monkeypatch.setenv("SALES_STATE", str(tmp_path))
    with pytest.raises(ValueError, match=r"belongs to another user of this machine.*Choose a folder of your own"):
        Config.from_environ()


@pytest.mark.parametrize("command", ["run", "token", "reset", "demo", "doctor", "sam_local"])
def test_no_command_uses_a_folder_of_another_user(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "template-0.json").write_text("{}")
    subprocess.run([*as_root(), "chown", str(NOBODY), str(folder)], check=True)
    environment = os.environ | {"SALES_STATE": str(folder)}
    result = subprocess.run(
        [sys.executable, "-m", f"local.commands.{command}"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    output = result.stdout + result.stderr
    assert result.returncode == 1, output
    assert "belongs to another user of this machine" in output
    assert "Traceback" not in output
    assert [entry.name for entry in folder.iterdir()] == ["template-0.json"]


def test_a_kept_template_is_the_template_that_was_read(tmp_path: Path) -> None:
    config = Config(8000, tmp_path, {})
    read = template.load(config.template, config.parameters, cache=tmp_path)
    (kept,) = tmp_path.glob("template-*")
    assert kept.suffix == ".json"
    assert template.load(config.template, config.parameters, cache=tmp_path) == read


# A whole system


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    """A system started by a person whose files everyone may read."""
    before = os.umask(0o022)
    with running() as system:
        # Where others may pass, as in a shared checkout.
        system.state.parent.chmod(0o755)
        system.reaches(system.order(system.customer()), "delivered")
        yield system
    os.umask(before)


def test_every_file_of_a_running_system_is_its_owners(system: System) -> None:
    # The test's own file, and SQLite's, which come and go.
    files = [path for path in system.state.rglob("*") if path.name != "make-run.log"]
    assert len(files) > 20
    open_to_others = {path.name: oct(mode(path)) for path in files if path.exists() and mode(path) & 0o077}
    assert open_to_others == {}
    assert mode(system.state) == 0o700


def as_nobody(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as another user."""
    if not shutil.which("setpriv"):
        pytest.skip("setpriv is not installed")
    user = [*as_root(), "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return subprocess.run([*user, *command], capture_output=True, text=True, check=False, timeout=30)


def test_another_user_reads_no_file_and_no_workers_environment(system: System) -> None:
    names = [path for path in system.state.rglob("*") if path.is_file()]
    pids = [f"/proc/{pid}/environ" for pid in system.pids().values()]
    assert as_nobody("true").returncode == 0
    assert as_nobody("ls", str(system.state)).returncode != 0
    assert as_nobody("cat", *map(str, names), *pids).stdout == ""


def test_another_user_finds_the_session_token_in_no_command_line(system: System) -> None:
    token = (system.state / "session-token").read_text().strip()
    lines = [path.read_bytes() for pid in system.pids().values() if (path := Path(f"/proc/{pid}/cmdline")).exists()]
    assert len(lines) > 5
    assert not any(token.encode() in line for line in lines)


def test_another_user_neither_invokes_a_function_nor_reads_a_secret(system: System) -> None:
    base = f"http://127.0.0.1:{system.port + 4}"
    customers = len(system.call("GET", "customers").body["data"])
    event = (
        '{"body": "{}", "requestContext": {"authorizer": {"jwt": {"claims": {"cid": "x"}, "scopes": ["sales:write"]}}}}'
    )
    guesses = [[], ["-H", "X-Amz-Security-Token: local"], ["-H", "X-Amz-Security-Token:"]]
    for guess in guesses:
        invoked = as_nobody(
            "curl", "-s", *guess, "-d", event, f"{base}/2015-03-31/functions/create_customer/invocations"
        )
        target = ["-H", "X-Amz-Target: secretsmanager.GetSecretValue", "-d", '{"SecretId": "sales/webhook-secret"}']
        secret = as_nobody("curl", "-s", *guess, *target, f"{base}/secretsmanager")
        for answer in (invoked, secret):
            assert "The security token included in the request is invalid." in answer.stdout
    assert len(system.call("GET", "customers").body["data"]) == customers


def test_another_user_gets_no_event_of_a_worker_and_answers_for_none(system: System) -> None:
    variables = {
        pid: Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        for name, pid in system.pids().items()
        if name.startswith("worker-") and Path(f"/proc/{pid}/environ").exists()
    }
    addresses = [
        line.partition(b"=")[2].decode()
        for lines in variables.values()
        for line in lines
        if line.startswith(b"AWS_LAMBDA_RUNTIME_API=")
    ]
    assert addresses
    for address in addresses:
        own, _, key = address.partition("/")
        assert len(key) > 40
        for path in ("", "/", f"/{key[:-1]}", f"/{key}x"):
            url = f"http://{own}{path}/2018-06-01/runtime/invocation/next"
            answer = as_nobody("curl", "-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", url)
            assert answer.stdout == "403", url


def test_a_new_start_makes_an_earlier_session_token_worthless(system: System) -> None:
    before = (system.state / "session-token").read_text()
    system.stop()
    system.start()
    assert (system.state / "session-token").read_text() != before
    assert system.invoke("check_health", {"requestContext": {"http": {"method": "GET"}}}).status == 200
