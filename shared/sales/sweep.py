"""The sweep: finds by the due index what nobody has looked after, and looks after it."""

import random
from collections import Counter
from collections.abc import Callable

from sales import clock
from sales.messages import Status
from sales.orders import DUE_SHARDS, Order
from sales.sending import GATEWAY_SECONDS, MARGIN_SECONDS, adopt, expire_lease, sender
from sales.store import message_of, store

__all__ = ["sweep"]

# What one look takes from a partition of the due index: enough to keep every thread busy, few enough that what is
# read is still true when its turn comes.
_LOOK = 100
# A report whose message nobody knows may belong to a text of the last hour; interim reports come within minutes.
_ADOPTION_SECONDS = 3600.0


def sweep(*, seconds_left: Callable[[], float]) -> Counter[str]:
    """Looks after everything that is due, as far as the time goes; how many ended in which state.

    Sweeps may overlap each other and the stream: each text is claimed before it is sent.
    """
    ended: Counter[str] = Counter()
    shards = [str(shard) for shard in range(DUE_SHARDS)]
    # Two sweeps at once should not walk in step.
    random.shuffle(shards)
    while shards and seconds_left() > GATEWAY_SECONDS + MARGIN_SECONDS:
        shards = [shard for shard in shards if _look(shard, ended, seconds_left)]
    return ended


def _look(shard: str, ended: Counter[str], seconds_left: Callable[[], float]) -> bool:
    """Looks after one round of a partition; whether another round is worth it."""
    ids = store().due(shard, clock.now(), _LOOK)
    if not ids:
        return False
    random.shuffle(ids)
    items, _, pause = store().for_sending(ids, [])
    orders = [Order.from_item(items[each]) for each in ids if each in items and "sms" in items[each]]
    for each in ids:
        if each.startswith("message#") and each in items:
            adopt(store(), message_of(items[each]), window_seconds=_ADOPTION_SECONDS)
            ended["reports"] += 1
    for order in orders:
        if order.sms.status is Status.sending:
            ended[expire_lease(store(), order).sms.status.value] += 1
    queued = [order for order in orders if order.sms.status is Status.queued]
    paused = pause is not None and pause.holds(clock.now())
    _, opted_out, _ = store().for_sending([], [order.customer_code for order in queued])
    states = sender().send_read(queued, opted_out, paused=paused, seconds_left=seconds_left)
    ended.update(states)
    # Paused, or at the end of the time: the rest stays due, and the next sweep finds it.
    return len(ids) == _LOOK and not states["left"]
