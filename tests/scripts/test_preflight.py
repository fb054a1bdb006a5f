"""`make deploy` checks what it needs first: each failure is one sentence with the command that mends it."""

from collections.abc import Iterator
from typing import Any

import pytest

from deployment import ROOT
from deployment.parameters import read_parameters
from deployment.stages import STAGES
from local.commands.doctor.finding import Finding
from scripts.operate import preflight
from scripts.operate.planning import Plan
from scripts.operate.preflight import Result, check_account, check_plan, check_state
from scripts.operate.stack import Stack
from tests.scripts.aws import Answer, Aws, refused
from tests.support.tokens import Issuer, running

PROD = STAGES["prod"]
TEMPLATE = read_parameters(ROOT / "template.yaml")
MISSING = refused("ResourceNotFoundException")
WELL: dict[str, Answer] = {
    "sts.GetCallerIdentity": {"Account": "000000000000"},
    "secretsmanager.DescribeSecret": {"Name": "there"},
    "secretsmanager.PutSecretValue": MISSING,
    "secretsmanager.CreateSecret": {},
    "logs.DescribeLogGroups": {"logGroups": []},
    "lambda.GetAccountSettings": {"AccountLimit": {"ConcurrentExecutions": 1000}},
    "cloudformation.ListStackResources": {"StackResourceSummaries": []},
    "cloudformation.DeleteStack": {},
}
READS = ("Get", "Describe", "List")


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with running(Issuer()) as started:
        yield started


def aws(**other: Answer) -> Aws:
    return Aws(WELL | {name.replace("_", "."): answer for name, answer in other.items()})


def plan(issuer: Issuer, current: dict[str, str] | None = None, **given: str) -> Plan:
    return Plan(
        PROD, TEMPLATE, {"OktaIssuer": issuer.url, "ConsoleClientId": "console", **PROD.parameters, **given}, current
    )


def problems(results: Iterator[Result]) -> list[str]:
    return [f"{result.finding.subject}: {result.finding.result}" for result in results if result.finding.problem]


def only(results: Iterator[Result]) -> Result:
    [wrong] = [result for result in results if result.finding.problem]
    return wrong


def nothing_changed(session: Aws) -> bool:
    return all(name.partition(".")[2].startswith(READS) for name, _ in session.calls)


def test_a_deployment_that_has_all_it_needs_passes(issuer: Issuer) -> None:
    session = aws()
    assert problems(check_account(session)) == []
    assert problems(check_state(session, "sales", None)) == []
    assert problems(check_plan(session, plan(issuer))) == []
    assert nothing_changed(session)


def test_missing_credentials_and_regions_are_named() -> None:
    bare = Aws(WELL | {"sts.GetCallerIdentity": refused("ExpiredToken")})
    assert "ExpiredToken" in only(check_account(bare)).finding.result
    assert only(check_account(bare)).finding.advice == "aws sso login"
    nowhere = aws()
    nowhere.set_config_variable("region", None)
    assert only(check_account(nowhere)).finding.advice.startswith("export AWS_DEFAULT_REGION=")


def test_an_issuer_that_does_not_answer_is_a_problem(issuer: Issuer) -> None:
    for url, sentence in (
        ("http://127.0.0.1:1/oauth2/default", "does not answer as an issuer does"),
        (issuer.url.replace("127.0.0.1", "localhost"), f"calls itself {issuer.url}"),
    ):
        wrong = only(check_plan(aws(), plan(issuer, OktaIssuer=url)))
        assert sentence in wrong.finding.result
        assert "OktaIssuer" in wrong.finding.advice


def test_an_issuer_whose_keys_api_gateway_cannot_use_is_a_problem(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "discover", lambda _url, _setting: {"jwks_uri": "https://x.okta.com/oauth2/v1/keys"})
    assert "for Okta's own API" in only(check_plan(aws(), plan(issuer))).finding.result


