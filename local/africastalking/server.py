"""The SMS sandbox: stands in for Africa's Talking, on this machine only.

`POST /version1/messaging` answers as api.sandbox.africastalking.com does (local/africastalking/answers.py), never dedupes, and
keeps every text it takes (local/africastalking/database.py). `/_sandbox/` is for tests and for the page at `/`, which shows the
recipients' phones:

- `GET messages`: every text that was taken, oldest first, also those whose answer was lost.
- `GET requests`: every request to send with its headers and form, also those that were refused or dropped.
- `GET, PUT behaviour`: how it answers and reports (local/africastalking/behaviour.py).
- `POST outage`: nobody can connect for so long.
- `GET leaks`: who followed the `redirect` answer, and whether the API key and the text came along.
- `GET, POST optout`, `DELETE optout/{number}`: numbers that want no texts; opting out posts the opt-out callback.

User name `sandbox`; the API key is the line in `.local/sms-api-key`, made if it is missing.
"""

import asyncio
import json
import logging
import secrets
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from local.africastalking import answers
from local.africastalking import phones as sms_phones
from local.africastalking.answers import Answer, Recipient
from local.africastalking.behaviour import LOST, Behaviour, read_behaviour
from local.africastalking.callbacks import Callbacks, optout_form, reports
from local.africastalking.database import Asked, Owed, SmsStore, Text
from local.africastalking.port import Port
from local.aws.secrets_manager import secret_line
from local.config import Config
from sales.domain.sms.segments import Content, measure

__all__ = ["Sandbox", "serve"]

_USERNAME = "sandbox"
_FORM = "application/x-www-form-urlencoded"
# akka-http's own limit.
_LARGEST_BODY = 8 * 1024 * 1024
_DRIP_SECONDS = 0.5
_HANG_SECONDS = 300
_LONGEST_OUTAGE_MS = 600_000
_REDACTED = "(redacted)"

