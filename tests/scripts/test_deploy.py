"""`make deploy`: which parameters a deployment gives the stack, and how they arrive."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployment import ROOT
from deployment.parameters import faults, read_parameters
from deployment.stages import STAGES, Stage, longest_stack_name
from local.commands.doctor.finding import Finding
from scripts.operate import deploy, planning, sam
from scripts.operate.planning import Plan, given_parameters
from scripts.operate.preflight import Offer, Result
from scripts.operate.stack import find
from tests.scripts.aws import Answer, Aws, refused

TEMPLATE = read_parameters(ROOT / "template.yaml")
PROD = STAGES["prod"]
OKTA = {"OktaIssuer": "https://example.okta.com/oauth2/default", "ConsoleClientId": "0oa1console"}
DEPLOYED = {name: known.default for name, known in TEMPLATE.items() if known.default is not None} | OKTA
HOSTILE = [
    "Hi {name}, your {item} is here", '{"+254": "KES 0.80"}', "", " ", "a  b", '"quoted"', "'quoted'", "it's", 'a"b',
    "$HOME ${x} $(id) `id`", "a=b c=d", "back\\slash", "\\ ", '\\"', "\\\\'", "two\nlines", "x: y # z", "- a", "[1, 2]",
    "null", "true", "1.0", "007", "0E0", "12e3", "0o17", "file://etc", "a,b", "~", "%s {0}", "é ★ 😀 \u2028 \ufeff", "*x", "!Ref y", "@",
]  # fmt: skip


def sam_reads(values: dict[str, str], folder: Path) -> dict[str, str]:
    """Return what the installed sam makes of a file of parameters."""
    file = folder / "parameters.yaml"
    file.write_text(sam.parameter_file(values))
    reader = (
        "import json, sys; from samcli.cli.types import CfnParameterOverridesType as T;"
        "print(json.dumps(T().convert(('file://' + sys.argv[1],), None, None)))"
    )
    python = sam.SAM.with_name("python")
    if not python.exists():
        pytest.skip("sam is not installed: scripts/setup.sh sam")
    done = subprocess.run([python, "-c", reader, str(file)], capture_output=True, text=True, check=True, timeout=60)
    read: dict[str, str] = json.loads(done.stdout)
    return read


def test_sam_reads_every_value_as_it_was_given(tmp_path: Path) -> None:
    values = {f"P{number}": value for number, value in enumerate([*HOSTILE, *DEPLOYED.values()])}
    assert sam_reads(values, tmp_path) == values


@settings(max_examples=3)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])), min_size=200, max_size=300))
def test_sam_reads_any_text_as_it_was_given(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    values = {f"P{number}": value for number, value in enumerate(texts)}
    assert sam_reads(values, tmp_path_factory.mktemp("sam")) == values


def stage_file(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> None:
    (folder / ".env.prod").write_text(text)
    monkeypatch.setattr(planning, "ROOT", folder)


def test_later_sources_win_over_earlier_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage_file(monkeypatch, tmp_path, "SmsSender=FILE\nSmsText=from the file\nCanaryDeployment=false\n")
    environ = {"PARAMETERS": 'SmsSender="MY SHOP"\nSmsText=lines of {item}', "SmsText": "the environment", "PATH": "/"}
    assert given_parameters(PROD, TEMPLATE, environ) == {
        "CanaryDeployment": "false", "SmsSender": "MY SHOP", "SmsText": "the environment",
    }  # fmt: skip


def test_a_stage_without_a_file_has_its_own_parameters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(planning, "ROOT", tmp_path)
    assert given_parameters(PROD, TEMPLATE, {}) == PROD.parameters


@pytest.mark.parametrize("text", ["SmsSender", "SmsText='open", "just words"])
def test_a_line_that_is_no_parameter_is_refused(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage_file(monkeypatch, tmp_path, f"{text}\n")
    with pytest.raises(ValueError, match=r"\.env\.prod, line 1"):
        given_parameters(PROD, TEMPLATE, {})
    with pytest.raises(ValueError, match="PARAMETERS, line 1"):
        given_parameters(Stage("dev", "sales-dev", {}), TEMPLATE, {"PARAMETERS": text})


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SmsSendr", "SHOP", "is not a parameter"),
        ("smssender", "SHOP", "is not a parameter"),
        ("SmsSender", "A SHOP IN KISUMU", "at most 11"),
        ("LogLevel", "LOUD", "must be one of"),
        ("ListShards", "17", "at most 16"),
        ("ListShards", "0", "at least 1"),
        ("ListShards", "two", "must be a number"),
        ("SmsText", "", "must not be empty"),
        ("SmsText", "x" * 1001, "at most 1000 characters, not 1001"),
        ("OktaIssuer", "https://example.okta.com", "must be an issuer"),
    ],
)
def test_a_value_that_cloudformation_would_refuse_is_refused(name: str, value: str, sentence: str) -> None:
    [fault] = faults(TEMPLATE, {name: value})
    assert fault.startswith(name)
    assert sentence in fault


def test_every_default_and_every_stages_parameter_is_accepted() -> None:
    assert list(faults(TEMPLATE, DEPLOYED)) == []
    for stage in STAGES.values():
        assert list(faults(TEMPLATE, stage.parameters)) == []


@pytest.mark.parametrize(("before", "after", "refused"), [("4", "1", True), ("4", "4", False), ("4", "5", False)])
def test_a_lower_number_of_list_shards_is_refused(before: str, after: str, refused: bool) -> None:
    plan = Plan(PROD, TEMPLATE, {"ListShards": after}, DEPLOYED | {"ListShards": before})
    assert any("may not be lowered from 4 to 1" in fault for fault in plan.faults()) is refused


def test_an_update_shows_exactly_what_changes() -> None:
    plan = Plan(PROD, TEMPLATE, {"SmsSender": "MY SHOP", "LogLevel": "INFO", "Release": "2"}, DEPLOYED)
    assert list(plan.lines()) == ["  SmsSender: '' -> 'MY SHOP'"]


def test_a_parameter_that_the_stack_does_not_have_yet_is_shown_as_new() -> None:
    before = {name: value for name, value in DEPLOYED.items() if name != "SnapStart"}
    assert list(Plan(PROD, TEMPLATE, {}, before).lines()) == ["  SnapStart: new -> 'None'"]


def test_a_new_stack_shows_every_parameter_and_needs_an_issuer_and_a_client() -> None:
    assert Plan(PROD, TEMPLATE, {}).missing == ["OktaIssuer", "ConsoleClientId"]
    assert len(list(Plan(PROD, TEMPLATE, OKTA).lines())) == len(TEMPLATE)


def test_the_architecture_belongs_to_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy.platform, "machine", lambda: "aarch64")
    assert deploy.plan(PROD, TEMPLATE, None, OKTA).values["Architecture"] == "arm64"
    monkeypatch.setattr(deploy.platform, "machine", lambda: "x86_64")
    stack = deploy.Stack("sales", {}, DEPLOYED | {"Architecture": "arm64"})
    assert "Architecture" not in deploy.plan(PROD, TEMPLATE, stack, {}).given
    assert deploy.plan(PROD, TEMPLATE, stack, {}).values["Architecture"] == "arm64"
    assert deploy.plan(PROD, TEMPLATE, stack, {"Architecture": "x86_64"}).values["Architecture"] == "x86_64"


def test_a_build_for_another_architecture_is_not_deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy, "BUILT", tmp_path)
    with pytest.raises(deploy.DeployError, match="make build ARCHITECTURE=arm64"):
        deploy.build("arm64", built=True)
    (tmp_path / "SharedLayer/python").mkdir(parents=True)
    (tmp_path / "SharedLayer/python/_x.cpython-313-aarch64-linux-gnu.so").touch()
    deploy.build("arm64", built=True)
    with pytest.raises(deploy.DeployError, match="The build is for arm64"):
        deploy.build("x86_64", built=True)


def aliases(live: str, published: str) -> dict[str, Answer]:
    function, arn = "sales-create_order", "arn:aws:lambda:eu-west-1:000000000000:function:sales-create_order"
    return {
        "cloudformation.ListStackResources": {
            "StackResourceSummaries": [
                {"ResourceType": "AWS::Lambda::Function", "PhysicalResourceId": function},
                {"ResourceType": "AWS::Lambda::Version", "PhysicalResourceId": f"{arn}:{published}"},
            ]
        },
        "lambda.ListVersionsByFunction": {"Versions": [{"Version": "2"}, {"Version": "12"}]},
        "lambda.GetAlias": {"FunctionVersion": live},
    }


@pytest.mark.parametrize(("live", "published", "moved"), [("12", "12", False), ("2", "12", True), ("12", "2", True)])
def test_after_a_rollback_the_next_deployment_has_no_canary(live: str, published: str, moved: bool) -> None:
    planned = Plan(PROD, TEMPLATE, {"CanaryDeployment": "true"}, DEPLOYED)
    assert bool(deploy.without_canary(Aws(aliases(live, published)), planned)) is moved
    without = Plan(PROD, TEMPLATE, {"CanaryDeployment": "false"}, DEPLOYED)
    assert deploy.without_canary(Aws({}), without) == ""
    assert deploy.without_canary(Aws({}), Plan(PROD, TEMPLATE, {"CanaryDeployment": "true"})) == ""


def test_a_stack_that_was_only_planned_does_not_exist() -> None:
    def stack(status: str) -> Any:
        described = {"StackName": "sales", "StackStatus": status, "CreationTime": "now"}
        return find(
            Aws({"cloudformation.DescribeStacks": {"Stacks": [described]}}).create_client("cloudformation"), "sales"
        )

    assert stack("REVIEW_IN_PROGRESS") is None
    assert stack("CREATE_COMPLETE").status == "CREATE_COMPLETE"
    gone = Aws({"cloudformation.DescribeStacks": refused("ValidationError", "Stack with id sales does not exist")})
    assert find(gone.create_client("cloudformation"), "sales") is None


def test_a_stacks_name_leaves_room_for_its_functions() -> None:
    assert longest_stack_name(ROOT / "template.yaml") == 64 - len("-record_delivery_report")
    assert all(len(stage.stack) <= longest_stack_name(ROOT / "template.yaml") for stage in STAGES.values())


def test_nothing_is_asked_without_a_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "stdin", (tmp_path / "input").open("w+"))
    assert deploy.ask("Delete everything?") is False
    with pytest.raises(deploy.DeployError, match=r"OktaIssuer has no value: Issuer of the access tokens.*\.env\.prod"):
        deploy.complete(Plan(PROD, TEMPLATE, {}))


def test_stages_share_neither_stack_nor_secret() -> None:
    assert len({stage.stack for stage in STAGES.values()}) == len(STAGES)
    for stage in STAGES.values():
        values = Plan(stage, TEMPLATE, stage.parameters).values
        assert values["SmsSecretName"].startswith(f"{stage.stack}/")
        assert values["WebhookSecretName"].startswith(f"{stage.stack}/")


class Terminal:
    """A person at a terminal, who gives these answers one after the other."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
        self.asked: list[str] = []
        left = list(answers)
        monkeypatch.setattr(sys, "stdin", self)

        def answer(prompt: str) -> str:
            self.asked.append(prompt)
            return left.pop(0)

        monkeypatch.setattr("builtins.input", answer)

    def isatty(self) -> bool:
        return True


