"""What bench/latency.py found, as pages."""

import os
from pathlib import Path
from typing import Any

from bench.report import embed, table

Found = dict[str, Any]
_ORIGINAL = "Django as the original does it"
_DURABLE = (
    "Eight clients, each asking as fast as it is answered. All of these are durable: PostgreSQL and the store put each "
    "commit on the disk before they answer, but for the row that says otherwise."
)
_CROWD = (
    "A crowd of 128 clients creates orders. Ours answers before the text goes out; the original sends it in the request. "
    "Texts out: until the last text was taken, delivered: until the last report was written down, both from the first "
    "request on, so what is only put off is not gained."
)


def _requests(found: Found) -> str:
    """Requests a second, each asking as fast as it is answered."""
    ours = found["ours"]
    rows = [["`make run`", "yes", "yes", f"{ours['create_order']:.0f}", f"{ours['list_orders']:.0f}"]]
    if "django" in found:
        bare = found["django"]["bare"]
        title = f"Django REST Framework, gunicorn, {found['database']}, bare"
        rows.append([title, "no", "no", f"{bare['create_order']:.0f}", f"{bare['list_orders']:.0f}"])
    for where, each in found["store"].items():
        title = "the store alone" + (", its file in memory" if where == "memory" else "")
        rows.append([f"{title}: the one write, raw", "no", "no", f"{each['rate']:.0f}", "-"])
    return table(["", "token verified", "text sent", "create_order", "list_orders (25)"], rows)


def _gateways(found: Found) -> str:
    """Orders answered, texts out and known to be delivered, a second, by how long the SMS gateway takes."""
    sides = [("`make run`", found["gateway"])]
    if "django" in found:
        for kind, title in (("few", "2 x 4 threads"), ("many", "2 x 64 threads")):
            sides.append((f"{_ORIGINAL}, {title}", found["django"][kind]))
    kinds = ("answered", "texts_rate", "delivered_rate")
    rows = [
        [title, *(" / ".join(f"{each[kind]:.0f}" for kind in kinds) for each in side.values())] for title, side in sides
    ]
    return table(["answered / texts out / delivered, a second", *(f"gateway {ms} ms" for ms in found["gateway"])], rows)


def _shares(found: Found) -> str:
    took = found["processor"]["ms"]
    rows = [[kind, f"{took[kind]:.1f}"] for kind in sorted(took, key=lambda kind: -took[kind]) if took[kind] >= 0.1]
    return table(["process", "ms"], [*rows, ["**all**", f"**{sum(took.values()):.1f}**"]])


def _limit(found: Found) -> str:
    """What an order takes, and how often this machine has that."""
    total = sum(found["processor"]["ms"].values())
    cores = os.cpu_count() or 1
    writes, store = found["processor"]["writes"], found["store"]["disk"]
    text = f"An order, its text and both delivery reports take {total:.1f} ms of {cores} processors: {cores * 1000 / total:.0f} a second at most."
    if writes:
        text += (
            f" The store writes {writes:.1f} times for it, {store['ms']:.1f} ms of processor time each when it does "
            f"nothing else, and takes {store['rate']:.0f} such writes a second: {store['rate'] / writes:.0f} orders."
        )
    return text


def summary(found: Found) -> str:
    """For bench/README.md."""
    worst = found["texts"][-1]
    idle = sum(found["idle_memory"].values())
    return "\n\n".join(
        (
            f"Measured {found['date']}, {found['machine']}; the clients share its processors.",
            (
                f"Order to text at {worst['asked_rate']} orders/s: p50 {worst['text_p50'] * 1000:.0f} ms, p99 "
                f"{worst['text_p99'] * 1000:.0f} ms. Idle memory: {idle:.0f} MB. Second start: {found['second_start']:.1f} s."
            ),
            _requests(found),
            _gateways(found),
            _limit(found),
        )
    )


def page(found: Found) -> str:
    """The results as Markdown."""
    columns = ("answer_p50", "answer_p99", "stream_p50", "stream_p99", "text_p50", "text_p99", "text_max")
    texts = [
        [each["asked_rate"], f"{each['rate']:.1f}", each["orders"], *(f"{each[name]:.3f}" for name in columns)]
        for each in found["texts"]
    ]
    head = ["asked orders/s", "orders/s", "orders", *(name.replace("_", " ") for name in columns)]
    idle, busy = found["idle_memory"], found["busy_memory"]
    weights = [[name, f"{idle.get(name, 0):.0f}", f"{busy.get(name, 0):.0f}"] for name in sorted({*idle, *busy})]
    weights.append(["**all**", f"**{sum(idle.values()):.0f}**", f"**{sum(busy.values()):.0f}**"])
    return "\n\n".join(
        (
            "# The whole system on one machine",
            f"Written by `make bench-latency`: {found['date']}, {found['machine']}. The clients share its cores.",
            "## From order to text",
            "Seconds from sending the order's request to the sandbox taking its text.",
            table(head, texts),
            "## Requests a second",
            _DURABLE,
            _requests(found),
            "## With an SMS gateway that takes its time",
            _CROWD,
            _gateways(found),
            "## Processor time of an order",
            "In ms, on a system that had nothing else to do; its text and both delivery reports included.",
            _shares(found),
            _limit(found),
            "## Memory",
            "Megabytes (proportional set size).",
            table(["process", "idle", "after the load"], weights),
            f"Start: {found['first_start']:.1f} s the first time, {found['second_start']:.1f} s the second.\n",
        )
    )


def write(found: Found, folder: Path) -> None:
    """Writes latency.md into the folder, and the summary into README.md beside it."""
    (folder / "latency.md").write_text(page(found))
    embed("latency", summary(found))
