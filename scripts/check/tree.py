"""Looks for what must never be committed: secrets, and in the tree also machine paths, registry addresses and numbers.

`make check` has it look at every tracked file, `make scan-history` at every line that any commit ever added: a secret that
was taken out again is known all the same, and is to be revoked.

  python -m scripts.check.tree [--history]
"""

import math
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

# Written in pieces, so that this file does not find itself.
SECRETS = {
    "a private key": re.compile("-----BEGIN (?:[A-Z0-9]+ )*PRIVATE " + "KEY(?: BLOCK)?-----"),
    "an AWS access key": re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b"),
    "an AWS secret key": re.compile(r"(?i)aws.{0,30}(?:secret|key).{0,30}?[\"'=:\s]([a-z0-9/+]{40})(?![\w/+=])"),
    "an Africa's Talking key": re.compile(r"\batsk_[0-9a-f]{40,}"),
    "an Okta API token": re.compile(r"\bSSWS[ :=\"']+[\w-]{30,}|(?<![\w/+=-])00[\w-]{40}(?![\w/+=-])"),
    "an Okta client secret": re.compile(r"(?i)client_?secret\w*[\"']?\s*[:=]\s*[\"']?[\w-]{40,}"),
    "a GitHub token": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_\w{40,}"),
    "a signed token": re.compile(r"\beyJ[\w-]{20,}\.eyJ[\w-]{20,}\.[\w-]{20,}"),
    "a password in an address": re.compile(r"\b[a-z][a-z0-9+.-]+://[^\s/:@\"'<>{}$]+:[^\s/:@\"'<>{}$]{8,}@[\w.-]+"),
}
# What is given to a name like these, and looks like chance rather than like words.
ASSIGNMENT = re.compile(
    r"(?i)(?<!:)(?:secret|token|passw(?:or)?d|api_?-?key|access_?-?key|credential|webhook)\w*[\"']?\s*(?::=|[:=])\s*"
    r"[\"']?([\w/+.=~-]{20,})"
)
CHANCE = "a value that looks like a secret"
# Bits a character has of a value made by chance: hexadecimal and the rest. Words have fewer, or no digits in them.
BITS_OF_HEX, BITS = 3.0, 3.6

ELSEWHERE = {
    "a path of one machine": re.compile(r"(?<![\w.])/(?:home|Users|root|work)/\w"),
    "a registry's address": re.compile(
        r"py" + r"pi\.org|pythonhost" + r"ed\.org|registry\.np" + r"mjs|deb\.deb" + r"ian\.org"
    ),
    # The README's number, and the made-up ones of tests and samples: +2547000xxxxx and +2541100000xx.
    "a phone number": re.compile(r"\+254(?!704590344|7000\d{5}\b|1100000\d\d\b)[17]\d{8}\b"),
}


def by_chance(value: str) -> bool:
    """Whether the value looks as if it was made by chance."""
    if not (re.search(r"\d", value) and re.search(r"[a-zA-Z]", value)):
        return False
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())
    return bits >= (BITS_OF_HEX if re.fullmatch(r"[0-9a-fA-F-]+", value) else BITS)


def secrets(text: str) -> Iterator[tuple[int, str]]:
    """Where in the text a secret may be, and of what kind."""
    for what, pattern in SECRETS.items():
        for match in pattern.finditer(text):
            yield match.start(), what
    for match in ASSIGNMENT.finditer(text):
        if by_chance(match[1]):
            yield match.start(), CHANCE


def forbidden(text: str) -> Iterator[tuple[int, str]]:
    """All that must not be in the tree."""
    yield from secrets(text)
    for what, pattern in ELSEWHERE.items():
        for match in pattern.finditer(text):
            yield match.start(), what


def git(*arguments: str) -> str:
    """What git says."""
    done = subprocess.run(["git", *arguments], check=True, capture_output=True)
    return done.stdout.decode(errors="replace")


def in_tree() -> Iterator[str]:
    """The findings in the tracked files."""
    for name in filter(None, git("ls-files", "-z").split("\0")):
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        for at, what in forbidden(text):
            yield f"{name}:{text.count(chr(10), 0, at) + 1}: {what}"


def in_history() -> Iterator[str]:
    """The secrets in all that was ever added, by commit and file. Exits where the history is not here."""
    if git("rev-parse", "--is-shallow-repository").strip() == "true":
        sys.exit(
            "This clone has only a part of the history, so nothing is known: fetch all of it (git fetch --unshallow)."
        )
    commit = name = ""
    seen = set()
    for line in git(
        "log", "--all", "-p", "-m", "--unified=0", "--no-color", "--no-ext-diff", "--format=commit %h"
    ).split("\n"):
        if line.startswith("commit "):
            commit = line.removeprefix("commit ")
        elif line.startswith("+++ "):
            name = line.removeprefix("+++ b/")
        elif line.startswith("+"):
            for _, what in secrets(line[1:]):
                if (name, what, line) not in seen:
                    seen.add((name, what, line))
                    yield f"{commit} {name}: {what}"


def main() -> int:
    """1 if there are findings, each printed with its place."""
    findings = list(in_history() if sys.argv[1:] == ["--history"] else in_tree())
    print(*findings, sep="\n", end="\n" if findings else "")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
