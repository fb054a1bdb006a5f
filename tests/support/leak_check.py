"""What no log and no other output of any test may have: somebody's name, number or address, a token, a secret."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

SECRETS = ("webhook-secret", "sms-api-key")
PRIVATE = {
    "a number": r"(?<![0-9a-f-])(?:\+|%2B)?254[17]\d{8}(?![0-9a-f])",
    "an e-mail address": r"[\w.+-]+(?:@|%40)[\w-]+\.[a-z]{2,}",
    "a name": r"(?i)john doe|john%20doe",
    "a token": r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}",
}
# What `make run` greets with: the README's customer, who is nobody.
EXAMPLE = """    --json '{"name": "john doe", "phone_number": "+254704590344", "email": "example@gmail.com"}'"""
_FIELDS = ("name", "phone_number", "email")
# Shorter ones are in other words.
_SHORTEST = 6


class Used:
    """What the helpers of a test have made of people and tokens, to be looked for when it is over."""

    def __init__(self) -> None:
        self._pieces: set[str] = set()

    def note(self, body: Any) -> None:
        """Notes a customer's fields, where the body of a request has them."""
        if isinstance(body, dict):
            self.note_texts(body[name] for name in _FIELDS if isinstance(body.get(name), str))

    def note_texts(self, texts: Iterable[str]) -> None:
        """Notes these, but for what is found whoever made it: a bench has thousands of numbers."""
        self._pieces |= {
            text.strip()
            for text in texts
            if len(text.strip()) >= _SHORTEST and not any(re.fullmatch(each, text) for each in PRIVATE.values())
        }

    def note_token(self, token: str) -> None:
        """Notes what a token says, and its signature: its header is the same for all."""
        self.note_texts(token.split(".")[1:])

    @property
    def pattern(self) -> str:
        """Finds any of it, as it is, in a query or in JSON; a number with its plus or without."""
        shapes = {
            shape
            for piece in self._pieces
            for shape in (piece, piece.replace(" ", "%20"), piece.replace("@", "%40"), piece.removeprefix("+"))
        }
        return "|".join(
            rf"(?<![0-9a-f-]){shape}(?![0-9a-f])" if shape.isdecimal() else re.escape(shape) for shape in sorted(shapes)
        )


def found_in(text: str, patterns: dict[str, str]) -> Iterator[tuple[int, str]]:
    """Each line that has something of it, by number, with its kind."""
    compiled = {kind: re.compile(pattern) for kind, pattern in patterns.items() if pattern}
    for number, line in enumerate(text.splitlines(), 1):
        if line == EXAMPLE:
            continue
        for kind, pattern in compiled.items():
            if pattern.search(line):
                yield number, kind


def leaks(state: Path, used: Used | None = None) -> list[str]:
    """What the outputs of a system in this folder have that they may not: file and line, and of what kind it is.

    They are the logs of all parts, those put aside at a start, and what `make run` itself said.
    """
    secrets = {f"the {name}": path.read_text().strip() for name in SECRETS if (path := state / name).is_file()}
    patterns = PRIVATE | {kind: re.escape(value) for kind, value in secrets.items()}
    if used:
        patterns["what the test used"] = f"(?i:{used.pattern})" if used.pattern else ""
    return [
        f"{path.relative_to(state)}:{number}: {kind}"
        for path in sorted({*(state / "logs").glob("*.log*"), *state.glob("*.log*")})
        for number, kind in found_in(path.read_text(errors="replace"), patterns)
    ]
