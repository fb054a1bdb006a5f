"""One local system for all attacks; with WRITE_SECURITY=1 what they came to becomes the table of docs/security.md."""

import os
from collections.abc import Callable, Iterator

import pytest

from tests.attacks.tally import HEAD, PAGE, Book
from tests.support.system import System, running

BOOK = pytest.StashKey[Book]()


def pytest_configure(config: pytest.Config) -> None:
    """The book is there before the first attack."""
    config.stash[BOOK] = Book()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The page is compared, and the logs are read, after all else was tried."""
    last = ("test_the_page_says_what_was_tried",)
    items.sort(key=lambda item: getattr(item, "originalname", item.name) in last)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Writes the table, if everything was held off; where tests run side by side, one process has tried it all."""
    book = session.config.stash[BOOK]
    if os.environ.get("WRITE_SECURITY") == "1" and exitstatus == 0 and book.cases:
        intro, _, _ = PAGE.read_text().partition(HEAD)
        PAGE.write_text(intro + book.table())


@pytest.fixture(scope="session")
def book(request: pytest.FixtureRequest) -> Book:
    """Where every case is noted."""
    found: Book = request.config.stash[BOOK]
    return found


type Try = Callable[[str, bool], None]


@pytest.fixture
def tried(book: Book, request: pytest.FixtureRequest) -> Try:
    """Notes a case of an attack, and whether it got through."""
    test = f"tests/attacks/{request.path.name}"

    def note(attack: str, let_in: bool) -> None:
        book.tried(attack, test, let_in=let_in)

    return note


@pytest.fixture(scope="session")
def target() -> Iterator[System]:
    """The whole local system under attack."""
    with running() as found:
        yield found