log = logging.getLogger(__name__)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _RefusedError(Exception):
    """The request is not one that the behaviour has a say in."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Sandbox:
    """Africa's Talking's sandbox, over HTTP. `trap_url` is where the answer `redirect` leads."""

    def __init__(self, state: Path, store: SmsStore, callbacks: Callbacks, sender: str) -> None:
        self._state = state
        self._store = store
        self._callbacks = callbacks
        self._senders = {answers.DEFAULT_SENDER, sender} - {""}
        self.trap_url = ""
        # Set as soon as there is one.
        self.port: Port | None = None

    def app(self) -> web.Application:
        """The sandbox's routes."""
        app = web.Application(client_max_size=_LARGEST_BODY, middlewares=[self._last, _as_akka])
        app.on_response_prepare.append(_as_server)
        app.add_routes(
            [
                web.get("/version1/messaging", self._inbox, allow_head=False),
                web.post("/version1/messaging", self._messaging),
                web.get("/_sandbox/messages", self._messages),
                web.get("/_sandbox/requests", self._requests),
                web.post("/_sandbox/outage", self._outage),
                web.get("/_sandbox/behaviour", self._get_behaviour),
                web.put("/_sandbox/behaviour", self._put_behaviour),
                web.get("/_sandbox/leaks", self._leaks),
                web.get("/_sandbox/optout", self._get_opted_out),
                web.post("/_sandbox/optout", self._opt_out),
                web.delete("/_sandbox/optout/{number}", self._opt_in),
                *sms_phones.routes(self._store),
            ]
        )
        return app

    def trap(self) -> web.Application:
        """What the answer `redirect` leads to: it takes nothing, and notes what it was sent."""
        app = web.Application(client_max_size=_LARGEST_BODY, middlewares=[_as_akka])
        app.router.add_route("*", "/{anything:.*}", self._trapped)
        return app

    @web.middleware
    async def _last(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Makes an answer its connection's last while nobody can connect: whoever was there before has no next."""
        response = await handler(request)
        if self.port and self.port.refuses and not response.prepared:
            response.force_close()
        return response

    # As Africa's Talking

    async def _messaging(self, request: web.Request) -> web.StreamResponse:
        name = self._store.next_answer()
        headers = {each: _REDACTED if each.lower() == "apikey" else value for each, value in request.headers.items()}
        try:
            form = await self._read(request)
        except _RefusedError as refused:
            dropped = name == "drop_before"
            self._store.record(Asked(name, None if dropped else refused.answer.status, headers))
            return _drop(request) if dropped else _respond(refused.answer)
        size = measure(form["message"])
        if name == "drop_before":
            self._store.record(Asked(name, None, headers, form, size.segments))
            return _drop(request)
        behaviour = self._store.behaviour
        answer, texts = self._take(name, form, size, behaviour)
        lost = answer.taken and name in LOST
        given = _what_is_left(name, answer) if lost else answer
        asked = Asked(name, given.status if given else None, headers, form, size.segments)
        reports = self._store.record(asked, texts)
        if behaviour.delivery == "before_answer":
            for report in reports:
                await self._callbacks.post(report)
        else:
            self._callbacks.schedule(reports)
        await asyncio.sleep(behaviour.latency_ms / 1000)
        if given is None:
            return await _hang(request) if name == "hang_after" else _drop(request)
        return await _drip(request, given) if lost and name == "drip" else _respond(given)

    async def _read(self, request: web.Request) -> dict[str, str]:
        """The form of a request that is allowed to send; raises _RefusedError."""
        key = request.headers.get("apiKey")
        if key is None:
            raise _RefusedError(answers.UNAUTHENTICATED)
        if not secrets.compare_digest(key.encode(errors="replace"), secret_line(self._state / "sms-api-key").encode()):
            raise _RefusedError(answers.WRONG_KEY)
        if request.content_type != _FORM:
            kind = request.headers.get("Content-Type", "")
            text = f"The request's Content-Type{f' [{kind}]' if kind else ''} is not supported. Expected:\n{_FORM}"
            raise _RefusedError(answers.plain(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, text))
        body = (await request.read()).decode(errors="replace")
        form = dict(parse_qsl(body, keep_blank_values=True, errors="replace"))
        for name in ("username", "to", "message"):
            if name not in form:
                raise _RefusedError(answers.plain(400, f"Request is missing required form field '{name}'"))
            if name == "username" and form[name] != _USERNAME:
                raise _RefusedError(answers.WRONG_KEY)
        return form

    def _take(
        self, name: str, form: dict[str, str], size: Content, behaviour: Behaviour
    ) -> tuple[Answer, list[tuple[Text, list[Owed]]]]:
        """What to answer, and the texts that are taken by it, each with its reports."""
        kind, _, code = name.partition(":")
        sender = form.get("from", answers.DEFAULT_SENDER)
        if kind == "http":
            return answers.plain(int(code)), []
        if kind == "redirect":
            return Answer(307, b"", {"Location": f"{self.trap_url}/version1/messaging"}), []
        if kind == "bad_key":
            return answers.WRONG_KEY, []
        if kind == "bad_sender" or sender not in self._senders:
            return answers.INVALID_SENDER, []
        queued = 101 if form.get("enqueue") == "0" else 102
        recipients = []
        for number in form["to"].split(","):
            status = int(code) if code else answers.refusal(number, self._store.opted_out) or queued
            taken = status in answers.ACCEPTED
            recipients.append(
                Recipient(number, status, answers.new_message_id() if taken else None, size.segments if taken else 0)
            )
        answered_at = time.time() + behaviour.latency_ms / 1000
        delay = behaviour.delivery_delay_ms / 1000
        texts = [
            (
                Text(
                    recipient.message_id,
                    recipient.number,
                    form["message"],
                    sender,
                    name,
                    size.segments,
                    size.encoding,
                    answers.cost(size.segments),
                ),
                reports(recipient.message_id, recipient.number, behaviour.delivery, answered_at, delay),
            )
            for recipient in recipients
            if recipient.message_id is not None
        ]
        answer = answers.answer(recipients, live=behaviour.live)
        if name == "accept_charset":
            answer = replace(answer, headers={"Content-Type": "application/json; charset=UTF-8"})
        return answer, texts

    async def _inbox(self, request: web.Request) -> web.StreamResponse:
        """What people sent in: nothing, here; there is no way to ask for what was sent out."""
        if "username" not in request.query:
            return _respond(answers.plain(404, "Request is missing required query parameter 'username'"))
        key = request.headers.get("apiKey")
        if key is None:
            return _respond(answers.UNAUTHENTICATED)
        if key != secret_line(self._state / "sms-api-key") or request.query["username"] != _USERNAME:
            return _respond(answers.WRONG_KEY)
        return _respond(Answer(200, b'{"SMSMessageData":{"Messages":[]}}', {"Content-Type": "application/json"}))

    async def _trapped(self, request: web.Request) -> web.StreamResponse:
        self._store.leaked(api_key="apiKey" in request.headers, body=bool(await request.read()))
        return _respond(answers.plain(404))

    # For tests and the page

    async def _messages(self, _: web.Request) -> web.Response:
        return web.json_response({"messages": self._store.messages()})

    async def _requests(self, _: web.Request) -> web.Response:
        return web.json_response({"requests": self._store.requests()})

    async def _outage(self, request: web.Request) -> web.Response:
        try:
            document = await _json(request)
        except ValueError as error:
            return _problem(str(error))
        ms = document.get("ms") if isinstance(document, dict) else None
        if type(ms) is not int or not 0 < ms <= _LONGEST_OUTAGE_MS:
            return _problem(f'The body must be {{"ms": 1 to {_LONGEST_OUTAGE_MS}}}.')
        if self.port:
            self.port.refuse(ms / 1000)
        return web.json_response({"ms": ms})

    async def _get_behaviour(self, _: web.Request) -> web.Response:
        return web.json_response(self._store.behaviour.document())

    async def _put_behaviour(self, request: web.Request) -> web.Response:
        try:
            behaviour = read_behaviour(await _json(request))
        except ValueError as error:
            return _problem(str(error))
        self._store.set_behaviour(behaviour)
        return web.json_response(behaviour.document())

    async def _leaks(self, _: web.Request) -> web.Response:
        return web.json_response({"leaks": self._store.leaks()})

    async def _get_opted_out(self, _: web.Request) -> web.Response:
        return web.json_response({"opted_out": sorted(self._store.opted_out)})

    async def _opt_out(self, request: web.Request) -> web.Response:
        try:
            document = await _json(request)
        except ValueError as error:
            return _problem(str(error))
        number = document.get("phoneNumber") if isinstance(document, dict) else None
        if not isinstance(number, str) or answers.refusal(number, frozenset()) == HTTPStatus.FORBIDDEN:
            return _problem('The body must be {"phoneNumber": "+254..."}.')
        sender = max(self._senders - {answers.DEFAULT_SENDER}, default=answers.DEFAULT_SENDER)
        form = optout_form(number, sender)
        self._callbacks.schedule([self._store.opt_out(number, form)])
        return web.json_response(form)

    async def _opt_in(self, request: web.Request) -> web.Response:
        self._store.opt_in(request.match_info["number"])
        return web.Response(status=204)


def _respond(answer: Answer) -> web.Response:
    return web.Response(status=answer.status, body=answer.body, headers=answer.headers)


def _drop(request: web.Request) -> web.Response:
    """Closes the connection without a byte of an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _what_is_left(name: str, answer: Answer) -> Answer | None:
    """What arrives of an answer that is lost on its way; none where the connection ends without one."""
    match name:
        case "http503_after":
            return answers.plain(503)
        case "http504_after":
            return answers.html(504)
        case "garbage_after":
            return replace(answer, body=answer.body[: len(answer.body) // 2])
        case "html_after":
            return answers.html(answer.status)
        case "drip":
            return answer
    return None


async def _drip(request: web.Request, answer: Answer) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = len(answer.body)
    await response.prepare(request)
    try:
        for byte in answer.body:
            await response.write(bytes([byte]))
            await asyncio.sleep(_DRIP_SECONDS)
    except ConnectionError:
        return _drop(request)
    return response


async def _hang(request: web.Request) -> web.StreamResponse:
    """Keeps the connection without an answer until the caller gives up."""
    until = time.monotonic() + _HANG_SECONDS
    while request.transport is not None and not request.transport.is_closing() and time.monotonic() < until:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(_DRIP_SECONDS)
    return _drop(request)


@web.middleware
async def _as_akka(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Refuses in akka-http's words; keeps pages of other sites from using `/_sandbox/`."""
    origin = request.headers.get("Origin")
    if request.path.startswith("/_sandbox/") and origin is not None and origin != f"http://{request.host}":
        return _problem("This is for the sandbox's own page.", HTTPStatus.FORBIDDEN)
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as refused:
        methods = ", ".join(sorted(refused.allowed_methods))
        answer = answers.plain(405, f"HTTP method not allowed, supported methods: {methods}")
        return _respond(Answer(405, answer.body, {**answer.headers, "Allow": methods}))
    except web.HTTPException as refused:
        return _respond(answers.plain(refused.status))
    except ConnectionError:
        raise
    except Exception:
        log.exception("%s %s", request.method, request.path)
        return _respond(answers.plain(500))


async def _as_server(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "akka-http/10.2.10"


async def _json(request: web.Request) -> Any:
    """The body's JSON; ValueError with a sentence if it has none."""
    try:
        return json.loads(await request.read())
    except ValueError:
        raise ValueError("The body must be JSON.") from None


def _problem(detail: str, status: int = 400) -> web.Response:
    document = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return web.json_response(document, status=status, content_type="application/problem+json")


async def serve(config: Config) -> None:
    """Runs the sandbox on its port until SIGTERM or SIGINT."""
    config.state.mkdir(parents=True, exist_ok=True)
    for name in ("sms-api-key", "webhook-secret"):
        secret_line(config.state / name)
    store = SmsStore(config.state / "sms.sqlite3")
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    webhook_secret = config.state / "webhook-secret"
    async with Callbacks(store, config.api_url, lambda: secret_line(webhook_secret)) as callbacks:
        sandbox = Sandbox(config.state, store, callbacks, config.sms_sender)
        # Answers that hang or drip are cut off at once.
        trap, runner = (
            web.AppRunner(app, access_log=None, shutdown_timeout=0.1) for app in (sandbox.trap(), sandbox.app())
        )
        try:
            await trap.setup()
            await web.TCPSite(trap, "127.0.0.1", 0).start()
            # Another host by its name, though the same machine.
            sandbox.trap_url = f"http://localhost:{trap.addresses[0][1]}"
            await runner.setup()
            async with Port(runner, config.port + 2) as sandbox.port:
                await stopped.wait()
        finally:
            await runner.cleanup()
            await trap.cleanup()
    store.close()


if __name__ == "__main__":
    asyncio.run(serve(Config.from_environ()))
