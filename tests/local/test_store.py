"""Which store is chosen, and the tables it gets from the template."""

import copy
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.config import ROOT, Config
from local.store import StoreClient, StoreError, choose, prepare_tables, wait_until_ready
from local.template import Template


def config(state: Path, **settings: str) -> Config:
    return Config(port=8000, state=state, settings=settings)


def table(**changes: Any) -> dict[str, Any]:
    return {
        "TableName": "sales-things",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("id", "shard", "key")],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by_date",
                "KeySchema": [
                    {"AttributeName": "shard", "KeyType": "HASH"},
                    {"AttributeName": "key", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        **changes,
    }


@pytest.fixture
def client(tmp_path: Path) -> Iterator[StoreClient]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "store").mkdir()
    try:
        server = choose(replace(config(tmp_path), port=port - 3))
    except StoreError:
        pytest.skip("no store on this machine")
    process = subprocess.Popen(server.command, env=dict(server.environment) or None, stdout=subprocess.DEVNULL)
    try:
        found = StoreClient(f"http://127.0.0.1:{port}")
        wait_until_ready(found)
        yield found
    finally:
        process.kill()
        process.wait()


def test_an_endpoint_in_the_settings_is_used_and_nothing_is_started(tmp_path: Path) -> None:
    server = choose(config(tmp_path, DYNAMODB_ENDPOINT="http://127.0.0.1:4566"))
    assert server.command == []
    assert server.name == "http://127.0.0.1:4566"


def test_the_store_listens_to_this_machine_only_and_keeps_its_data_with_the_rest(tmp_path: Path) -> None:
    server = choose(config(tmp_path))
    given = [*server.command, *server.environment.values()]
    assert "127.0.0.1" in given
    assert "8003" in given
    assert any(each.startswith(str(tmp_path)) for each in given)


def test_a_store_that_is_not_installed_is_said_with_what_installs_it(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="make store"):
        choose(Config(port=8000, state=tmp_path, settings={}, root=tmp_path))


def test_a_store_that_does_not_answer_is_said_in_time() -> None:
    began = time.monotonic()
    with pytest.raises(StoreError, match="does not answer"):
        wait_until_ready(StoreClient("http://127.0.0.1:9"), seconds=0.1)
    assert time.monotonic() - began < 2


def test_tables_are_made_once_and_then_left_alone(client: StoreClient) -> None:
    template = Template(tables={"ThingsTable": table()}, time_to_live={"ThingsTable": "expires_at"})
    assert prepare_tables(client, template) == ["table sales-things"]
    client.call("PutItem", {"TableName": "sales-things", "Item": {"id": {"S": "1"}}})
    assert prepare_tables(client, template) == []
    assert client.call("GetItem", {"TableName": "sales-things", "Key": {"id": {"S": "1"}}})["Item"]
    described = client.call("DescribeTable", {"TableName": "sales-things"})["Table"]
    assert described["LatestStreamArn"]


def test_a_table_with_another_key_leads_to_make_reset(client: StoreClient) -> None:
    prepare_tables(client, Template(tables={"ThingsTable": table()}))
    other = table(KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}])
    with pytest.raises(StoreError, match="make reset"):
        prepare_tables(client, Template(tables={"ThingsTable": other}))


def test_an_index_with_other_keys_leads_to_make_reset(client: StoreClient) -> None:
    prepare_tables(client, Template(tables={"ThingsTable": table()}))
    other = copy.deepcopy(table())
    other["GlobalSecondaryIndexes"][0]["KeySchema"][0]["AttributeName"] = "id"
    with pytest.raises(StoreError, match="make reset"):
        prepare_tables(client, Template(tables={"ThingsTable": other}))


def test_every_table_of_the_template_can_be_made(client: StoreClient, tmp_path: Path) -> None:
    from local.template import load

    template = load(ROOT / "template.yaml", config(tmp_path).parameters, cache=tmp_path)
    assert len(prepare_tables(client, template)) == len(template.tables) == 2
