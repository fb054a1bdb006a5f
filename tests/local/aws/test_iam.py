"""IAM on the whole system: a story that reaches every call shows that each function has the permissions it uses, and no more."""

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from deployment.template import Function, Template, load
from local.aws.iam import LOG, Statement, environment, evaluate, requirements
from local.aws.lambda_runtime import Runtime
from local.config import Config
from sales.domain.clock import format_time, parse_time
from scripts.operate.stack import local_client
from tests.support.events import form_event, http_event
from tests.support.system import BASE, CUSTOMER, ROOT, System, request, running, until

pytestmark = pytest.mark.local
# Lambda itself uses the role of a function with a destination for failed batches
# (docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html); the local system has no bucket.
BUCKET = "arn:aws:s3:eu-west-1:000000000000:UnhandledRecordsBucket"
LAMBDA_ITSELF = {"send_sms": [("s3:PutObject", f"{BUCKET}/*"), ("s3:ListBucket", BUCKET)]}


def template() -> Template:
    return load(ROOT / "template.yaml", Config(8000, Path(), {}).parameters)


FUNCTIONS = template().functions


def grants(function: Function) -> list[tuple[str, str]]:
    """Yield each action with each of its resources, except those that Lambda itself uses."""
    return [each for each in granted(function) if each not in LAMBDA_ITSELF.get(function.name, ())]


def granted(function: Function) -> list[tuple[str, str]]:
    """Yield each action with each of its resources."""

    def listed(value: Any) -> list[str]:
        return [value] if isinstance(value, str) else value

    return [
        (action, resource)
        for each in function.statements
        for action in listed(each["Action"])
        for resource in listed(each["Resource"])
    ]


GRANTS = [(name, action, resource) for name, each in FUNCTIONS.items() for action, resource in grants(each)]


def webhook(system: System, name: str, **form: str) -> None:
    secret = (system.state / "webhook-secret").read_text().strip()
    url = system.url(f"/webhooks/africastalking/{name}/{secret}")
    answer = request("POST", url, urlencode(form), {"content-type": "application/x-www-form-urlencoded"})
    assert answer.status == 200, answer.raw


def be_refused(system: System) -> None:
    """Send texts that are accepted, refused, and refused at the second attempt."""
    system.behave()
    system.reaches(system.order(system.customer(phone_number="+254700000304")), "delivered")
    system.reaches(system.order(agreeing(system, "+254700000406")), "failed")
    system.behave(script=["http:429", "status:406"])
    system.reaches(system.order(agreeing(system, "+254700000302")), "failed")
    system.behave()


def agreeing(system: System, number: str) -> dict[str, Any]:
    """Create a customer with a number that is opted in and not blocked."""
    customer = system.customer(phone_number=number)
    assert (
        system.call("PATCH", f"customers/{customer['id']}", {"sms_opted_out": False, "sms_blocked": False}).status
        == 200
    )
    return customer


def move_to_an_earlier_day(system: System, order: dict[str, Any]) -> None:
    """Date an order two days back, as if they had passed."""
    config = Config(system.port, system.state, {})
    database = local_client(config, "dynamodb", config.database_url)
    key = {"id": {"S": order["id"]}}
    item = database.get_item(TableName="sales-orders", Key=key, ConsistentRead=True)["Item"]
    earlier = format_time(parse_time(order["order_date"]) - timedelta(days=2))
    database.put_item(
        TableName="sales-orders",
        Item=item | {"order_date": {"S": earlier}, "sort_key": {"S": f"{earlier}#{order['id']}"}},
    )


def import_files(system: System, code: str) -> None:
    """Import new customers and orders, also one of the customer with this code; the first import creates the shop's key."""
    for kind, rows in (
        ("orders", "reference,customer,item,amount\nfirst,+254700000301,x,1\n"),
        ("customers", "name,phone_number,email\nimported,+254700000305,imported@example.com\n"),
        ("orders", f"reference,customer,item,amount\nsecond,+254700000305,x,1\nthird,{code},x,1\n"),
    ):
        answer = system.call("POST", f"{kind}/import", rows, content_type="text/csv")
        assert b",created," in answer.raw, answer.raw


