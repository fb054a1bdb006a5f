"""Requests that come again."""

import pytest

from sales.domain.problems import Problem
from sales.services.idempotency import check_replay


@pytest.mark.parametrize("stored", ["same", ""])
def test_the_same_request_is_a_replay_and_so_is_any_once_its_item_was_erased(stored: str) -> None:
    check_replay(stored, "same")


def test_another_request_with_the_key_is_refused() -> None:
    with pytest.raises(Problem, match="idempotency_key_reused"):
        check_replay("other", "same")
