"""The steps of the rehearsal, in order: one stack's whole life, and every command of an operator."""

import json
import re
import secrets
import traceback
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from deployment import ROOT
from local.aws.secrets_manager import put_secret
from local.private_files import secret_line
from scripts.check.rehearsal.api import DELIVERY, OPT_OUT
from scripts.check.rehearsal.emulator import RehearsalError
from scripts.check.rehearsal.story import Story, check, wait_until
from scripts.check.rehearsal.values import HARD_PARTS, empty, hard
from scripts.operate.prune_versions import KEEP
from tests.support.readme import Requests

__all__ = ["STEPS", "Rehearsal"]

# The sandbox takes its key and the webhook's secret from its own folder, by these names.
KEY_FILE, WEBHOOK = "sms-api-key", "sales/webhook-secret"
# Longer than a minute, the schedule's rate.
SCHEDULE_SECONDS = 75


class Rehearsal(Story):
    """The steps; a step's docstring is what the terminal shows of it."""

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
            check(callback in printed.splitlines(), f"rotate-webhook-secret does not print {callback}.")
        api = self.api()
        for secret, accepted in ((old, True), (new, True), ("wrong", False)):
            answer = api.accepts_secret(self.phone_number(), secret)
            check(answer is accepted, f"The webhook {'refuses' if accepted else 'accepts'} the secret {secret}.")
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
        check("PROBLEM" not in printed and printed.count("ok  ") >= 7, f"smoke prints:\n{printed}")

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
        check(changed == ["DefaultCurrency", "Release"], f"The update of DefaultCurrency changed {changed}.")
        currency = self.sent_order()["currency"]
        check(currency == "TZS", f"After the update to TZS an order is in {currency}.")

    def roll_back(self) -> None:
        """Roll back to the previous release."""
        self.operate("rollback")
        self.all_at(self.releases[0])
        currency = self.sent_order()["currency"]
        check(currency == "KES", f"After the rollback to KES an order is in {currency}.")

    def hard_values(self) -> None:
        """Deploy after the rollback, with values that are hard to pass on."""
        values = hard(self.parameters)
        lacking = [part for part in HARD_PARTS if not any(part in value for value in values.values())]
        check(not lacking, f"No parameter accepts a value with {lacking}.")
        self.usual = {name: self.given[name] for name in values}
        self.deploy(values, as_lines=True)

    def empty_values(self) -> None:
        """Deploy the usual values again, and empty ones."""
        values = empty(self.parameters)
        check(values, "No parameter accepts an empty value.")
        self.deploy(self.usual | values | {"ListShards": "4"})

    def refuse(self) -> None:
        """Refuse to lower the number of list shards."""
        before = self.stack.described()
        printed = self.stack.deploy({"ListShards": "1", "Release": self.releases[-1]}, fails=True)
        check("ListShards may not be lowered from 4 to 1" in printed, f"make deploy prints:\n{printed}")
        check(self.stack.described() == before, "A refused deployment changed the stack.")

    def prune(self) -> None:
        """Delete old versions."""
        self.operate("prune_versions")
        versions = self.stack.versions()
        wrong = {name: found for name, found in versions.items() if len(found) != KEEP + 1}
        check(not wrong, f"Pruning keeps the version in use and {KEEP} others, but left {wrong}.")
        self.all_at(self.releases[-1])

    def schedule(self) -> None:
        """Wait for the schedule to send the text that was asked for again."""
        api = self.api()
        wait_until(
            lambda: api.sms(self.asked_again)["status"] == "delivered" and api.sms(self.asked_again)["attempts"] > 1,
            "The schedule did not send a text that was asked for again",
            SCHEDULE_SECONDS,
        )

    def replay(self) -> None:
        """Replay failed records and queued orders."""
        api = self.api()
        with self.nothing_sends():
            failed, queued = (api.order(api.customer(self.phone_number())) for _ in range(2))
            self.give_up(failed)
            printed = self.operate("replay_failed")
            check("accepted by send_sms: 1, kept: 0." in printed, f"replay-failed prints: {printed}")
            today = datetime.now(UTC).date()
            printed = self.operate("replay_orders", "--since", f"{today}", "--until", f"{today + timedelta(days=1)}")
            check("handed to send_sms: 1, not accepted: 0." in printed, f"replay-orders prints: {printed}")
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
        check("1 copied" in printed, f"restore prints: {printed}")
        check(self.api().sms(order)["status"] == "delivered", "The restored order's text is not as it was.")

    def logs(self) -> None:
        """Count every number's texts, and look for errors in every function's log."""
        texts = Counter(text["to"] for text in self.emulator.texts())
        several = {number: count for number, count in texts.items() if count > 1}
        check([*several.values()] == [2], f"One number has two texts, because a person asked; found {several}.")
        for function in self.stack.of_type("AWS::Lambda::Function"):
            lines = self.lines(function.removeprefix(f"{self.stack.name}-"))
            check(lines, f"{function} has not run.")
            errors = [line for line in lines if '"level":"ERROR"' in line or "raised" in line or "Traceback" in line]
            check(not errors, f"{function} logged: {errors[:3]}")

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
        check(status == "UPDATE_ROLLBACK_COMPLETE", f"After the failed update the stack is {status}.")
        self.all_at(before)
        self.values_arrived()
        self.smoke()

    def delete(self) -> None:
        """Delete the stack: tables and bucket stay."""
        outputs = self.deleted = self.stack.described().outputs
        self.emulator.client("cloudformation").delete_stack(StackName=self.stack.name)
        wait_until(lambda: not self.stack.exists(), "The stack was not deleted", 60)
        functions = self.emulator.client("lambda").list_functions()["Functions"]
        left = [each["FunctionName"] for each in functions if each["FunctionName"].startswith(self.stack.name)]
        check(not left, f"These functions outlived the stack: {left}.")
        dynamodb = self.emulator.client("dynamodb")
        for table in (outputs["CustomersTableName"], outputs["OrdersTableName"]):
            kept = dynamodb.describe_table(TableName=table)["Table"]
            check(kept["DeletionProtectionEnabled"], f"{table} is not protected from deletion.")
        self.emulator.client("s3").head_bucket(Bucket=outputs["UnhandledRecordsBucketName"])

    def bring_back(self) -> None:
        """Bring the old tables into a new stack: its customers are there again."""
        tables = {name: self.deleted[f"{name}Name"] for name in ("CustomersTable", "OrdersTable")}
        self.stack.import_tables(tables)
        self.given |= {"Release": self.release()}
        self.stack.deploy(self.given)
        self.values_arrived()
        check(self.api().sms(self.asked_again)["status"] == "delivered", "An old order is not as it was.")
        self.delete()

    def create_again(self) -> None:
        """Create the stack again."""
        self.given |= {"Release": self.release()}
        try:
            self.stack.deploy(self.given)
        except RehearsalError as error:
            # A function that was at work while its stack was deleted has logged again. Deploy says what an operator does then.
            left = re.findall(r"--log-group-name ([^\s;]+)", str(error))
            if not left:
                raise
            for group in left:
                self.emulator.client("logs").delete_log_group(logGroupName=group)
            self.stack.deploy(self.given)
        self.all_at(self.given["Release"])
        self.values_arrived()
        self.start_sandbox()
        self.smoke()
        self.sent_order()
        now = self.emulator.command("git", "status", "--porcelain")
        check(now == self.tree, f"The rehearsal changed the working tree:\n{now}")


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
