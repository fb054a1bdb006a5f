"""The SMS sandbox's requests, messages, pending callbacks, opted-out numbers, behaviour and balance, in SQLite.

One file, one connection, one thread. Write-ahead logging without a sync per commit: commits survive a kill -9 of the
process (not a power cut) and take some 50 microseconds.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.africastalking.answers import Balance
from local.africastalking.behaviour import Behaviour, read_behaviour
from local.private_files import touch

__all__ = ["Callback", "Message", "NewCallback", "SandboxDatabase", "SendRequest"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    message_id TEXT PRIMARY KEY, "to" TEXT NOT NULL, text TEXT NOT NULL, "from" TEXT NOT NULL,
    recorded_at TEXT NOT NULL, answer TEXT NOT NULL,
    segments INTEGER NOT NULL, encoding TEXT NOT NULL, cost TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_by_time ON messages (recorded_at);
CREATE TABLE IF NOT EXISTS callbacks (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, message_id TEXT, fields TEXT NOT NULL, due_at REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, pending INTEGER NOT NULL DEFAULT 1, tried_at TEXT, http_status INTEGER
);
CREATE INDEX IF NOT EXISTS callbacks_by_message ON callbacks (message_id);
CREATE INDEX IF NOT EXISTS callbacks_pending ON callbacks (due_at) WHERE pending;
CREATE TABLE IF NOT EXISTS opted_out (number TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY, recorded_at TEXT NOT NULL, answer TEXT NOT NULL, http_status INTEGER, headers TEXT NOT NULL,
    fields TEXT, segments INTEGER, message_ids TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS leaks (recorded_at TEXT NOT NULL, api_key INTEGER NOT NULL, body INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS behaviour (
    one INTEGER PRIMARY KEY CHECK (one = 1), document TEXT NOT NULL, used INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS account (one INTEGER PRIMARY KEY CHECK (one = 1), balance TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Message:
    """The record of an accepted text; `answer` is the behaviour that answered it."""

    message_id: str
    to: str
    text: str
    sender: str
    answer: str
    segments: int
    encoding: str
    cost: str


@dataclass(frozen=True)
class SendRequest:
    """A request to send: the behaviour that answered it, its HTTP status (None: no answer at all), headers and form.

    The form is None if it was not read.
    """

    answer: str
    http_status: int | None
    headers: dict[str, str]
    fields: dict[str, str] | None = None
    segments: int | None = None


@dataclass(frozen=True)
class NewCallback:
    """A callback to post: its kind (`delivery`, `forged` or `optout`), its form, and when it is due (Unix seconds)."""

    kind: str
    fields: dict[str, str]
    due_at: float


@dataclass(frozen=True)
class Callback(NewCallback):
    """A stored callback, and how often it was posted."""

    id: int
    tries: int


class SandboxDatabase:
    """The file. `changes` counts the writes, so that readers notice them."""

    def __init__(self, path: Path) -> None:
        touch(path)
        # isolation_level=None: we begin transactions ourselves.
        self._sql = sqlite3.connect(path, isolation_level=None)
        self._sql.row_factory = sqlite3.Row
        self._sql.execute("PRAGMA journal_mode = WAL")
        self._sql.execute("PRAGMA synchronous = NORMAL")
        self._sql.executescript(_SCHEMA)
        self._behaviour, self._used = self._read_behaviour()
        self._balance = self._read_balance()
        self._opted_out = {row["number"] for row in self._sql.execute("SELECT number FROM opted_out")}
        self.changes = 0

    def close(self) -> None:
        """Close the file."""
        self._sql.close()

    @contextmanager
    def _change(self) -> Iterator[None]:
        self._sql.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._sql.execute("ROLLBACK")
            raise
        self._sql.execute("COMMIT")
        self.changes += 1

    # Messages and their callbacks

    def record(
        self, request: SendRequest, messages: Sequence[tuple[Message, list[NewCallback]]] = ()
    ) -> list[Callback]:
        """Store a request, its messages, their delivery reports and the balance after them in one transaction.

        Return the stored reports.
        """
        callbacks: list[Callback] = []
        balance = self._balance.less(sum(message.segments for message, _ in messages))
        with self._change():
            if messages:
                self._set_balance(balance)
            self._sql.execute(
                "INSERT INTO requests (recorded_at, answer, http_status, headers, fields, segments, message_ids)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    _now(),
                    request.answer,
                    request.http_status,
                    json.dumps(request.headers),
                    None if request.fields is None else json.dumps(request.fields),
                    request.segments,
                    json.dumps([message.message_id for message, _ in messages]),
                ),
            )
            for message, reports in messages:
                self._sql.execute(
                    "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        message.message_id,
                        message.to,
                        message.text,
                        message.sender,
                        _now(),
                        message.answer,
                        message.segments,
                        message.encoding,
                        message.cost,
                    ),
                )
                callbacks += [self._add_callback(report, message.message_id) for report in reports]
        self._balance = balance
        return callbacks

    def _add_callback(self, callback: NewCallback, message_id: str | None = None) -> Callback:
        row = self._sql.execute(
            "INSERT INTO callbacks (kind, message_id, fields, due_at) VALUES (?, ?, ?, ?) RETURNING id",
            (callback.kind, message_id, json.dumps(callback.fields), callback.due_at),
        ).fetchone()
        return Callback(callback.kind, callback.fields, callback.due_at, row["id"], 0)

    def pending(self) -> list[Callback]:
        """Return the callbacks that are still to be posted, in the order in which they are due."""
        rows = self._sql.execute(
            "SELECT id, kind, fields, due_at, tries FROM callbacks WHERE pending ORDER BY due_at, id"
        )
        return [
            Callback(row["kind"], json.loads(row["fields"]), row["due_at"], row["id"], row["tries"]) for row in rows
        ]

    def tried(self, callback: Callback, http_status: int | None, again_at: float | None) -> None:
        """Record a post's status (None: no answer), and when to post the callback again, if at all."""
        with self._change():
            self._sql.execute(
                "UPDATE callbacks SET tries = ?, tried_at = ?, http_status = ?, pending = ?, due_at = ? WHERE id = ?",
                (
                    callback.tries + 1,
                    _now(),
                    http_status,
                    again_at is not None,
                    callback.due_at if again_at is None else again_at,
                    callback.id,
                ),
            )

    def messages(self, newest: int | None = None) -> list[dict[str, Any]]:
        """Return all messages or the newest, oldest first, each with its delivery reports."""
        limit = (-1 if newest is None else newest,)
        rows = self._sql.execute("SELECT * FROM messages ORDER BY recorded_at DESC, rowid DESC LIMIT ?", limit)
        messages = {row["message_id"]: {**row, "delivery": []} for row in rows}
        reports = self._sql.execute(
            "SELECT * FROM callbacks WHERE message_id IN"
            " (SELECT message_id FROM messages ORDER BY recorded_at DESC, rowid DESC LIMIT ?) ORDER BY due_at, id",
            limit,
        )
        for row in reports:
            message = messages[row["message_id"]]
            message["delivery"].append(_report(row, message))
        return list(reversed(messages.values()))

    def requests(self) -> list[dict[str, Any]]:
        """Return every request to send, also refused and dropped ones, oldest first and without the API key."""
        rows = self._sql.execute(
            "SELECT recorded_at, answer, http_status, headers, fields, segments, message_ids FROM requests ORDER BY id"
        )
        parsed = ("headers", "fields", "message_ids")
        return [{**row, **{name: json.loads(row[name] or "null") for name in parsed}} for row in rows]

    # Opted-out numbers

    @property
    def opted_out(self) -> frozenset[str]:
        """The numbers that opted out."""
        return frozenset(self._opted_out)

    def opt_out(self, number: str, fields: dict[str, str]) -> Callback:
        """Opt a number out, and return the callback that reports it."""
        with self._change():
            self._sql.execute("INSERT OR IGNORE INTO opted_out VALUES (?)", (number,))
            callback = self._add_callback(NewCallback("optout", fields, time.time()))
        self._opted_out.add(number)
        return callback

    def opt_in(self, number: str) -> None:
        """Opt a number in again."""
        with self._change():
            self._sql.execute("DELETE FROM opted_out WHERE number = ?", (number,))
        self._opted_out.discard(number)

    # Behaviour

    @property
    def behaviour(self) -> Behaviour:
        """The current behaviour, with the unused rest of its script and what is left of its balance."""
        return replace(self._behaviour, script=self._behaviour.script[self._used :], balance=str(self._balance))

    @property
    def balance(self) -> Balance:
        """The money in the account now."""
        return self._balance

    def set_behaviour(self, behaviour: Behaviour) -> None:
        """Replace the whole behaviour."""
        balance = Balance.read(behaviour.balance)
        with self._change():
            self._sql.execute("INSERT OR REPLACE INTO behaviour VALUES (1, ?, 0)", (json.dumps(behaviour.document()),))
            self._set_balance(balance)
        self._behaviour, self._used, self._balance = behaviour, 0, balance

    def next_answer(self) -> str:
        """Return the answer for the next request, and use it up if it is the script's."""
        if self._used >= len(self._behaviour.script):
            return self._behaviour.default
        with self._change():
            self._sql.execute("UPDATE behaviour SET used = used + 1")
        self._used += 1
        return self._behaviour.script[self._used - 1]

    def _read_behaviour(self) -> tuple[Behaviour, int]:
        row = self._sql.execute("SELECT document, used FROM behaviour").fetchone()
        try:
            return (read_behaviour(json.loads(row["document"])), row["used"]) if row else (Behaviour(), 0)
        except ValueError:
            # Another version wrote it.
            return Behaviour(), 0

    def _set_balance(self, balance: Balance) -> None:
        self._sql.execute("INSERT OR REPLACE INTO account VALUES (1, ?)", (str(balance),))

    def _read_balance(self) -> Balance:
        row = self._sql.execute("SELECT balance FROM account").fetchone()
        return Balance.read(row["balance"] if row else self._behaviour.balance)

    # Leaks

    def leaked(self, *, api_key: bool, body: bool) -> None:
        """Record that a client followed a redirect, and what it sent along."""
        with self._change():
            self._sql.execute("INSERT INTO leaks VALUES (?, ?, ?)", (_now(), api_key, body))

    def leaks(self) -> list[dict[str, Any]]:
        """Return who followed a redirect, oldest first."""
        rows = self._sql.execute("SELECT recorded_at, api_key, body FROM leaks ORDER BY rowid")
        return [{**row, "api_key": bool(row["api_key"]), "body": bool(row["body"])} for row in rows]


def _now() -> str:
    return _format_time(datetime.now(UTC))


def _format_time(time: datetime) -> str:
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _report(row: sqlite3.Row, message: dict[str, Any]) -> dict[str, Any]:
    fields = json.loads(row["fields"])
    own = (fields["id"], fields["phoneNumber"]) == (message["message_id"], message["to"])
    return {
        # False for a report with another id, number or secret.
        "genuine": own and row["kind"] == "delivery",
        "status": fields["status"],
        "failure_reason": fields.get("failureReason"),
        "due_at": _format_time(datetime.fromtimestamp(row["due_at"], UTC)),
        "pending": bool(row["pending"]),
        "tries": row["tries"],
        "tried_at": row["tried_at"],
        "http_status": row["http_status"],
    }
