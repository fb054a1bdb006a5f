"""No log and no other output of a test may hold a person's name, number or address, a token or a secret."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

SECRETS = ("webhook-secret", "sms-api-key", "session-token")
PRIVATE = {
    "a number": r"(?<![0-9a-f-])(?:\+|%2B)?254[17]\d{8}(?![0-9a-f])",
    "an e-mail address": r"[\w.+-]+(?:@|%40)[\w-]+\.[a-z]{2,}",
    "a name": r"(?i)john doe|john%20doe",
    "a token": r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}",
}
# The greeting of `make run` shows the README's customer, who does not exist.
EXAMPLE = """    --json '{"name": "john doe", "phone_number": "+254704590344", "email": "example@gmail.com"}'"""
_FIELDS = ("name", "phone_number", "email")
# Shorter ones also occur inside other words.
_SHORTEST = 6


class Used:
    """The personal data and tokens that a test used; its outputs are searched for them when it ends."""

    def __init__(self) -> None:
        self._pieces: set[str] = set()

    def note(self, body: Any) -> None:
        """Note a customer's fields, if the body of a request has them."""
        if isinstance(body, dict):
            self.note_texts(body[name] for name in _FIELDS if isinstance(body.get(name), str))

    def note_texts(self, texts: Iterable[str]) -> None:
        """Note these, except those that PRIVATE finds anyway: a bench has thousands of numbers."""
        self._pieces |= {
            text.strip()
            for text in texts
            if len(text.strip()) >= _SHORTEST and not any(re.fullmatch(each, text) for each in PRIVATE.values())
        }

    def note_token(self, token: str) -> None:
        """Note a token's claims and signature. All tokens share one header."""
        self.note_texts(token.split(".")[1:])

    @property
    def pattern(self) -> str:
        """A pattern that matches any of it: plain, in a query or in JSON; a number with or without its plus."""
        shapes = {
            shape
            for piece in self._pieces
            for shape in (piece, piece.replace(" ", "%20"), piece.replace("@", "%40"), piece.removeprefix("+"))
        }
        return "|".join(
            rf"(?<![0-9a-f-]){shape}(?![0-9a-f])" if shape.isdecimal() else re.escape(shape) for shape in sorted(shapes)
        )


def found_in(text: str, patterns: dict[str, str]) -> Iterator[tuple[int, str]]:
    """Yield the number of each line that matches a pattern, with the pattern's kind."""
    compiled = {kind: re.compile(pattern) for kind, pattern in patterns.items() if pattern}
    for number, line in enumerate(text.splitlines(), 1):
        if line == EXAMPLE:
            continue
        for kind, pattern in compiled.items():
            if pattern.search(line):
                yield number, kind


def leaks(state: Path, used: Used | None = None) -> list[str]:
    """Return each leak in the outputs of the system in this folder: file, line and kind.

    The outputs are the logs of all parts, those put aside at a start, and the output of `make run` itself.
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
