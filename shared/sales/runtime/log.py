"""One JSON line per event, the request's id on each; what may be said is a list, so nothing personal slips in."""

import logging
from collections.abc import Callable
from functools import cache, wraps
from typing import TYPE_CHECKING, Any

from sales.domain.phones import mask
from sales.runtime.startup import at_start

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

__all__ = ["InvocationError", "about", "bind", "bound", "error", "exception", "guarded", "info", "prepare", "warning"]

# No token, body, name, e-mail or text is ever among these; a phone number is masked on its way in.
FIELDS = frozenset(
    {
        "action", "attempt", "cause", "code", "count", "customer_id", "duration_ms", "function", "kind",
        "message_id", "method", "order_id", "order_ids", "outcome", "phone_number", "reason", "remaining", "request_id", "route",
        "seconds", "sms_status", "state", "status",
    }
)  # fmt: skip
# What every line says besides its event.
_bound: dict[str, str] = {}


class InvocationError(Exception):
    """An invocation failed; its text is the kind of error it was, since Lambda logs it."""


@at_start
def _quiet_others() -> None:
    """Whoever is not us warns, and says no more.

    Lambda gives our level to the root logger, and on DEBUG botocore and urllib3 log what they send and get: names,
    numbers, the secrets themselves. Our own logger has a level of its own.
    """
    logging.getLogger().setLevel(logging.WARNING)


@cache
def _logger() -> "Logger":
    # Most requests log nothing, and need not pay for the import in their cold start.
    from aws_lambda_powertools import Logger

    # The level is Lambda's own setting where there is one (LoggingConfig), else LOG_LEVEL; never set twice.
    return Logger(service="sales", location=None, utc=True, use_rfc3339=True)


def _checked(fields: dict[str, Any]) -> dict[str, Any]:
    unknown = fields.keys() - FIELDS
    if unknown:
        raise TypeError(f"not a field that may be logged: {', '.join(sorted(unknown))}")
    if "phone_number" in fields:
        fields["phone_number"] = mask(str(fields["phone_number"]))
    return _bound | {name: value for name, value in fields.items() if value is not None}


def prepare() -> None:
    """Makes the logger, for a function that is sure to need it."""
    _logger()


def bind(request_id: str) -> None:
    """From now on every line carries this request id and nothing of the request before."""
    _bound.clear()
    _bound["request_id"] = request_id


def about(order_id: str) -> None:
    """From now on, and until the next request, every line carries this order's id."""
    _bound["order_id"] = order_id


def bound() -> dict[str, str]:
    """What every line carries now."""
    return dict(_bound)


def info(event: str, **fields: Any) -> None:
    """Something happened as it should. Raises TypeError for a field that may not be logged."""
    _logger().info(event, extra=_checked(fields))


def warning(event: str, **fields: Any) -> None:
    """Something to look at when there is more of it."""
    _logger().warning(event, extra=_checked(fields))


def error(event: str, **fields: Any) -> None:
    """Something a person must look at."""
    _logger().error(event, extra=_checked(fields))


def exception(event: str, raised: BaseException, **fields: Any) -> None:
    """An error with where it came from, but not what it says: exception texts quote numbers, keys and bodies."""
    import traceback
    from pathlib import Path

    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(raised.__traceback__)]
    _logger().error(event, extra=_checked(fields) | {"raised": type(raised).__name__, "at": places[-8:]})


def guarded[Event](handler: Callable[[Event, Any], Any]) -> Callable[[Event, Any], Any]:
    """For a handler that no HTTP answer stands before: what it raises is logged without what it says.

    It still fails, so that whoever invoked it tries again as the template has it; but of an exception that leaves a
    handler Lambda logs the text.
    """

    @wraps(handler)
    def run(event: Event, context: Any) -> Any:
        bind(context.aws_request_id)
        try:
            return handler(event, context)
        except Exception as raised:  # noqa: BLE001 - the boundary: nothing that it says may be logged
            exception("unexpected", raised)
            failed = InvocationError(type(raised).__name__)
        raise failed

    return run
