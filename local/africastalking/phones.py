"""The SMS sandbox's page: the recipients' phones with their texts, and what became of each.

The page is static (local/africastalking/page/); it reads `GET /_sandbox/phones` again and again, by ETag, and shows what changed.
"""

import json
import secrets
from pathlib import Path
from typing import Any

from aiohttp import web

from local.africastalking.answers import MAGIC_PREFIX, STATUSES
from local.africastalking.behaviour import DELIVERIES, LOST
from local.africastalking.database import SmsStore

__all__ = ["phones", "routes"]

_FILES = Path(__file__).parent / "page"
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# Texts on the page, the newest; `GET /_sandbox/messages` has all.
_NEWEST = 200


def routes(store: SmsStore) -> list[web.RouteDef]:
    """The page, its files and its data."""
    # Counts of changes start again with the process.
    process = secrets.token_hex(4)

    async def data(request: web.Request) -> web.Response:
        tag = f'"{process}-{store.changes}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        body = json.dumps(phones(store)).encode()
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


def phones(store: SmsStore) -> dict[str, Any]:
    """Everything the page shows: phones, the one with the newest text first, and the behaviour."""
    opted_out = store.opted_out
    numbers: dict[str, list[dict[str, Any]]] = {}
    for message in reversed(store.messages(_NEWEST)):
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
        "behaviour": store.behaviour.document(),
        "deliveries": list(DELIVERIES),
        "magic_numbers": [
            {"number": f"{MAGIC_PREFIX}{code}", "code": code, "status": status} for code, status in STATUSES.items()
        ],
    }


def _state(reports: list[dict[str, Any]]) -> str:
    """What a text's reports have said so far: `delivered`, `undelivered`, `submitted` or `taken`."""
    said = {report["status"] for report in reports if report["genuine"] and report["tried_at"] is not None}
    if "Success" in said:
        return "delivered"
    if said & {"Failed", "Rejected", "AbsentSubscriber", "Expired"}:
        return "undelivered"
    return "submitted" if said else "taken"
