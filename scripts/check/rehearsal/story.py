"""The state and the helpers that the steps of the rehearsal share: the stack, its API, and the values it was given."""

import json
import platform
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from deployment.parameters import read_parameters
from deployment.stages import STAGES
from scripts.check.rehearsal.api import Api
from scripts.check.rehearsal.emulator import Emulator, RehearsalError
from scripts.check.rehearsal.stack import BUILD, STAGE, Stack
from scripts.check.rehearsal.values import defaults, hard
from scripts.operate.deploy import ARCHITECTURES
from tests.support.system import until

__all__ = ["Story", "check", "wait_until"]


def check(holds: object, sentence: str) -> None:
    """Raise RehearsalError with the sentence unless it holds."""
    if not holds:
        raise RehearsalError(sentence)


def wait_until(holds: Callable[[], object], sentence: str, seconds: float = 30) -> None:
    """Wait until it holds; raise RehearsalError with the sentence if it does not in time."""
    try:
        until(holds, seconds=seconds, every=0.2)
    except AssertionError:
        raise RehearsalError(f"{sentence} within {seconds:.0f} s.") from None


class Story:
    """The story so far: the stack, its API, and what was made through it."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.stack = Stack(emulator)
        self.state = emulator.config.state
        self.parameters = read_parameters(BUILD / "template.yaml")
        self.given = defaults(self.parameters) | {
            **STAGES[STAGE].parameters,
            "OktaIssuer": emulator.config.issuer,
            "ConsoleClientId": emulator.config.console_client_id,
            "Architecture": ARCHITECTURES[platform.machine().lower()],
        }
        self.releases: list[str] = []
        # The order whose text a person asked for again: the schedule sends it.
        self.asked_again: dict[str, Any] = {}
        # The usual values of the parameters that have hard ones, and the outputs of the deleted stack.
        self.usual: dict[str, str] = {}
        self.deleted: dict[str, str] = {}
        self.number = 0
        self.tree = emulator.command("git", "status", "--porcelain")

    def release(self) -> str:
        """Return the name of a new release, later than the others."""
        self.releases.append(f"{2601010000 + len(self.releases)}-{secrets.token_hex(4)}")
        return self.releases[-1]

    def phone_number(self) -> str:
        """Return a number that no customer has."""
        self.number += 1
        return f"+2547000{self.number:05}"

    def api(self) -> Api:
        """Return the stack's API."""
        return Api(self.stack.described().outputs["ApiUrl"], self.token())

    def token(self) -> str:
        """Return a token from the local issuer."""
        return self.emulator.python("local.commands.token").strip()

    def operate(self, command: str, *arguments: str, given: str = "", status: int = 0, **variables: str) -> str:
        """Run an operator's command on the stack."""
        where = ("--stack", self.stack.name)
        return self.emulator.python(
            f"scripts.operate.{command}", *arguments, *where, given=given, status=status, **variables
        )

    def webhook_secret(self) -> str:
        """Return the stack's webhook secret."""
        held = self.emulator.client("secretsmanager").get_secret_value(SecretId=self.given["WebhookSecretName"])
        return str(held["SecretString"])

    def start_sandbox(self) -> None:
        """Start the SMS sandbox, with the stack's API as the target of its delivery reports.

        It also takes the hard sender: refusing it would pause sending.
        """
        self.emulator.start_sandbox(
            self.stack.described().outputs["ApiUrl"], hard(self.parameters).get("SmsSender", "")
        )

    def sent_order(self) -> dict[str, Any]:
        """Create an order, wait until its text is delivered, and return the order."""
        api = self.api()
        order = api.order(api.customer(self.phone_number()))
        self.is_sent(order)
        return order

    def is_sent(self, order: dict[str, Any]) -> None:
        """Wait until the order's text is delivered."""
        api = self.api()
        wait_until(lambda: api.sms(order)["status"] == "delivered", f"The text of {order['id']} was not delivered")

    def all_at(self, release: str) -> None:
        """Check that every function runs this release."""
        others = {name: used for name, used in self.stack.releases_in_use().items() if used != release}
        check(not others, f"These functions do not run {release}: {others}.")

    def values_arrived(self) -> None:
        """Check that the stack and its functions hold exactly the parameters that were given."""
        held = self.stack.described().parameters
        wrong = {name: held.get(name) for name, value in self.given.items() if held.get(name) != value}
        check(not wrong, f"The stack holds other values than it was given: {wrong}.")
        misread = self.stack.misread()
        check(not misread, f"Functions hold other values than the stack: {'; '.join(misread)}.")

    def deploy(self, parameters: Mapping[str, str], *, as_lines: bool = False) -> None:
        """Deploy a new release with these parameters, and check what arrived."""
        changed = {"Release": self.release(), **parameters}
        self.stack.deploy(changed, as_lines=as_lines)
        self.given |= changed
        self.all_at(changed["Release"])
        self.values_arrived()

    @contextmanager
    def nothing_sends(self) -> Iterator[None]:
        """Stop the stream and the schedule during the block; they continue where they were."""
        events, lambda_ = self.emulator.client("events"), self.emulator.client("lambda")
        rules = [name.rpartition("/")[2] for name in self.stack.of_type("AWS::Events::Rule")]
        [mapping] = self.stack.of_type("AWS::Lambda::EventSourceMapping")
        for rule in rules:
            events.disable_rule(Name=rule)
        lambda_.update_event_source_mapping(UUID=mapping, Enabled=False)
        try:
            yield
        finally:
            lambda_.update_event_source_mapping(UUID=mapping, Enabled=True)
            for rule in rules:
                events.enable_rule(Name=rule)

    def give_up(self, order: Mapping[str, Any]) -> None:
        """Store the order's record in the bucket, as Lambda does when it gives a batch up."""
        outputs = self.stack.described().outputs
        dynamodb = self.emulator.client("dynamodb")
        item = dynamodb.get_item(TableName=outputs["OrdersTableName"], Key={"id": {"S": order["id"]}})["Item"]
        record = {"eventName": "INSERT", "dynamodb": {"NewImage": item, "SequenceNumber": "1"}}
        batch = json.dumps({"payload": json.dumps({"Records": [record]})})
        bucket = outputs["UnhandledRecordsBucketName"]
        self.emulator.client("s3").put_object(Bucket=bucket, Key="aws/lambda/batch", Body=batch.encode())

    def lines(self, function: str) -> list[str]:
        """Return what a function logged, without what Lambda adds."""
        group = f"/aws/lambda/{self.stack.name}-{function}"
        pages = self.emulator.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]
