"""Problems as callers see them."""

from sales.domain.problems import PROBLEMS, FieldError, Problem


def test_a_problem_shows_its_code_status_title_and_detail() -> None:
    assert Problem("not_found", "No such order.").public("/orders/x", "r") == {
        "type": "urn:sales:problem:not_found",
        "title": PROBLEMS["not_found"][1],
        "status": 404,
        "detail": "No such order.",
        "instance": "/orders/x",
        "code": "not_found",
        "request_id": "r",
    }


def test_a_problem_without_a_detail_repeats_its_title() -> None:
    assert Problem("order_cancelled").public("/", "r")["detail"] == PROBLEMS["order_cancelled"][1]


def test_a_problem_lists_every_field_at_fault_and_its_further_members() -> None:
    errors = [FieldError("/item", "required", "is required"), FieldError("?limit", "invalid", "must be a number")]
    body = Problem("validation_failed", errors=errors, current_version=3).public("/", "r")
    assert body["errors"] == [
        {"pointer": "/item", "code": "required", "detail": "is required"},
        {"pointer": "?limit", "code": "invalid", "detail": "must be a number"},
    ]
    assert body["current_version"] == 3


def test_a_problem_without_fields_at_fault_lists_none() -> None:
    assert "errors" not in Problem("not_found").public("/", "r")
