"""The SMS sandbox: stands in for Africa's Talking, on this machine only.

`POST /version1/messaging` answers as api.sandbox.africastalking.com does (local/sms_answers.py), never dedupes, and
keeps every text it takes (local/sms_store.py). `/_sandbox/` is for tests and for the page at `/`, which shows the
recipients' phones:

- `GET messages`: every text that was taken, oldest first, also those whose answer was lost.
- `GET, PUT behaviour`: how it answers and reports (local/sms_behaviour.py).
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
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from local import sms_answers as answers
from local import sms_phones
from local.config import Config
from local.secrets import secret_line
from local.sms_answers import Answer, Recipient
from local.sms_behaviour import LOST, Behaviour, read_behaviour
from local.sms_callbacks import Callbacks, optout_form, report_forms
from local.sms_store import Callback, SmsStore, Text
from sales.messages import measure

__all__ = ["Sandbox", "serve"]

_USERNAME = "sandbox"
_FORM = "application/x-www-form-urlencoded"
# akka-http's own limit.
_LARGEST_BODY = 8 * 1024 * 1024
_DRIP_SECONDS = 0.5
_HANG_SECONDS = 300

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

    def app(self) -> web.Application:
        """The sandbox's routes."""
        app = web.Application(client_max_size=_LARGEST_BODY, middlewares=[_as_akka])
        app.on_response_prepare.append(_as_server)
        app.add_routes(
            [
                web.get("/version1/messaging", self._inbox, allow_head=False),
                web.post("/version1/messaging", self._messaging),
                web.get("/_sandbox/messages", self._messages),
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

    # As Africa's Talking

    async def _messaging(self, request: web.Request) -> web.StreamResponse:
        name = self._store.next_answer()
        if name == "drop_before":
            return _drop(request)
        try:
            form = await self._read(request)
        except _RefusedError as refused:
            return _respond(refused.answer)
        behaviour = self._store.behaviour
        answer, reports = self._take(name, form, behaviour)
        if behaviour.delivery == "before_answer":
            for report in reports:
                await self._callbacks.post(report)
        else:
            self._callbacks.schedule(reports)
        await asyncio.sleep(behaviour.latency_ms / 1000)
        return await _lose(request, name, answer) if answer.taken and name in LOST else _respond(answer)

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

    def _take(self, name: str, form: dict[str, str], behaviour: Behaviour) -> tuple[Answer, list[Callback]]:
        """Records the texts that are taken, and what to answer; the reports now due."""
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
        size = measure(form["message"])
        queued = 101 if form.get("enqueue") == "0" else 102
        recipients = []
        for number in form["to"].split(","):
            status = int(code) if code else answers.refusal(number, self._store.opted_out) or queued
            taken = status in answers.ACCEPTED
            recipients.append(
                Recipient(number, status, answers.new_message_id() if taken else None, size.segments if taken else 0)
            )
        answered_at = time.time() + behaviour.latency_ms / 1000
        texts = []
        for recipient in recipients:
            if recipient.message_id is None:
                continue
            text = Text(
                recipient.message_id,
                recipient.number,
                form["message"],
                sender,
                name,
                size.segments,
                size.encoding,
                answers.cost(size.segments),
            )
            delay = behaviour.delivery_delay_ms / 1000
            forms = report_forms(recipient.message_id, recipient.number, behaviour.delivery)
            texts.append((text, [(fields, answered_at + part * delay) for fields, part in forms]))
        return answers.answer(recipients), self._store.record(texts)

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


async def _lose(request: web.Request, name: str, answer: Answer) -> web.StreamResponse:
    """Gives a good answer so that it does not arrive in one piece."""
    if name == "http503_after":
        return _respond(answers.plain(503))
    if name == "garbage_after":
        return _respond(Answer(answer.status, answer.body[: len(answer.body) // 2], answer.headers))
    if name == "drip":
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
    if name == "hang_after":
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
    async with Callbacks(store, config.gateway_url, lambda: secret_line(webhook_secret)) as callbacks:
        sandbox = Sandbox(config.state, store, callbacks, config.sms_sender)
        # Answers that hang or drip are cut off at once.
        runners = [web.AppRunner(app, access_log=None, shutdown_timeout=0.1) for app in (sandbox.trap(), sandbox.app())]
        try:
            for runner, port in zip(runners, (0, config.port + 2), strict=True):
                await runner.setup()
                await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
            sandbox.trap_url = f"http://127.0.0.1:{runners[0].addresses[0][1]}"
            await stopped.wait()
        finally:
            for runner in runners:
                await runner.cleanup()
    store.close()


if __name__ == "__main__":
    asyncio.run(serve(Config.from_environ()))
