"""The local DynamoDB: which one this machine has, how to start it, and its tables as the template defines them.

Linux x86-64 has dynoxide, which keeps everything through a kill -9; other machines have ministack, which saves when it
is stopped. DYNAMODB_ENDPOINT names any other database; LOCAL_STORE=ministack prefers ministack over dynoxide.
"""

import contextlib
import http.client
import json
import os
import platform
import sqlite3
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from deployment import REGION
from deployment.template import Template
from local.config import Config

__all__ = [
    "Database",
    "DatabaseClient",
    "DatabaseError",
    "choose",
    "index_stream",
    "prepare_tables",
    "request_headers",
    "wait_until_ready",
]

START_SECONDS = 20.0


class DatabaseError(Exception):
    """The database cannot be used. The message says why and what to do; `kind` is the database's own error type."""

    def __init__(self, message: str, kind: str = "") -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Database:
    """A database on this machine; `command` is empty if we do not start it."""

    name: str
    note: str
    command: list[str] = field(default_factory=list)
    environment: Mapping[str, str] = field(default_factory=dict)


def choose(config: Config) -> Database:
    """Return the best database on this machine. Raise DatabaseError if there is none."""
    if config.settings.get("DYNAMODB_ENDPOINT"):
        return Database(name=config.database_url, note="from DYNAMODB_ENDPOINT")
    name = os.environ.get("LOCAL_STORE", "")
    folder = config.state / "store"
    port = str(urlsplit(config.database_url).port)
    dynoxide = config.root / "node_modules" / "@dynoxide" / "linux-x64" / "dynoxide"
    supported = sys.platform == "linux" and platform.machine() == "x86_64"
    if name in ("", "dynoxide") and supported and os.access(dynoxide, os.X_OK):
        command = [str(dynoxide), "serve", "--host", "127.0.0.1", "--port", port]
        return Database("dynoxide", "keeps everything", [*command, "--db-path", str(folder / "dynoxide.sqlite")])
    ministack = config.root / ".venv-ministack" / "bin" / "ministack"
    if name in ("", "ministack") and os.access(ministack, os.X_OK):
        environment = {
            "SERVICES": "dynamodb,dynamodbstreams",
            "GATEWAY_PORT": port,
            # Its default is every network interface.
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "PERSIST_STATE": "1",
            "STATE_DIR": str(folder / "ministack"),
        }
        note = "saves its data when it is stopped, loses it when it is killed"
        return Database("ministack", note, [str(ministack)], environment)
    raise DatabaseError(f"No local database{f' {name}' if name else ''} is installed. Run `make store` to install it.")


def request_headers(operation: str, *, streams: bool = False) -> dict[str, str]:
    """Return the headers of a request to a local database: in AWS's form, with an empty signature."""
    api = "DynamoDBStreams_20120810" if streams else "DynamoDB_20120810"
    scope = f"local/20260101/{REGION}/dynamodb/aws4_request"
    return {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"{api}.{operation}",
        "X-Amz-Date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature=0",
    }


class DatabaseClient:
    """Calls a local database without the weight of an AWS SDK. Each thread that calls keeps one connection."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._connections = threading.local()

    def call(self, operation: str, parameters: Mapping[str, Any], *, streams: bool = False) -> dict[str, Any]:
        """Return the answer. Raise DatabaseError with the database's error type, ConnectionError or TimeoutError."""
        connection = self._connection()
        try:
            connection.request("POST", "/", json.dumps(parameters), request_headers(operation, streams=streams))
            response = connection.getresponse()
            body = response.read()
        except http.client.HTTPException as error:
            connection.close()
            raise ConnectionError(str(error)) from error
        except BaseException:
            connection.close()
            raise
        try:
            answer: dict[str, Any] = json.loads(body)
        except ValueError:
            raise DatabaseError(f"{operation}: the answer is not DynamoDB's (status {response.status})") from None
        if response.status != http.client.OK:
            kind = str(answer.get("__type", "")).rpartition("#")[2]
            raise DatabaseError(f"{operation}: {answer.get('message') or answer.get('Message') or kind}", kind)
        return answer

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._connections, "open", None)
        if connection is None:
            kind = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
            connection = kind(self._url.hostname or "127.0.0.1", self._url.port, timeout=10)
            self._connections.open = connection
        return connection


def wait_until_ready(client: DatabaseClient, seconds: float = START_SECONDS) -> None:
    """Return as soon as the database answers. Raise DatabaseError if it does not answer in time."""
    end = time.monotonic() + seconds
    while True:
        try:
            client.call("ListTables", {"Limit": 1})
        except OSError as error:
            if time.monotonic() > end:
                raise DatabaseError(f"The local database does not answer: {error}") from error
            time.sleep(0.02)
        else:
            return


