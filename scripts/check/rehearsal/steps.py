"""The steps of the rehearsal, in order: one stack's whole life, and every command of an operator."""

import json
import platform
import secrets
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from deployment import ROOT
from deployment.parameters import read_parameters
from deployment.stages import STAGES
from local.aws.secrets_manager import put_secret, secret_line
from scripts.check.rehearsal.api import DELIVERY, OPT_OUT, Api
from scripts.check.rehearsal.emulator import Emulator, RehearsalError
from scripts.check.rehearsal.stack import BUILD, STAGE, Stack
from scripts.check.rehearsal.values import HARD_PARTS, defaults, empty, hard
from scripts.operate.deploy import ARCHITECTURES
from scripts.operate.prune_versions import KEEP
from tests.support.readme import Requests
from tests.support.system import until

__all__ = ["STEPS", "Rehearsal"]

# The sandbox takes its key and the webhook's secret from its own folder, by these names.
KEY_FILE, WEBHOOK = "sms-api-key", "sales/webhook-secret"
# Longer than a minute, the schedule's rate.
SCHEDULE_SECONDS = 75


def _check(holds: object, sentence: str) -> None:
    if not holds:
        raise RehearsalError(sentence)


def _wait_until(holds: Callable[[], object], sentence: str, seconds: float = 30) -> None:
    try:
        until(holds, seconds=seconds, every=0.2)
    except AssertionError:
        raise RehearsalError(f"{sentence} within {seconds:.0f} s.") from None


