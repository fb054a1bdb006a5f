"""README.md's commands, run word for word and in order, and its other claims."""

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.clones import clone, have_installed, new_shell, started
from tests.support.people import read_until, sign_in
from tests.support.readme import BLOCKS, README, Requests, commands, shell
from tests.support.system import ROOT, System, free_ports

pytestmark = pytest.mark.local


def test_the_four_requests_do_what_the_readme_says(system: System) -> None:
    system.behave()
    Requests(f"http://localhost:{system.port}", ROOT, system.environ()).follow(system.texts)


class Newcomer:
    """A person who types the README's commands in a fresh clone, without an AWS account or a second machine.

    Without credentials `make deploy` ends with its checks; `make rehearse` runs the rest of it.
    """

    def __init__(self, home: Path) -> None:
        self.folder = home / "sales"
        clone(self.folder)
        have_installed(self.folder, ".venv-sam", "requirements-sam.txt")
        self.system = System(self.folder / ".local")
        self.environment = new_shell() | {
            "PATH": os.environ["PATH"],
            "PORT": str(self.system.port),
            "LOGIN_PORT": str(self.system.port + 9),
            "BROWSER": "true",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self.requests = Requests(f"http://localhost:{self.system.port}", self.folder, self.environment)
        self._running = contextlib.ExitStack()

    def run(self, command: str, seconds: float = 240) -> str:
        """Run the command and return its output."""
        return shell(command, self.folder, self.environment, seconds)

    def start(self, command: str, **environment: str) -> None:
        """Start the command as in a separate terminal, after stopping the previous one."""
        self.stop()
        self._running.enter_context(started(self.folder, command, self.environment | environment))

    def stop(self) -> None:
        """Press Ctrl-C."""
        self._running.close()

    def test(self, command: str) -> None:
        """Run one file of the tests: all of them would run this test again."""
        assert "passed" in self.run(f"{command} TESTS=tests/unit/domain/test_orders.py")

    def read_only(self) -> None:
        """Without a token 401; with this one, 403 for the requests that create."""
        token = self.run('SCOPE="sales:read" make -s token').strip()
        four = (self.requests.create_customer, self.requests.create_order, *self.requests.lists)
        assert [self.requests.status(command, "") for command in four] == [401] * 4
        assert [self.requests.status(command, token) for command in four] == [403, 403, 200, 200]

    def login(self) -> None:
        """Sign in as a browser would."""
        process = subprocess.Popen(
            ["make", "login"], cwd=self.folder, env=self.environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        sign_in(read_until(process, r"http://\S+/authorize\?\S+(?=\n)"))
        token, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert self.requests.status(self.requests.lists[0], token.strip()) == 200

    def count(self) -> int:
        """Return the number of orders on the first page."""
        return len(json.loads(self.requests.run(self.requests.lists[1]))["data"])

    def demo(self) -> None:
        """Load a shop to look at."""
        self.requests.take_token()
        before = self.count()
        assert "customers and" in self.run("make demo")
        assert self.count() > before

    def import_file(self) -> None:
        """Import a spreadsheet's file twice."""
        (self.folder / "customers.csv").write_text("name;phone_number;email\njane;0700000001;jane@example.com\n")
        for result in ("1 created", "1 unchanged"):
            assert result in self.run("make import FILE=customers.csv")
        assert ";unchanged;" in (self.folder / "customers-result.csv").read_text()

    def export(self) -> None:
        """Write both lists to files."""
        said = self.run("make export")
        for name in ("customers", "orders"):
            lines = (self.folder / f"{name}.csv").read_text(encoding="utf-8-sig").splitlines()
            assert lines[0].startswith("id,code,")
            assert len(lines) > 1
            assert f"{name}.csv: " in said

    def export_some(self) -> None:
        """Write the orders whose text failed."""
        self.run('make export LIST=orders QUERY="sms_status=failed" FILE=failed.csv')
        assert (self.folder / "failed.csv").read_text(encoding="utf-8-sig").startswith("id,code,")

    def move(self) -> None:
        """Move the system to another port; all its data is still there."""
        before, port = self.count(), free_ports()
        self.start(f"PORT={port} make run")
        self.environment["PORT"] = str(port)
        self.requests = Requests(f"http://localhost:{port}", self.folder, self.environment)
        self.requests.take_token()
        assert self.count() == before

    def reset(self) -> None:
        """Try a reset while the system is running, then reset it."""
        with pytest.raises(AssertionError, match=r"Already running \(process "):
            self.run("make reset")
        self.stop()
        assert "Deleted everything" in self.run("make reset")
        assert not (self.folder / ".local").exists()

    def deploy(self) -> None:
        """Deploy without credentials: the first check names what is missing, and nothing is built."""
        with pytest.raises(AssertionError, match=r"PROBLEM  credentials: there are none\n +aws configure sso"):
            self.run("make deploy")
        assert not (self.folder / ".aws-sam").exists()

    def second(self) -> None:
        """Start a second system, with its own folder and ports."""
        port = free_ports()
        self.start("make run", SALES_STATE=".local-second", PORT=str(port))
        assert (self.folder / ".local-second" / "pids.json").is_file()
        self.stop()

    def clean(self) -> None:
        """Remove what can be rebuilt, and nothing else."""
        (self.folder / ".local").mkdir()
        self.run("make clean")
        assert not (self.folder / ".venv").exists()
        assert (self.folder / ".local").is_dir()


def elsewhere(module: str) -> Callable[[Newcomer], None]:
    """Name the test file that runs this command, because it needs more than a bare machine, or breaks it."""
    assert (ROOT / module).exists(), module
    return lambda _: None


# The README's commands in order, and how the newcomer runs each.
WALK: dict[str, Callable[[Newcomer], None]] = {
    "make run": lambda newcomer: newcomer.start("make run"),
    "make test": lambda newcomer: newcomer.test("make test"),
    "make demo": Newcomer.demo,
    "make test-all": lambda newcomer: newcomer.test("make test-all"),
    "TOKEN=$(make -s token)": lambda newcomer: newcomer.requests.take_token(),
    "create-customer": lambda newcomer: newcomer.requests.make_customer(),
    "create-order": lambda newcomer: newcomer.requests.make_order(newcomer.system.texts),
    "customers": lambda _: None,
    "orders": lambda newcomer: newcomer.requests.list_all(),
    "make export": Newcomer.export,
    'make export LIST=orders QUERY="sms_status=failed" FILE=failed.csv': Newcomer.export_some,
    "make import FILE=customers.csv": Newcomer.import_file,
    "make token": lambda newcomer: newcomer.run("make token"),
    'SCOPE="sales:read" make -s token': Newcomer.read_only,
    "make login": Newcomer.login,
    "make doctor": lambda newcomer: newcomer.run("make doctor"),
    "PORT=9000 make run": Newcomer.move,
    "make reset": Newcomer.reset,
    "make deploy": Newcomer.deploy,
    "make okta": elsewhere("tests/scripts/test_okta_command.py"),
    'SmsSender="MY SHOP" make deploy': elsewhere("tests/scripts/test_deploy.py"),
    "TOKEN=$(make -s token) make smoke STAGE=dev": elsewhere("tests/scripts/test_operations.py"),
    "make rollback STAGE=dev": elsewhere("tests/scripts/test_rollback.py"),
    "make deploy-role": elsewhere("tests/template/test_role.py"),
    "make sam-local": elsewhere("tests/samlocal/test_sam_local.py"),
    "make PYTHON=/path/to/python3.13 run": elsewhere("tests/local/commands/test_first_errors.py"),
    "SALES_STATE=.local-second PORT=9000 make run": Newcomer.second,
    "make clean": Newcomer.clean,
    "LOCAL_STORE=ministack make run": elsewhere("tests/local/aws/test_dynamodb.py"),
}


def named(command: str) -> str:
    """Return a command's name in WALK; a request's is the end of its path."""
    path = re.match(r"curl .*?/sales/([\w-]+)/", command, re.DOTALL)
    return path[1] if path else command


def test_every_command_of_the_readme_is_in_the_walk() -> None:
    assert list(WALK) == [named(command) for command in commands()]


@pytest.mark.slow
def test_in_a_fresh_clone_every_command_does_what_the_readme_says(tmp_path: Path) -> None:
    if not (ROOT / ".venv-sam").is_dir():
        pytest.skip("sam is not installed: scripts/setup.sh sam")
    newcomer = Newcomer(tmp_path)
    try:
        for step in WALK.values():
            step(newcomer)
    finally:
        newcomer.stop()


def test_the_readme_opens_with_two_commands_that_make_knows() -> None:
    opening = next(text for kind, text in BLOCKS if kind == "sh")
    targets = re.findall(r"^make (\w+)", opening, re.MULTILINE)
    assert targets == ["run", "test"]
    for target in set(re.findall(r"`make ([a-z-]+)`", README)) | set(targets):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target


def test_every_file_that_the_readme_links_exists() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("page", sorted(Path("docs").glob("*.md") if Path("docs").is_dir() else []), ids=str)
def test_every_file_that_the_docs_link_exists(page: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_contract_in_the_readme_is_the_templates(system: System) -> None:
    rows = set(re.findall(r"^\| `(GET|POST|PATCH|PUT) ([^`]+)` \|", README, re.MULTILINE))
    from deployment.template import load
    from local.config import Config

    routes = {
        (route.method, re.sub(r"\{\w+\}", "{}", route.path.removeprefix("/api/v1/sales/")))
        for route in load(ROOT / "template.yaml", Config.from_environ().parameters).routes
        if route.path.startswith("/api/v1/sales/") and "create-" not in route.path
    }
    assert {(method, re.sub(r"\{[^}]+\}", "{}", path)) for method, path in rows} == routes


def picture() -> tuple[set[str], set[tuple[str, str, str]]]:
    """Return the names in the README's picture, and its arrows as (from, label, to), one for each name in a box."""
    boxes: dict[str, list[str]] = {}
    arrows: set[tuple[str, str, str]] = set()
    text = next(text for kind, text in BLOCKS if kind == "mermaid")
    for line in text.strip().splitlines()[1:]:
        ends = re.split(r"\s*(?:-->|==>|-\.->)(?:\|([^|]*)\|)?\s*", line.strip())
        assert len(ends) == 3, line
        sides = []
        for side in (ends[0], ends[2]):
            names = []
            for node in side.split(" & "):
                found = re.fullmatch(r"(\w+)(?:[\[({]+\"?(.*?)\"?[\])}]+)?", node)
                assert found, node
                if found[2]:
                    boxes[found[1]] = found[2].split("<br>")
                names += boxes.get(found[1], [found[1]])
            sides.append(names)
        arrows |= {(one, ends[1] or "", other) for one in sides[0] for other in sides[1]}
    return {name for one, _, other in arrows for name in (one, other)}, arrows


def test_the_picture_is_the_templates() -> None:
    from deployment.template import load
    from local.config import Config

    template = load(ROOT / "template.yaml", Config.from_environ().parameters)
    names, arrows = picture()
    assert {name for name in names if re.fullmatch(r"[a-z]+(_[a-z]+)+", name)} == set(template.functions)
    assert {name for name in names if name.endswith("Table")} == set(template.tables)
    # Each function's own policies name the tables it may use.
    written = (ROOT / "template.yaml").read_text()
    uses = set()
    for name, function in template.functions.items():
        section = written.split(f"\n  {function.logical_id}:\n")[1]
        section = re.split(r"\n  \w+:\n", section)[0]
        uses |= {(name, "", table) for table in template.tables if re.search(rf"\b{table}\b", section)}
    assert {arrow for arrow in arrows if arrow[2] in template.tables} == uses
    assert {arrow for arrow in arrows if arrow[1].startswith("stream")} == {
        (table, "stream: new orders", stream.function)
        for stream in template.streams
        for table, wanted in template.tables.items()
        if wanted["TableName"] == stream.table
    }
    assert {arrow for arrow in arrows if arrow[1] == "schedule"} == {
        (f"rate {schedule.seconds / 60:.0f} minute", "schedule", schedule.function) for schedule in template.schedules
    }
    open_to_all = {(route.function, route.path) for route in template.routes if not route.authorized}
    assert {arrow[2] for arrow in arrows if arrow[1] == "scope"} == {
        route.function for route in template.routes if route.authorized
    }
    assert {arrow[2] for arrow in arrows if arrow[1] == "no token"} == {
        function for function, path in open_to_all if "{secret}" not in path
    }
    assert {arrow[2] for arrow in arrows if arrow[1].startswith("secret")} == {
        function for function, path in open_to_all if "{secret}" in path
    }
    assert ("HttpApi", "JWT authorizer", "OktaIssuer") in arrows
    assert "JwtConfiguration" in written.split("\n  HttpApi:\n")[1].split("\n  CustomersTable:")[0]


def test_each_way_to_use_it_has_a_section_with_a_command_that_make_knows() -> None:
    section = README.split("## The four ways to use it")[1].split("\n## ")[0]
    targets = re.findall(r"^### .*`make ([a-z-]+)`$", section, re.MULTILINE)
    assert sorted(targets) == ["deploy", "run", "sam-local", "test"]


def test_troubleshooting_quotes_messages_that_tests_have_seen() -> None:
    section = README.split("## When something does not work")[1].split("\n## ")[0]
    sources = ("scripts/setup.sh", "local/system/supervisor.py", "local/system/state.py")
    said = "".join((ROOT / name).read_text() for name in sources)
    seen = "".join(
        (ROOT / "tests/local" / name).read_text()
        for name in ("commands/test_first_errors.py", "system/test_supervisor.py")
    )
    quoted = re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)
    assert len(quoted) >= 9
    for sentence in quoted:
        # The program fills in names and numbers.
        parts = [part.strip(" ,") for part in re.split(r"8000|API|database(?= did)", sentence) if part.strip(" ,")]
        assert all(part in said for part in parts), sentence
        assert all(part in seen for part in parts), sentence