def test_an_update_asks_the_issuer_only_if_it_changes(issuer: Issuer) -> None:
    before = plan(issuer).values
    gone = "http://127.0.0.1:1/oauth2/default"
    assert problems(check_plan(aws(), Plan(PROD, TEMPLATE, {"SmsSender": "SHOP"}, before | {"OktaIssuer": gone}))) == []
    assert problems(check_plan(aws(), Plan(PROD, TEMPLATE, {"OktaIssuer": gone}, before))) != []


def test_a_missing_secret_is_named_and_can_be_created(issuer: Issuer) -> None:
    def described(asked: dict[str, Any]) -> dict[str, Any]:
        if asked["SecretId"] == "sales/webhook-secret":
            return MISSING
        return {}

    session = aws(secretsmanager_DescribeSecret=described)
    wrong = only(check_plan(session, plan(issuer)))
    assert wrong.finding.result == "sales/webhook-secret does not exist"
    assert wrong.finding.advice == "make rotate-webhook-secret STAGE=prod"
    assert nothing_changed(session)
    assert wrong.offer
    wrong.offer.act()
    [created] = session.called("secretsmanager.CreateSecret")
    assert created["Name"] == "sales/webhook-secret"
    assert len(created["SecretString"]) >= 32


def test_a_secret_that_waits_for_its_deletion_is_a_problem(issuer: Issuer) -> None:
    session = aws(secretsmanager_DescribeSecret={"Name": "there", "DeletedDate": "2026-11-29"})
    assert len(problems(check_plan(session, plan(issuer)))) == 2


@pytest.mark.parametrize("status", sorted(preflight.DEAD))
def test_a_dead_stack_is_named_with_what_it_left_and_can_be_deleted(status: str) -> None:
    kept = {"PhysicalResourceId": "sales-OrdersTable-1", "ResourceStatus": "DELETE_SKIPPED"}
    gone = {"PhysicalResourceId": "sales-Api-1", "ResourceStatus": "DELETE_COMPLETE"}
    session = aws(
        cloudformation_ListStackResources={"StackResourceSummaries": [kept, gone]},
        cloudformation_DescribeStacks=refused("ValidationError", "Stack with id sales does not exist"),
    )
    wrong = only(check_state(session, "sales", Stack("sales", {}, {}, status)))
    assert status in wrong.finding.result
    assert "it left sales-OrdersTable-1" in wrong.finding.result
    assert "sales-Api-1" not in wrong.finding.result
    assert "aws cloudformation delete-stack --stack-name sales " in wrong.finding.advice
    assert nothing_changed(session)
    assert wrong.offer
    wrong.offer.act()
    assert session.called("cloudformation.DeleteStack") == [{"StackName": "sales"}]


@pytest.mark.parametrize(
    ("status", "command"),
    [
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name sales"),
        ("UPDATE_IN_PROGRESS", "describe-stack-events --stack-name sales"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "describe-stack-events --stack-name sales"),
    ],
)
def test_a_stack_that_cannot_be_updated_now_is_a_problem(status: str, command: str) -> None:
    wrong = only(check_state(aws(), "sales", Stack("sales", {}, {}, status)))
    assert status in wrong.finding.result
    assert command in wrong.finding.advice
    assert wrong.offer is None


@pytest.mark.parametrize(
    "status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"]
)
def test_a_stack_that_works_can_be_updated(status: str) -> None:
    assert problems(check_state(aws(), "sales", Stack("sales", {}, {}, status))) == []


@pytest.mark.parametrize(("quota", "parallel", "enough"), [(16, "4", True), (15, "4", False), (13, "1", True)])
def test_a_small_quota_is_a_problem_while_the_stream_may_use_it_up(
    issuer: Issuer, quota: int, parallel: str, enough: bool
) -> None:
    session = aws(lambda_GetAccountSettings={"AccountLimit": {"ConcurrentExecutions": quota}})
    found = [result.finding for result in check_plan(session, plan(issuer, StreamParallelism=parallel))]
    [wrong] = [finding for finding in found if finding.subject == "quota"]
    assert wrong.problem is not enough
    assert enough or "StreamParallelism=1" in wrong.advice


