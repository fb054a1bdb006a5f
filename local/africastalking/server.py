"""The SMS sandbox: stands in for Africa's Talking, on this machine only.

`POST /version1/messaging` answers as api.sandbox.africastalking.com does (answers.py), never deduplicates, and stores every
text that it accepts (database.py). `GET /version1/user` answers as a paid account does, with the balance. `/_sandbox/`
(control.py) is for tests and for the page at `/`, which shows the
recipients' phones.

The user name is `sandbox`; the API key is the line in `.local/sms-api-key`, created if it is missing.
"""

import asyncio
import logging
import secrets
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import parse_qsl

from aiohttp import web

from local.africastalking import answers, phones
from local.africastalking.answers import Recipient, Reply
from local.africastalking.behaviour import LOST, Behaviour
from local.africastalking.callbacks import Callbacks, reports
from local.africastalking.control import Control
from local.africastalking.database import Message, NewCallback, SandboxDatabase, SendRequest
from local.africastalking.port import Port
from local.config import Config
from local.guard import Guard
from local.private_files import make_folder, secret_line
from sales.domain.sms.segments import Content, measure

__all__ = ["Sandbox", "serve"]

_USERNAME = "sandbox"
_FORM = "application/x-www-form-urlencoded"
# akka-http's own limit.
_LARGEST_BODY = 8 * 1024 * 1024
_DRIP_SECONDS = 0.5
_HANG_SECONDS = 300
_REDACTED = "(redacted)"

