"""How containers reach the local system, which listens on loopback only: through doors on Docker's bridge.

Other containers of this machine reach the bridge, too. So a door passes on only what functions need: what the issuer publishes, the
provider's own addresses (which ask for the API key), and database, secrets and Invoke API for requests with the system's
session token. Requests that a page in a browser could send do not pass.
"""

import contextlib
from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from local.aws.credentials import is_ours, session_token
from local.aws.worker import large_requests
from local.config import Config

__all__ = ["HOST_IN_CONTAINER", "Door", "doors_of", "is_loopback", "opened"]

HOST_IN_CONTAINER = "host.docker.internal"
# DynamoDB's own limit for a request; Lambda's is lower.
_LARGEST_BODY = 16 * 1024 * 1024
_FROM_BROWSERS = ("Origin", "Sec-Fetch-Site")
# Headers of one connection (RFC 9110, 7.6.1) and those that aiohttp sets.
_OF_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "host", "content-length"}


def is_loopback(address: str) -> bool:
    """Return whether this is an address of this machine, which containers reach only through a door."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.hostname in {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Door:
    """The way to one part: `requests` are those that may pass without the session token, as "METHOD /path"."""

    url: str
    requests: frozenset[str] = frozenset()

    def admits(self, request: web.BaseRequest, token: str) -> bool:
        """Whether this request may pass."""
        return f"{request.method} {request.path}" in self.requests or is_ours(request.headers, token)


def doors_of(config: Config, documents: Iterable[str]) -> tuple[Door, ...]:
    """Return a door for each part that functions call, and one to each of the issuer's documents on this machine."""
    published: dict[str, set[str]] = {}
    for address in filter(is_loopback, documents):
        parts = urlsplit(address)
        published.setdefault(f"{parts.scheme}://{parts.netloc}", set()).add(f"GET {parts.path}")
    return (
        *(Door(url, frozenset(requests)) for url, requests in published.items()),
        Door(config.sandbox_url, frozenset({"POST /version1/messaging", "GET /version1/user"})),
        Door(config.database_url),
        Door(config.runtime_url),
    )


@contextlib.asynccontextmanager
async def opened(doors: Collection[Door], config: Config, address: str) -> AsyncIterator[dict[int, int]]:
    """Open these doors on an address; yield the port of each by the port of its part."""
    token = session_token(config.state)
    async with contextlib.AsyncExitStack() as stack:
        connector = aiohttp.TCPConnector(limit=0)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, auto_decompress=False))
        ports = {}
        for door in doors:
            runner = web.ServerRunner(_server(door, session, token, address), access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, address, 0).start()
            ports[urlsplit(door.url).port or 80] = runner.addresses[0][1]
        yield ports


def _server(door: Door, session: aiohttp.ClientSession, token: str, address: str) -> web.Server:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if not (_from_container(request, address) and door.admits(request, token)):
            return web.json_response({"message": "This is for the functions in sam local's containers."}, status=403)
        body = await request.read()
        headers = dict(_passed_on(request.headers.items()))
        url = f"{door.url}{request.raw_path}"
        try:
            async with session.request(
                request.method, url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                response = web.StreamResponse(status=answer.status, headers=dict(_passed_on(answer.headers.items())))
                response.content_length = answer.content_length
                await response.prepare(request)
                async for piece in answer.content.iter_any():
                    await response.write(piece)
                return response
        except aiohttp.ClientError:
            # The part closed its connection, as the sandbox does when it is told to: so does the door.
            if request.transport is not None:
                request.transport.abort()
            return web.Response()

    return web.Server(handle, request_factory=large_requests(_LARGEST_BODY), auto_decompress=False)


def _from_container(request: web.BaseRequest, address: str) -> bool:
    """Whether the request names the door as containers do, and no browser sent it."""
    transport = request.transport
    port = transport.get_extra_info("sockname")[1] if transport else 0
    hosts = request.headers.getall("Host", ())
    named = len(hosts) == 1 and hosts[0] in {f"{HOST_IN_CONTAINER}:{port}", f"{address}:{port}"}
    return named and request.raw_path.startswith("/") and not any(name in request.headers for name in _FROM_BROWSERS)


def _passed_on(headers: Collection[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    return ((name, value) for name, value in headers if name.lower() not in _OF_CONNECTION)
