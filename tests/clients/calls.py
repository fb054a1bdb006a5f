"""Call every operation through the Python client that openapi-python-client generates, and print what was met, as JSON.

It runs in .venv-clients, with the generated package on its path; STORY has the system's address, tokens and secrets
(tests/clients/test_generated.py). A failure counts only if the client parsed it into its model.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from uuid import uuid4

from sales_client import AuthenticatedClient
from sales_client.api.customers import (
    create_customer,
    erase_customer,
    export_customer,
    get_customer,
    import_customers,
    list_customers,
    update_customer,
)
from sales_client.api.health import check_health
from sales_client.api.orders import (
    cancel_order,
    create_order,
    get_order,
    get_sms_status,
    import_orders,
    list_days,
    list_orders,
    preview_sms,
    resend_sms,
)
from sales_client.api.the_originals_paths import (
    create_customer_alias,
    create_customer_original,
    create_order_alias,
    create_order_original,
    list_customers_original,
    list_orders_original,
)
from sales_client.api.webhooks import record_delivery_report, record_opt_out
from sales_client.api.wording import get_wording, put_wording
from sales_client.models import (
    Customer,
    CustomerChanges,
    DeliveryReport,
    Failure,
    GatewayMessage,
    NewCustomer,
    NewOrder,
    NewWording,
    NewWordingCreated,
    OptOut,
    Order,
    Problem,
    Resend,
    SmsPreview,
    Status,
    Wording,
)
from sales_client.types import File, Response

type Send = Callable[[AuthenticatedClient], Response[Any]]

STORY = json.loads(os.environ["STORY"])
UNKNOWN = "00000000-0000-8000-8000-000000000000"
OTHER_VERSION = '"77"'
SECRET = STORY["secret"]


def client(token: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=STORY["url"], token=token, raise_on_unexpected_status=True)


OWNER = client(STORY["token"])


def new_customer(name: str = "john doe") -> NewCustomer:
    return NewCustomer(name=name, phone_number="+254704590344", email="example@gmail.com")


def customer() -> Customer:
    created = create_customer.sync(client=OWNER, body=new_customer())
    assert isinstance(created, Customer)
    return created


def erased() -> Customer:
    answer = erase_customer.sync(customer().id, client=OWNER)
    assert isinstance(answer, Customer)
    assert answer.name is None
    return answer


def new_order(of: Customer | None = None, amount: str = "56000.68", reference: str | None = None) -> NewOrder:
    return NewOrder(customer=(of or customer()).id, item="macbook m2", amount=amount, reference=reference)


def order() -> Order:
    created = create_order.sync(client=OWNER, body=new_order())
    assert isinstance(created, Order)
    return created


def texted() -> Order:
    """Return an order whose text went out."""
    of = order()
    for _ in range(600):
        current = get_order.sync(of.id, client=OWNER)
        assert isinstance(current, Order)
        if current.sms.status in {Status.SENT, Status.DELIVERED}:
            return current
        time.sleep(0.1)
    raise AssertionError(f"the text is {current.sms.status}")


def cancelled() -> Order:
    answer = cancel_order.sync(order().id, client=OWNER)
    assert isinstance(answer, Order)
    return answer


def order_with_a_known_reference() -> NewOrder:
    reference = str(uuid4())
    assert isinstance(create_order.sync(client=OWNER, body=new_order(reference=reference)), Order)
    return new_order(reference=reference)


def resend(of: str, client: AuthenticatedClient, reason: str = "asked for", version: str = "*") -> Response[Any]:
    return resend_sms.sync_detailed(
        of, client=client, body=Resend(reason=reason), idempotency_key=str(uuid4()), if_match=version
    )


def file(**members: str) -> File:
    """Return a file with one JSON object."""
    return File(payload=BytesIO(json.dumps(members).encode()))


def report(client: AuthenticatedClient, secret: str) -> Response[Any]:
    body = DeliveryReport(id="ATXid_unknown", status="Success", phone_number="+254704590344")
    return record_delivery_report.sync_detailed(secret, client=client, body=body)


def opt_out(client: AuthenticatedClient, secret: str) -> Response[Any]:
    return record_opt_out.sync_detailed(secret, client=client, body=OptOut(phone_number="+254700000001"))


def write_wording(
    client: AuthenticatedClient, text: str = "{name}: {code}", version: str | None = None
) -> Response[Any]:
    current = get_wording.sync(client=OWNER)
    assert isinstance(current, Wording)
    created = NewWordingCreated.from_dict({"en": text, "sw-KE": text})
    if_match = version or f'"{current.version}"'
    return put_wording.sync_detailed(
        client=client, body=NewWording(default_language="en", created=created), if_match=if_match
    )


@dataclass
class Call:
    """A request that succeeds, and those that fail, by the status that they meet."""

    good: Send
    bad: dict[int, Send] = field(default_factory=dict)


CREATES_CUSTOMER = {
    name: Call(
        lambda c, of=module: of.sync_detailed(client=c, body=new_customer(), idempotency_key=str(uuid4())),
        {422: lambda c, of=module: of.sync_detailed(client=c, body=new_customer(name=""))},
    )
    for name, module in {
        "create_customer": create_customer,
        "create_customer_alias": create_customer_alias,
        "create_customer_original": create_customer_original,
    }.items()
}
CREATES_ORDER = {
    name: Call(
        lambda c, of=module: of.sync_detailed(client=c, body=new_order()),
        {
            409: lambda c, of=module: of.sync_detailed(client=c, body=order_with_a_known_reference()),
            422: lambda c, of=module: of.sync_detailed(client=c, body=new_order(amount="-1")),
        },
    )
    for name, module in {
        "create_order": create_order,
        "create_order_alias": create_order_alias,
        "create_order_original": create_order_original,
    }.items()
}
CALLS = {
    **CREATES_CUSTOMER,
    **CREATES_ORDER,
    "list_customers": Call(lambda c: list_customers.sync_detailed(client=c, limit=2)),
    "list_customers_original": Call(lambda c: list_customers_original.sync_detailed(client=c, limit=2)),
    "list_orders": Call(lambda c: list_orders.sync_detailed(client=c, sms_status=Status.SENT)),
    "list_orders_original": Call(lambda c: list_orders_original.sync_detailed(client=c, limit=2)),
    "list_days": Call(lambda c: list_days.sync_detailed(client=c)),
    "get_customer": Call(
        lambda c: get_customer.sync_detailed(customer().code, client=c),
        {404: lambda c: get_customer.sync_detailed(UNKNOWN, client=c)},
    ),
    "update_customer": Call(
        lambda c: update_customer.sync_detailed(customer().id, client=c, body=CustomerChanges(name="jane doe")),
        {
            404: lambda c: update_customer.sync_detailed(UNKNOWN, client=c, body=CustomerChanges(name="jane doe")),
            409: lambda c: update_customer.sync_detailed(erased().id, client=c, body=CustomerChanges(name="jane doe")),
            412: lambda c: update_customer.sync_detailed(
                customer().id, client=c, body=CustomerChanges(name="jane doe"), if_match=OTHER_VERSION
            ),
            422: lambda c: update_customer.sync_detailed(customer().id, client=c, body=CustomerChanges(name="")),
        },
    ),
    "export_customer": Call(
        lambda c: export_customer.sync_detailed(order().customer, client=c),
        {404: lambda c: export_customer.sync_detailed(UNKNOWN, client=c)},
    ),
    "erase_customer": Call(
        lambda c: erase_customer.sync_detailed(customer().id, client=c),
        {
            404: lambda c: erase_customer.sync_detailed(UNKNOWN, client=c),
            412: lambda c: erase_customer.sync_detailed(customer().id, client=c, if_match=OTHER_VERSION),
        },
    ),
    "import_customers": Call(
        lambda c: import_customers.sync_detailed(
            client=c, body=file(name="john doe", phone_number="+254704590344", email="example@gmail.com")
        ),
        {422: lambda c: import_customers.sync_detailed(client=c, body=file(phone="+254704590344"))},
    ),
    "import_orders": Call(
        lambda c: import_orders.sync_detailed(
            client=c, body=file(reference="python", customer=customer().code, item="macbook m2", amount="1")
        ),
        {422: lambda c: import_orders.sync_detailed(client=c, body=file(item="macbook m2"))},
    ),
    "get_order": Call(
        lambda c: get_order.sync_detailed(order().id, client=c),
        {404: lambda c: get_order.sync_detailed(UNKNOWN, client=c)},
    ),
    "cancel_order": Call(
        lambda c: cancel_order.sync_detailed(order().id, client=c),
        {
            404: lambda c: cancel_order.sync_detailed(UNKNOWN, client=c),
            412: lambda c: cancel_order.sync_detailed(order().id, client=c, if_match=OTHER_VERSION),
        },
    ),
    "resend_sms": Call(
        lambda c: resend(texted().id, c),
        {
            404: lambda c: resend(UNKNOWN, c),
            409: lambda c: resend(cancelled().id, c),
            412: lambda c: resend(texted().id, c, version=OTHER_VERSION),
            422: lambda c: resend(UNKNOWN, c, reason=""),
        },
    ),
    "preview_sms": Call(
        lambda c: preview_sms.sync_detailed(client=c, body=SmsPreview(name="john doe", item="macbook m2", amount="1")),
        {
            409: lambda c: preview_sms.sync_detailed(
                client=c, body=SmsPreview(customer=erased().id, item="macbook m2", amount="1")
            ),
            422: lambda c: preview_sms.sync_detailed(client=c, body=SmsPreview(item="macbook m2", amount="1")),
        },
    ),
    "get_sms_status": Call(lambda c: get_sms_status.sync_detailed(client=c)),
    "get_wording": Call(lambda c: get_wording.sync_detailed(client=c)),
    "put_wording": Call(
        write_wording,
        {
            412: lambda c: write_wording(c, version=OTHER_VERSION),
            422: lambda c: write_wording(c, text="{nam}"),
            428: lambda c: write_wording(c, version="*"),
        },
    ),
    "check_health": Call(lambda c: check_health.sync_detailed(client=c)),
    "record_delivery_report": Call(lambda c: report(c, SECRET), {404: lambda c: report(c, "guess")}),
    "record_opt_out": Call(lambda c: opt_out(c, SECRET), {404: lambda c: opt_out(c, "guess")}),
}


def met(send: Send, with_client: AuthenticatedClient, expected: int | None = None) -> int:
    """Send a request, and return the status that the client reports. Raise AssertionError unless it parsed the answer."""
    answer = send(with_client)
    status = int(answer.status_code)
    assert expected in (None, status), f"{status} instead of {expected}: {answer.content!r}"
    body = answer.parsed
    if status < 400:
        assert body is not None
        assert not isinstance(body, Failure | GatewayMessage | Problem), body
    elif isinstance(body, Failure):
        # From API Gateway, or from a function.
        assert body.message or body.code, answer.content
    else:
        assert isinstance(body, Problem), body
        assert body.status == status
    return status


def main() -> None:
    """Make all calls."""
    statuses: dict[str, list[int]] = {}
    for name, call in CALLS.items():
        scope = STORY["scopes"].get(name)
        if scope:
            statuses[name] = [met(call.good, client("junk"), 401), met(call.good, client(STORY["without"][scope]), 403)]
        statuses.setdefault(name, []).append(met(call.good, OWNER))
        statuses[name] += [met(send, OWNER, status) for status, send in call.bad.items()]
    # A body that the function refuses, and one that API Gateway refuses.
    for length in (200_000, 11_000_000):
        large = new_customer(name="j" * length)
        statuses["create_customer"].append(
            met(lambda c, body=large: create_customer.sync_detailed(client=c, body=body), OWNER, 413)
        )
    print(json.dumps(statuses))


if __name__ == "__main__":
    main()
