"""Each scope at each route, in both spellings of its path: docs/security.md has the table."""

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from contract.document import template
from deployment.template import Route
from tests.attacks.conftest import Try
from tests.attacks.tally import PAGE
from tests.support.system import BASE, CUSTOMER, System, running

pytestmark = pytest.mark.local
# The scopes of a token, by the title of their column; the last two are a clerk's and a manager's.
TOKENS = {
    "`read`": "sales:read",
    "`write`": "sales:write",
    "`manage`": "sales:manage",
    "`read` `write`": "sales:read sales:write",
    "all three": "sales:read sales:write sales:manage",
}
HEAD = f"| Request | no token | {' | '.join(TOKENS)} |\n|---|{'---|' * (len(TOKENS) + 1)}\n"
ROUTES = [route for route in template().routes if route.authorized]


class Request(NamedTuple):
    """A valid request for a function, and the scopes that it needs."""

    title: str
    needs: frozenset[str]
    body: Any = None


@pytest.fixture(scope="module")
def shop() -> Iterator[System]:
    """A system where a slash at the end leads to `$default`, so that only the function checks the token."""
    with running(LOCAL_TRAILING_SLASH="default") as found:
        yield found


def requests(customer: dict[str, Any]) -> dict[str, list[Request]]:
    """Return the requests to try for each function; {customer} and {order} are in the paths already."""
    read, write, manage = (frozenset({f"sales:{name}"}) for name in ("read", "write", "manage"))
    order = {"customer": customer["id"], "item": "tea leaves", "amount": "345.00"}
    return {
        "create_customer": [Request("create a customer", write, CUSTOMER)],
        "list_customers": [Request("list customers", read)],
        "get_customer": [Request("read a customer", read)],
        "update_customer": [
            Request("change a customer", write, {"name": "Atieno", "sms_opted_out": True}),
            Request("lift an opt-out", write | manage, {"sms_opted_out": False}),
            Request("lift a block", write | manage, {"sms_blocked": False}),
        ],
        "export_customer": [Request("export a customer", manage)],
        "erase_customer": [Request("erase a customer", manage)],
        "import_customers": [Request("import customers", manage, "name,phone_number,email\n")],
        "create_order": [Request("create an order", write, order)],
        "list_orders": [Request("list orders", read)],
        "get_order": [Request("read an order", read)],
        "cancel_order": [Request("cancel an order", write)],
        "list_days": [Request("see what each day came to", manage)],
        "import_orders": [Request("import orders", manage, "reference,customer,item,amount\n")],
        "preview_sms": [Request("preview a text", write, order)],
        "resend_sms": [Request("send a text again", write, {"reason": "not arrived"})],
        "get_sms_status": [Request("see whether texts go out", read)],
        "get_wording": [Request("read the wording", read)],
        "put_wording": [Request("write the wording", manage, {})],
    }


def spellings(route: Route, customer: str, order: str) -> Iterator[str]:
    path = route.path.replace("{customer}", customer).replace("{order}", order)
    assert "{" not in path, f"{route.key}: add its parameter to this test"
    yield from (path, f"{path}/")


def statuses(shop: System, route: Route, request: Request) -> Iterator[tuple[str, str, set[str], int]]:
    """Yield column, path, scopes and status of this request with each token, for a new customer and order."""
    customer = shop.customer()
    order = shop.order(customer)
    for title, scope in {"no token": "", **TOKENS}.items():
        token = shop.token(scope) if scope else ""
        for path in spellings(route, customer["id"], order["id"]):
            # HEAD goes to `$default`, and needs what GET needs.
            for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
                kind = "text/csv" if isinstance(request.body, str) else "application/json"
                answer = shop.call(
                    method, path, request.body, token=token, idempotency_key=uuid4().hex, content_type=kind
                )
                yield title, path, set(scope.split()), answer.status


def test_each_scope_opens_its_own_routes_and_no_other(shop: System, tried: Try) -> None:
    expected = requests(shop.customer())
    assert expected.keys() == {route.function for route in ROUTES}, "each function needs its requests in this test"
    cells: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for route in ROUTES:
        for request in expected[route.function]:
            for column, path, scopes, status in statuses(shop, route, request):
                # Sending a text again may be too soon (409), and no version of the wording is named (428), but the token was
                # good for it.
                answer = "yes" if status < 400 or status in {409, 428} else str(status)
                cells[request.title, route.key][column].add(answer)
                if request.needs <= scopes:
                    assert answer == "yes", (route.method, path, column)
                else:
                    tried("Requests without the scopes of their route", answer == "yes")
                    assert answer == ("403" if scopes else "401"), (route.method, path, column)
    rows: dict[str, str] = {}
    titles = [request.title for each in expected.values() for request in each]
    for (title, key), columns in sorted(cells.items(), key=lambda cell: titles.index(cell[0][0])):
        method, _, path = key.partition(" ")
        if path.startswith(BASE) and not re.search(r"/create-\w+$", path):
            said = " | ".join(" ".join(columns[column]) for column in ("no token", *TOKENS))
            rows[title] = f"| {title}: `{method} {path.removeprefix(f'{BASE}/')}` | {said} |\n"
    table = HEAD + "".join(rows.values())
    if os.environ.get("WRITE_SECURITY") == "1":
        before, _, after = PAGE.read_text().partition(HEAD)
        PAGE.write_text(before + table + re.sub(r"\A(\|.*\n)*", "", after))
    assert table in PAGE.read_text()
