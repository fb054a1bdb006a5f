"""A client of Lambda's Invoke API, for streams and schedules."""

from dataclasses import dataclass

import aiohttp

from local.aws.credentials import HEADER

__all__ = ["FunctionAnswer", "Functions", "NotInvokedError"]

_TOO_LARGE = 413


class NotInvokedError(Exception):
    """We cannot tell whether the function ran: it was not reached, was throttled, or its answer was lost."""


@dataclass(frozen=True, slots=True)
class FunctionAnswer:
    """A function's answer; with `failed`, the payload is the error's JSON."""

    payload: bytes
    failed: bool


class Functions:
    """The functions behind one Invoke API, called with a session token."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self._session = session
        self._url = url
        self._headers = {HEADER: token}

    async def invoke(self, name: str, event: bytes) -> FunctionAnswer:
        """Invoke a function and wait for its answer. Raise NotInvokedError."""
        url = f"{self._url}/2015-03-31/functions/{name}/invocations"
        # The runtime enforces the function's timeout. Only a connection that cannot be opened is given up here.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=3)
        try:
            async with self._session.post(url, data=event, headers=self._headers, timeout=timeout) as response:
                payload = await response.read()
                if response.status == _TOO_LARGE:
                    return FunctionAnswer(payload, failed=True)
                if response.status != 200:
                    raise NotInvokedError(f"status {response.status}")
                return FunctionAnswer(payload, failed="X-Amz-Function-Error" in response.headers)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NotInvokedError(str(error) or type(error).__name__) from error
