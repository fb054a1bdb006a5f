"""`/_sandbox/`: what tests and the phones page ask of the SMS sandbox, and how they control it.

- `GET messages`: every accepted text, oldest first, including those whose answer was lost.
- `GET requests`: every request to send with its headers and form, including refused and dropped ones.
- `GET, PUT behaviour`: how it answers and reports (local/africastalking/behaviour.py).
- `POST outage`: refuse connections for a while.
- `GET leaks`: who followed the `redirect` answer, and whether the API key and the text came along.
- `GET, POST optout`, `DELETE optout/{number}`: opted-out numbers; opting out posts the opt-out callback.
"""

import json
from http import HTTPStatus
from typing import Any

from aiohttp import web

from local.africastalking.behaviour import read_behaviour
from local.africastalking.callbacks import Callbacks, optout_form
from local.africastalking.database import SandboxDatabase
from local.africastalking.port import Port
from sales.schemas.phone_numbers import read_number

__all__ = ["Control", "problem"]

_LONGEST_OUTAGE_MS = 600_000


class Control:
    """The routes under `/_sandbox/`; `sender` is the sender id that opt-outs name, `country` reads numbers without one."""

    def __init__(self, database: SandboxDatabase, callbacks: Callbacks, sender: str, country: str) -> None:
        self._database = database
        self._callbacks = callbacks
        self._sender = sender
        self._country = country
        # Set as soon as the sandbox listens.
        self.port: Port | None = None

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/_sandbox/messages", self._messages),
            web.get("/_sandbox/requests", self._requests),
            web.post("/_sandbox/outage", self._outage),
            web.get("/_sandbox/behaviour", self._get_behaviour),
            web.put("/_sandbox/behaviour", self._put_behaviour),
            web.get("/_sandbox/leaks", self._leaks),
            web.get("/_sandbox/optout", self._get_opted_out),
            web.post("/_sandbox/optout", self._opt_out),
            web.delete("/_sandbox/optout/{number}", self._opt_in),
        ]

    async def _messages(self, _: web.Request) -> web.Response:
        return web.json_response({"messages": self._database.messages()})

    async def _requests(self, _: web.Request) -> web.Response:
        return web.json_response({"requests": self._database.requests()})

    async def _outage(self, request: web.Request) -> web.Response:
        try:
            document = await _json(request)
        except ValueError as error:
            return problem(str(error))
        ms = document.get("ms") if isinstance(document, dict) else None
        if type(ms) is not int or not 0 < ms <= _LONGEST_OUTAGE_MS:
            return problem(f'The body must be {{"ms": 1 to {_LONGEST_OUTAGE_MS}}}.')
        if self.port:
            self.port.refuse(ms / 1000)
        return web.json_response({"ms": ms})

    async def _get_behaviour(self, _: web.Request) -> web.Response:
        return web.json_response(self._database.behaviour.document())

    async def _put_behaviour(self, request: web.Request) -> web.Response:
        try:
            behaviour = read_behaviour(await _json(request))
        except ValueError as error:
            return problem(str(error))
        self._database.set_behaviour(behaviour)
        return web.json_response(behaviour.document())

    async def _leaks(self, _: web.Request) -> web.Response:
        return web.json_response({"leaks": self._database.leaks()})

    async def _get_opted_out(self, _: web.Request) -> web.Response:
        return web.json_response({"opted_out": sorted(self._database.opted_out)})

    async def _opt_out(self, request: web.Request) -> web.Response:
        try:
            document = await _json(request)
        except ValueError as error:
            return problem(str(error))
        written = document.get("phoneNumber") if isinstance(document, dict) else None
        if not isinstance(written, str):
            return problem('The body must be {"phoneNumber": "+254..."}.')
        try:
            number = read_number(written, self._country)
        except ValueError as error:
            return problem(f"phoneNumber {error}.")
        form = optout_form(number, self._sender)
        self._callbacks.schedule([self._database.opt_out(number, form)])
        return web.json_response(form)

    async def _opt_in(self, request: web.Request) -> web.Response:
        try:
            self._database.opt_in(read_number(request.match_info["number"], self._country))
        except ValueError as error:
            return problem(f"The number {error}.")
        return web.Response(status=204)


async def _json(request: web.Request) -> Any:
    """Return the body's JSON. Raise ValueError with a sentence for anything else."""
    try:
        return json.loads(await request.read())
    except ValueError:
        raise ValueError("The body must be JSON.") from None


def problem(detail: str, status: int = 400) -> web.Response:
    """Return a problem document (RFC 9457)."""
    document = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return web.json_response(document, status=status, content_type="application/problem+json")
