"""The doors through which containers reach the local system. Another loopback address stands in for Docker's bridge."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from local.aws.container_doors import Door, doors_of, opened
from local.aws.credentials import HEADER, session_token
from local.config import Config

BRIDGE = "127.0.0.2"


def through[Found](
    folder: Path,
    door: Callable[[str], Door],
    story: Callable[[aiohttp.ClientSession, str, str], Awaitable[Found]],
) -> tuple[Found, list[str]]:
    """Run the story with a door's address and the session token; return its result and what came through."""
    config = Config(1, folder / "state", {})
    arrived: list[str] = []

    async def part(request: web.BaseRequest) -> web.StreamResponse:
        body = (await request.read()).decode()
        arrived.append(f"{request.method} {request.raw_path} {request.headers['Host']} {body}")
        if body == "hang up":
            assert request.transport
            request.transport.abort()
        return web.Response(status=207, body=b"answer", headers={"X-Part": "yes"})

    async def run() -> Found:
        server = await asyncio.get_running_loop().create_server(web.Server(part), "127.0.0.1", 0)
        own = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with (
            opened([door(f"http://{own}")], config, BRIDGE) as ports,
            aiohttp.ClientSession() as client,
        ):
            found = await story(client, f"http://{BRIDGE}:{next(iter(ports.values()))}", session_token(config.state))
        server.close()
        arrived[:] = [line.replace(own, "its own name") for line in arrived]
        return found

    return asyncio.run(run()), arrived


def keys_only(url: str) -> Door:
    return Door(url, frozenset({"GET /keys"}))


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/keys", {}, 207),
        ("POST", "/keys", {}, 403),
        ("GET", "/keys/", {}, 403),
        ("GET", "/token", {}, 403),
        ("GET", "/token", {HEADER: "a guess"}, 403),
        ("GET", "/token", {HEADER: "TOKEN"}, 207),
        ("GET", "/keys", {"Host": "evil.example"}, 403),
        ("GET", "/keys", {"Host": f"{BRIDGE}:80"}, 403),
        ("GET", "/keys", {"Origin": "http://evil.example"}, 403),
        ("GET", "/keys", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("GET", "/token", {HEADER: "TOKEN", "Origin": "http://127.0.0.1:8000"}, 403),
    ],
)
def test_a_door_passes_on_what_functions_need_and_nothing_else(
    tmp_path: Path, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    async def story(client: aiohttp.ClientSession, url: str, token: str) -> int:
        sent = {name: token if value == "TOKEN" else value for name, value in headers.items()}
        async with client.request(method, url + path, headers=sent) as answer:
            return answer.status

    found, arrived = through(tmp_path, keys_only, story)
    assert found == status
    assert len(arrived) == (status == 207)


def test_a_door_passes_on_bodies_and_answers_unchanged(tmp_path: Path) -> None:
    async def story(client: aiohttp.ClientSession, url: str, token: str) -> tuple[int, str, bytes]:
        host = url.replace("http://" + BRIDGE, "host.docker.internal")
        headers = {HEADER: token, "Host": host}
        async with client.post(f"{url}/a%2Fb?c=%20", data=b"body", headers=headers) as answer:
            return answer.status, answer.headers["X-Part"], await answer.read()

    found, arrived = through(tmp_path, Door, story)
    assert found == (207, "yes", b"answer")
    assert arrived == ["POST /a%2Fb?c=%20 its own name body"]


def test_a_door_hangs_up_when_its_part_does(tmp_path: Path) -> None:
    async def story(client: aiohttp.ClientSession, url: str, token: str) -> None:
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.post(url, data=b"hang up", headers={HEADER: token})

    assert len(through(tmp_path, Door, story)[1]) == 1


def test_the_doors_are_closed_when_sam_local_ends(tmp_path: Path) -> None:
    async def story(_: aiohttp.ClientSession, url: str, __: str) -> int:
        return int(url.rpartition(":")[2])

    port, _ = through(tmp_path, Door, story)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((BRIDGE, port), timeout=5)


def test_without_the_token_only_keys_and_the_provider_can_be_reached() -> None:
    documents = ["http://127.0.0.1:8001/oauth2/default/v1/keys", "https://example.okta.com/keys"]
    doors = doors_of(Config(8000, Path("state"), {}), documents)
    assert [door.url for door in doors] == [f"http://127.0.0.1:{port}" for port in (8001, 8002, 8003, 8004)]
    open_to_all = {request for door in doors for request in door.requests}
    assert open_to_all == {"GET /oauth2/default/v1/keys", "POST /version1/messaging", "GET /version1/user"}
