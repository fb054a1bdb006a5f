"""The schedule: takes care of what the stream lost, a crash left behind, or the provider refused for now."""

from typing import Any

from sales.runtime import log
from sales.runtime.startup import started
from sales.services.sms.sweep import sweep


@started
@log.guarded
def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Send what is due, turn leases that ran out into `unknown`, and match orphaned delivery reports.

    The event may say which `part` of how many `parts` this sweep is.
    """
    ended = sweep(
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
        part=event.get("part", 0),
        parts=event.get("parts", 1),
    )
    if ended:
        log.info("sweep", count=dict(ended))
    return dict(ended)