def reach_every_call(system: System) -> None:
    """Use every function in every way in which it calls AWS."""
    number = "+254700000301"
    customer = system.customer(phone_number=number, email="every.call@example.com")
    code = customer["code"]
    searches = ("?search=john", f"?search={number[-4:]}")
    for query in ("", f"?phone_number=%2B{number[1:]}", "?email=every.call@example.com", f"?code={code}", *searches):
        assert system.call("GET", f"customers{query}").status == 200
    assert system.call("GET", f"customers/{customer['id']}").status == 200
    assert system.call("PATCH", f"customers/{customer['id']}", {"name": "every call"}).status == 200
    assert system.call("PATCH", f"customers/{customer['id']}", {}).status == 200
    # A language that neither ships is looked up in the wording.
    assert system.call("POST", "customers", CUSTOMER | {"language": "fr"}).status == 422
    assert system.call("PATCH", f"customers/{customer['id']}", {"language": "fr"}).status == 422
    wording = system.call("GET", "wording").body
    own = {name: value for name, value in wording.items() if name != "version"}
    assert system.call("PUT", "wording", own, if_match=f'"{wording["version"]}"').status == 200
    text = {"customer": customer["id"], "item": "x", "amount": "1"}
    assert system.call("POST", "sms/preview", text).status == 200

    arrived = system.order(customer, idempotency_key="every-call")
    assert system.call("POST", "orders", text | {"reference": "every-call"}).status == 201
    system.reaches(arrived, "delivered")
    for query in ("", f"?customer={code}", "?sms_status=delivered", "?reference=every-call"):
        assert system.call("GET", f"orders{query}").status == 200
    assert system.call("GET", "orders", accept="text/csv").status == 200
    be_refused(system)
    system.behave(script=["status:403"])
    again = system.order(customer)
    system.reaches(again, "failed")
    system.behave()
    move_to_an_earlier_day(system, again)
    why = {"reason": "refused by mistake"}
    assert system.call("POST", f"orders/{again['code']}/sms", why, idempotency_key="every-call").status == 202
    assert system.call("POST", f"orders/{again['code']}/cancel", {}).status == 200
    assert system.call("GET", f"orders/{again['code']}").status == 200
    # The sweep counts the earlier day, and the function counts today.
    (day,) = until(lambda: system.call("GET", "days").body["data"][1:], seconds=60)
    assert (day["orders"], day["cancelled"]) == (1, 1)

    # The sweep handles an orphaned report; a report of a blocked recipient opts out, as STOP does.
    system.behave(script=["drop_after"], delivery="none")
    other = "+254700000303"
    lost = system.order(system.customer(phone_number=other))
    system.reaches(lost, "unknown")
    (message,) = (each for each in system.texts() if each["to"] == other)
    webhook(system, "delivery", id=message["message_id"], status="Success", phoneNumber=other)
    system.reaches(lost, "delivered")
    refusal = {"status": "Failed", "failureReason": "UserInBlacklist"}
    webhook(system, "delivery", id="ATXid_x", phoneNumber=other, **refusal)
    webhook(system, "delivery", id=message["message_id"], phoneNumber=other, **refusal)
    assert system.call("GET", "sms/status").status == 200
    webhook(system, "optout", senderId="x", phoneNumber="+254700000302")

    # Addresses with a trailing slash, which API Gateway may leave to the $default route.
    for route in template().routes:
        if route.path != "$default" and not route.path.startswith("/ap1"):
            path = re.sub(r"{\w+}", "x", route.path) + "/"
            handed_on = system.invoke("answer_unmatched", http_event(route.method, path, {}, authorized=False))
            assert handed_on.body["statusCode"] < 500, handed_on.raw

    import_files(system, code)
    assert system.call("GET", f"customers/{customer['id']}/export").status == 200
    assert system.call("POST", f"customers/{customer['id']}/erase", {}).status == 200
    # A replay of an order whose customer was erased.
    body = {"customer": customer["id"], "item": "macbook m2", "amount": "56000.68"}
    assert system.call("POST", "orders", body, idempotency_key="every-call").status == 201


@pytest.fixture(scope="module")
def used() -> Iterator[list[dict[str, Any]]]:
    """Every function, action and resource that the story used."""
    with running(SMS_RETRY_SECONDS="1", SMS_TEXT_DAYS="1", SMS_PER_DAY="100000") as system:
        reach_every_call(system)
        log = system.state / LOG

        def calls() -> list[dict[str, Any]]:
            return [json.loads(line) for line in log.read_text().splitlines()]

        def complete() -> bool:
            return not any(
                unused([single(action, resource)], [each for each in calls() if each["function"] == name])
                for name, action, resource in GRANTS
            )

        # Stream or sweep may claim a text first: repeat until both have handled one of each kind, and until the sweep
        # has rechecked an erased customer's orders.
        give_up = time.monotonic() + 180
        while not complete() and time.monotonic() < give_up:
            be_refused(system)
            # Message and state are written separately only if the report comes before the answer.
            system.behave(delivery="before_answer")
            system.order(system.customer(phone_number="+254700000398"))
            with suppress(AssertionError):
                until(complete, seconds=10)
        yield calls()


