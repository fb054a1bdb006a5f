"""One local system for the tests that do not break it."""

from collections.abc import Iterator

import pytest

from tests.support.system import System, running


@pytest.fixture(scope="session")
def system() -> Iterator[System]:
    """A running system, shared: tests make their own customers and orders."""
    with running() as found:
        yield found
