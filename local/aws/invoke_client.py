"""A client of Lambda's Invoke API, for what invokes functions by itself: streams and schedules."""

from dataclasses import dataclass

import aiohttp

__all__ = ["Answer", "Functions", "NotInvokedError"]

_TOO_LARGE = 413


class NotInvokedError(Exception):
    """Nobody can say that the function ran: it was not reached, throttled, or its answer was lost."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a function answered; with `failed` it is the error's JSON."""

    payload: bytes
    failed: bool


class Functions:
    """The functions behind one Invoke API."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def invoke(self, name: str, event: bytes) -> Answer:
        """Invokes a function and waits for its answer. Raises NotInvokedError."""
        url = f"{self._url}/2015-03-31/functions/{name}/invocations"
        # The runtime ends a function at its timeout: here, only a connection that cannot be made is given up.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=3)
        try:
            async with self._session.post(url, data=event, timeout=timeout) as response:
                payload = await response.read()
                if response.status == _TOO_LARGE:
                    return Answer(payload, failed=True)
                if response.status != 200:
                    raise NotInvokedError(f"status {response.status}")
                return Answer(payload, failed="X-Amz-Function-Error" in response.headers)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NotInvokedError(str(error) or type(error).__name__) from error
