"""Write what bench/fast.py measured as tables and a plot, ratios first."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from bench.report import embed, table

Results = dict[str, Any]
# A function of at most this many bytes, zipped, counts as small.
SMALL = 5000
_COLOURS = {"create_customer": "#4477aa", "create_order": "#66ccee", "list_orders": "#228833", "send_sms": "#ccbb44"}


def functions(found: Results) -> list[str]:
    """Return the measured functions, in the order of the first contestant."""
    return [name for name in _COLOURS if name in found["results"]["a"]]


def _figures(found: Results, key: str, kind: str, show: Callable[[float, float], str]) -> list[str]:
    """Return one figure for each function, or a dash if the contestant has none."""
    shown = []
    for name in functions(found):
        value = found["results"][key].get(name, {}).get(kind)
        base = found["results"]["a"][name].get(kind)
        shown.append("-" if value is None or base is None else show(value, base))
    return shown


def _ratio(value: float, base: float) -> str:
    return f"{value / base:.2f}"


def ratios(found: Results) -> str:
    """Return all ratios to (a)."""
    rows = []
    for key, contestant in found["contestants"].items():
        figures = found["results"][key]["create_order"]
        memory = figures.get("memory", figures["cold_memory"])
        base = found["results"]["a"]["create_order"]
        instructions = figures.get("instructions")
        rows.append(
            [
                f"**{key}**" if key == "c" else key,
                contestant["title"],
                " / ".join(_figures(found, key, "cold_ratio", _ratio)),
                " / ".join(_figures(found, key, "warm_cpu", _ratio)),
                f"{instructions / base['instructions']:.2f}" if instructions else "-",
                f"{memory / base.get('memory', base['cold_memory']):.2f}",
                f"{contestant['zipped'] / found['contestants']['a']['zipped']:.2f}",
            ]
        )
    names = " / ".join(functions(found))
    header = ["", "contestant", f"cold CPU: {names}", "warm CPU: the same", "instructions, cold create_order"]
    return table([*header, "peak memory", "zipped"], rows)


def _milliseconds(value: float, _: float) -> str:
    return f"{value * 1000:.1f}"


def _plain(value: float, _: float) -> str:
    return f"{value:g}"


def absolute(found: Results) -> str:
    """Return milliseconds, megabytes and capacity units, per function."""
    parts = []
    kinds = ("init_cpu", "init_wall", "first_cpu", "first_wall", "warm_cpu", "warm_p99", "warm_wall")
    for name in functions(found):
        rows = []
        for key in found["contestants"]:
            if name not in found["results"][key]:
                continue
            index = functions(found).index(name)
            figures = found["results"][key][name]
            memory = figures.get("memory", figures["cold_memory"]) / 1e6
            store = [_figures(found, key, kind, _plain)[index] for kind in ("round_trips", "read_units", "write_units")]
            if "statements" in figures:
                # A database server costs by the hour and has no units.
                store = [f"{figures['statements']} SQL", "n/a", "n/a"]
            times = [_figures(found, key, kind, _milliseconds)[index] for kind in kinds]
            rows.append([key, *times, f"{memory:.0f}", *store])
        header = ["", "init CPU", "wall", "first request CPU", "wall", "warm CPU p50", "p99", "wall p50", "peak MB"]
        parts.append(f"### {name}\n\n{table([*header, 'round trips', 'read units', 'write units'], rows)}\n")
    sizes = [
        [key, each["title"], f"{each['zipped'] / 1e6:.1f}", f"{each['unzipped'] / 1e6:.1f}"]
        for key, each in found["contestants"].items()
    ]
    header = ["", "contestant", "zipped", "unzipped"]
    parts.append(f"### Sizes, function and layer, MB\n\n{table(header, sizes)}\n")
    ours = [[name, f"{zipped / 1e3:.1f}"] for name, (zipped, _) in found["sizes"].items()]
    ours += [[f"layer, {name}", f"{zipped / 1e3:,.0f}"] for name, (zipped, _) in found["layers"].items()]
    parts.append(f"### Our functions and layers, kB zipped\n\n{table(['', 'kB'], ours)}\n")
    return "\n".join(parts)


def plot(found: Results) -> str:
    """Return the ratios of cold CPU to (a) as horizontal bars, an SVG image."""
    names, bar, left, unit = functions(found), 11, 330, 90
    groups = [key for key in found["contestants"] if all(name in found["results"][key] for name in names[:3])]
    height = 60 + len(groups) * (len(names) * bar + 14)
    widest = max(
        found["results"][key][name]["cold_ratio"] for key in groups for name in names if name in found["results"][key]
    )
    width = left + int(widest * unit) + 60
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        '<text x="8" y="20" font-weight="bold">CPU of init and first request, to the bare handler (a)</text>',
    ]
    for number, name in enumerate(names):
        x = 8 + number * 150
        lines.append(f'<rect x="{x}" y="30" width="10" height="10" fill="{_COLOURS[name]}"/>')
        lines.append(f'<text x="{x + 14}" y="39">{name}</text>')
    y = 54
    for key in groups:
        weight = ' font-weight="bold"' if key == "c" else ""
        title = escape(f"{key}  {found['contestants'][key]['title']}")
        lines.append(f'<text x="8" y="{y + 22}"{weight}>{title[:52]}</text>')
        for name in names:
            if name in found["results"][key]:
                ratio = found["results"][key][name]["cold_ratio"]
                lines.append(
                    f'<rect x="{left}" y="{y}" width="{ratio * unit:.0f}" height="{bar - 2}" fill="{_COLOURS[name]}"/>'
                )
                lines.append(f'<text x="{left + ratio * unit + 4:.0f}" y="{y + 9}" font-size="9">{ratio:.2f}</text>')
            y += bar
        y += 14
    lines.append(
        f'<line x1="{left + unit}" y1="48" x2="{left + unit}" y2="{height - 6}" stroke="#888" stroke-dasharray="3"/>'
    )
    return "\n".join([*lines, "</svg>\n"])


def summary(found: Results) -> str:
    """Return date and machine, the ratios, and the sizes of our functions and layers."""
    small = [name for name, (zipped, _) in found["sizes"].items() if zipped <= SMALL]
    large = {name: zipped for name, (zipped, _) in found["sizes"].items() if zipped > SMALL}
    layers = ", ".join(f"{zipped / 1e6:.1f} MB for {name}" for name, (zipped, _) in found["layers"].items())
    sizes = (
        f"The layer: {layers}, zipped. {len(small)} of {len(found['sizes'])} functions are {SMALL // 1000} kB or less"
    )
    sizes += "".join(f"; {name} {zipped / 1e3:.0f} kB" for name, zipped in large.items())
    return (
        f"Measured {found['date']}, {found['machine']}, store {found['store']}; cold: medians of {found['rounds']} "
        f"interleaved starts, warm: of {found['warm_requests']} interleaved requests per round. All figures are ratios to (a).\n\n"
        f"{ratios(found)}\n\n{sizes}.\n"
    )


def write(found: Results, folder: Path) -> None:
    """Write fast.md and fast.svg into the folder, and the ratios into bench/README.md."""
    (folder / "fast.svg").write_text(plot(found))
    text = f"# Starting and working, side by side\n\nWritten by `make bench`.\n\n{summary(found)}\n![](fast.svg)\n\n"
    text += "## Figures\n\nMilliseconds of this machine; on others, only the ratios hold.\n\n"
    (folder / "fast.md").write_text(text + absolute(found))
    embed("fast", f"{summary(found)}\n![](results/fast.svg)")
