"""docs/operations.md has a section for each alarm, and everything that it names exists."""

import json
import re
import subprocess
import sys
from functools import cache

import pytest

from sales.runtime.log import FIELDS
from tests.template.deployed import TEMPLATE, Deployed

ROOT = TEMPLATE.parent
PAGE = (ROOT / "docs/operations.md").read_text()
# Fields of every line: Logs Insights, Lambda, Powertools. log.exception adds `raised` and `at`.
EVERYWHERE = {"@timestamp", "@log", "@message", "level", "message", "raised", "at"}


@cache
def deployed() -> Deployed:
    return Deployed()


def names(kind: str, key: str) -> set[str]:
    """Return the names of resources of this type in a stack called sales."""
    found = (each["Properties"][key]["Fn::Sub"] for each in deployed().of_type(kind).values())
    return {name.replace("${AWS::StackName}", "sales") for name in found}


def sections(part: str) -> dict[str, str]:
    """Return the sections of a part of the page by heading."""
    text = PAGE.partition(f"\n## {part}\n")[2].partition("\n## ")[0]
    heading_and_text = (each.partition("\n") for each in text.split("\n### ")[1:])
    return {heading: body for heading, _, body in heading_and_text}


ALARMS, PROCEDURES = sections("Alarms"), sections("Procedures")
QUERIES = re.findall(r"```\n(# /aws/.*?)```", PAGE, re.DOTALL)


def test_every_alarm_has_its_section_and_every_section_its_alarm() -> None:
    assert {f"sales-{name}" for name in ALARMS} == names("AWS::CloudWatch::Alarm", "AlarmName")


@pytest.mark.parametrize("alarm", ALARMS)
def test_a_section_says_what_happened_where_to_look_and_what_to_do(alarm: str) -> None:
    means, look, do = (ALARMS[alarm].find(f"\n{word}:") for word in ("Means", "Look", "Do"))
    assert 0 <= means < look < do
    assert "```" in ALARMS[alarm] or re.search(r"as `[a-z]+-throttles`", ALARMS[alarm][look:do])


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_names_existing_log_groups_and_fields(query: str) -> None:
    groups = set(re.findall(r"/aws/\S+", query))
    assert groups <= names("AWS::Logs::LogGroup", "LogGroupName")
    (api,) = deployed().of_type("AWS::ApiGatewayV2::Stage").values()
    of_access = set(re.findall(r'"(\w+)":"\$context', api["Properties"]["AccessLogSettings"]["Format"]))
    known = of_access if "/aws/vendedlogs/sales-http-api" in groups else set()
    if groups != {"/aws/vendedlogs/sales-http-api"}:
        known |= FIELDS | EVERYWHERE
    asked = re.sub(r"^#.*$", "", query, flags=re.MULTILINE)
    made = set(re.findall(r" as (\w+)", asked))
    words = re.findall(r"@?[a-z_]\w*", re.sub(r'"[^"]*"', "", asked))
    language = {
        "filter",
        "stats",
        "count",
        "pct",
        "as",
        "by",
        "sort",
        "asc",
        "desc",
        "fields",
        "and",
        "or",
        "in",
        "like",
        "limit",
        "sum",
    }
    assert {word for word in words if word not in language | made} <= known


def test_every_message_in_a_query_is_logged() -> None:
    code = "".join(path.read_text() for part in ("shared", "functions") for path in (ROOT / part).rglob("*.py"))
    lists = re.findall(r"message (?:=|in) (\[[^\]]*\]|\"[^\"]*\")", "".join(QUERIES))
    messages = {message for each in lists for message in re.findall(r'"([^"]+)"', each)}
    assert messages
    for message in messages:
        assert re.search(rf'(log\.\w+\(\s*|"message": )"{re.escape(message)}"', code), message


def test_the_queries_for_the_audit_trail_ask_every_function_that_writes_it() -> None:
    audited = {
        properties["LogGroupName"]["Fn::Sub"].replace("${AWS::StackName}", "sales")
        for properties in (each["Properties"] for each in deployed().of_type("AWS::Logs::LogGroup").values())
        if properties["RetentionInDays"] == {"Ref": "AuditLogDays"}
    }
    access = {"/aws/vendedlogs/sales-http-api"}
    webhooks = {name for name in audited if "-record_" in name}
    asked = [
        set(re.findall(r"/aws/\S+", query))
        for query in re.findall(r"```\n(# /aws/.*?)```", PROCEDURES["Who did this?"], re.DOTALL)
    ]
    assert asked == [audited - access, audited - webhooks, audited]


def operated_by(part: str) -> set[str]:
    """Return the targets of this part of the Makefile."""
    text = (ROOT / "Makefile").read_text().partition(f"# ---- {part}\n")[2].partition("\n# ---- ")[0]
    return set(re.findall(r"^([a-z-]+):", text, re.MULTILINE))


def test_every_named_target_script_and_output_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", PAGE))
    assert operated_by("Operate") | {"rollback", "prune", "smoke"} <= named <= targets
    for path in re.findall(r"`((?:scripts|tests)/[\w/.]+)", PAGE):
        assert (ROOT / path).is_file(), path
    outputs = set(re.findall(r"output `(\w+)`", PAGE))
    assert outputs
    assert outputs <= deployed().source["Outputs"].keys()


def test_the_template_to_import_has_both_tables_and_nothing_else() -> None:
    [code] = re.findall(r"\.venv/bin/python -c '\n(.*?)' > tables\.json", PAGE, re.DOTALL)
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    tables = json.loads(said)["Resources"]
    assert tables.keys() == deployed().of_type("AWS::DynamoDB::Table").keys()
    assert {table["DeletionPolicy"] for table in tables.values()} == {"Retain"}, (
        "CloudFormation imports nothing without"
    )
    assert not re.search(r'"(Ref|Fn::\w+)"', said), "nothing else is there to refer to"
    assert len(said) <= 51_200, "CloudFormation's limit without a bucket"
    for name in tables:
        assert f'"LogicalResourceId": "{name}"' in PAGE


def test_the_commands_name_the_stacks_own_rules_aliases_and_secrets() -> None:
    [prefix] = re.findall(r"list-rules --name-prefix sales-(\w+) --query", PAGE)
    assert all(name.startswith(prefix) for name in deployed().of_type("AWS::Events::Rule"))
    canary = Deployed(CanaryDeployment="true").of_type("AWS::Lambda::Alias").items()
    assert set(re.findall(r"\w+Aliaslive", PAGE)) == {name for name, alias in canary if "UpdatePolicy" in alias}
    parameters = deployed().source["Parameters"]
    [secrets] = re.findall(r"for secret in (.+); do", PAGE)
    assert set(secrets.split()) == {parameters[name]["Default"] for name in ("SmsSecretName", "WebhookSecretName")}


def test_no_command_of_ours_takes_a_tables_protection_off() -> None:
    for part in ("scripts", "local", "Makefile"):
        for path in [ROOT / part] if part == "Makefile" else (ROOT / part).rglob("*"):
            if path.suffix in {"", ".py", ".sh"} and path.is_file():
                assert not re.search(
                    r"(?i)deletion.?protection.?enabled\W+false|no-deletion-protection", path.read_text()
                ), path


def test_every_link_leads_somewhere() -> None:
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
    for path, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", PAGE):
        if not path.startswith("https://"):
            assert (ROOT / "docs" / path).exists() if path else anchor in anchors, (path, anchor)
