"""Logs one JSON line per event, each with the request id; an allow-list of fields keeps personal data out.

The audit trail is part of the log: one line for each change and each export that a caller or a webhook asks for.
"""

import json
import logging
import sys
from collections.abc import Callable, Sequence
from functools import cache, wraps
from typing import TYPE_CHECKING, Any

from sales.domain.phones import mask
from sales.runtime.settings import log_level
from sales.runtime.startup import at_start

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from sales.domain.caller import Caller

__all__ = [
    "InvocationError", "about", "act_as", "audit", "bind", "bound", "error", "exception", "guarded", "info", "prepare", "warning",
]  # fmt: skip

# Never a token, body, name, e-mail address or text; a phone number is masked before it is logged. `secret` is the name of a
# secret, as the template's parameters have it, never its value. `actor` is a person of the shop, as `Caller` names them.
FIELDS = frozenset(
    {
        "action", "actor", "attempt", "balance", "cause", "client", "client_request_id", "code", "count", "customer_id",
        "customer_ids", "duration_ms", "function", "kind", "message_id", "method", "order_id", "order_ids", "outcome",
        "phone_number", "reason", "remaining", "replayed", "request_id", "route", "seconds", "secret", "sms_status", "state",
        "status", "version",
    }
)  # fmt: skip
_NAME = "sales"
# Fields on every line.
_bound: dict[str, Any] = {}
# The actor and the client, for the audit trail only.
_acting: dict[str, str] = {}


class InvocationError(Exception):
    """An invocation failed. Lambda logs the message, so it is only the type of the exception."""


@at_start
def _quiet_others() -> None:
    """Let libraries log only warnings and errors.

    Lambda gives the root logger the level of its LoggingConfig, and at DEBUG botocore and urllib3 log what they send and
    receive: names, numbers, even secrets. Our own logger keeps its own level.
    """
    logging.getLogger().setLevel(logging.WARNING)


@cache
def _logger() -> "Logger":
    # Most requests log nothing, so their cold start does not pay for the import.
    from aws_lambda_powertools import Logger

    logger = Logger(service=_NAME, location=None, utc=True, use_rfc3339=True)
    # Not through Powertools, which lets the level of Lambda's LoggingConfig win. That one stays INFO, for the metrics.
    logging.getLogger(_NAME).setLevel(log_level())
    return logger


def _checked(fields: dict[str, Any]) -> dict[str, Any]:
    unknown = fields.keys() - FIELDS
    if unknown:
        raise TypeError(f"not a field that may be logged: {', '.join(sorted(unknown))}")
    if "phone_number" in fields:
        fields["phone_number"] = mask(str(fields["phone_number"]))
    return _bound | {name: value for name, value in fields.items() if value is not None}


def prepare() -> None:
    """Create the logger at the start of a function that always logs."""
    _logger()


def bind(request_id: str, client_request_id: str | None = None) -> None:
    """Put the request's id, and the one that its client gave it, on every line from now on; forget the last request."""
    _bound.clear()
    _acting.clear()
    _bound["request_id"] = request_id
    if client_request_id is not None:
        _bound["client_request_id"] = client_request_id


def about(
    *, order_id: str | None = None, customer_id: str | None = None, customer_ids: Sequence[str] | None = None
) -> None:
    """Put the ids of what the request is about on every line until the next request."""
    if customer_ids is not None and len(customer_ids) == 1:
        customer_id, customer_ids = customer_ids[0], None
    ids = {"order_id": order_id, "customer_id": customer_id, "customer_ids": customer_ids or None}
    _bound.update((name, value) for name, value in ids.items() if value is not None)


def act_as(caller: "Caller") -> None:
    """Name who acts in the audit trail until the next request."""
    _acting.update(actor=caller.actor, client=caller.client)


def audit(action: str, status: int, **fields: Any) -> None:
    """Write a line of the audit trail: who asked for this action, about what, and the status that it was answered with.

    LOG_LEVEL does not filter it, and it looks like the logger's lines without loading the logger: each change would pay
    for the import. Raise TypeError for a field that is not in FIELDS.
    """
    # Late: functions that only read write no audit lines.
    from sales.domain import clock

    line = {"level": "INFO", "message": "audit", "timestamp": clock.format_time(clock.now()), "service": _NAME}
    acting = {name: value for name, value in _acting.items() if value}
    entry = line | _checked({"action": action, **acting, "status": status, **fields})
    # One write per line, as for metrics.
    sys.stdout.write(json.dumps(entry, separators=(",", ":")) + "\n")


def bound() -> dict[str, Any]:
    """Return the fields that every line has now."""
    return dict(_bound)


def info(event: str, **fields: Any) -> None:
    """Log a normal event. Raise TypeError for a field that is not in FIELDS."""
    _logger().info(event, extra=_checked(fields))


def warning(event: str, **fields: Any) -> None:
    """Log an event that matters if it happens often."""
    _logger().warning(event, extra=_checked(fields))


def error(event: str, **fields: Any) -> None:
    """Log an event that a person must look at."""
    _logger().error(event, extra=_checked(fields))


def exception(event: str, raised: BaseException, **fields: Any) -> None:
    """Log an exception's type and location, never its message: it may quote numbers, keys and bodies."""
    import traceback
    from pathlib import Path

    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(raised.__traceback__)]
    _logger().error(event, extra=_checked(fields) | {"raised": type(raised).__name__, "at": places[-8:]})


def guarded[Event](handler: Callable[[Event, Any], Any]) -> Callable[[Event, Any], Any]:
    """Wrap a handler that isn't behind HTTP.

    Log an exception's type and location, never its message (it may quote customer data), then fail the invocation with
    InvocationError so that Lambda retries it. Lambda would log the message of any exception that leaves the handler.
    """

    @wraps(handler)
    def run(event: Event, context: Any) -> Any:
        bind(context.aws_request_id)
        try:
            return handler(event, context)
        except Exception as raised:  # noqa: BLE001 - the boundary: its message may not be logged
            exception("unexpected", raised)
            failed = InvocationError(type(raised).__name__)
        raise failed

    return run
