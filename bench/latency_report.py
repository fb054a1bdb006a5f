"""Write what bench/latency.py measured as Markdown."""

import os
from pathlib import Path
from typing import Any

from bench.report import embed, table

Measured = dict[str, Any]
_ORIGINAL = "Django as the original does it"
_DURABLE = (
    "Eight clients, each asking as fast as it is answered. All are durable unless the row says otherwise: PostgreSQL and "
    "the store write each commit to disk before they answer."
)
_CROWD = (
    "A crowd of 128 clients creates orders. Ours answers before the text goes out; the original sends it within the request. "
    "Texts sent counts until the last text, delivered until the last report was stored, both from the first request, so "
    "sending later gains nothing."
)


def _requests(found: Measured) -> str:
    """Return requests per second, each client asking as fast as it is answered."""
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


def _providers(found: Measured) -> str:
    """Return orders answered, texts sent and texts known to be delivered per second, by the provider's latency."""
    sides = [("`make run`", found["gateway"])]
    if "django" in found:
        for kind, title in (("few", "2 x 4 threads"), ("many", "2 x 64 threads")):
            sides.append((f"{_ORIGINAL}, {title}", found["django"][kind]))
    kinds = ("answered", "texts_rate", "delivered_rate")
    rows = [
        [title, *(" / ".join(f"{each[kind]:.0f}" for kind in kinds) for each in side.values())] for title, side in sides
    ]
    return table(
        ["answered / texts sent / delivered, per second", *(f"provider {ms} ms" for ms in found["gateway"])], rows
    )


def _shares(found: Measured) -> str:
    took: dict[str, float] = found["processor"]["ms"]
    rows = [[kind, f"{took[kind]:.1f}"] for kind in sorted(took, key=lambda kind: -took[kind]) if took[kind] >= 0.1]
    return table(["process", "ms"], [*rows, ["**all**", f"**{sum(took.values()):.1f}**"]])


def _limit(found: Measured) -> str:
    """Return what an order costs, and how many of them this machine can afford."""
    total = sum(found["processor"]["ms"].values())
    cores = os.cpu_count() or 1
    writes, store = found["processor"]["writes"], found["store"]["disk"]
    text = f"An order, its text and both delivery reports cost {total:.1f} ms of processor time; {cores} processors do at most {cores * 1000 / total:.0f} per second."
    if writes:
        text += (
            f" The store writes {writes:.1f} times per order, at {store['ms']:.1f} ms of processor time each when it does "
            f"nothing else, and can do {store['rate']:.0f} such writes per second: {store['rate'] / writes:.0f} orders."
        )
    return text


def summary(found: Measured) -> str:
    """Return the part of bench/README.md."""
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
            _providers(found),
            _limit(found),
        )
    )


def page(found: Measured) -> str:
    """Return the page."""
    columns = ("answer_p50", "answer_p99", "stream_p50", "stream_p99", "text_p50", "text_p99", "text_max")
    texts = [
        [each["asked_rate"], f"{each['rate']:.1f}", each["orders"], *(f"{each[name]:.3f}" for name in columns)]
        for each in found["texts"]
    ]
    head = ["target orders/s", "orders/s", "orders", *(name.replace("_", " ") for name in columns)]
    idle, busy = found["idle_memory"], found["busy_memory"]
    weights = [[name, f"{idle.get(name, 0):.0f}", f"{busy.get(name, 0):.0f}"] for name in sorted({*idle, *busy})]
    weights.append(["**all**", f"**{sum(idle.values()):.0f}**", f"**{sum(busy.values()):.0f}**"])
    return "\n\n".join(
        (
            "# The whole system on one machine",
            f"Written by `make bench-latency`: {found['date']}, {found['machine']}. The clients share its cores.",
            "## From order to text",
            "Seconds from sending the order's request until the sandbox receives its text.",
            table(head, texts),
            "## Requests per second",
            _DURABLE,
            _requests(found),
            "## With a slow provider",
            _CROWD,
            _providers(found),
            "## Processor time per order",
            "In ms, on a system that does nothing else, including the text and both delivery reports.",
            _shares(found),
            _limit(found),
            "## Memory",
            "Megabytes (proportional set size).",
            table(["process", "idle", "after the load"], weights),
            f"Start: {found['first_start']:.1f} s the first time, {found['second_start']:.1f} s the second.\n",
        )
    )


def write(found: Measured, folder: Path) -> None:
    """Write latency.md into the folder, and the summary into bench/README.md."""
    (folder / "latency.md").write_text(page(found))
    embed("latency", summary(found))
