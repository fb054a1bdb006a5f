"""The settings that follow from an organisation's objects, and how they come into `.env`."""

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from deployment.env_lines import parse_lines
from scripts.okta.objects import Objects, client_id

__all__ = ["SECRET", "settings_of", "write_env"]

SECRET = "OKTA_CLIENT_SECRET"  # noqa: S105 - the setting's name


def settings_of(objects: Objects) -> dict[str, str]:
    """Return the settings by name, without the machine's secret."""
    return {
        "OKTA_ISSUER": objects.server["issuer"],
        "OKTA_AUDIENCE": objects.server["audiences"][0],
        "OKTA_CLIENT_ID": client_id(objects.machine),
        "OKTA_LOGIN_CLIENT_ID": client_id(objects.login),
        "CONSOLE_CLIENT_ID": client_id(objects.console),
    }


def write_env(path: Path, settings: Mapping[str, str]) -> None:
    """Set these in the file, and keep its other lines. Only its owner can read it afterwards.

    Raise ValueError if the file cannot be read, or a value cannot be written as a line.
    """
    path = path.resolve()
    text = path.read_text() if path.is_file() else ""
    kept = parse_lines(text, path.name)
    for name, value in settings.items():
        line = f"{name}={value}"
        pattern = re.compile(rf"^[ \t]*(?:export[ \t]+)?{name}[ \t]*=.*$", re.MULTILINE)
        if pattern.search(text):
            text = pattern.sub(lambda _, line=line: line, text)  # type: ignore[misc]
        else:
            text += ("" if not text or text.endswith("\n") else "\n") + f"{line}\n"
    if parse_lines(text, path.name) != kept | dict(settings):
        raise ValueError(f"{path.name} cannot be changed safely. Copy the settings into it yourself.")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
