"""What is around `sam local`: addresses, freshness of the build, the way from containers to the loopback."""

import asyncio
import os
from pathlib import Path

import pytest

from local import samlocal
from local.config import Config


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("http://127.0.0.1:8003", "http://host.docker.internal:8003"),
        ("http://localhost:8002/version1/messaging", "http://host.docker.internal:8002/version1/messaging"),
        ("https://api.africastalking.com", "https://api.africastalking.com"),
        ("sales-orders", "sales-orders"),
        ("", ""),
        ("http://[broken", "http://[broken"),
    ],
)
def test_only_addresses_of_the_loopback_change_for_containers(address: str, seen: str) -> None:
    assert samlocal.from_container(address) == seen


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("template.yaml", "functions/a/app.py", "shared/sales/a.py", "scripts/build_artefacts.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (1000, 1000))
    build = tmp_path / "build"
    build.mkdir()
    (build / "finished").touch()
    os.utime(build / "finished", (2000, 2000))
    return tmp_path


def test_a_build_newer_than_every_source_is_used_again(tree: Path) -> None:
    assert not samlocal.is_stale(tree / "build", tree)


@pytest.mark.parametrize("name", ["template.yaml", "functions/a/app.py", "shared/sales/a.py"])
def test_a_source_newer_than_the_build_asks_for_another(tree: Path, name: str) -> None:
    os.utime(tree / name, (3000, 3000))
    assert samlocal.is_stale(tree / "build", tree)


def test_an_unfinished_build_is_made_again(tree: Path) -> None:
    (tree / "build" / "finished").unlink()
    assert samlocal.is_stale(tree / "build", tree)


def test_bytecode_beside_the_sources_is_no_change(tree: Path) -> None:
    cache = tree / "shared" / "sales" / "__pycache__"
    cache.mkdir()
    (cache / "a.pyc").touch()
    assert not samlocal.is_stale(tree / "build", tree)


def test_a_connection_to_the_bridge_reaches_the_same_port_of_the_loopback() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"got " + await reader.read())
        writer.close()

    async def story() -> bytes:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        # Another loopback address stands for docker's bridge.
        async with samlocal.forwarding("127.0.0.2", [port]):
            reader, writer = await asyncio.open_connection("127.0.0.2", port)
            writer.write(b"this")
            writer.write_eof()
            answer = await reader.read()
        server.close()
        return answer

    assert asyncio.run(story()) == b"got this"


def test_where_docker_leads_to_the_loopback_itself_nothing_is_forwarded() -> None:
    async def story() -> None:
        async with samlocal.forwarding(None, [1]):
            pass

    asyncio.run(story())


def test_a_port_that_is_in_use_is_named_before_anything_is_built(tmp_path: Path) -> None:
    async def story() -> None:
        server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            with pytest.raises(samlocal.SamLocalError, match=f"port {port} is in use .*SAM_PORT={port + 1}"):
                await samlocal.serve(Config(port=1, state=tmp_path, settings={}), port)
        assert list(tmp_path.iterdir()) == []

    asyncio.run(story())
