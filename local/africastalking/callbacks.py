"""Posts the SMS sandbox's callbacks, delivery reports and opt-outs, to the system's webhooks.

Forms and fields are those of Africa's Talking: unsigned, `networkCode` 99999 (its sandbox's own). Unlike
Africa's Talking, whose documentation promises nothing, a callback that is not answered 2xx is posted again for about a
minute, so that a system that is just starting misses none.
"""

import asyncio
import heapq
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Self

import aiohttp

from local.africastalking.answers import MAGIC_PREFIX, new_message_id
from local.africastalking.behaviour import DELIVERIES
from local.africastalking.database import Callback, Owed, SmsStore

__all__ = ["OTHER_NUMBER", "Callbacks", "optout_form", "reports"]

# Whose report it is not.
OTHER_NUMBER = f"{MAGIC_PREFIX}000"

_CONNECTIONS = 8
_TIMEOUT_SECONDS = 10
# Waits between one try and the next; with the last, a callback is given up.
_WAITS_SECONDS = (0.25, 0.5, 1, 2, 4, 8, 16, 30)

log = logging.getLogger(__name__)


def reports(message_id: str, number: str, delivery: str, answered_at: float, delay: float) -> list[Owed]:
    """The delivery reports on a text that is answered at this time (Unix seconds), `delay` seconds before the last."""
    found = []
    for report in DELIVERIES[delivery]:
        form = {
            "id": new_message_id() if report.strange == "id" else message_id,
            "status": report.status,
            "phoneNumber": OTHER_NUMBER if report.strange == "number" else number,
            "networkCode": "99999",
            "retryCount": "0",
        }
        if report.failure_reason:
            form["failureReason"] = report.failure_reason
        kind = "forged" if report.strange == "token" else "delivery"
        found.append(Owed(kind, form, answered_at + report.at * delay))
    return found


def optout_form(number: str, sender: str) -> dict[str, str]:
    """The opt-out callback."""
    return {"senderId": sender, "phoneNumber": number}


class Callbacks:
    """Posts what is due, a few side by side; what is owed is in the store, so a kill loses nothing.

    `webhook_secret` is called for each post: it may change at any time.
    """

    def __init__(self, store: SmsStore, api_url: str, webhook_secret: Callable[[], str]) -> None:
        self._store = store
        self._gateway_url = api_url
        self._webhook_secret = webhook_secret
        self._due: list[tuple[float, int, Callback]] = []
        self._news = asyncio.Event()
        self._free = asyncio.Semaphore(_CONNECTIONS)
        self._posts: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=60),
            timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS),
        )
        self.schedule(self._store.owed())
        self._loop = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [self._loop, *self._posts]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._session.close()

    def schedule(self, callbacks: list[Callback]) -> None:
        """Posts each of them when it is due."""
        for callback in callbacks:
            heapq.heappush(self._due, (callback.due_at, callback.id, callback))
        self._news.set()

    async def _run(self) -> None:
        while True:
            wait = self._due[0][0] - time.time() if self._due else None
            if wait is None or wait > 0:
                self._news.clear()
                try:
                    async with asyncio.timeout(wait):
                        await self._news.wait()
                except TimeoutError:
                    pass
                continue
            await self._free.acquire()
            _, _, callback = heapq.heappop(self._due)
            task = asyncio.create_task(self._post_and_free(callback))
            self._posts.add(task)
            task.add_done_callback(self._posts.discard)

    async def _post_and_free(self, callback: Callback) -> None:
        try:
            await self.post(callback)
        finally:
            self._free.release()

    async def post(self, callback: Callback) -> None:
        """Posts a callback now, once, and writes down the answer; schedules it again if that was not 2xx."""
        forged = callback.kind == "forged"
        path = f"delivery/{secrets.token_urlsafe(32)}" if forged else f"{callback.kind}/{self._webhook_secret()}"
        url = f"{self._gateway_url}/webhooks/africastalking/{path}"
        http_status = None
        try:
            async with self._session.post(url, data=callback.fields, allow_redirects=False) as response:
                http_status = response.status
                await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            # The name only: the address, which is in the message, is secret.
            log.debug("callback %d: %s", callback.id, type(error).__name__)
        taken = http_status is not None and HTTPStatus.OK <= http_status < HTTPStatus.MULTIPLE_CHOICES
        again_at = None
        if not taken and not forged and callback.tries < len(_WAITS_SECONDS):
            again_at = time.time() + _WAITS_SECONDS[callback.tries]
        self._store.tried(callback, http_status, again_at)
        if again_at is not None:
            self.schedule([replace(callback, due_at=again_at, tries=callback.tries + 1)])
        elif not taken and not forged:
            log.warning("A %s callback was given up: the webhook answered %s.", callback.kind, http_status or "nothing")
