"""One local system, shared by the tests that do not break it."""

from collections.abc import Iterator

import pytest

from tests.support.system import System, running


@pytest.fixture(scope="session")
def system() -> Iterator[System]:
    """A running system; tests create their own customers and orders in it."""
    with running() as system:
        yield system
