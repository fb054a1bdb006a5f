"""The store: which one this machine has, how it is started, and its tables as the template wants them.

On Linux x86-64 dynoxide keeps everything through a kill -9; elsewhere ministack, which saves when it is stopped.
DYNAMODB_ENDPOINT names any other, LOCAL_STORE=ministack chooses against the first.
"""

import contextlib
import http.client
import json
import os
import platform
import sqlite3
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from deployment import REGION
from deployment.template import Template
from local.config import Config

__all__ = [
    "Server",
    "StoreClient",
    "StoreError",
    "choose",
    "index_stream",
    "prepare_tables",
    "request_headers",
    "wait_until_ready",
]

START_SECONDS = 20.0


class StoreError(Exception):
    """The store cannot be used; the message says why and what to do."""

    def __init__(self, message: str, kind: str = "") -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Server:
    """A store on this machine; `command` is empty for one that is run by somebody else."""

    name: str
    note: str
    command: list[str] = field(default_factory=list)
    environment: Mapping[str, str] = field(default_factory=dict)


def choose(config: Config) -> Server:
    """The best store there is here. Raises StoreError if there is none."""
    if config.settings.get("DYNAMODB_ENDPOINT"):
        return Server(name=config.store_url, note="as DYNAMODB_ENDPOINT says")
    wanted = os.environ.get("LOCAL_STORE", "")
    folder = config.state / "store"
    port = str(urlsplit(config.store_url).port)
    dynoxide = config.root / "node_modules" / "@dynoxide" / "linux-x64" / "dynoxide"
    fits = sys.platform == "linux" and platform.machine() == "x86_64"
    if wanted in ("", "dynoxide") and fits and os.access(dynoxide, os.X_OK):
        command = [str(dynoxide), "serve", "--host", "127.0.0.1", "--port", port]
        return Server("dynoxide", "keeps everything", [*command, "--db-path", str(folder / "dynoxide.sqlite")])
    ministack = config.root / ".venv-ministack" / "bin" / "ministack"
    if wanted in ("", "ministack") and os.access(ministack, os.X_OK):
        environment = {
            "SERVICES": "dynamodb,dynamodbstreams",
            "GATEWAY_PORT": port,
            # By itself it would listen to the whole network.
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "PERSIST_STATE": "1",
            "STATE_DIR": str(folder / "ministack"),
        }
        note = "keeps what it has when it is stopped, loses it when it is killed"
        return Server("ministack", note, [str(ministack)], environment)
    raise StoreError(f"There is no store{f' {wanted}' if wanted else ''} on this machine. `make store` installs it.")


def request_headers(operation: str, *, streams: bool = False) -> dict[str, str]:
    """The headers of a request to a local store: of the form that AWS wants, signed by nobody."""
    api = "DynamoDBStreams_20120810" if streams else "DynamoDB_20120810"
    scope = f"local/20260101/{REGION}/dynamodb/aws4_request"
    return {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"{api}.{operation}",
        "X-Amz-Date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature=0",
    }


class StoreClient:
    """A few calls to the store, one after the other, without the weight of an AWS SDK."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The answer. Raises StoreError with the store's own error type, ConnectionError or TimeoutError."""
        kind = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._url.hostname or "127.0.0.1", self._url.port, timeout=10)
        try:
            connection.request("POST", "/", json.dumps(parameters), request_headers(operation))
            response = connection.getresponse()
            body = response.read()
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()
        try:
            answer: dict[str, Any] = json.loads(body)
        except ValueError:
            raise StoreError(f"{operation}: the answer is not DynamoDB's (status {response.status})") from None
        if response.status != http.client.OK:
            error_type = str(answer.get("__type", "")).rpartition("#")[2]
            raise StoreError(f"{operation}: {answer.get('message') or answer.get('Message') or error_type}", error_type)
        return answer


def wait_until_ready(client: StoreClient, seconds: float = START_SECONDS) -> None:
    """Returns as soon as the store answers. Raises StoreError if it does not in time."""
    end = time.monotonic() + seconds
    while True:
        try:
            client.call("ListTables", {"Limit": 1})
        except OSError as error:
            if time.monotonic() > end:
                raise StoreError(f"The store does not answer: {error}") from error
            time.sleep(0.02)
        else:
            return


