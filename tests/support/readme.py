"""README.md's commands as they stand there, and the four requests, followed word for word."""

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
    """What the README tells to type, in blocks and within sentences, each where it first comes."""
    found: dict[str, None] = {}
    without_headings = re.sub(r"^###? .*`.*", "", README, flags=re.MULTILINE)
    for kind, block, inline in re.findall(r"```(\w+)\n(.*?)```|`([^`\n]+)`", without_headings, re.DOTALL):
        if kind == "sh":
            lines = re.findall(r"(?:.*\\\n)*.+", block)
            found |= dict.fromkeys(re.sub(r"\s+# .*", "", line) for line in lines)
        elif re.match(r"(?:[A-Z_]+=.*)?\bmake\b", inline):
            found[inline] = None
    return list(found)


def shell(command: str, folder: Path, environment: dict[str, str], seconds: float = 60) -> str:
    """What the command prints in this folder."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder, env=environment, check=False, capture_output=True, text=True, timeout=seconds,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Requests:
    """The section "The four requests", against an API at this port."""

    def __init__(self, port: int, folder: Path, environment: dict[str, str]) -> None:
        self._port = port
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
        """What a command prints, with this API's port in the place of the usual one."""
        here = command.replace("localhost:8000", f"localhost:{self._port}")
        return shell(here, self._folder, self._environment | {"TOKEN": self.token} | variables, 120)

    def status(self, command: str, token: str) -> int:
        """The status that a request is answered with."""
        return int(self.run(f"{command.strip()} -s -o /dev/null -w '%{{http_code}}'", TOKEN=token))

    def take_token(self) -> None:
        """The token, into the variable that the others use."""
        self.token = self.run(self.token_line + 'printf %s "$TOKEN"', MAKEFLAGS="")
        assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", self.token)

    def make_customer(self) -> None:
        """The customer is as the README shows it."""
        customer = json.loads(self.run(self.create_customer))
        shown = json.loads(next(text for kind, text in BLOCKS if kind == "json"))
        assert shown.keys() == customer.keys()
        for name, value in shown.items():
            assert str(value).startswith("<") or customer[name] == value, name
        self.ids["customer"] = customer["id"]

    def make_order(self, texts: Callable[[], list[dict[str, Any]]]) -> None:
        """The order comes back queued, and a moment later its text is on the phone."""
        order = json.loads(self.run(self.create_order.replace("<id>", self.ids["customer"])))
        assert order["sms"]["status"] == "queued"
        self.ids["order"] = order["id"]
        until(lambda: [text for text in texts() if text["text"] == order["sms"]["text"]], seconds=60)

    def list_all(self) -> None:
        """Both lists begin with what was just made, and the order's text gets delivered."""
        assert len(self.lists) == 2
        for line, kind in zip(self.lists, ("customer", "order"), strict=True):
            assert json.loads(self.run(line))["data"][0]["id"] == self.ids[kind]
        until(
            lambda: json.loads(self.run(self.lists[1]))["data"][0]["sms"]["status"] == "delivered",
            seconds=90,
            every=0.5,
        )

    def follow(self, texts: Callable[[], list[dict[str, Any]]]) -> None:
        """All of it, in its order."""
        self.take_token()
        self.make_customer()
        self.make_order(texts)
        self.list_all()
