"""README.md's examples, run word for word against a running system."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.local.clones import clone, first_command, new_shell, started
from tests.local.system import ROOT, System, until

pytestmark = pytest.mark.local
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    """The shell blocks of the section "The four requests", in their order."""
    section = README.split("## The four requests")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def shell(command: str, port: int, folder: Path, environment: dict[str, str]) -> str:
    """What the command prints in this folder, with the system's ports in place of the usual ones."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command.replace("localhost:8000", f"localhost:{port}")],
        cwd=folder, env=environment, check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.stdout


def follow(system: System, folder: Path, environment: dict[str, str]) -> None:
    """Runs the four requests in their order, and compares with what the README shows."""

    def run(command: str, **variables: str) -> str:
        return shell(command, system.port, folder, environment | variables)

    token_line, create_customer, create_order, lists = commands()
    token = run(token_line + 'printf %s "$TOKEN"', MAKEFLAGS="")
    customer = json.loads(run(create_customer, TOKEN=token))
    shown = json.loads(next(text for kind, text in BLOCKS if kind == "json"))
    assert shown.keys() == customer.keys()
    assert {name: value for name, value in customer.items() if not str(shown[name]).startswith("<")} == {
        name: value for name, value in shown.items() if not str(value).startswith("<")
    }
    order = json.loads(run(create_order.replace("<id>", customer["id"]), TOKEN=token))
    assert order["sms"]["status"] == "queued"
    until(lambda: any(text["text"] == order["sms"]["text"] for text in system.texts()), seconds=2)
    assert len([line for line in lists.splitlines() if line.startswith("curl ")]) == 2
    for line in lists.strip().splitlines():
        first = json.loads(run(line, TOKEN=token))["data"][0]
        assert first["id"] in {customer["id"], order["id"]}
    system.reaches(order, "delivered")


def test_the_four_requests_do_what_the_readme_says(system: System) -> None:
    system.behave()
    follow(system, ROOT, system.environ())


@pytest.mark.slow
def test_in_a_fresh_clone_the_readme_can_be_followed_from_its_first_command(tmp_path: Path) -> None:
    folder = tmp_path / "sales"
    clone(folder)
    system = System(folder / ".local")
    environment = new_shell() | {"PORT": str(system.port)}
    with started(folder, first_command(folder), environment):
        follow(system, folder, environment)


def test_the_readme_opens_with_two_commands_that_make_knows() -> None:
    opening = next(text for kind, text in BLOCKS if kind == "sh")
    targets = re.findall(r"^make (\w+)", opening, re.MULTILINE)
    assert targets == ["run", "test"]
    for target in set(re.findall(r"`make ([a-z-]+)`", README)) | set(targets):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target


def test_every_file_the_readme_points_to_is_there() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("page", sorted(Path("docs").glob("*.md") if Path("docs").is_dir() else []), ids=str)
def test_every_file_the_docs_point_to_is_there(page: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_contract_in_the_readme_is_the_templates(system: System) -> None:
    rows = set(re.findall(r"^\| `(GET|POST|PATCH) ([^`]+)` \|", README, re.MULTILINE))
    from local.config import Config
    from local.template import load

    routes = {
        (route.method, re.sub(r"\{\w+\}", "{}", route.path.removeprefix("/api/v1/sales/")))
        for route in load(ROOT / "template.yaml", Config.from_environ().parameters).routes
        if route.path.startswith("/api/v1/sales/") and "create-" not in route.path
    }
    assert {(method, re.sub(r"\{[^}]+\}", "{}", path)) for method, path in rows} == routes


def picture() -> tuple[set[str], set[tuple[str, str, str]]]:
    """The README's picture: the names in it, and its arrows as (from, label, to), a box's names each for themselves."""
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
    from local.config import Config
    from local.template import load

    template = load(ROOT / "template.yaml", Config.from_environ().parameters)
    names, arrows = picture()
    assert {name for name in names if re.fullmatch(r"[a-z]+(_[a-z]+)+", name)} == set(template.functions)
    assert {name for name in names if name.endswith("Table")} == set(template.tables)
    # What each function may use is in its own policies.
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


def test_what_troubleshooting_quotes_is_what_the_system_says() -> None:
    section = README.split("## When something does not work")[1].split("\n## ")[0]
    said = "".join((ROOT / name).read_text() for name in ("scripts/setup.sh", "local/supervisor.py"))
    quoted = re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)
    assert len(quoted) >= 7
    for sentence in quoted:
        # Names and numbers are filled in where it is said.
        parts = [part for part in re.split(r"8000|API|store(?= did)", sentence) if part.strip(" ,")]
        assert all(part.strip() in said for part in parts), sentence
