"""The schedule: whatever the stream lost, a crash left behind, or the gateway refused for now."""

from typing import Any

from sales.runtime import log
from sales.runtime.startup import started
from sales.services.sweep import sweep


@started
@log.guarded
def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Sends what is due, turns leases that ran out into `unknown`, and finds the text of a report nobody knew.

    The event may say which `part` of how many `parts` this sweep is.
    """
    found = sweep(
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
        part=event.get("part", 0),
        parts=event.get("parts", 1),
    )
    if found:
        log.info("sweep", count=dict(found))
    return dict(found)
