"""Delivery reports."""

import pytest

from sales.domain.delivery_reports import report_cause
from sales.domain.sms.states import Cause


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ("Success", Cause.report_success),
        ("success", Cause.report_success),
        ("Sent", Cause.report_interim),
        ("Buffered", Cause.report_interim),
        ("Submitted", Cause.report_interim),
        ("Failed", Cause.report_failure),
        ("Rejected", Cause.report_failure),
        ("AbsentSubscriber", Cause.report_failure),
        ("Expired", Cause.report_failure),
        ("Anything", None),
    ],
)
def test_a_reports_status_is_read_in_either_case(status: str, cause: Cause | None) -> None:
    assert report_cause(status) is cause
