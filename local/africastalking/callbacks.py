"""Posts the SMS sandbox's callbacks, delivery reports and opt-outs, to the system's webhooks.

The forms are Africa's Talking's: unsigned, with its sandbox's `networkCode` 99999. Africa's Talking promises no retries;
here a callback that is not answered 2xx is posted again for about a minute, so a system that is starting misses none.
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
from local.africastalking.database import Callback, NewCallback, SandboxDatabase
from local.backoff import backoff

__all__ = ["OTHER_NUMBER", "Callbacks", "optout_form", "reports"]

# The recipient of a report with a wrong number.
OTHER_NUMBER = f"{MAGIC_PREFIX}000"

_CONNECTIONS = 8
_TIMEOUT_SECONDS = 10
# The first and the longest wait before a callback is posted again, and how often that happens: about a minute in all.
_RETRY_SECONDS = (0.25, 30.0)
_RETRIES = 8

log = logging.getLogger(__name__)


def reports(message_id: str, number: str, delivery: str, answered_at: float, delay: float) -> list[NewCallback]:
    """Return the delivery reports on a text. Its answer is sent at `answered_at` (Unix seconds), its outcome `delay` later."""
    callbacks = []
    for report in DELIVERIES[delivery]:
        form = {
            "id": new_message_id() if report.forged == "id" else message_id,
            "status": report.status,
            "phoneNumber": OTHER_NUMBER if report.forged == "number" else number,
            "networkCode": "99999",
            "retryCount": "0",
        }
        if report.failure_reason:
            form["failureReason"] = report.failure_reason
        kind = "forged" if report.forged == "token" else "delivery"
        callbacks.append(NewCallback(kind, form, answered_at + report.at * delay))
    return callbacks


def optout_form(number: str, sender: str) -> dict[str, str]:
    """Return the form of an opt-out callback."""
    return {"senderId": sender, "phoneNumber": number}


class Callbacks:
    """Posts callbacks when they are due, a few in parallel. The database keeps them, so a kill loses none.

    Each post calls `webhook_secret`, since the secret may change at any time.
    """

    def __init__(self, database: SandboxDatabase, api_url: str, webhook_secret: Callable[[], str]) -> None:
        self._database = database
        self._api_url = api_url
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
        self.schedule(self._database.pending())
        self._loop = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [self._loop, *self._posts]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._session.close()

    def schedule(self, callbacks: list[Callback]) -> None:
        """Post each of these when it is due."""
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
        """Post a callback now and record the answer; schedule it again unless that was 2xx."""
        forged = callback.kind == "forged"
        path = f"delivery/{secrets.token_urlsafe(32)}" if forged else f"{callback.kind}/{self._webhook_secret()}"
        url = f"{self._api_url}/webhooks/africastalking/{path}"
        http_status = None
        try:
            async with self._session.post(url, data=callback.fields, allow_redirects=False) as response:
                http_status = response.status
                await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            # The name only: the message contains the address, which is secret.
            log.debug("callback %d: %s", callback.id, type(error).__name__)
        taken = http_status is not None and HTTPStatus.OK <= http_status < HTTPStatus.MULTIPLE_CHOICES
        again_at = None
        if not taken and not forged and callback.tries < _RETRIES:
            again_at = time.time() + backoff(callback.tries + 1, *_RETRY_SECONDS)
        self._database.tried(callback, http_status, again_at)
        if again_at is not None:
            self.schedule([replace(callback, due_at=again_at, tries=callback.tries + 1)])
        elif not taken and not forged:
            log.warning("A %s callback was given up: the webhook answered %s.", callback.kind, http_status or "nothing")
