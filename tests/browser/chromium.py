"""Drive Chromium in tests."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.support.system import ROOT

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
SCREENSHOTS = ROOT / "reports" / "screenshots"
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,1000",
    # Requests to any other machine fail.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)

# JavaScript that a page runs in place of a request.
NO_NETWORK = "Promise.reject(new TypeError('Failed to fetch'))"
NEVER = "new Promise(() => {})"


def answer_with(status: int, body: str = "{}") -> str:
    """Return JavaScript that answers a request with this status and body."""
    return f"Promise.resolve(new Response({json.dumps(body)}, {{status: {status}}}))"


def fault(part: str, outcome: str) -> str:
    """Return JavaScript that replaces each request to an address containing `part` by `outcome`; "" restores it."""
    condition = f"String(url).includes({json.dumps(part)})" if outcome else "false"
    return f"""
        window.trueFetch ??= window.fetch;
        window.fetch = (url, ...rest) => ({condition} ? {outcome or "0"} : window.trueFetch(url, ...rest));
    """


def _chromium() -> str:
    chromium, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("chromium and chromedriver are not installed")
    return driver


class Browser:
    """A Chromium without history."""

    def __init__(self, profile: Path, *flags: str) -> None:
        options = Options()
        options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
        for flag in (*FLAGS, f"--user-data-dir={profile}", *flags):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(_chromium()))

    def open(self, url: str) -> None:
        """Open an address."""
        self.driver.get(url)

    def find(self, selector: str, text: str = "", seconds: float = 30) -> WebElement:
        """Wait for the first visible element that matches the CSS selector and contains the text, and return it."""

        def search(driver: webdriver.Chrome) -> WebElement | None:
            elements = driver.find_elements(By.CSS_SELECTOR, selector)
            return next((element for element in elements if element.is_displayed() and text in element.text), None)

        wait = WebDriverWait(self.driver, seconds, poll_frequency=0.05)
        wait._ignored_exceptions = (Exception,)  # the page may replace an element during the search
        try:
            element: WebElement = wait.until(search)
        except TimeoutException:
            raise AssertionError(f"no visible {selector} contains {text!r} in {self._shown()}") from None
        return element

    def _shown(self) -> str:
        """Return the page's address and the beginning of its text."""
        words: str = self.driver.execute_script("return document.body.innerText")
        return f"{self.driver.current_url}: {words[:1000]!r}"

    def click(self, selector: str, text: str = "", seconds: float = 30) -> None:
        """Click the element that `find` returns, once nothing covers it."""

        def attempt(_: webdriver.Chrome) -> bool:
            self.find(selector, text, seconds).click()
            return True

        wait = WebDriverWait(self.driver, seconds, poll_frequency=0.05)
        wait._ignored_exceptions = (Exception,)
        wait.until(attempt, f"cannot click {selector} that contains {text!r}")

    def fill(self, selector: str, text: str) -> None:
        """Replace the text of a field."""
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def sign_in(self, login: str = "demo") -> None:
        """Fill in and submit the local sign-in page; each person's password is their name."""
        self.fill("input[name=username]", login)
        self.fill("input[name=password]", login)
        self.click("button[type=submit]")

    def emulate_screen(self, width: int, height: int, scheme: str) -> None:
        """Emulate a screen of this size with a light or dark color scheme."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def run_on_each_page(self, script: str) -> None:
        """Run a script in each page opened from now on, before the page's own scripts."""
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})

    def intercept(self, part: str, outcome: str) -> None:
        """Replace this page's requests to addresses containing `part` by `outcome`; "" restores them."""
        self.driver.execute_script(fault(part, outcome))

    def request_times(self, part: str) -> list[float]:
        """Return when the page requested addresses containing `part`, in ms since it was opened."""
        script = """
            performance.setResourceTimingBufferSize(10000);
            const requests = performance.getEntriesByType("resource").filter((entry) => entry.name.includes(arguments[0]));
            return requests.map((entry) => entry.startTime);
        """
        times: list[float] = self.driver.execute_script(script, part)
        return times

    def bottom(self, selector: str) -> int:
        """Return the bottom edge of the lowest matching element, in pixels."""
        edges = "[...document.querySelectorAll(arguments[0])].map((element) => element.getBoundingClientRect().bottom)"
        return int(self.driver.execute_script(f"return Math.max(...{edges})", selector))

    def network(self, *, offline: bool) -> None:
        """Disconnect the browser from the network, or reconnect it."""
        condition = {"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.driver.execute_cdp_cmd("Network.emulateNetworkConditions", condition)

    def overflowing(self) -> list[str]:
        """List elements that extend beyond the right edge of the window or of a box that cuts them off.

        Leave out regions that people scroll, also with the keyboard.
        """
        overflowing: list[str] = self.driver.execute_script(
            """
            const range = document.createRange();
            const right = (node) => {
              if (node.nodeType === Node.ELEMENT_NODE) return node.getBoundingClientRect().right;
              range.selectNodeContents(node); // an unbreakable word may be wider than its element's box
              return range.getBoundingClientRect().right;
            };
            const end = (box) => {
              // Not innerWidth: on a phone it grows with whatever overflows.
              if (!box) return document.documentElement.clientWidth;
              const cuts = getComputedStyle(box).overflowX !== "visible";
              return Math.min(cuts ? box.getBoundingClientRect().right : Infinity, end(box.parentElement));
            };
            const found = [];
            const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
            for (let node = nodes.nextNode(); node; node = nodes.nextNode()) {
              const element = node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement;
              if (!element.checkVisibility() || element.closest(".visually-hidden, svg, script, style, [role=region][tabindex='0'] > *")) continue;
              if (right(node) <= end(node.parentElement) + 1) continue;
              found.push(`${element.tagName} ${element.className}: ${node.textContent.trim().slice(0, 60)}`);
            }
            return found;
            """
        )
        return overflowing

    def screenshot(self, name: str) -> None:
        """Save a screenshot in reports/screenshots/."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(SCREENSHOTS / f"{name}.png"))

    def errors(self) -> list[str]:
        """Return the browser's warnings and errors since the last call (CSP violations are errors)."""
        entries = (entry for entry in self.driver.get_log("browser") if entry["level"] in {"SEVERE", "WARNING"})
        # Other tests start containers, and with them networks: Chromium then gives up requests, also on loopback.
        return [entry["message"] for entry in entries if "ERR_NETWORK_CHANGED" not in entry["message"]]

    def network_events(self) -> list[dict[str, Any]]:
        """Return the events of the browser's network since the last call of this or of `traffic`, as the DevTools protocol has them."""
        return [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]

    def traffic(self, first: str = "") -> tuple[list[str], int]:
        """Return the addresses requested since the last call, and the bytes received for them.

        Only bytes that came before the answer from the first address containing `first` was complete count, if it is given.
        """
        messages = self.network_events()

        def events(method: str) -> list[dict[str, Any]]:
            return [message["params"] for message in messages if message["method"] == method]

        # Leave out the browser's own pages.
        requests = [
            event for event in events("Network.requestWillBeSent") if event["request"]["url"].startswith("http")
        ]
        ids = {event["requestId"] for event in requests}
        last = next((event["requestId"] for event in requests if first and first in event["request"]["url"]), "")
        finished = {event["requestId"]: event for event in events("Network.loadingFinished")}
        end = finished[last]["timestamp"] if last else float("inf")
        received = sum(
            event["encodedDataLength"]
            for event in finished.values()
            if event["requestId"] in ids and event["timestamp"] <= end
        )
        return [event["request"]["url"] for event in requests], int(received)

    def origins(self) -> set[str]:
        """Return the origins of all requests since the last call of this or of `traffic`."""
        return {match[0] for url in self.traffic()[0] if (match := re.match(r"https?://[^/]+", url))}

    def wait_for_animations(self) -> None:
        """Wait until all finite animations have ended."""
        moving = "return document.getAnimations().some(({effect}) => effect.getComputedTiming().endTime !== Infinity)"
        WebDriverWait(self.driver, 5, poll_frequency=0.05).until(lambda driver: not driver.execute_script(moving))

    def accessibility(self, *, without: tuple[str, ...] = ()) -> list[str]:
        """List axe's findings against WCAG 2.2 AA, except in elements that match `without`, and values that are no words."""
        if not AXE.is_file():
            pytest.skip("axe-core is not installed: scripts/setup.sh npm")
        self.driver.execute_script(AXE.read_text())
        self.wait_for_animations()
        # axe accepts a list for each selector: one item for each frame that the element is in.
        results: dict[str, Any] = self.driver.execute_async_script(
            """
            const [exclude, done] = arguments;
            const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
            axe.run({exclude}, {runOnly: tags}).then(done, (error) => done({violations: [{id: String(error), nodes: []}]}));
            """,
            [[selector] for selector in without],
        )
        return [
            f"{violation['id']}: {node['html'][:200]}"
            for violation in results["violations"]
            for node in violation["nodes"] or [{"html": ""}]
        ] + self._values_without_words()

    def _values_without_words(self) -> list[str]:
        """List texts of the page that only a program understands."""
        lines = str(self.driver.execute_script("return document.body.innerText")).splitlines()
        return [
            line for line in map(str.strip, lines) if line in {"false", "null", "undefined", "NaN", "[object Object]"}
        ]

    def close(self) -> None:
        """Quit the browser."""
        self.driver.quit()
