"""A browser for each test of the pages, and one local system for them to show."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import Browser
from tests.support.system import System, running


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A new browser."""
    found = Browser(tmp_path / "profile")
    yield found
    found.close()


@pytest.fixture(scope="session")
def system() -> Iterator[System]:
    """A running system, shared by the tests of the pages."""
    with running() as found:
        yield found
