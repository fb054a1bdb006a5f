"""`make sam-local` around sam: addresses, rebuilding, and the way from containers to the loopback."""

import asyncio
import json
import os
import time
from pathlib import Path

import pytest

from local.commands import sam_local as samlocal
from local.config import Config
from tests.support.system import free_ports


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("http://127.0.0.1:8003", "http://host.docker.internal:40003"),
        ("http://localhost:8002/version1/messaging", "http://host.docker.internal:40002/version1/messaging"),
        ("http://localhost:9999", "http://host.docker.internal:9999"),
        ("https://api.africastalking.com", "https://api.africastalking.com"),
        ("sales-orders", "sales-orders"),
        ("", ""),
        ("http://[broken", "http://[broken"),
    ],
)
def test_only_addresses_of_the_loopback_change_for_containers(address: str, seen: str) -> None:
    assert samlocal.from_container(address, {8002: 40002, 8003: 40003}) == seen


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("template.yaml", "functions/a/app.py", "shared/sales/a.py", "scripts/build/layer.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (1000, 1000))
    build = tmp_path / "build"
    build.mkdir()
    (build / "finished").touch()
    os.utime(build / "finished", (2000, 2000))
    return tmp_path


def test_a_build_newer_than_every_source_is_reused(tree: Path) -> None:
    assert not samlocal.is_stale(tree / "build", tree)


@pytest.mark.parametrize("name", ["template.yaml", "functions/a/app.py", "shared/sales/a.py"])
def test_a_source_newer_than_the_build_needs_another(tree: Path, name: str) -> None:
    os.utime(tree / name, (3000, 3000))
    assert samlocal.is_stale(tree / "build", tree)


def test_an_unfinished_build_is_repeated(tree: Path) -> None:
    (tree / "build" / "finished").unlink()
    assert samlocal.is_stale(tree / "build", tree)


def test_bytecode_next_to_the_sources_is_not_a_change(tree: Path) -> None:
    cache = tree / "shared" / "sales" / "__pycache__"
    cache.mkdir()
    (cache / "a.pyc").touch()
    assert not samlocal.is_stale(tree / "build", tree)


def test_a_port_that_is_in_use_is_named_before_anything_is_built(tmp_path: Path) -> None:
    async def story() -> None:
        server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            with pytest.raises(samlocal.SamLocalError, match=f"Port {port} is in use .*SAM_PORT={port + 1}"):
                await samlocal.serve(Config(port=1, state=tmp_path, settings={}), port)
        assert list(tmp_path.iterdir()) == []

    asyncio.run(story())


@pytest.fixture
def sam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script as sam, on a machine without builds or containers, next to a running local system."""
    script = tmp_path / "sam"
    monkeypatch.setattr(samlocal, "sam", lambda: str(script))
    monkeypatch.setattr(samlocal, "is_stale", lambda _: False)
    monkeypatch.setattr(samlocal, "issuer_documents", lambda _: {})
    monkeypatch.setattr(samlocal, "variables", lambda *_: {})
    monkeypatch.setattr(samlocal, "bridge_address", lambda: None)
    (tmp_path / "sam").write_text("#!/bin/sh\n")
    script.chmod(0o755)
    return script


def serve(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve on a free port next to a running system."""

    async def story() -> None:
        system = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
        url = f"http://127.0.0.1:{system.sockets[0].getsockname()[1]}"
        monkeypatch.setattr(samlocal, "services", lambda _: [url])
        async with system:
            await samlocal.serve(Config(port=1, state=folder / "sam_state", settings={}), free_ports())

    asyncio.run(story())


def test_a_sam_that_ends_at_once_is_said_to_and_not_waited_for(
    sam: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sam.write_text("#!/bin/sh\nexit 7\n")
    began = time.monotonic()
    with pytest.raises(samlocal.SamLocalError, match=r"sam local ended unexpectedly \(exit status 7\)"):
        serve(tmp_path, monkeypatch)
    assert time.monotonic() - began < 10


def test_a_sam_that_never_answers_is_given_up(sam: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sam.write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(samlocal, "START_SECONDS", 0.5)
    with pytest.raises(samlocal.SamLocalError, match="sam local did not start: nothing answers on port"):
        serve(tmp_path, monkeypatch)


def test_ctrl_c_while_sam_starts_is_heard_at_once(sam: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sam.write_text(f"#!/bin/sh\nkill -INT {os.getpid()}\nexec sleep 60\n")
    began = time.monotonic()
    serve(tmp_path, monkeypatch)
    assert time.monotonic() - began < 10


def test_a_local_system_that_does_not_start_is_said_to_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_ports()
    monkeypatch.setenv("PORT", "80")
    monkeypatch.setattr(samlocal, "services", lambda _: [f"http://127.0.0.1:{port}"])

    async def story() -> None:
        async with samlocal.local_system(Config(port=port, state=tmp_path, settings={}), port + 1, asyncio.Event()):
            pass

    began = time.monotonic()
    with pytest.raises(samlocal.SamLocalError, match=r"The local system ended unexpectedly \(exit status 1\)"):
        asyncio.run(story())
    assert time.monotonic() - began < 20


def test_every_get_route_of_a_build_answers_head_too(tmp_path: Path) -> None:
    built = tmp_path / "template.yaml"
    built.write_text("""
AWSTemplateFormatVersion: 2010-09-09
Resources:
  Table: {Type: AWS::DynamoDB::Table}
  Read:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub "${AWS::StackName}-read"
      Events:
        GetOrders:
          Type: HttpApi
          Properties: {Method: GET, Path: /orders, Auth: {Authorizer: Okta}}
        GetPage: {Type: HttpApi, Properties: {Method: GET, Path: /}}
        HeadPage: {Type: HttpApi, Properties: {Method: HEAD, Path: /}}
        PostOrders: {Type: HttpApi, Properties: {Method: POST, Path: /orders}}
        Default: {Type: HttpApi, Properties: {ApiId: x}}
        Clock: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}
""")
    samlocal.add_head(built)
    resources = json.loads(built.read_text())["Resources"]
    events = resources["Read"]["Properties"]["Events"]
    assert resources["Read"]["Properties"]["FunctionName"] == {"Fn::Sub": "${AWS::StackName}-read"}
    assert [name for name, event in events.items() if event["Properties"].get("Method") == "HEAD"] == [
        "HeadPage",
        "HeadOrders",
    ]
    assert events["HeadOrders"]["Properties"] == events["GetOrders"]["Properties"] | {"Method": "HEAD"}
    assert len(events) == 7