def refused(statements: list[Statement], calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in calls if not evaluate(statements, each["action"], each["resource"])]


def unused(statements: list[Statement], calls: list[dict[str, Any]]) -> list[Statement]:
    return [
        each for each in statements if not any(evaluate([each], call["action"], call["resource"]) for call in calls)
    ]


def single(action: str, resource: str) -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_every_permission_it_uses(name: str, used: list[dict[str, Any]]) -> None:
    calls = [each for each in used if each["function"] == name]
    assert [each for each in calls if not each["allowed"]] == []
    assert refused(FUNCTIONS[name].statements, calls) == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_uses_every_permission_it_has(name: str, used: list[dict[str, Any]]) -> None:
    calls = [each for each in used if each["function"] == name]
    assert unused([single(*each) for each in grants(FUNCTIONS[name])], calls) == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_exactly_the_permissions_that_lambda_itself_needs(name: str) -> None:
    wanted = LAMBDA_ITSELF.get(name, [])
    assert [each for each in granted(FUNCTIONS[name]) if each[0].startswith("s3:") or each in wanted] == wanted


@pytest.mark.parametrize(("name", "action", "resource"), GRANTS)
def test_a_removed_permission_is_noticed(name: str, action: str, resource: str, used: list[dict[str, Any]]) -> None:
    calls = [each for each in used if each["function"] == name]
    assert refused([single(*each) for each in grants(FUNCTIONS[name]) if each != (action, resource)], calls)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_added_permission_is_noticed(name: str, used: list[dict[str, Any]]) -> None:
    calls = [each for each in used if each["function"] == name]
    had = {(action, resource) for action, resource in grants(FUNCTIONS[name])}
    for action, resource in {(action, resource) for _, action, resource in GRANTS} - had:
        assert unused([single(action, resource)], calls), (action, resource)
    for action in ("dynamodb:DeleteItem", "dynamodb:Scan", "lambda:InvokeFunction", "ssm:GetParameter"):
        assert unused([single(action, "arn:aws:dynamodb:eu-west-1:000000000000:table/sales-orders")], calls)
    for resource in (f"{BUCKET}/*", BUCKET, "arn:aws:s3:::another/*"):
        more = replace(
            FUNCTIONS[name], statements=[single("s3:GetObject", resource), single("s3:PutObject", f"{resource}x")]
        )
        assert unused([single(*each) for each in grants(more)], calls)


# The mechanism


def test_a_call_without_a_statement_is_refused_as_by_aws(tmp_path: Path) -> None:
    config = Config(8000, tmp_path, {})
    table = "arn:aws:dynamodb:eu-west-1:000000000000:table/sales-customers"
    statements = [single("dynamodb:GetItem", table), single("dynamodb:PutItem", f"{table}/index/by_date")]
    given = environment("create_customer", statements, config.state)
    script = """
from sales.runtime.aws import aws_client
client = aws_client("dynamodb", "http://127.0.0.1:9")
try:
    client.put_item(TableName="sales-customers", Item={})
except client.exceptions.ClientError as error:
    print(error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"], error)
"""
    own = {"AWS_DEFAULT_REGION": "eu-west-1"}
    keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    ran = subprocess.run(
        [sys.executable, "-c", script], env=own | keys | given, capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith("AccessDeniedException 400 "), ran
    assert f"not authorized to perform: dynamodb:PutItem on resource: {table} because" in ran.stdout
    (noted,) = (json.loads(line) for line in (tmp_path / LOG).read_text().splitlines())
    assert noted == {"function": "create_customer", "action": "dynamodb:PutItem", "resource": table, "allowed": False}


def test_a_function_that_lacks_a_statement_answers_500_and_writes_nothing(tmp_path: Path) -> None:
    function = FUNCTIONS["create_customer"]
    event = http_event("POST", f"{BASE}/customers", CUSTOMER)

    async def invoke() -> Any:
        runtime = Runtime(
            Template(functions={function.name: replace(function, statements=[])}), Config(8000, tmp_path, {})
        )
        try:
            return json.loads((await runtime.invoke(function.name, json.dumps(event).encode())).payload)
        finally:
            await runtime.close()

    answer = asyncio.run(invoke())
    assert answer["statusCode"] == 500, answer
    (noted,) = (json.loads(line) for line in (tmp_path / LOG).read_text().splitlines())
    assert (noted["action"], noted["allowed"]) == ("dynamodb:PutItem", False)


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("dynamodb:Query", "arn:table/t/index/by_date", True),
        ("DYNAMODB:query", "arn:table/t/index/by_date", True),
        ("dynamodb:Query", "arn:table/t", False),
        ("dynamodb:Query", "arn:table/T/index/by_date", False),
        ("dynamodb:GetItem", "arn:table/t/index/by_date", False),
        ("secretsmanager:GetSecretValue", "arn:secret:key-aB3dE6", True),
        ("secretsmanager:GetSecretValue", "arn:secret:key-of-others-aB3dE6", False),
        ("s3:PutObject", "arn:bucket/a/b", True),
        ("s3:PutObject", "arn:bucket/denied/b", False),
        ("s3:PutObject", "arn:bucket", False),
    ],
)
def test_statements_mean_what_they_mean_to_iam(action: str, resource: str, allowed: bool) -> None:
    statements = [
        single("dynamodb:Query", "arn:table/t/index/by_date"),
        single("secretsmanager:GetSecretValue", "arn:secret:key-??????"),
        single("s3:Put*", "arn:bucket/*"),
        {"Effect": "Deny", "Action": ["s3:*"], "Resource": ["arn:bucket/denied/*"]},
    ]
    assert evaluate(statements, action, resource) is allowed


