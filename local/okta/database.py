"""The local issuer's codes, tokens, devices and browsers, in SQLite. Secrets are stored as their SHA-256 only."""

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from local.private_files import touch

__all__ = [
    "CODE_SECONDS",
    "DEVICE_INTERVAL",
    "DEVICE_SECONDS",
    "REFRESH_SECONDS",
    "SESSION_SECONDS",
    "Grant",
    "GrantDatabase",
]

CODE_SECONDS = 300
DEVICE_SECONDS = 600
DEVICE_INTERVAL = 5
# Okta's default: an unused refresh token expires after a week.
REFRESH_SECONDS = 7 * 24 * 3600
SESSION_SECONDS = 8 * 3600
# No vowels and no look-alikes (RFC 8628, 6.1).
_USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS code (
  hash TEXT PRIMARY KEY, granted TEXT NOT NULL, redirect_uri TEXT NOT NULL, challenge TEXT NOT NULL,
  expires_at REAL NOT NULL, used INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS refresh (
  hash TEXT PRIMARY KEY, family TEXT NOT NULL, granted TEXT NOT NULL, expires_at REAL NOT NULL,
  used INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS refresh_family ON refresh (family);
CREATE TABLE IF NOT EXISTS access (
  jti TEXT PRIMARY KEY, family TEXT NOT NULL, expires_at REAL NOT NULL, revoked INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS access_family ON access (family);
CREATE TABLE IF NOT EXISTS browser (
  hash TEXT PRIMARY KEY, login TEXT NOT NULL, auth_time INTEGER NOT NULL, expires_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS device (
  hash TEXT PRIMARY KEY, user_code TEXT NOT NULL UNIQUE, client TEXT NOT NULL, scopes TEXT NOT NULL,
  granted TEXT, denied INTEGER NOT NULL DEFAULT 0, polled_at REAL NOT NULL DEFAULT 0, interval REAL NOT NULL,
  expires_at REAL NOT NULL);
"""


@dataclass(frozen=True)
class Grant:
    """The scopes that a client was granted, for a user or (without `login`) for itself.

    All tokens of one sign-in share `family`.
    """

    client: str
    login: str
    scopes: tuple[str, ...]
    auth_time: int
    nonce: str
    family: str

    def text(self) -> str:
        """Return the grant as it is stored."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> "Grant":
        """Read a grant that `text` wrote."""
        stored = json.loads(text)
        return cls(**stored | {"scopes": tuple(stored["scopes"])})


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


class GrantDatabase:
    """One SQLite file; every method is one transaction. Times are Unix seconds."""

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        touch(path)
        self._now = now
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + _SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _one(self, statement: str, *values: Any) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._db.execute(statement, values).fetchone()
        return row

    def _forget_expired(self) -> None:
        for table in ("code", "refresh", "access", "browser", "device"):
            self._db.execute(f"DELETE FROM {table} WHERE expires_at < ?", (self._now() - 60,))  # noqa: S608 - our names

    # Codes

    def new_code(self, grant: Grant, redirect_uri: str, challenge: str) -> str:
        """Return a code for this grant, valid once and for CODE_SECONDS."""
        self._forget_expired()
        code = secrets.token_urlsafe(32)
        self._db.execute(
            "INSERT INTO code (hash, granted, redirect_uri, challenge, expires_at) VALUES (?, ?, ?, ?, ?)",
            (_hash(code), grant.text(), redirect_uri, challenge, self._now() + CODE_SECONDS),
        )
        return code

    def code_client(self, code: str) -> str | None:
        """Return the client that this code was given to, or None for an unknown code."""
        row = self._one("SELECT granted FROM code WHERE hash = ?", _hash(code))
        return Grant.read(row["granted"]).client if row is not None else None

    def use_code(self, code: str, client: str) -> tuple[Grant, str, str] | None:
        """Return the code's grant, redirect URI and challenge, or None if the code is not valid.

        A code that is used twice was stolen, so its tokens are revoked (RFC 6749, 4.1.2).
        """
        row = self._one("SELECT * FROM code WHERE hash = ?", _hash(code))
        if row is None:
            return None
        grant = Grant.read(row["granted"])
        if grant.client != client:
            return None
        first = self._db.execute("UPDATE code SET used = 1 WHERE hash = ? AND used = 0", (_hash(code),)).rowcount == 1
        if not first:
            self.end_family(grant.family)
        if not first or row["expires_at"] < self._now():
            return None
        return grant, row["redirect_uri"], row["challenge"]

    # Tokens

    def add_access(self, jti: str, family: str, expires_at: float) -> None:
        """Record an access token, so that it can be revoked."""
        self._db.execute("INSERT INTO access (jti, family, expires_at) VALUES (?, ?, ?)", (jti, family, expires_at))

    def access_is_live(self, jti: str) -> bool:
        """Whether this access token was issued and not revoked."""
        row = self._one("SELECT revoked FROM access WHERE jti = ?", jti)
        return row is not None and not row["revoked"]

    def revoke_access(self, jti: str) -> None:
        """Revoke one access token."""
        self._db.execute("UPDATE access SET revoked = 1 WHERE jti = ?", (jti,))

    def new_refresh(self, grant: Grant) -> str:
        """Return a refresh token for this grant, valid once."""
        self._forget_expired()
        token = secrets.token_urlsafe(32)
        self._db.execute(
            "INSERT INTO refresh (hash, family, granted, expires_at) VALUES (?, ?, ?, ?)",
            (_hash(token), grant.family, grant.text(), self._now() + REFRESH_SECONDS),
        )
        return token

    def refresh(self, token: str) -> Grant | None:
        """Return a refresh token's grant without using the token up, or None if the token is not valid."""
        row = self._one("SELECT * FROM refresh WHERE hash = ? AND used = 0", _hash(token))
        return Grant.read(row["granted"]) if row is not None and row["expires_at"] >= self._now() else None

    def use_refresh(self, token: str, client: str) -> None:
        """Use a refresh token up. If it was used before, it was stolen: revoke its family (RFC 9700, 4.14.2)."""
        row = self._one("SELECT granted FROM refresh WHERE hash = ?", _hash(token))
        grant = Grant.read(row["granted"]) if row is not None else None
        if grant is None or grant.client != client:
            return
        if self._db.execute("UPDATE refresh SET used = 1 WHERE hash = ? AND used = 0", (_hash(token),)).rowcount == 0:
            self.end_family(grant.family)

    def end_family(self, family: str) -> None:
        """Revoke every token of one sign-in."""
        self._db.execute("DELETE FROM refresh WHERE family = ?", (family,))
        self._db.execute("UPDATE access SET revoked = 1 WHERE family = ?", (family,))

    # Browsers

    def new_browser(self, login: str) -> str:
        """Return a new cookie for a browser in which this user just signed in."""
        self._forget_expired()
        cookie = secrets.token_urlsafe(32)
        now = self._now()
        self._db.execute(
            "INSERT INTO browser (hash, login, auth_time, expires_at) VALUES (?, ?, ?, ?)",
            (_hash(cookie), login, int(now), now + SESSION_SECONDS),
        )
        return cookie

    def browser(self, cookie: str) -> tuple[str, int] | None:
        """Return the user who signed in there and when, or None."""
        row = self._one("SELECT * FROM browser WHERE hash = ? AND expires_at >= ?", _hash(cookie), self._now())
        return (row["login"], row["auth_time"]) if row is not None else None

    def end_browser(self, cookie: str) -> None:
        """Sign the browser out."""
        self._db.execute("DELETE FROM browser WHERE hash = ?", (_hash(cookie),))

    # Devices

    def new_device(self, client: str, scopes: tuple[str, ...]) -> tuple[str, str]:
        """Return a device code, and the user code that a person types."""
        self._forget_expired()
        device_code = secrets.token_urlsafe(32)
        user_code = "".join(secrets.choice(_USER_CODE_LETTERS) for _ in range(8))
        self._db.execute(
            "INSERT INTO device (hash, user_code, client, scopes, interval, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
            (
                _hash(device_code),
                user_code,
                client,
                " ".join(scopes),
                DEVICE_INTERVAL,
                self._now() + DEVICE_SECONDS,
            ),
        )
        return device_code, user_code

    def waiting_device(self, user_code: str) -> tuple[str, tuple[str, ...]] | None:
        """Return the client and scopes of a device that waits for a person's answer, or None."""
        row = self._one(
            "SELECT * FROM device WHERE user_code = ? AND granted IS NULL AND denied = 0 AND expires_at >= ?",
            user_code,
            self._now(),
        )
        return (row["client"], tuple(row["scopes"].split())) if row is not None else None

    def answer_device(self, user_code: str, grant: Grant | None) -> None:
        """Record the person's answer: the grant, or None for a refusal."""
        self._db.execute(
            "UPDATE device SET granted = ?, denied = ? WHERE user_code = ?",
            (grant.text() if grant else None, grant is None, user_code),
        )

    def poll_device(
        self, device_code: str, client: str
    ) -> Grant | Literal["invalid_grant", "expired_token", "slow_down", "access_denied", "authorization_pending"]:
        """Return the grant, once, or the reason why there is none (RFC 8628, 3.5)."""
        row = self._one("SELECT * FROM device WHERE hash = ?", _hash(device_code))
        if row is None or row["client"] != client:
            return "invalid_grant"
        now = self._now()
        if row["expires_at"] < now:
            return "expired_token"
        if row["denied"]:
            return "access_denied"
        if row["granted"] is not None:
            self._db.execute("DELETE FROM device WHERE hash = ?", (_hash(device_code),))
            return Grant.read(row["granted"])
        early = now - row["polled_at"] < row["interval"]
        interval = row["interval"] + (DEVICE_INTERVAL if early else 0)
        self._db.execute(
            "UPDATE device SET polled_at = ?, interval = ? WHERE hash = ?", (now, interval, _hash(device_code))
        )
        return "slow_down" if early else "authorization_pending"
