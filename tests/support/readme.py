"""README.md's commands, and its four requests, followed word for word."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.system import ROOT, until

README = (ROOT / "README.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    """Return the commands of the README, in blocks and in sentences, in the order of their first mention."""
    commands: dict[str, None] = {}
    without_headings = re.sub(r"^###? .*`.*", "", README, flags=re.MULTILINE)
    for kind, block, inline in re.findall(r"```(\w+)\n(.*?)```|`([^`\n]+)`", without_headings, re.DOTALL):
        if kind == "sh":
            lines = re.findall(r"(?:.*\\\n)*.+", block)
            commands |= dict.fromkeys(re.sub(r"\s+# .*", "", line) for line in lines)
        elif re.match(r"(?:[A-Z_]+=.*)?\bmake\b", inline):
            commands[inline] = None
    return list(commands)


def shell(command: str, folder: Path, environment: dict[str, str], seconds: float = 60) -> str:
    """Run a command in this folder and return its output."""
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder, env=environment, check=False, capture_output=True, text=True, timeout=seconds,
    )  # fmt: skip
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


class Requests:
    """The section "The four requests", sent to the API at this address."""

    def __init__(self, url: str, folder: Path, environment: dict[str, str]) -> None:
        self._url = url
        self._folder = folder
        self._environment = environment
        section = README.split("## The four requests")[1].split("\n## ")[0]
        self.token_line, self.create_customer, self.create_order, lists = re.findall(
            r"```sh\n(.*?)```", section, re.DOTALL
        )
        self.lists = lists.strip().splitlines()
        self.token = ""
        self.ids: dict[str, str] = {}

    def run(self, command: str, **variables: str) -> str:
        """Run a command with this API's address instead of the README's, and return its output."""
        adapted = command.replace("http://localhost:8000", self._url)
        return shell(adapted, self._folder, self._environment | {"TOKEN": self.token} | variables, 120)

    def status(self, command: str, token: str) -> int:
        """Send a request and return the status."""
        return int(self.run(f"{command.strip()} -s -o /dev/null -w '%{{http_code}}'", TOKEN=token))

    def take_token(self) -> None:
        """Get the token that the other requests use."""
        self.token = self.run(self.token_line + 'printf %s "$TOKEN"', MAKEFLAGS="")
        assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", self.token)

    def make_customer(self) -> None:
        """Create the customer and compare it with the README's."""
        customer = json.loads(self.run(self.create_customer))
        example = json.loads(next(text for kind, text in BLOCKS if kind == "json"))
        assert example.keys() == customer.keys()
        for name, value in example.items():
            assert str(value).startswith("<") or customer[name] == value, name
        self.ids["customer"] = customer["id"]

    def make_order(self, texts: Callable[[], list[dict[str, Any]]]) -> None:
        """Create the order, which comes back queued, and wait for its text."""
        order = json.loads(self.run(self.create_order.replace("<id>", self.ids["customer"])))
        assert order["sms"]["status"] == "queued"
        self.ids["order"] = order["id"]
        until(lambda: [text for text in texts() if text["text"] == order["sms"]["text"]], seconds=60)

    def list_all(self) -> None:
        """Check that both lists begin with the new items, and wait for the text's delivery."""
        assert len(self.lists) == 2
        for line, kind in zip(self.lists, ("customer", "order"), strict=True):
            assert json.loads(self.run(line))["data"][0]["id"] == self.ids[kind]
        until(
            lambda: json.loads(self.run(self.lists[1]))["data"][0]["sms"]["status"] == "delivered",
            seconds=90,
            every=0.5,
        )

    def follow(self, texts: Callable[[], list[dict[str, Any]]]) -> None:
        """Follow the whole section."""
        self.take_token()
        self.make_customer()
        self.make_order(texts)
        self.list_all()
