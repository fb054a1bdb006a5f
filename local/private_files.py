"""The state folder and the files in it: only the person who runs the system may read them."""

import os
import secrets
from pathlib import Path

__all__ = ["check_folder", "make_folder", "new_secret", "only_mine", "secret_line", "touch", "write_private"]


def only_mine() -> None:
    """Keep other users of this machine out of every file that this process and its children create, from its first byte."""
    os.umask(0o077)


def check_folder(folder: Path) -> None:
    """Raise ValueError if another user could have prepared this folder. A missing folder is fine."""
    if folder.is_symlink():
        raise ValueError(
            f"{folder} is a link to another folder. Name that folder itself in SALES_STATE, or remove the link."
        )
    if folder.exists() and folder.stat().st_uid != os.geteuid():
        raise ValueError(
            f"{folder} belongs to another user of this machine, who could read and change everything in it. "
            "Choose a folder of your own: SALES_STATE=.local-second make run"
        )


def make_folder(folder: Path) -> None:
    """Create the folder, closed to other users; close an existing one. Raise ValueError as `check_folder` does."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    check_folder(folder)
    folder.chmod(0o700)


def new_secret() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(32)


def secret_line(path: Path) -> str:
    """Return the secret in this file, creating it at first use. Only its owner may read the file."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        draft = _draft(path, new_secret() + "\n")
        # Linked into place: two processes that create it at the same time end up with the same secret.
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return path.read_text().strip()


def touch(path: Path) -> None:
    """Create an empty file if it is missing, readable by its owner only. SQLite gives its other files the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))


def write_private(path: Path, text: str) -> None:
    """Write the file in one step, readable by its owner only."""
    _draft(path, text).replace(path)


def _draft(path: Path, text: str) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    return draft
