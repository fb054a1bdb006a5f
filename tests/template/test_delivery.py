"""Deployments: new versions behind one alias, a tenth of the traffic first, and a rollback on an alarm."""

import json
import re
from functools import cache
from typing import Any

import pytest

from sales.api.unmatched import ALIAS
from tests.template.deployed import TEMPLATE, Deployed

RELEASE = "2611232035-0a1b2c3"
SECTION = (TEMPLATE.parent / "docs/operations.md").read_text().partition("\n### Roll back a release\n")[2]
AUTOMATICALLY = SECTION.partition("\n### ")[0].partition("**Automatically.**")[2].partition("**While")[0]
# From docs/operations.md: the alarms that roll a release back, and why the others do not.
WATCHED = set(re.findall(r"`([a-z]+-[a-z-]+)`", AUTOMATICALLY.partition("CodeDeploy takes")[0]))
UNWATCHED = {
    name: reason
    for names, reason in re.findall(r"^\| (`[^|]+`) \| (.+) \|$", AUTOMATICALLY, re.MULTILINE)
    for name in re.findall(r"`([a-z-]+)`", names)
}


@cache
def deployed(canary: str = "true", release: str = RELEASE) -> Deployed:
    return Deployed(CanaryDeployment=canary, Release=release)


def test_every_function_has_the_alias_and_keeps_its_old_versions() -> None:
    aliases = deployed().of_type("AWS::Lambda::Alias")
    assert {alias["Properties"]["FunctionName"]["Ref"] for alias in aliases.values()} == set(deployed().functions())
    for alias in aliases.values():
        assert alias["Properties"]["Name"] == ALIAS
        version = deployed().resources[alias["Properties"]["FunctionVersion"]["Fn::GetAtt"][0]]
        assert version["DeletionPolicy"] == "Retain", "else there is nothing to go back to"
        assert version["Properties"]["FunctionName"] == alias["Properties"]["FunctionName"]
        assert version["Properties"]["Description"] == {"Ref": "Release"}


def test_every_caller_uses_the_alias() -> None:
    aliases = {f"{name}Alias{ALIAS}" for name in deployed().functions()}
    callers: list[Any] = []
    for resource in deployed().resources.values():
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::Lambda::Permission" | "AWS::Lambda::EventSourceMapping":
                callers.append(properties["FunctionName"])
            case "AWS::Events::Rule":
                callers += [target["Arn"] for target in properties["Targets"]]
    assert len(callers) > len(aliases)
    for caller in callers:
        assert caller["Ref"] in aliases, caller
    (api,) = deployed().of_type("AWS::ApiGatewayV2::Api").values()
    for uri in re.findall(r"functions/\$\{([\w.]+)\}", json.dumps(api["Properties"]["Body"])):
        assert uri in aliases
    for statement in deployed().statements():
        if "lambda:InvokeFunction" in statement.actions:
            assert all(resource["Ref"] in aliases for resource in statement.resources)
    for config in deployed().of_type("AWS::Lambda::EventInvokeConfig").values():
        assert config["Properties"]["Qualifier"] == ALIAS


def versions(found: Deployed) -> set[str]:
    return set(found.of_type("AWS::Lambda::Version"))


def test_each_release_creates_new_versions_even_of_unchanged_code() -> None:
    # CloudFormation creates a version for a new resource, and Lambda refuses a version of an unchanged function.
    other = deployed(release="2611232036-0a1b2c3")
    assert not versions(deployed()) & versions(other)
    assert versions(deployed()) == versions(Deployed(CanaryDeployment="true", Release=RELEASE))
    for properties in deployed().functions().values():
        assert properties["Environment"]["Variables"]["RELEASE"] == {"Ref": "Release"}


def test_the_ten_characters_that_sam_uses_tell_releases_apart() -> None:
    pattern = deployed().source["Parameters"]["Release"]["AllowedPattern"]
    assert re.fullmatch(pattern, RELEASE)
    assert not re.fullmatch(pattern, "0a1b2c3")
    assert all(name.endswith(RELEASE[:10]) for name in versions(deployed()))


