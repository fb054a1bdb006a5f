"""AWS Lambda on this machine: the template's functions and the Invoke API."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from deployment.template import Template
from local.aws.credentials import is_ours, session_token
from local.aws.pool import IDLE_SECONDS, Pool
from local.aws.worker import LARGEST_PAYLOAD, Result, large_requests
from local.config import Config
from local.guard import Guard

__all__ = ["LARGEST_PAYLOAD", "Result", "Runtime", "large_requests", "serve"]

# Workers of one function: enough to keep two cores busy while some wait for a slow SMS provider.
WORKERS = int(os.environ.get("WORKERS") or 4)
# Workers of all functions, about one each. Beyond it, the longest idle ones make room. No invocation ever waits for this
# limit, so a function that invokes another one cannot deadlock.
ALL_WORKERS = 24


class Runtime:
    """The template's functions, to be invoked by folder, function name or logical id."""

    def __init__(self, template: Template, config: Config) -> None:
        self._pools: dict[str, Pool] = {}
        self._names: dict[str, str] = {}
        for function in template.functions.values():
            self._pools[function.name] = Pool(function, config, WORKERS, self._make_room)
            for name in (function.name, function.function_name, function.logical_id):
                self._names[name] = function.name

    def knows(self, name: str) -> bool:
        """Whether the template has this function."""
        return name in self._names

    async def invoke(self, name: str, event: bytes) -> Result:
        """Return the function's answer. Raise KeyError for an unknown function."""
        return await self._pools[self._names[name]].invoke(event)

    def warm(self, name: str) -> None:
        """Start a worker of this function before its first event."""
        self._pools[self._names[name]].warm()

    def _make_room(self) -> None:
        surplus = sum(pool.size for pool in self._pools.values()) + 1 - ALL_WORKERS
        if surplus > 0:
            idle = [(worker, pool) for pool in self._pools.values() for worker in pool.idle]
            idle.sort(key=lambda entry: entry[0].idle_since)
            for worker, pool in idle[:surplus]:
                pool.end(worker)

    async def keep_tidy(self) -> None:
        """End idle workers, until cancelled."""
        while True:
            await asyncio.sleep(IDLE_SECONDS / 5)
            for pool in self._pools.values():
                pool.end_idle()

    async def close(self) -> None:
        """Kill all workers, and return when they have ended."""
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))


def _aws_error(kind: str, message: str, status: int) -> web.Response:
    return web.json_response({"Type": "User", "Message": message}, status=status, headers={"x-amzn-errortype": kind})


async def serve(
    runtime: Runtime, config: Config, secrets: Callable[[web.BaseRequest], Awaitable[web.Response]]
) -> asyncio.Server:
    """Serve Lambda's Invoke API on the runtime's port, and `secrets` under /secretsmanager, to the system's own parts."""
    background: set[asyncio.Task[Result]] = set()
    token = session_token(config.state)

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if not is_ours(request.headers, token):
            return _aws_error(
                "UnrecognizedClientException", "The security token included in the request is invalid.", 403
            )
        parts = request.path.strip("/").split("/")
        if parts[0] == "secretsmanager":
            return await secrets(request)
        if request.method != "POST" or parts[:2] != ["2015-03-31", "functions"] or parts[3:] != ["invocations"]:
            return _aws_error("UnknownOperationException", "no such operation here", 404)
        name = parts[2].rpartition(":function:")[2]
        if not runtime.knows(name):
            return _aws_error("ResourceNotFoundException", f"Function not found: {name}", 404)
        try:
            event = await request.read() or b"{}"
        except web.HTTPRequestEntityTooLarge:
            return _aws_error("RequestTooLargeException", "the payload is larger than 6 MB", 413)
        if request.headers.get("X-Amz-Invocation-Type") == "Event":
            task = asyncio.get_running_loop().create_task(runtime.invoke(name, event))
            background.add(task)
            task.add_done_callback(background.discard)
            return web.Response(status=202)
        result = await runtime.invoke(name, event)
        headers: Mapping[str, str] = {"X-Amz-Function-Error": "Unhandled"} if result.failed else {}
        return web.Response(body=result.payload, content_type="application/json", headers=headers)

    server = web.Server(
        Guard(config.ports).before(handle), access_log=None, request_factory=large_requests(LARGEST_PAYLOAD)
    )
    return await asyncio.get_running_loop().create_server(server, "127.0.0.1", config.port + 4)
