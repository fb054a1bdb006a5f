"""Checks of what is installed on this machine."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import Requirement

from local.commands import sam_local as samlocal
from local.commands.doctor.finding import Finding
from local.config import Config

__all__ = ["Tool", "check_node_modules", "check_tools", "check_versions"]

_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that only some uses need: its oldest usable version, what needs it, and how to install it."""

    name: str
    command: tuple[str, ...]
    oldest: tuple[int, ...]
    need: str
    advice: str

    def finding(self) -> Finding:
        """Check that the program is installed and new enough."""
        try:
            result = subprocess.run(self.command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except FileNotFoundError:
            return self._warning("was not found")
        except (OSError, subprocess.TimeoutExpired):
            return self._warning("does not answer")
        version = re.search(r"\d+(?:\.\d+)+", result.stdout)
        if result.returncode or not version:
            return self._warning("does not answer")
        if tuple(map(int, version[0].split("."))) < self.oldest:
            return self._warning(f"{version[0]} is older than {'.'.join(map(str, self.oldest))}")
        return Finding(self.name, version[0])

    def _warning(self, result: str) -> Finding:
        return Finding(self.name, f"{result}; {self.need}", self.advice, warning=True)


def check_versions(config: Config) -> Iterator[Finding]:
    """Check Python and the installed packages against the project's pins."""
    pinned_python = (config.root / ".python-version").read_text().strip()
    python = ".".join(str(number) for number in sys.version_info[:3])
    if python.startswith(f"{pinned_python}."):
        yield Finding("Python", python)
    else:
        advice = f"Install Python {pinned_python} and remove .venv; the next make uses it."
        yield Finding("Python", f"{python}, not {pinned_python}", advice)
    lines = re.findall(r"^([^#\s][^\\\n]*==[^\\\n]*)", (config.root / "requirements-dev.txt").read_text(), re.MULTILINE)
    requirements = [pin for pin in map(Requirement, lines) if not pin.marker or pin.marker.evaluate()]
    deviations = []
    for requirement in requirements:
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            version = "not installed"
        if version not in requirement.specifier:
            pin = str(requirement.specifier).removeprefix("==")
            deviations.append(f"{requirement.name} is {version}, not {pin}")
    if deviations:
        advice = "Remove .venv; the next make installs requirements-dev.txt."
        yield Finding("packages", "; ".join(deviations), advice)
    else:
        yield Finding("packages", f"{len(requirements)}, as pinned in requirements-dev.txt")


def check_tools(config: Config) -> Iterator[Finding]:
    """Check the programs that only some uses need."""
    # package.json's newman needs Node.js 16; npm reads package-lock.json's version 3 since 7.
    node_need = "without it the database is ministack and /docs has no viewer"
    install = "Install Node.js ('brew install node' or 'apt install npm'), then run `make run` again."
    yield Tool("Node.js", ("node", "--version"), (16,), node_need, install).finding()
    yield Tool("npm", ("npm", "--version"), (7,), node_need, install).finding()
    pin = re.search(r"^aws-sam-cli==([\d.]+)", (config.root / "requirements-sam.txt").read_text(), re.MULTILINE)
    oldest = tuple(map(int, pin[1].split("."))) if pin else ()
    sam_need = "only `make deploy` and `make sam-local` need it"
    yield Tool("sam", (samlocal.sam() or "sam", "--version"), oldest, sam_need, "`make build` installs it.").finding()
    # The first version whose `--add-host` knows `host-gateway`.
    docker = ("docker", "version", "--format", "{{.Server.Version}}")
    docker_need = "only `make sam-local` needs it"
    advice = "Install Docker and start its daemon, or do without."
    yield Tool("Docker", docker, (20, 10), docker_need, advice).finding()


def check_node_modules(config: Config) -> Iterator[Finding]:
    """Check node_modules against package-lock.json by npm, which knows what is optional on this platform."""
    npm = shutil.which("npm")
    if not npm or not (config.root / "node_modules").is_dir():
        result = "nothing is installed; `make run` does that" if npm else "npm was not found"
        yield Finding("node_modules", result, checked=False)
        return
    listing = subprocess.run([npm, "ls", "--omit=dev"], cwd=config.root, capture_output=True, text=True, check=False)
    if listing.returncode == 0:
        yield Finding("node_modules", "matches package-lock.json")
        return
    faults = re.findall(r"^npm (?:error|ERR!) ((?:missing|invalid): \S+)", listing.stderr, re.MULTILINE)
    advice = "Remove node_modules, then run `make store docs`."
    yield Finding("node_modules", "; ".join(faults) or "npm ls finds it incomplete", advice)