class Rehearsal:
    """The story so far: the stack, its API, and what was made through it."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.stack = Stack(emulator)
        self.state = emulator.config.state
        self.parameters = read_parameters(BUILD / "template.yaml")
        self.given = defaults(self.parameters) | {
            **STAGES[STAGE].parameters,
            "OktaIssuer": emulator.config.issuer,
            "Architecture": ARCHITECTURES[platform.machine().lower()],
        }
        self.releases: list[str] = []
        # The order whose text a person asked for again: the schedule sends it.
        self.asked_again: dict[str, Any] = {}
        self.number = 0
        self.tree = emulator.command("git", "status", "--porcelain")

    # ---- What the steps share

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
        _wait_until(lambda: api.sms(order)["status"] == "delivered", f"The text of {order['id']} was not delivered")

    def all_at(self, release: str) -> None:
        """Check that every function runs this release."""
        others = {name: used for name, used in self.stack.releases_in_use().items() if used != release}
        _check(not others, f"These functions do not run {release}: {others}.")

    def values_arrived(self) -> None:
        """Check that the stack and its functions hold exactly the parameters that were given."""
        held = self.stack.described().parameters
        wrong = {name: held.get(name) for name, value in self.given.items() if held.get(name) != value}
        _check(not wrong, f"The stack holds other values than it was given: {wrong}.")
        misread = self.stack.misread()
        _check(not misread, f"Functions hold other values than the stack: {'; '.join(misread)}.")

    def deploy(self, parameters: Mapping[str, str], *, as_lines: bool = False) -> None:
        """Deploy a new release with these parameters, and check what arrived."""
        changed = {"Release": self.release(), **parameters}
        self.stack.deploy(changed, as_lines=as_lines)
        self.given |= changed
        self.all_at(changed["Release"])
        self.values_arrived()

    # ---- The steps

    def create_secrets(self) -> None:
        """Create both secrets, with values that do not work."""
        client = self.emulator.client("secretsmanager")
        for parameter in ("SmsSecretName", "WebhookSecretName"):
            client.create_secret(Name=self.given[parameter], SecretString=secrets.token_urlsafe(24))

    def create(self) -> None:
        """Create the stack."""
        self.given |= {"Release": self.release()}
        self.stack.deploy(self.given)
        self.all_at(self.given["Release"])
        self.values_arrived()
        self.start_sandbox()

    def rotate(self) -> None:
        """Set the SMS key and rotate the webhook secret."""
        self.operate("rotate_secret", "sms-key", given=f"{secret_line(self.state / KEY_FILE)}\n")
        old = self.webhook_secret()
        printed = self.operate("rotate_secret", "webhook")
        new = self.webhook_secret()
        for path in (DELIVERY, OPT_OUT):
            callback = f"{self.api().url}{path}/{new}"
            _check(callback in printed.splitlines(), f"rotate-webhook-secret does not print {callback}.")
        api = self.api()
        for secret, accepted in ((old, True), (new, True), ("wrong", False)):
            answer = api.accepts_secret(self.phone_number(), secret)
            _check(answer is accepted, f"The webhook {'refuses' if accepted else 'accepts'} the secret {secret}.")
        put_secret(self.state, WEBHOOK, new)

    def four_requests(self) -> None:
        """Send the README's four requests until the text is delivered."""
        url = self.stack.described().outputs["ApiUrl"]
        try:
            Requests(url, ROOT, self.emulator.environ).follow(self.emulator.texts)
        except (AssertionError, LookupError, TypeError, ValueError) as error:
            failed = "".join(traceback.format_exception(error)[-3:])
            raise RehearsalError(f"The README's requests do not do what it says:\n{failed}") from None

    def smoke(self) -> None:
        """Run smoke with a token."""
        printed = self.operate("smoke", TOKEN=self.token())
        _check("PROBLEM" not in printed and printed.count("ok  ") >= 7, f"smoke prints:\n{printed}")

    def every_function(self) -> None:
        """Use every function under its own role."""
        self.asked_again = self.sent_order()
        self.api().use_every_route(self.phone_number(), self.asked_again, self.webhook_secret())

    def update(self) -> None:
        """Update to another release and one other parameter."""
        before = self.stack.described().parameters
        self.deploy({"DefaultCurrency": "TZS"})
        after = self.stack.described().parameters
        changed = sorted(name for name in after if after[name] != before.get(name))
        _check(changed == ["DefaultCurrency", "Release"], f"The update of DefaultCurrency changed {changed}.")
        currency = self.sent_order()["currency"]
        _check(currency == "TZS", f"After the update to TZS an order is in {currency}.")

    def roll_back(self) -> None:
        """Roll back to the previous release."""
        self.operate("rollback")
        self.all_at(self.releases[0])
        currency = self.sent_order()["currency"]
        _check(currency == "KES", f"After the rollback to KES an order is in {currency}.")

    def hard_values(self) -> None:
        """Deploy after the rollback, with values that are hard to pass on."""
        values = hard(self.parameters)
        lacking = [part for part in HARD_PARTS if not any(part in value for value in values.values())]
        _check(not lacking, f"No parameter accepts a value with {lacking}.")
        self._kept = {name: self.given[name] for name in values}
        self.deploy(values, as_lines=True)

    def empty_values(self) -> None:
        """Deploy the usual values again, and empty ones."""
        values = empty(self.parameters)
        _check(values, "No parameter accepts an empty value.")
        self.deploy(self._kept | values | {"ListShards": "4"})

    def refuse(self) -> None:
        """Refuse to lower the number of list shards."""
        before = self.stack.described()
        printed = self.stack.deploy({"ListShards": "1", "Release": self.releases[-1]}, fails=True)
        _check("ListShards may not be lowered from 4 to 1" in printed, f"make deploy prints:\n{printed}")
        _check(self.stack.described() == before, "A refused deployment changed the stack.")

    def prune(self) -> None:
        """Delete old versions."""
        self.operate("prune_versions")
        versions = self.stack.versions()
        wrong = {name: found for name, found in versions.items() if len(found) != KEEP + 1}
        _check(not wrong, f"Pruning keeps the version in use and {KEEP} others, but left {wrong}.")
        self.all_at(self.releases[-1])

    def schedule(self) -> None:
        """Wait for the schedule to send the text that was asked for again."""
        api = self.api()
        _wait_until(
            lambda: api.sms(self.asked_again)["status"] == "delivered" and api.sms(self.asked_again)["attempts"] > 1,
            "The schedule did not send a text that was asked for again",
            SCHEDULE_SECONDS,
        )

    def replay(self) -> None:
        """Replay failed records and queued orders."""
        api = self.api()
        with self._nothing_sends():
            failed, queued = (api.order(api.customer(self.phone_number())) for _ in range(2))
            self._give_up(failed)
            printed = self.operate("replay_failed")
            _check("accepted by send_sms: 1, kept: 0." in printed, f"replay-failed prints: {printed}")
            today = datetime.now(UTC).date()
            printed = self.operate("replay_orders", "--since", f"{today}", "--until", f"{today + timedelta(days=1)}")
            _check("handed to send_sms: 1, not accepted: 0." in printed, f"replay-orders prints: {printed}")
            for order in (failed, queued):
                self.is_sent(order)

    def restore(self) -> None:
        """Restore a deleted order."""
        order = self.sent_order()
        at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        self.operate("restore", "--at", at)
        dynamodb = self.emulator.client("dynamodb")
        table = self.stack.described().outputs["OrdersTableName"]
        dynamodb.delete_item(TableName=table, Key={"id": {"S": order["id"]}})
        printed = self.operate("restore", "--at", at)
        _check("1 copied" in printed, f"restore prints: {printed}")
        _check(self.api().sms(order)["status"] == "delivered", "The restored order's text is not as it was.")

    def logs(self) -> None:
        """Count every number's texts, and look for errors in every function's log."""
        texts = Counter(text["to"] for text in self.emulator.texts())
        several = {number: count for number, count in texts.items() if count > 1}
        _check([*several.values()] == [2], f"One number has two texts, because a person asked; found {several}.")
        for function in self.stack.of_type("AWS::Lambda::Function"):
            lines = self._lines(function.removeprefix(f"{self.stack.name}-"))
            _check(lines, f"{function} has not run.")
            errors = [line for line in lines if '"level":"ERROR"' in line or "raised" in line or "Traceback" in line]
            _check(not errors, f"{function} logged: {errors[:3]}")

    def enforced(self) -> None:
        """See that a role without a permission is refused."""
        iam = self.emulator.client("iam")
        live = self.stack.live()[f"{self.stack.name}-create_customer"]
        role = live["Role"].rpartition("/")[2]
        denial = {"Effect": "Deny", "Action": "dynamodb:PutItem", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [denial]})
        iam.put_role_policy(RoleName=role, PolicyName="denial", PolicyDocument=document)
        self.api().customer(self.phone_number(), status=500)
        iam.delete_role_policy(RoleName=role, PolicyName="denial")
        self.api().customer(self.phone_number())

    def failed_update(self) -> None:
        """Update with a resource that cannot be created: the old release still serves."""
        before = self.given["Release"]
        self.stack.deploy({"Release": self.release(), "DefaultCurrency": "UGX"}, fault=True, fails=True)
        status = self.stack.status()
        _check(status == "UPDATE_ROLLBACK_COMPLETE", f"After the failed update the stack is {status}.")
        self.all_at(before)
        self.values_arrived()
        self.smoke()

    def delete(self) -> None:
        """Delete the stack: tables and bucket stay."""
        outputs = self.outputs = self.stack.described().outputs
        self.emulator.client("cloudformation").delete_stack(StackName=self.stack.name)
        _wait_until(lambda: not self.stack.exists(), "The stack was not deleted", 60)
        functions = self.emulator.client("lambda").list_functions()["Functions"]
        left = [each["FunctionName"] for each in functions if each["FunctionName"].startswith(self.stack.name)]
        _check(not left, f"These functions outlived the stack: {left}.")
        dynamodb = self.emulator.client("dynamodb")
        for table in (outputs["CustomersTableName"], outputs["OrdersTableName"]):
            kept = dynamodb.describe_table(TableName=table)["Table"]
            _check(kept["DeletionProtectionEnabled"], f"{table} is not protected from deletion.")
        self.emulator.client("s3").head_bucket(Bucket=outputs["UnhandledRecordsBucketName"])

    def bring_back(self) -> None:
        """Bring the old tables into a new stack: its customers are there again."""
        tables = {name: self.outputs[f"{name}Name"] for name in ("CustomersTable", "OrdersTable")}
        self.stack.import_tables(tables)
        self.given |= {"Release": self.release()}
        self.stack.deploy(self.given)
        self.values_arrived()
        _check(self.api().sms(self.asked_again)["status"] == "delivered", "An old order is not as it was.")
        self.delete()

    def create_again(self) -> None:
        """Create the stack again."""
        self.given |= {"Release": self.release()}
        self.stack.deploy(self.given)
        self.all_at(self.given["Release"])
        self.values_arrived()
        self.start_sandbox()
        self.smoke()
        self.sent_order()
        now = self.emulator.command("git", "status", "--porcelain")
        _check(now == self.tree, f"The rehearsal changed the working tree:\n{now}")

    # ---- What only this module reads

    @contextmanager
    def _nothing_sends(self) -> Iterator[None]:
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

    def _give_up(self, order: Mapping[str, Any]) -> None:
        """Store the order's record in the bucket, as Lambda does when it gives a batch up."""
        outputs = self.stack.described().outputs
        dynamodb = self.emulator.client("dynamodb")
        item = dynamodb.get_item(TableName=outputs["OrdersTableName"], Key={"id": {"S": order["id"]}})["Item"]
        record = {"eventName": "INSERT", "dynamodb": {"NewImage": item, "SequenceNumber": "1"}}
        batch = json.dumps({"payload": json.dumps({"Records": [record]})})
        bucket = outputs["UnhandledRecordsBucketName"]
        self.emulator.client("s3").put_object(Bucket=bucket, Key="aws/lambda/batch", Body=batch.encode())

    def _lines(self, function: str) -> list[str]:
        """Return what a function logged, without what Lambda adds."""
        group = f"/aws/lambda/{self.stack.name}-{function}"
        pages = self.emulator.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]


STEPS: tuple[Callable[[Rehearsal], None], ...] = (
    Rehearsal.create_secrets,
    Rehearsal.create,
    Rehearsal.rotate,
    Rehearsal.four_requests,
    Rehearsal.smoke,
    Rehearsal.every_function,
    Rehearsal.update,
    Rehearsal.roll_back,
    Rehearsal.hard_values,
    Rehearsal.empty_values,
    Rehearsal.refuse,
    Rehearsal.prune,
    Rehearsal.schedule,
    Rehearsal.replay,
    Rehearsal.restore,
    Rehearsal.logs,
    Rehearsal.enforced,
    Rehearsal.failed_update,
    Rehearsal.delete,
    Rehearsal.bring_back,
    Rehearsal.create_again,
)