@pytest.mark.parametrize(
    ("quota", "unreserved", "now", "wanted", "result"),
    [
        (1000, 1000, "0", "450", "can be kept"),
        (1000, 1000, "0", "451", "the account has 900 executions to keep, 902 are needed"),
        (1000, 100, "450", "450", None),
        (1000, 100, "440", "450", "the account has 0 executions to keep, 20 are needed"),
        (1000, 100, "450", "10", "can be kept"),
        (10, 10, "0", "4", "the account has 0 executions to keep, 8 are needed"),
        (1000, 1000, "0", "3", "would hold texts back: they use up to 4"),
        (1000, 1000, "10", "0", None),
    ],
)
def test_executions_are_kept_for_senders_only_where_the_account_has_them(
    issuer: Issuer, quota: int, unreserved: int, now: str, wanted: str, result: str | None
) -> None:
    limits = {"ConcurrentExecutions": quota, "UnreservedConcurrentExecutions": unreserved}
    session = aws(lambda_GetAccountSettings={"AccountLimit": limits})
    current = {"SenderConcurrency": now}
    findings = [each.finding for each in check_plan(session, plan(issuer, current, SenderConcurrency=wanted))]
    found = [finding for finding in findings if finding.subject == "SenderConcurrency"]
    assert [result in finding.result for finding in found] == ([True] if result else [])
    assert [finding.problem for finding in found] == ([result != "can be kept"] if result else [])


def test_the_smallest_quota_is_a_warning_where_nothing_else_can_be_done(issuer: Issuer) -> None:
    session = aws(lambda_GetAccountSettings={"AccountLimit": {"ConcurrentExecutions": 10}})
    results = list(check_plan(session, plan(issuer, StreamParallelism="1")))
    assert problems(iter(results)) == []
    [warned] = [result.finding for result in results if result.finding.subject == "quota"]
    assert warned.warning
    assert "service-quotas" in warned.advice


def test_a_region_without_a_service_is_named(issuer: Issuer) -> None:
    session = aws()
    session.set_config_variable("region", "eu-nowhere-1")
    wrong = only(check_plan(session, plan(issuer)))
    assert "eu-nowhere-1 has no" in wrong.finding.result
    assert "codedeploy" in wrong.finding.result


def test_log_groups_that_an_earlier_stack_left_are_named(issuer: Issuer) -> None:
    def listed(asked: dict[str, Any]) -> dict[str, Any]:
        names = ("/aws/lambda/sales-sweep_sms", "/aws/lambda/sales-dev-sweep_sms", "/aws/vendedlogs/sales-http-api")
        prefix = asked["logGroupNamePrefix"]
        return {"logGroups": [{"logGroupName": name} for name in names if name.startswith(prefix)]}

    wrong = only(check_plan(aws(logs_DescribeLogGroups=listed), plan(issuer)))
    assert wrong.finding.advice == (
        "aws logs delete-log-group --log-group-name /aws/lambda/sales-sweep_sms; "
        "aws logs delete-log-group --log-group-name /aws/vendedlogs/sales-http-api"
    )


def test_snapstart_is_a_warning_and_only_where_it_is_switched_on(issuer: Issuer) -> None:
    def warned(**given: str) -> list[Finding]:
        results = check_plan(aws(), plan(issuer, **given))
        return [result.finding for result in results if result.finding.subject == "SnapStart"]

    assert warned() == []
    assert [finding.warning for finding in warned(SnapStart="PublishedVersions")] == [True]


def test_what_the_credentials_may_not_look_up_is_left_out(issuer: Issuer) -> None:
    denied = refused("AccessDeniedException")
    session = aws(secretsmanager_DescribeSecret=denied, logs_DescribeLogGroups=denied, lambda_GetAccountSettings=denied)
    results = list(check_plan(session, plan(issuer)))
    assert problems(iter(results)) == []
    assert sum(not result.finding.checked for result in results) == 4