def test_iam_is_asked_before_a_secret_is_looked_for() -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:sales/key"
    asked = "secretsmanager", "GetSecretValue", {"SecretId": "sales/key"}
    (there,) = requirements(*asked, ["sales/key"])
    (missing,) = requirements(*asked, ["sales/key-of-others"])
    assert (there, missing) == (
        ("secretsmanager:GetSecretValue", f"{arn}-aB3dE6"), ("secretsmanager:GetSecretValue", arn)
    )  # fmt: skip
    assert not evaluate([single("secretsmanager:GetSecretValue", f"{arn}-??????")], *missing)


@pytest.mark.parametrize("webhook", ["record_delivery_report", "record_opt_out"])
def test_a_webhook_whose_secret_does_not_exist_answers_404(tmp_path: Path, webhook: str) -> None:
    name = "sales-dev/webhook-secret"
    function = FUNCTIONS[webhook]
    own = json.loads(json.dumps(function.statements).replace(function.environment["WEBHOOK_SECRET"], name))
    function = replace(function, statements=own, environment=function.environment | {"WEBHOOK_SECRET": name})
    fields = {"id": "ATXid_x", "status": "Success", "phoneNumber": "+254700000301"}
    event = form_event("/webhooks/africastalking/x/guess", fields, {"secret": "guess"})

    async def invoke() -> Any:
        runtime = Runtime(Template(functions={webhook: function}), Config(8000, tmp_path, {}))
        try:
            return json.loads((await runtime.invoke(webhook, json.dumps(event).encode())).payload)
        finally:
            await runtime.close()

    assert asyncio.run(invoke())["statusCode"] == 404
    assert {line["allowed"] for line in map(json.loads, (tmp_path / LOG).read_text().splitlines())} == {False}
    logged = [json.loads(line) for line in (tmp_path / f"logs/{webhook}.log").read_text().splitlines()]
    assert [line["secret"] for line in logged if line.get("level") == "ERROR"] == [name]


def test_a_condition_is_not_ignored() -> None:
    statement = {**single("dynamodb:GetItem", "*"), "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    with pytest.raises(ValueError, match="Condition"):
        evaluate([statement], "dynamodb:GetItem", "arn:x")


def test_transactions_and_batches_need_what_their_parts_need() -> None:
    prefix = "arn:aws:dynamodb:eu-west-1:000000000000:table/"
    items = [{"Put": {"TableName": "a"}}, {"ConditionCheck": {"TableName": "b"}}, {"Delete": {"TableName": "c"}}]
    assert list(requirements("dynamodb", "TransactWriteItems", {"TransactItems": items})) == [
        ("dynamodb:PutItem", f"{prefix}a"),
        ("dynamodb:ConditionCheckItem", f"{prefix}b"),
        ("dynamodb:DeleteItem", f"{prefix}c"),
    ]
    assert list(requirements("dynamodb", "BatchGetItem", {"RequestItems": {"a": {}, "b": {}}})) == [
        ("dynamodb:BatchGetItem", f"{prefix}a"),
        ("dynamodb:BatchGetItem", f"{prefix}b"),
    ]
    with pytest.raises(ValueError, match="does not know"):
        list(requirements("sns", "Publish", {}))
