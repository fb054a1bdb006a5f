"""Measure how long the console makes a person wait on a bad network, next to an earlier version in the same run.

A clone of each version runs with the demo's data. Chromium opens it over a network of 400 ms a round trip and 400 kbit/s:
a first visit, signing in, and a reload, each until the person sees what they wait for. Exits with 1 if a goal is missed.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report import publish, table
from tests.browser.chromium import Browser
from tests.support.clones import clone, new_shell, started
from tests.support.system import free_ports, until

ROUND_TRIP_MS, KBITS = 400, 400
RELOAD_SECONDS, REQUESTS, SERIAL, SHIFT, SCRIPT_KB = 2.6, 12, 5, 0.01, 40
ROUNDS = 3
# When each thing first appeared, and by how much the page moved without a person's doing.
OBSERVE = """
    const things = {welcome: ".welcome button", list: ".row"};
    window.seen = {};
    window.shifted = 0;
    new MutationObserver(() => {
      for (const [name, selector] of Object.entries(things)) {
        if (!(name in seen) && document.querySelector(selector)) seen[name] = Date.now();
      }
    }).observe(document, {childList: true, subtree: true});
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
    }).observe({type: "layout-shift", buffered: true});
"""


@dataclass(frozen=True)
class Wait:
    """One wait of a person: seconds, requests, how many of these one after the other, kB and how much the page moved."""

    seconds: float
    requests: int
    serial: int
    kilobytes: float
    shift: float


@contextmanager
def version(commit: str) -> Iterator[str]:
    """Run a clone of this commit with the demo's data; yield the console's address."""
    with tempfile.TemporaryDirectory(prefix="console-") as name:
        folder = Path(name) / "sales"
        clone(folder)
        subprocess.run(["git", "checkout", "--quiet", commit], cwd=folder, check=True)
        port = free_ports()
        environment = new_shell() | {"PORT": str(port)}
        with started(folder, "make run", environment):
            subprocess.run(["make", "demo"], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
            yield f"http://127.0.0.1:{port}/"


def visit(address: str) -> tuple[dict[str, Wait], float]:
    """Open the console, sign in and reload in a new browser; return what each took, and the kB of JavaScript."""
    with tempfile.TemporaryDirectory(prefix="profile-") as profile:
        browser = Browser(Path(profile))
        try:
            browser.driver.execute_cdp_cmd("Network.enable", {})
            bytes_a_second = KBITS * 1000 / 8
            condition = {
                "offline": False,
                "latency": ROUND_TRIP_MS,
                "downloadThroughput": bytes_a_second,
                "uploadThroughput": bytes_a_second,
            }
            browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", condition)
            browser.run_on_each_page(OBSERVE)
            began = now()
            browser.open(address)
            first = waited(browser, "welcome", began)
            browser.click(".welcome button", "Sign in")
            browser.fill("input[name=username]", "demo")
            browser.fill("input[name=password]", "demo")
            browser.traffic()
            began = now()
            browser.driver.execute_script("setTimeout(() => document.querySelector('button[type=submit]').click())")
            signed_in = waited(browser, "list", began)
            time.sleep(3)
            browser.traffic()
            began = now()
            browser.driver.execute_script("setTimeout(() => location.reload())")
            reloaded = waited(browser, "list", began)
            size = script_kilobytes(browser)
            stored = browser.driver.execute_script("return JSON.stringify([{...sessionStorage}, {...localStorage}])")
            if "eyJ" in stored:
                raise RuntimeError("a token is in web storage")
            return {"first visit": first, "sign-in to list": signed_in, "reload to list": reloaded}, size
        finally:
            browser.close()


def now() -> float:
    """Return the time in ms, as the page has it."""
    return time.time() * 1000


def waited(browser: Browser, thing: str, began: float) -> Wait:
    """Wait until the page shows this thing, and return what that took since `began`."""

    def shown() -> float | None:
        try:
            at = browser.driver.execute_script("return window.seen?.[arguments[0]]", thing)
        except Exception:  # noqa: BLE001 - the page is on its way to another one
            return None
        return at if at and at > began else None

    at = float(until(shown, seconds=60))
    shift = float(browser.driver.execute_script("return window.shifted"))
    requests, received = network(browser.network_events(), at / 1000)
    return Wait((at - began) / 1000, len(requests), longest_chain(requests), received / 1000, shift)


def network(events: list[dict[str, Any]], until_wall: float) -> tuple[list[tuple[float, float]], float]:
    """Return begin and end of each request that went over the network before this time, and the bytes received for them."""
    begun: dict[str, float] = {}
    cached: set[str] = set()
    finished: list[tuple[str, float, float]] = []
    received: dict[str, float] = {}
    late: set[str] = set()
    for event in events:
        method, given = event["method"], event["params"]
        key = given.get("requestId", "")
        if method == "Network.requestWillBeSent" and given["request"]["url"].startswith("http"):
            if "redirectResponse" in given and key in begun:
                finished.append((f"{key} redirect", begun[key], given["timestamp"]))
            begun[key] = given["timestamp"]
            if given["wallTime"] > until_wall:
                late.add(key)
        elif method == "Network.requestServedFromCache" or (
            method == "Network.responseReceived" and given["response"].get("fromDiskCache")
        ):
            cached.add(key)
        elif method == "Network.loadingFinished" and key in begun:
            finished.append((key, begun[key], given["timestamp"]))
            received[key] = given["encodedDataLength"]
    requests = [(start, end) for key, start, end in finished if key not in cached | late]
    return requests, sum(size for key, size in received.items() if key not in cached | late)


def longest_chain(requests: list[tuple[float, float]]) -> int:
    """Return how many of these requests came one after the other."""
    count, free = 0, 0.0
    for start, end in sorted(requests, key=lambda request: request[1]):
        if start >= free:
            count, free = count + 1, end
    return count


def script_kilobytes(browser: Browser) -> float:
    """Return the size of all JavaScript that the page asks for at its start, compressed."""
    script = """
        const done = arguments[arguments.length - 1];
        const names = [...document.querySelectorAll("script[src], link[rel=modulepreload]")].map(({src, href}) => src || href);
        Promise.all([...new Set(names)].map(async (name) => {
          const zipped = (await fetch(name)).body.pipeThrough(new CompressionStream("gzip"));
          return (await new Response(zipped).arrayBuffer()).byteLength;
        })).then((sizes) => done(sizes.reduce((sum, size) => sum + size, 0)));
    """
    browser.driver.set_script_timeout(60)
    return float(browser.driver.execute_async_script(script)) / 1000


def middle(rounds: Sequence[dict[str, Wait]], step: str) -> Wait:
    """Return the medians of one step."""
    waits = [each[step] for each in rounds]
    seconds, requests, serial, kilobytes, shift = (
        statistics.median(getattr(wait, name) for wait in waits)
        for name in ("seconds", "requests", "serial", "kilobytes", "shift")
    )
    return Wait(seconds, int(requests), int(serial), kilobytes, shift)


def main() -> int:
    """Measure both versions; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description="Measure the console on a bad network.")
    parser.add_argument("--before", required=True, help="the commit of the earlier version")
    before = parser.parse_args().before
    measured: dict[str, dict[str, Wait]] = {}
    scripts: dict[str, float] = {}
    for name, commit in (("before", before), ("now", "HEAD")):
        with version(commit) as address:
            rounds, sizes = zip(*(visit(address) for _ in range(ROUNDS)), strict=True)
            measured[name] = {step: middle(rounds, step) for step in rounds[0]}
            scripts[name] = sizes[0]
    rows = [
        (
            step,
            name,
            f"{wait.seconds:.1f} s",
            wait.requests,
            wait.serial,
            f"{wait.kilobytes:.1f} kB",
            f"{wait.shift:.3f}",
        )
        for step in measured["now"]
        for name in ("before", "now")
        for wait in [measured[name][step]]
    ]
    reload = measured["now"]["reload to list"]
    goals = (
        reload.seconds <= RELOAD_SECONDS,
        reload.requests <= REQUESTS,
        reload.serial <= SERIAL,
        all(wait.shift <= SHIFT for wait in measured["now"].values()),
        scripts["now"] <= SCRIPT_KB,
    )
    publish(
        "console",
        "The console on a bad network",
        f"{ROUND_TRIP_MS} ms a round trip and {KBITS} kbit/s; medians of {ROUNDS} rounds, each in a new browser. `before` is {before[:7]}. "
        "Requests that the browser's cache answered do not count; *in turn* is how many had to wait for each other.\n\n"
        + table(("Wait", "Version", "Time", "Requests", "In turn", "Received", "Layout shift"), rows)
        + f"\n\nJavaScript, compressed: {scripts['before']:.1f} kB before, {scripts['now']:.1f} kB now.\n\n"
        f"Goals: reload to list in {RELOAD_SECONDS} s, {REQUESTS} requests, {SERIAL} in turn; layout shift {SHIFT}; {SCRIPT_KB} kB of "
        f"JavaScript; no token in web storage. {'All met.' if all(goals) else 'Missed.'}",
    )
    return 0 if all(goals) else 1


if __name__ == "__main__":
    sys.exit(main())