def index_stream(config: Config) -> None:
    """Gives dynoxide's stream records the index they lack; does nothing for another store.

    Each write looks for the highest sequence number, and each poll for those above one: without an index both read
    every record there is, so a store with 20,000 of them takes ten times as long for a write.
    """
    file = config.state / "store" / "dynoxide.sqlite"
    if not file.is_file():
        return
    with contextlib.closing(sqlite3.connect(file, timeout=10)) as connection, connection:
        connection.execute(
            "CREATE INDEX IF NOT EXISTS stream_position ON _stream_records "
            "(table_name, CAST(sequence_number AS INTEGER))"
        )


def prepare_tables(client: StoreClient, template: Template) -> list[str]:
    """Makes the tables, indexes, streams and expiry of the template that are not there yet; says what it made.

    Raises StoreError for a table of another make that the store cannot change.
    """
    made = []
    for logical_id, wanted in template.tables.items():
        name = wanted["TableName"]
        there = _describe(client, name)
        if there is None:
            client.call("CreateTable", wanted)
            made.append(f"table {name}")
        else:
            made += _update(client, wanted, there)
        _wait_until_active(client, name)
        if attribute := template.time_to_live.get(logical_id):
            _expire(client, name, attribute)
    return made


def _describe(client: StoreClient, name: str) -> dict[str, Any] | None:
    try:
        table: dict[str, Any] = client.call("DescribeTable", {"TableName": name})["Table"]
    except StoreError as error:
        if error.kind == "ResourceNotFoundException":
            return None
        raise
    return table


def _wait_until_active(client: StoreClient, name: str) -> None:
    end = time.monotonic() + START_SECONDS
    while table := _describe(client, name):
        indexes = table.get("GlobalSecondaryIndexes", [])
        states = {table.get("TableStatus"), *(index.get("IndexStatus", "ACTIVE") for index in indexes)}
        if states == {"ACTIVE"}:
            return
        if time.monotonic() > end:
            break
        time.sleep(0.05)
    raise StoreError(f"The table {name} does not become active.")


def _update(client: StoreClient, wanted: dict[str, Any], there: dict[str, Any]) -> list[str]:
    """Brings a table to what the template says now."""
    name = wanted["TableName"]
    if _keys(wanted) != _keys(there):
        raise _outdated(name, "its key is another one")
    known = {index["IndexName"]: index for index in there.get("GlobalSecondaryIndexes", [])}
    made = []
    for index in wanted.get("GlobalSecondaryIndexes", []):
        old = known.pop(index["IndexName"], None)
        if old is None:
            change = {"Create": index}
            definitions = wanted["AttributeDefinitions"]
            _change(client, name, GlobalSecondaryIndexUpdates=[change], AttributeDefinitions=definitions)
            _wait_until_active(client, name)
            made.append(f"index {index['IndexName']} of {name}")
        elif _keys(index) != _keys(old) or index["Projection"] != old["Projection"]:
            raise _outdated(name, f"its index {index['IndexName']} is another one")
    for index_name in known:
        _change(client, name, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": index_name}}])
        made.append(f"no index {index_name} of {name} any more")
    stream = wanted.get("StreamSpecification")
    old_stream = there.get("StreamSpecification") or {}
    if stream and stream.get("StreamViewType") != old_stream.get("StreamViewType"):
        if old_stream.get("StreamEnabled"):
            raise _outdated(name, "its stream holds something else")
        _change(client, name, StreamSpecification=stream)
        made.append(f"stream of {name}")
    return made


def _change(client: StoreClient, name: str, **parameters: Any) -> None:
    try:
        client.call("UpdateTable", {"TableName": name, **parameters})
    except StoreError as error:
        raise _outdated(name, str(error)) from error


def _outdated(name: str, why: str) -> StoreError:
    return StoreError(
        f"The table {name} was made by another template.yaml: {why}. `make reset` forgets what is stored."
    )


def _keys(described: Mapping[str, Any]) -> list[tuple[str, str]]:
    return sorted((key["AttributeName"], key["KeyType"]) for key in described["KeySchema"])


def _expire(client: StoreClient, name: str, attribute: str) -> None:
    try:
        there = client.call("DescribeTimeToLive", {"TableName": name}).get("TimeToLiveDescription", {})
        if there.get("TimeToLiveStatus") != "ENABLED":
            specification = {"AttributeName": attribute, "Enabled": True}
            client.call("UpdateTimeToLive", {"TableName": name, "TimeToLiveSpecification": specification})
    except StoreError as error:
        # Functions do not count on expiry: a store that has none just keeps more.
        print(f"The table {name} does not expire anything: {error}")
