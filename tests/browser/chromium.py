"""Chromium, and what tests of the pages ask of it."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
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
    # A page that asks for anything but this machine gets nothing.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)

# What a request may come to, as JavaScript that a page runs in its place.
NO_NETWORK = "Promise.reject(new TypeError('Failed to fetch'))"
NEVER = "new Promise(() => {})"


def says(status: int, body: str = "{}") -> str:
    """An answer of this status."""
    return f"Promise.resolve(new Response({json.dumps(body)}, {{status: {status}}}))"


def fault(part: str, outcome: str) -> str:
    """JavaScript after which every request whose address has this part in it comes to that; "" ends it."""
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
    """A browser of its own, with no history, and what tests ask of it."""

    def __init__(self, profile: Path, *flags: str) -> None:
        options = Options()
        options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
        for flag in (*FLAGS, f"--user-data-dir={profile}", *flags):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(_chromium()))

    def open(self, url: str) -> None:
        """Shows a page."""
        self.driver.get(url)

    def find(self, selector: str, text: str = "", seconds: float = 30) -> WebElement:
        """The first visible element of a CSS selector that has this text in it, as soon as there is one."""

        def look(driver: webdriver.Chrome) -> WebElement | None:
            found = driver.find_elements(By.CSS_SELECTOR, selector)
            return next((each for each in found if each.is_displayed() and text in each.text), None)

        wait = WebDriverWait(self.driver, seconds, poll_frequency=0.05)
        wait._ignored_exceptions = (Exception,)  # an element may be replaced while it is looked at
        found: WebElement = wait.until(look, f"no visible {selector} with {text!r} in it")
        return found

    def click(self, selector: str, text: str = "", seconds: float = 30) -> None:
        """Clicks what `find` finds, once nothing covers it."""

        def attempt(_: webdriver.Chrome) -> bool:
            self.find(selector, text, seconds).click()
            return True

        wait = WebDriverWait(self.driver, seconds, poll_frequency=0.05)
        wait._ignored_exceptions = (Exception,)
        wait.until(attempt, f"{selector} with {text!r} in it cannot be clicked")

    def fill(self, selector: str, text: str) -> None:
        """Types into a field, in the place of what was there."""
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def sign_in(self) -> None:
        """Fills in the local sign-in's page, which is shown."""
        self.fill("input[name=username]", "demo")
        self.fill("input[name=password]", "demo")
        self.click("button[type=submit]")

    def show_as(self, width: int, height: int, scheme: str) -> None:
        """Shows pages as on a screen of this size, light or dark."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def on_each_page(self, script: str) -> None:
        """Runs a script in every page that is opened from now on, before its own."""
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})

    def answers(self, part: str, outcome: str) -> None:
        """What the requests of this page whose address has this part in it come to from now on; "" for the truth."""
        self.driver.execute_script(fault(part, outcome))

    def moments(self, part: str) -> list[float]:
        """When the page has asked for addresses with this part in them, in ms since it was opened."""
        script = """
            performance.setResourceTimingBufferSize(10000);
            const asked = performance.getEntriesByType("resource").filter((entry) => entry.name.includes(arguments[0]));
            return asked.map((entry) => entry.startTime);
        """
        found: list[float] = self.driver.execute_script(script, part)
        return found

    def bottom(self, selector: str) -> int:
        """Where the lowest of these elements ends, in pixels."""
        ends = "Math.max(...[...document.querySelectorAll(arguments[0])].map((each) => each.getBoundingClientRect().bottom))"
        return int(self.driver.execute_script(f"return {ends}", selector))

    def network(self, *, offline: bool) -> None:
        """Takes the network away, or gives it back."""
        condition = {"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.driver.execute_cdp_cmd("Network.emulateNetworkConditions", condition)

    def sticks_out(self) -> list[str]:
        """What ends right of the window, or of a box around it that cuts it off or would have to be scrolled sideways."""
        found: list[str] = self.driver.execute_script(
            """
            const range = document.createRange();
            const right = (node) => {
              if (node.nodeType === Node.ELEMENT_NODE) return node.getBoundingClientRect().right;
              range.selectNodeContents(node); // a word with no place to break is wider than its element's box
              return range.getBoundingClientRect().right;
            };
            const end = (box) => {
              // Not innerWidth: on a phone it grows with what sticks out.
              if (!box) return document.documentElement.clientWidth;
              const cuts = getComputedStyle(box).overflowX !== "visible";
              return Math.min(cuts ? box.getBoundingClientRect().right : Infinity, end(box.parentElement));
            };
            const found = [];
            const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
            for (let node = nodes.nextNode(); node; node = nodes.nextNode()) {
              const element = node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement;
              if (!element.checkVisibility() || element.closest(".visually-hidden, svg, script, style")) continue;
              if (right(node) <= end(node.parentElement) + 1) continue;
              found.push(`${element.tagName} ${element.className}: ${node.textContent.trim().slice(0, 60)}`);
            }
            return found;
            """
        )
        return found

    def screenshot(self, name: str) -> None:
        """Keeps a picture of what is shown, in reports/screenshots/."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(SCREENSHOTS / f"{name}.png"))

    def errors(self) -> list[str]:
        """What the console has said since it was last asked, warnings and errors only (CSP violations are errors)."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in {"SEVERE", "WARNING"}]

    def traffic(self) -> tuple[list[str], int]:
        """The addresses asked since this was last asked, and the bytes that came over the network for them."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]

        def told(method: str) -> list[dict[str, Any]]:
            return [each["params"] for each in messages if each["method"] == method]

        # Not the browser's own pages.
        asked = [each for each in told("Network.requestWillBeSent") if each["request"]["url"].startswith("http")]
        ids = {each["requestId"] for each in asked}
        received = sum(
            each["encodedDataLength"] for each in told("Network.loadingFinished") if each["requestId"] in ids
        )
        return [each["request"]["url"] for each in asked], int(received)

    def origins(self) -> set[str]:
        """Where requests have gone since traffic was last asked for."""
        return {match[0] for url in self.traffic()[0] if (match := re.match(r"https?://[^/]+", url))}

    def still(self) -> None:
        """Waits until whatever slides or fades in has done so."""
        moving = "return document.getAnimations().some((each) => each.effect.getComputedTiming().endTime !== Infinity)"
        WebDriverWait(self.driver, 5, poll_frequency=0.05).until(lambda driver: not driver.execute_script(moving))

    def accessibility(self, *, without: tuple[str, ...] = ()) -> list[str]:
        """What axe finds against WCAG 2.2 AA on the page, outside of the elements of these selectors."""
        if not AXE.is_file():
            pytest.skip("axe-core is not installed: scripts/setup.sh npm")
        self.driver.execute_script(AXE.read_text())
        self.still()
        # Handed over as they stand: axe takes CSS selectors, each in a list of its own (the frames it is in).
        found: dict[str, Any] = self.driver.execute_async_script(
            """
            const [exclude, done] = arguments;
            const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
            axe.run({exclude}, {runOnly: tags}).then(done, (error) => done({violations: [{id: String(error), nodes: []}]}));
            """,
            [[selector] for selector in without],
        )
        return [
            f"{violation['id']}: {node['html'][:200]}"
            for violation in found["violations"]
            for node in violation["nodes"] or [{"html": ""}]
        ]

    def close(self) -> None:
        """Ends it."""
        self.driver.quit()