def test_a_new_stack_asks_for_what_has_no_default(monkeypatch: pytest.MonkeyPatch) -> None:
    client = {"ConsoleClientId": OKTA["ConsoleClientId"]}
    terminal = Terminal(monkeypatch, f" {OKTA['OktaIssuer']} ")
    assert deploy.complete(Plan(PROD, TEMPLATE, client)).values["OktaIssuer"] == OKTA["OktaIssuer"]
    [prompt] = terminal.asked
    assert prompt.startswith("OktaIssuer (Issuer of the access tokens")


def test_an_answer_that_cannot_be_used_ends_the_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    Terminal(monkeypatch, "https://example.okta.com")
    with pytest.raises(deploy.DeployError, match="OktaIssuer must be an issuer"):
        deploy.complete(Plan(PROD, TEMPLATE, {"ConsoleClientId": OKTA["ConsoleClientId"]}))


@pytest.mark.parametrize(("answer", "mended"), [("y", True), ("Yes", True), ("", False), ("n", False), ("yep", False)])
def test_an_offer_is_carried_out_only_after_a_yes(answer: str, mended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(monkeypatch, answer)
    done: list[str] = []
    missing = Result(
        Finding("secret", "does not exist", "make set-sms-key"), Offer("Create it?", lambda: done.append("x"))
    )
    fine = Result(Finding("account", "000000000000 in eu-west-1"))
    assert deploy.passed([missing, fine]) is mended
    assert done == ["x"] * mended
    assert terminal.asked == ["Create it? [y/N] "]


def test_a_warning_stops_no_deployment() -> None:
    assert deploy.passed([Result(Finding("SnapStart", "not every region has it", "look it up", warning=True))])
    assert not deploy.passed([Result(Finding("issuer", "does not answer", "look it up"))])
