"""The SMS sandbox's port, which can refuse connections for a while.

No answer can stand for that fault: a client that gets a connection may have sent its text.
"""

import asyncio
import contextlib
import socket
from collections.abc import Coroutine
from typing import Self

from aiohttp import web

__all__ = ["Port"]

_BACKLOG = 1024
_AGAIN_SECONDS = 0.1


class Port:
    """Serves the runner's application on loopback while the context is entered."""

    def __init__(self, runner: web.AppRunner, port: int) -> None:
        self._runner = runner
        self._port = port
        self._server: asyncio.Server | None = None
        self._opening: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[object]] = set()

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._opening:
            self._opening.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server:
            self._server.close()

    @property
    def refuses(self) -> bool:
        """Whether new connections are refused."""
        return self._server is None

    def refuse(self, seconds: float) -> None:
        """Refuse new connections for so many seconds; existing ones stay open."""
        if self._server:
            # Connections already made must not be closed: that would be another fault.
            with contextlib.suppress(BlockingIOError):
                while True:
                    self._keep(self._serve(self._socket.accept()[0]))
            self._server.close()
            self._server = None
        if self._opening:
            self._opening.cancel()
        self._opening = asyncio.get_running_loop().call_later(seconds, lambda: self._keep(self._reopen()))

    async def _open(self) -> None:
        listener = socket.socket()
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setblocking(False)
            listener.bind(("127.0.0.1", self._port))
            server = self._runner.server
            assert server  # noqa: S101 - the runner is set up
            self._server = await asyncio.get_running_loop().create_server(server, sock=listener, backlog=_BACKLOG)
        except OSError:
            listener.close()
            raise
        self._socket = listener

    async def _reopen(self) -> None:
        while self._server is None:
            try:
                await self._open()
            except OSError:
                # Another program has the port for the moment.
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _serve(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        server = self._runner.server
        assert server  # noqa: S101 - the runner is set up
        await asyncio.get_running_loop().connect_accepted_socket(server, connection)

    def _keep(self, coroutine: Coroutine[object, object, object]) -> None:
        # The event loop holds its tasks only weakly.
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
