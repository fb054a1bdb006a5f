"""The SMS sandbox's page: the recipients' phones with their texts, and the outcome of each.

The page is static (local/africastalking/page/). It polls `GET /_sandbox/phones` by ETag and shows what changed.
"""

import json
import secrets
from pathlib import Path
from typing import Any

from aiohttp import web

from local.africastalking.answers import MAGIC_PREFIX, STATUSES
from local.africastalking.behaviour import DELIVERIES, LOST
from local.africastalking.database import SandboxDatabase

__all__ = ["phones", "routes"]

_FILES = Path(__file__).parent / "page"
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# How many of the newest texts the page shows; `GET /_sandbox/messages` has all.
_NEWEST = 200


def routes(database: SandboxDatabase) -> list[web.RouteDef]:
    """Return the routes of the page, its files and its data."""
    # The count of changes starts again with each process.
    process = secrets.token_hex(4)

    async def data(request: web.Request) -> web.Response:
        tag = f'"{process}-{database.changes}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        body = json.dumps(phones(database)).encode()
        headers = {"Content-Type": "application/json", "ETag": tag, "Cache-Control": "no-cache"}
        return web.Response(body=body, headers=headers)

    def page(name: str) -> Any:
        async def serve(_: web.Request) -> web.FileResponse:
            return web.FileResponse(_FILES / name, headers=_HEADERS)

        return serve

    return [
        web.get("/_sandbox/phones", data),
        web.get("/", page("index.html")),
        *(web.get(f"/{name}", page(name)) for name in ("page.css", "page.js", "icon.svg")),
    ]


def phones(database: SandboxDatabase) -> dict[str, Any]:
    """Return everything the page shows: the phones, newest text first, and the behaviour."""
    opted_out = database.opted_out
    numbers: dict[str, list[dict[str, Any]]] = {}
    for message in reversed(database.messages(_NEWEST)):
        message["state"] = _state(message["delivery"])
        message["answer_lost"] = message["answer"] in LOST
        numbers.setdefault(message["to"], []).append(message)
    for number in sorted(opted_out):
        numbers.setdefault(number, [])
    return {
        "phones": [
            {"number": number, "opted_out": number in opted_out, "messages": messages}
            for number, messages in numbers.items()
        ],
        "newest": _NEWEST,
        "behaviour": database.behaviour.document(),
        "deliveries": list(DELIVERIES),
        "magic_numbers": [
            {"number": f"{MAGIC_PREFIX}{code}", "code": code, "status": status} for code, status in STATUSES.items()
        ],
    }


def _state(reports: list[dict[str, Any]]) -> str:
    """Return what a text's reports say so far: `delivered`, `undelivered`, `submitted` or `taken`."""
    statuses = {report["status"] for report in reports if report["genuine"] and report["tried_at"] is not None}
    if "Success" in statuses:
        return "delivered"
    if statuses & {"Failed", "Rejected", "AbsentSubscriber", "Expired"}:
        return "undelivered"
    return "submitted" if statuses else "taken"
