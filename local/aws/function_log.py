"""A function's log: the lines of its output that Lambda passes on to CloudWatch.

With the log format JSON, Lambda drops lines below the function's ApplicationLogLevel. A line whose level is missing or
unknown counts as INFO: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
"""

import asyncio
import json
from typing import Any, BinaryIO, Final

__all__ = ["keep", "passes"]

_LEVELS: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
_WITHOUT_LEVEL: Final = "INFO"
_CHUNK: Final = 65_536


def passes(line: bytes, lowest: str) -> bool:
    """Return whether Lambda passes this line on; an empty lowest level passes everything."""
    return not lowest or _LEVELS.index(_level(line)) >= _LEVELS.index(lowest)


def _level(line: bytes) -> str:
    try:
        document: Any = json.loads(line)
    except (ValueError, RecursionError):
        return _WITHOUT_LEVEL
    level = document.get("level") if isinstance(document, dict) else None
    return level if level in _LEVELS else _WITHOUT_LEVEL


async def keep(output: asyncio.StreamReader, log: BinaryIO, lowest: str) -> None:
    """Write the lines of the output that pass to the log as they come; close the log when the output ends."""
    rest = b""
    with log:
        while chunk := await output.read(_CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            log.write(b"".join(line + b"\n" for line in lines if passes(line, lowest)))
        if rest and passes(rest, lowest):
            log.write(rest + b"\n")