def index_stream(config: Config) -> None:
    """Give dynoxide's stream records the index they lack; do nothing for another database.

    Each write looks for the highest sequence number, and each poll for higher ones. Without an index both read every
    record, so a write takes ten times as long once there are 20,000.
    """
    file = config.state / "store" / "dynoxide.sqlite"
    if not file.is_file():
        return
    with contextlib.closing(sqlite3.connect(file, timeout=10)) as connection, connection:
        connection.execute(
            "CREATE INDEX IF NOT EXISTS stream_position ON _stream_records "
            "(table_name, CAST(sequence_number AS INTEGER))"
        )


def prepare_tables(client: DatabaseClient, template: Template) -> list[str]:
    """Create the template's tables, indexes, streams and expiry where they are missing; return what changed, in words.

    Raise DatabaseError for a table that the database cannot change into the template's.
    """
    changes = []
    for logical_id, definition in template.tables.items():
        name = definition["TableName"]
        current = _describe(client, name)
        if current is None:
            client.call("CreateTable", definition)
            changes.append(f"created table {name}")
        else:
            changes += _update(client, definition, current)
        _wait_until_active(client, name)
        if attribute := template.time_to_live.get(logical_id):
            _expire(client, name, attribute)
    return changes


def _describe(client: DatabaseClient, name: str) -> dict[str, Any] | None:
    try:
        table: dict[str, Any] = client.call("DescribeTable", {"TableName": name})["Table"]
    except DatabaseError as error:
        if error.kind == "ResourceNotFoundException":
            return None
        raise
    return table


def _wait_until_active(client: DatabaseClient, name: str) -> None:
    end = time.monotonic() + START_SECONDS
    while table := _describe(client, name):
        indexes = table.get("GlobalSecondaryIndexes", [])
        states = {table.get("TableStatus"), *(index.get("IndexStatus", "ACTIVE") for index in indexes)}
        if states == {"ACTIVE"}:
            return
        if time.monotonic() > end:
            break
        time.sleep(0.05)
    raise DatabaseError(f"The table {name} does not become active.")


def _update(client: DatabaseClient, definition: dict[str, Any], current: dict[str, Any]) -> list[str]:
    """Bring a table to the template's definition."""
    name = definition["TableName"]
    if _keys(definition) != _keys(current):
        raise _outdated(name, "its key differs")
    old_indexes = {index["IndexName"]: index for index in current.get("GlobalSecondaryIndexes", [])}
    changes = []
    for index in definition.get("GlobalSecondaryIndexes", []):
        old = old_indexes.pop(index["IndexName"], None)
        if old is None:
            attributes = definition["AttributeDefinitions"]
            _change(client, name, GlobalSecondaryIndexUpdates=[{"Create": index}], AttributeDefinitions=attributes)
            _wait_until_active(client, name)
            changes.append(f"created index {index['IndexName']} of {name}")
        elif _keys(index) != _keys(old) or index["Projection"] != old["Projection"]:
            raise _outdated(name, f"its index {index['IndexName']} differs")
    for index_name in old_indexes:
        _change(client, name, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": index_name}}])
        changes.append(f"deleted index {index_name} of {name}")
    stream = definition.get("StreamSpecification")
    old_stream = current.get("StreamSpecification") or {}
    if stream and stream.get("StreamViewType") != old_stream.get("StreamViewType"):
        if old_stream.get("StreamEnabled"):
            raise _outdated(name, "its stream holds different images")
        _change(client, name, StreamSpecification=stream)
        changes.append(f"enabled the stream of {name}")
    return changes


def _change(client: DatabaseClient, name: str, **parameters: Any) -> None:
    try:
        client.call("UpdateTable", {"TableName": name, **parameters})
    except DatabaseError as error:
        raise _outdated(name, str(error)) from error


def _outdated(name: str, why: str) -> DatabaseError:
    return DatabaseError(
        f"Another template.yaml created the table {name}: {why}. Run `make reset`, which deletes everything stored here."
    )


def _keys(description: Mapping[str, Any]) -> list[tuple[str, str]]:
    return sorted((key["AttributeName"], key["KeyType"]) for key in description["KeySchema"])


def _expire(client: DatabaseClient, name: str, attribute: str) -> None:
    try:
        current = client.call("DescribeTimeToLive", {"TableName": name}).get("TimeToLiveDescription", {})
        if current.get("TimeToLiveStatus") != "ENABLED":
            specification = {"AttributeName": attribute, "Enabled": True}
            client.call("UpdateTimeToLive", {"TableName": name, "TimeToLiveSpecification": specification})
    except DatabaseError as error:
        # Functions do not rely on expiry; without it the database only keeps more.
        print(f"Items of the table {name} do not expire: {error}")
