"""Find what must never be committed: secrets anywhere; in the tree also machine paths, registry addresses and numbers.

`make check` reads every tracked file, `make scan-history` every line that any commit ever added: a secret that was removed
again is still public and must be revoked.

  python -m scripts.check.tree [--history]
"""

import math
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

# Written in pieces, so that the scan does not find this file.
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
# A value assigned to a name like these, if it looks random rather than like words.
ASSIGNMENT = re.compile(
    r"(?i)(?<!:)(?:secret|token|passw(?:or)?d|api_?-?key|access_?-?key|credential|webhook)\w*[\"']?\s*(?::=|[:=])\s*"
    r"[\"']?([\w/+.=~-]{20,})"
)
RANDOM = "a value that looks like a secret"
# Least entropy of a random value in bits per character: hexadecimal, and others. Words have less, or no digits.
BITS_OF_HEX, BITS = 3.0, 3.6

IN_TREE = {
    "a path of one machine": re.compile(r"(?<![\w.])/(?:home|Users|root|work)/\w"),
    "a registry's address": re.compile(
        r"py" + r"pi\.org|pythonhost" + r"ed\.org|registry\.np" + r"mjs|deb\.deb" + r"ian\.org"
    ),
    # Except the README's number and the invented ones of tests and samples: +2547000xxxxx and +2541100000xx.
    "a phone number": re.compile(r"\+254(?!704590344|7000\d{5}\b|1100000\d\d\b)[17]\d{8}\b"),
}


def is_random(value: str) -> bool:
    """Return whether the value looks random."""
    if not (re.search(r"\d", value) and re.search(r"[a-zA-Z]", value)):
        return False
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())
    return bits >= (BITS_OF_HEX if re.fullmatch(r"[0-9a-fA-F-]+", value) else BITS)


def secrets(text: str) -> Iterator[tuple[int, str]]:
    """Yield where the text may hold a secret, and of what kind."""
    for kind, pattern in SECRETS.items():
        for match in pattern.finditer(text):
            yield match.start(), kind
    for match in ASSIGNMENT.finditer(text):
        if is_random(match[1]):
            yield match.start(), RANDOM


def forbidden(text: str) -> Iterator[tuple[int, str]]:
    """Yield everything that must not be in the tree."""
    yield from secrets(text)
    for kind, pattern in IN_TREE.items():
        for match in pattern.finditer(text):
            yield match.start(), kind


def git(*arguments: str) -> str:
    """Return the output of a git command."""
    result = subprocess.run(["git", *arguments], check=True, capture_output=True)
    return result.stdout.decode(errors="replace")


def in_tree() -> Iterator[str]:
    """Yield the findings in tracked files."""
    for name in filter(None, git("ls-files", "-z").split("\0")):
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        for position, kind in forbidden(text):
            yield f"{name}:{text.count(chr(10), 0, position) + 1}: {kind}"


def in_history() -> Iterator[str]:
    """Yield the secrets in every line ever added, by commit and file. Exit if the clone lacks the history."""
    if git("rev-parse", "--is-shallow-repository").strip() == "true":
        sys.exit("This clone has only a part of the history: fetch all of it (git fetch --unshallow), then try again.")
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
            for _, kind in secrets(line[1:]):
                if (name, kind, line) not in seen:
                    seen.add((name, kind, line))
                    yield f"{commit} {name}: {kind}"


def main() -> int:
    """Print the findings with their places; 1 if there are any."""
    findings = list(in_history() if sys.argv[1:] == ["--history"] else in_tree())
    print(*findings, sep="\n", end="\n" if findings else "")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
