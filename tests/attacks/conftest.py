"""One local system for all attacks. With WRITE_SECURITY=1 their results become the table in docs/security.md."""

import os
from collections.abc import Callable, Iterator

import pytest

from tests.attacks.tally import HEAD, PAGE, Tally
from tests.support.system import System, running

TALLY = pytest.StashKey[Tally]()


def pytest_configure(config: pytest.Config) -> None:
    """Create the tally before the first attack."""
    config.stash[TALLY] = Tally()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Compare the page after all attacks."""
    last = ("test_the_page_says_what_was_tried",)
    items.sort(key=lambda item: getattr(item, "originalname", item.name) in last)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write the table if all tests passed. Parallel runs give one process all attacks."""
    tally = session.config.stash[TALLY]
    if os.environ.get("WRITE_SECURITY") == "1" and exitstatus == 0 and tally.cases:
        intro, _, _ = PAGE.read_text().partition(HEAD)
        PAGE.write_text(intro + tally.table())


@pytest.fixture(scope="session")
def tally(request: pytest.FixtureRequest) -> Tally:
    """Return the tally of all cases."""
    found: Tally = request.config.stash[TALLY]
    return found


type Try = Callable[[str, bool], None]


@pytest.fixture
def tried(tally: Tally, request: pytest.FixtureRequest) -> Try:
    """Return a function that counts a case of an attack, and whether it succeeded."""
    test = f"tests/attacks/{request.path.name}"

    def note(attack: str, let_in: bool) -> None:
        tally.tried(attack, test, let_in=let_in)

    return note


@pytest.fixture(scope="session")
def target() -> Iterator[System]:
    """Start the local system that is attacked."""
    with running() as found:
        yield found
