"""A browser for each test, and one local system for all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import Browser
from tests.browser.console import sign_in_as
from tests.support.system import System, running


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A new browser without history."""
    browser = Browser(tmp_path / "profile")
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def system() -> Iterator[System]:
    """A running system that all browser tests share."""
    with running() as system:
        yield system


@pytest.fixture
def console(system: System, browser: Browser) -> Browser:
    """Return a browser that is signed in to the console."""
    system.behave()
    sign_in_as(system, browser, "demo")
    return browser