def test_only_the_functions_that_matter_most_have_a_canary() -> None:
    # Twenty at once meet CodeDeploy's limits. The page names those that have one.
    named = set(re.findall(r"`([a-z]+_[a-z]+)`", AUTOMATICALLY.partition("CodeDeploy takes")[0]))
    found = {
        deployed().functions()[deployed().function_behind(name)]["FunctionName"]["Fn::Sub"].rpartition("-")[2]
        for name, alias in deployed().of_type("AWS::Lambda::Alias").items()
        if "UpdatePolicy" in alias
    }
    assert found == named == {"create_customer", "create_order", "send_sms", "sweep_sms"}


def test_a_canary_gets_a_tenth_and_an_alarm_rolls_it_back() -> None:
    alarms = {
        alarm["Properties"]["AlarmName"]["Fn::Sub"] for alarm in deployed().of_type("AWS::CloudWatch::Alarm").values()
    }
    groups = deployed().of_type("AWS::CodeDeploy::DeploymentGroup")
    policies = [
        alias["UpdatePolicy"] for alias in deployed().of_type("AWS::Lambda::Alias").values() if "UpdatePolicy" in alias
    ]
    assert {policy["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"]["Ref"] for policy in policies} == groups.keys()
    for group in groups.values():
        properties = group["Properties"]
        assert properties["ServiceRoleArn"] == {"Fn::GetAtt": ["CanaryRole", "Arn"]}
        assert "Canary10Percent10Minutes" in json.dumps(properties["DeploymentConfigName"])
        assert properties["AutoRollbackConfiguration"]["Enabled"] is True
        assert "DEPLOYMENT_STOP_ON_ALARM" in properties["AutoRollbackConfiguration"]["Events"]
        assert properties["AlarmConfiguration"]["Enabled"] is True
        watched = {alarm["Name"]["Fn::Sub"] for alarm in properties["AlarmConfiguration"]["Alarms"]}
        assert watched <= alarms
        assert len(watched) <= 10  # CodeDeploy's own limit
        assert watched == {f"${{AWS::StackName}}-{name}" for name in WATCHED}


def test_every_alarm_rolls_back_or_operations_md_says_why_not() -> None:
    found = (
        each["Properties"]["AlarmName"]["Fn::Sub"] for each in deployed().of_type("AWS::CloudWatch::Alarm").values()
    )
    names = {name.removeprefix("${AWS::StackName}-") for name in found}
    assert not WATCHED & set(UNWATCHED)
    assert names == WATCHED | set(UNWATCHED)
    assert all(len(reason) > 5 for reason in UNWATCHED.values())


def test_without_the_canary_there_is_no_codedeploy() -> None:
    plain = deployed(canary="false")
    assert not [each for each in plain.resources.values() if each["Type"].startswith("AWS::CodeDeploy::")]
    assert not [each for each in plain.of_type("AWS::Lambda::Alias").values() if "UpdatePolicy" in each]
    assert plain.source["Parameters"]["CanaryDeployment"]["Default"] == "false"


def references(value: Any) -> set[str]:
    """Return the logical ids that a value refers to."""
    if isinstance(value, list):
        return {name for each in value for name in references(each)}
    if not isinstance(value, dict):
        return set()
    found = {name for each in value.values() for name in references(each)}
    match value:
        case {"Ref": str(name)}:
            found.add(name)
        case {"Fn::GetAtt": [str(name), *_]}:
            found.add(name)
        case {"Fn::Sub": str(text)} | {"Fn::Sub": [str(text), *_]}:
            found |= {name.split(".")[0] for name in re.findall(r"\$\{([\w.]+)\}", text)}
    return found


@pytest.mark.parametrize("canary", ["true", "false"])
def test_no_resource_depends_on_itself(canary: str) -> None:
    # An alarm of the API in a deployment group would: the API needs the aliases, and they need their groups.
    resources = deployed(canary).resources
    waits = {}
    for name, resource in resources.items():
        explicit = resource.get("DependsOn", [])
        named = references(resource) | {*([explicit] if isinstance(explicit, str) else explicit)}
        waits[name] = (named & set(resources)) - {name}
    done: set[str] = set()
    while ready := {name for name, others in waits.items() if name not in done and others <= done}:
        done |= ready
    assert set(resources) == done, sorted(set(resources) - done)


def test_snapstart_is_off_by_default_or_on_for_every_function() -> None:
    assert deployed().source["Parameters"]["SnapStart"]["Default"] == "None"
    for function in deployed().functions().values():
        assert function["SnapStart"] == {"ApplyOn": {"Ref": "SnapStart"}}
