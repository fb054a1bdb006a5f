"""One JSON line per event, the request's id on each; what may be said is a list, so nothing personal slips in."""

from functools import cache
from typing import TYPE_CHECKING, Any

from sales.phones import mask

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

__all__ = ["about", "bind", "bound", "error", "exception", "info", "prepare", "warning"]

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
