"""Which route a path matches."""

import pytest

from sales.api.routes import Route, find, path_parameters
from sales.domain.problems import Problem

ROUTES = (
    Route("GET", "/orders", "list_orders"),
    Route("POST", "/orders", "create_order"),
    Route("GET", "/orders/{order}", "get_order"),
    Route("POST", "/orders/{order}/cancel", "cancel_order"),
    Route("POST", "/orders/special", "special"),
)


def test_a_trailing_slash_leads_to_the_route_without_it() -> None:
    assert find(ROUTES, "GET", "/orders/")[0].function == "list_orders"
    assert find(ROUTES, "GET", "/orders/1/")[1] == {"order": "1"}


def test_a_literal_path_goes_before_a_parameter() -> None:
    assert find(ROUTES, "POST", "/orders/special")[0].function == "special"


def test_a_wrong_method_is_405_with_the_right_ones() -> None:
    with pytest.raises(Problem) as raised:
        find(ROUTES, "DELETE", "/orders/")
    assert (raised.value.status, raised.value.headers["Allow"]) == (405, "GET, HEAD, POST")
    with pytest.raises(Problem) as raised:
        find(ROUTES, "HEAD", "/orders/1/cancel")
    assert (raised.value.status, raised.value.headers["Allow"]) == (405, "POST")


def test_head_without_a_route_of_its_own_takes_gets() -> None:
    assert find(ROUTES, "HEAD", "/orders/")[0] == find(ROUTES, "GET", "/orders")[0]
    own = Route("HEAD", "/orders", "list_orders")
    assert find((*ROUTES, own), "HEAD", "/orders")[0] == own


@pytest.mark.parametrize("path", ["/", "/order", "/orders/1/2", "//orders", "/orders//cancel"])
def test_an_unknown_path_is_404(path: str) -> None:
    with pytest.raises(Problem, match="not_found"):
        find(ROUTES, "GET", path)


@pytest.mark.parametrize(
    ("pattern", "path", "parameters"),
    [
        ("/orders", "/orders", {}),
        ("/orders", "/orders/", None),
        ("/orders/{order}", "/orders/a%2Fb", {"order": "a%2Fb"}),
        ("/orders/{order}", "/orders/", None),
        ("/orders/{order}/sms", "/orders/1/cancel", None),
        ("/{kind}/{id}", "/orders/1", {"kind": "orders", "id": "1"}),
        ("/files/{path+}", "/files/a", {"path": "a"}),
        ("/files/{path+}", "/files/a/b/", {"path": "a/b/"}),
        ("/files/{path+}", "/files/", None),
        ("/files/{path+}", "/files", None),
    ],
)
def test_parameters_are_never_empty_and_keep_their_encoding(
    pattern: str, path: str, parameters: dict[str, str] | None
) -> None:
    assert path_parameters(pattern, path) == parameters