log = logging.getLogger(__name__)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _RefusedError(Exception):
    """The request is refused, whatever the behaviour says."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class Sandbox:
    """Africa's Talking's sandbox, over HTTP. `trap_url` is the target of the answer `redirect`."""

    def __init__(self, config: Config, database: SandboxDatabase, callbacks: Callbacks) -> None:
        self._state = config.state
        self._guard = Guard(config.ports, lambda path: path == "/")
        self._database = database
        self._callbacks = callbacks
        self._senders = {answers.DEFAULT_SENDER, config.sms_sender} - {""}
        self.control = Control(database, callbacks, config.sms_sender or answers.DEFAULT_SENDER, config.default_country)
        self.trap_url = ""

    def app(self) -> web.Application:
        """Return the sandbox's routes."""
        app = web.Application(
            client_max_size=_LARGEST_BODY, middlewares=[self._guard.middleware(), self._last, _as_akka]
        )
        app.on_response_prepare.append(_as_server)
        app.add_routes(
            [
                web.get("/version1/messaging", self._inbox, allow_head=False),
                web.post("/version1/messaging", self._messaging),
                web.get("/version1/user", self._user, allow_head=False),
                *self.control.routes(),
                *phones.routes(self._database),
            ]
        )
        return app

    def trap(self) -> web.Application:
        """Return the target of the answer `redirect`: it accepts nothing, and records what it was sent."""
        app = web.Application(client_max_size=_LARGEST_BODY, middlewares=[Guard().middleware(), _as_akka])
        app.router.add_route("*", "/{anything:.*}", self._trapped)
        return app

    @web.middleware
    async def _last(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Close the connection after each answer during an outage, so that old connections end, too."""
        response = await handler(request)
        if self.control.port and self.control.port.refuses and not response.prepared:
            response.force_close()
        return response

    # As Africa's Talking

    async def _messaging(self, request: web.Request) -> web.StreamResponse:
        name = self._database.next_answer()
        headers = {
            header: _REDACTED if header.lower() == "apikey" else value for header, value in request.headers.items()
        }
        try:
            form = await self._read(request)
        except _RefusedError as refused:
            dropped = name == "drop_before"
            self._database.record(SendRequest(name, None if dropped else refused.reply.status, headers))
            return _drop(request) if dropped else _respond(refused.reply)
        size = measure(form["message"])
        if name == "drop_before":
            self._database.record(SendRequest(name, None, headers, form, size.segments))
            return _drop(request)
        behaviour = self._database.behaviour
        full, messages = self._take(name, form, size, behaviour)
        lost = full.taken and name in LOST
        reply = _remains(name, full) if lost else full
        send_request = SendRequest(name, reply.status if reply else None, headers, form, size.segments)
        reports = self._database.record(send_request, messages)
        if behaviour.delivery == "before_answer":
            for report in reports:
                await self._callbacks.post(report)
        else:
            self._callbacks.schedule(reports)
        await asyncio.sleep(behaviour.latency_ms / 1000)
        if reply is None:
            return await _hang(request) if name == "hang_after" else _drop(request)
        return await _drip(request, reply) if lost and name == "drip" else _respond(reply)

    async def _read(self, request: web.Request) -> dict[str, str]:
        """Return the form of a request that may send. Raise _RefusedError."""
        self._check_key(request)
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

    def _check_key(self, request: web.Request) -> None:
        key = request.headers.get("apiKey")
        if key is None:
            raise _RefusedError(answers.UNAUTHENTICATED)
        if not secrets.compare_digest(key.encode(errors="replace"), secret_line(self._state / "sms-api-key").encode()):
            raise _RefusedError(answers.WRONG_KEY)

    def _take(
        self, name: str, form: dict[str, str], size: Content, behaviour: Behaviour
    ) -> tuple[Reply, list[tuple[Message, list[NewCallback]]]]:
        """Return the reply, and the messages that it accepts, each with its reports."""
        kind, _, code = name.partition(":")
        sender = form.get("from", answers.DEFAULT_SENDER)
        if kind == "http":
            return answers.plain(int(code)), []
        if kind == "redirect":
            return Reply(307, b"", {"Location": f"{self.trap_url}/version1/messaging"}), []
        if kind == "bad_key":
            return answers.WRONG_KEY, []
        if kind == "bad_sender" or sender not in self._senders:
            return answers.INVALID_SENDER, []
        queued = 101 if form.get("enqueue") == "0" else 102
        recipients = []
        balance = self._database.balance
        for number in form["to"].split(","):
            status = int(code) if code else answers.refusal(number, self._database.opted_out) or queued
            if not code and status == queued and not balance.covers(size.segments):
                status = answers.INSUFFICIENT_BALANCE
            taken = status in answers.ACCEPTED
            if taken:
                balance = balance.less(size.segments)
            recipients.append(
                Recipient(number, status, answers.new_message_id() if taken else None, size.segments if taken else 0)
            )
        answered_at = time.time() + behaviour.latency_ms / 1000
        delay = behaviour.delivery_delay_ms / 1000
        messages = [
            (
                Message(
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
        reply = answers.reply(recipients, live=behaviour.live)
        if name == "accept_charset":
            reply = replace(reply, headers={"Content-Type": "application/json; charset=UTF-8"})
        return reply, messages

    async def _inbox(self, request: web.Request) -> web.StreamResponse:
        """Return the incoming messages: an empty list. Outgoing ones cannot be listed."""
        inbox = Reply(200, b'{"SMSMessageData":{"Messages":[]}}', {"Content-Type": "application/json"})
        return _respond(self._refusal(request) or inbox)

    async def _user(self, request: web.Request) -> web.StreamResponse:
        """Return the account's balance, whatever the behaviour: only texts use up its script."""
        return _respond(self._refusal(request) or answers.account(self._database.balance))

    def _refusal(self, request: web.Request) -> Reply | None:
        """Return what refuses a request to read, or None."""
        if "username" not in request.query:
            return answers.plain(404, "Request is missing required query parameter 'username'")
        try:
            self._check_key(request)
        except _RefusedError as refused:
            return refused.reply
        return None if request.query["username"] == _USERNAME else answers.WRONG_KEY

    async def _trapped(self, request: web.Request) -> web.StreamResponse:
        self._database.leaked(api_key="apiKey" in request.headers, body=bool(await request.read()))
        return _respond(answers.plain(404))


def _respond(reply: Reply) -> web.Response:
    return web.Response(status=reply.status, body=reply.body, headers=reply.headers)


def _drop(request: web.Request) -> web.Response:
    """Close the connection without sending a byte."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _remains(name: str, reply: Reply) -> Reply | None:
    """Return what arrives of a lost answer; None if the connection ends without one."""
    match name:
        case "http503_after":
            return answers.plain(503)
        case "http504_after":
            return answers.html(504)
        case "garbage_after":
            return replace(reply, body=reply.body[: len(reply.body) // 2])
        case "html_after":
            return answers.html(reply.status)
        case "drip":
            return reply
    return None


async def _drip(request: web.Request, reply: Reply) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    response.content_length = len(reply.body)
    await response.prepare(request)
    try:
        for byte in reply.body:
            await response.write(bytes([byte]))
            await asyncio.sleep(_DRIP_SECONDS)
    except ConnectionError:
        return _drop(request)
    return response


async def _hang(request: web.Request) -> web.StreamResponse:
    """Keep the connection open without an answer until the caller gives up."""
    until = time.monotonic() + _HANG_SECONDS
    while request.transport is not None and not request.transport.is_closing() and time.monotonic() < until:  # noqa: ASYNC110 - no event says so
        await asyncio.sleep(_DRIP_SECONDS)
    return _drop(request)


@web.middleware
async def _as_akka(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Refuse in akka-http's words."""
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as refused:
        methods = ", ".join(sorted(refused.allowed_methods))
        reply = answers.plain(405, f"HTTP method not allowed, supported methods: {methods}")
        return _respond(Reply(405, reply.body, {**reply.headers, "Allow": methods}))
    except web.HTTPException as refused:
        return _respond(answers.plain(refused.status))
    except ConnectionError:
        raise
    except Exception:
        log.exception("%s %s", request.method, request.path)
        return _respond(answers.plain(500))


async def _as_server(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "akka-http/10.2.10"


async def serve(config: Config) -> None:
    """Serve the sandbox on its port until SIGTERM or SIGINT."""
    make_folder(config.state)
    for name in ("sms-api-key", "webhook-secret"):
        secret_line(config.state / name)
    database = SandboxDatabase(config.state / "sms.sqlite3")
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    webhook_secret = config.state / "webhook-secret"
    async with Callbacks(database, config.api_url, lambda: secret_line(webhook_secret)) as callbacks:
        sandbox = Sandbox(config, database, callbacks)
        # Cut off answers that hang or drip.
        trap, runner = (
            web.AppRunner(app, access_log=None, shutdown_timeout=0.1) for app in (sandbox.trap(), sandbox.app())
        )
        try:
            await trap.setup()
            await web.TCPSite(trap, "127.0.0.1", 0).start()
            # Another host name for the same machine.
            sandbox.trap_url = f"http://localhost:{trap.addresses[0][1]}"
            await runner.setup()
            async with Port(runner, config.port + 2) as sandbox.control.port:
                await stopped.wait()
        finally:
            await runner.cleanup()
            await trap.cleanup()
    database.close()


if __name__ == "__main__":
    asyncio.run(serve(Config.from_environ()))
