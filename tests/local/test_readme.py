"""README.md's examples, run word for word against a running system."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.local.system import ROOT, System, until

pytestmark = pytest.mark.local
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    """The shell blocks of the section "The four requests", in their order."""
    section = README.split("## The four requests")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def shell(command: str, system: System, **variables: str) -> str:
    """What the command prints, with the system's ports in place of the usual ones."""
    command = command.replace("localhost:8000", f"localhost:{system.port}")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=ROOT, env=system.environ() | variables, check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.stdout


def test_the_four_requests_do_what_the_readme_says(system: System) -> None:
    system.behave()
    token_line, create_customer, create_order, lists = commands()
    token = shell(token_line + 'printf %s "$TOKEN"', system, MAKEFLAGS="")
    customer = json.loads(shell(create_customer, system, TOKEN=token))
    shown = json.loads(next(text for kind, text in BLOCKS if kind == "json"))
    assert shown.keys() == customer.keys()
    assert {name: value for name, value in customer.items() if not str(shown[name]).startswith("<")} == {
        name: value for name, value in shown.items() if not str(value).startswith("<")
    }
    order = json.loads(shell(create_order.replace("<id>", customer["id"]), system, TOKEN=token))
    assert order["sms"]["status"] == "queued"
    until(lambda: any(text["text"] == order["sms"]["text"] for text in system.texts()), seconds=2)
    assert len([line for line in lists.splitlines() if line.startswith("curl ")]) == 2
    for line in lists.strip().splitlines():
        first = json.loads(shell(line, system, TOKEN=token))["data"][0]
        assert first["id"] in {customer["id"], order["id"]}
    system.reaches(order, "delivered")


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
