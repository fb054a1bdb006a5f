"""Request bodies of texts that are sent again."""

import pytest

from sales.domain.problems import Problem
from sales.schemas.common import parse
from sales.schemas.sms import Resend


def test_a_reason_loses_its_surrounding_space_and_may_not_be_empty() -> None:
    assert parse(Resend, {"reason": " lost phone "}).reason == "lost phone"
    with pytest.raises(Problem, match="validation_failed"):
        parse(Resend, {"reason": " "})
