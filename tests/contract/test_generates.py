"""The contract has only constructs that generators of clients understand, and linters find nothing in it."""

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from contract.document import build
from sales.domain.problems import PROBLEMS, FieldError, Problem

ROOT = Path(__file__).parents[2]
DOCUMENT = build()
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = [operation for path in DOCUMENT["paths"].values() for operation in path.values()]
# With these statuses API Gateway answers itself, with a message of its own.
GATEWAY = {"401", "403", "413", "429", "431", "500", "503"}
LINTERS = re.findall(r"^(REDOCLY|SPECTRAL) := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)


def nodes(value: Any, at: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object in a part of the document, with its place; examples are not the document's own."""
    if isinstance(value, dict):
        yield at, value
        for name, child in value.items():
            if name not in {"example", "examples"}:
                yield from nodes(child, f"{at}/{name}")
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from nodes(child, f"{at}/{number}")


def fits(schema: dict[str, Any], body: dict[str, Any]) -> bool:
    return jsonschema_rs.is_valid({**schema, "components": DOCUMENT["components"]}, body)


def failures() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for operation in OPERATIONS:
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                yield operation["operationId"], status, answer


def test_a_client_that_knows_only_the_first_media_type_reads_every_failure() -> None:
    checked = Counter[str]()
    for name, status, answer in failures():
        first, *_ = answer["content"].values()
        if status in GATEWAY:
            assert fits(first["schema"], {"message": "Unauthorized"}), (name, status)
            assert fits(first["schema"], {"message": None}), (name, status)
            checked["gateway"] += 1
        for code in re.findall(r"^\* `([a-z_]+)`:", answer["description"], re.MULTILINE):
            problem = Problem(code, errors=[FieldError("/item", "required", "is required")]).public("/", "id")
            assert fits(first["schema"], problem), (name, status, code)
            assert fits(answer["content"]["application/problem+json"]["schema"], problem), (name, status, code)
            checked["problem"] += 1
    assert min(checked["gateway"], checked["problem"]) > 100, checked


def test_the_first_media_type_is_what_api_gateway_answers_where_it_answers() -> None:
    first = {status: next(iter(answer["content"])) for _, status, answer in failures()}
    assert {status for status, media_type in first.items() if media_type == "application/json"} == GATEWAY
    assert set(first.values()) == {"application/json", "application/problem+json"}


def test_a_failure_still_checks_the_fields_that_it_has() -> None:
    schema = {"$ref": "#/components/schemas/Failure"}
    assert fits(schema, {"message": "Forbidden", "code": next(iter(PROBLEMS))})
    assert not fits(schema, {"code": "no such code"})
    assert not fits(schema, {"message": 1})


def test_no_schema_has_alternatives_next_to_properties() -> None:
    # Generators make the alternatives and drop the properties.
    for at, node in nodes({"paths": DOCUMENT["paths"], "schemas": SCHEMAS}):
        alternatives = node.keys() & {"oneOf", "anyOf", "allOf"}
        assert not alternatives or not node.keys() & {"properties", "required", "additionalProperties"}, at


def test_no_alternative_is_a_schema_without_a_name() -> None:
    for at, node in nodes({"paths": DOCUMENT["paths"], "schemas": SCHEMAS}):
        for several in ("oneOf", "anyOf", "allOf"):
            for alternative in node.get(several, ()):
                assert "properties" not in alternative, at


def test_every_object_of_a_request_or_an_answer_has_a_name() -> None:
    for at, node in nodes(DOCUMENT["paths"]):
        assert "properties" not in node, f"{at} belongs into components/schemas"
    for name, schema in SCHEMAS.items():
        for at, node in nodes(schema.get("properties", {})):
            assert "properties" not in node or not isinstance(node["properties"], dict), f"{name}{at}"


def test_a_list_of_values_that_several_fields_have_has_a_name() -> None:
    unnamed = [
        (at, tuple(node["enum"]))
        for part in ("paths", "schemas")
        for at, node in nodes({"paths": DOCUMENT["paths"], "schemas": SCHEMAS}[part])
        if "enum" in node and not (part == "schemas" and at.count("/") == 1)
    ]
    assert unnamed
    named = {tuple(schema["enum"]) for schema in SCHEMAS.values() if "enum" in schema}
    assert [at for at, values in unnamed if values in named] == []
    repeated = Counter(values for _, values in unnamed if len(values) > 1)
    assert [values for values, times in repeated.items() if times > 1] == []


def test_values_have_their_type() -> None:
    for at, node in nodes(
        {"paths": DOCUMENT["paths"], "schemas": SCHEMAS, "headers": DOCUMENT["components"]["headers"]}
    ):
        if "enum" in node or "const" in node:
            assert "type" in node, at


def test_every_operation_has_its_own_name_and_a_tag_that_is_described() -> None:
    names = [operation["operationId"] for operation in OPERATIONS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z_]+", name) for name in names)
    described = {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]}
    assert {tag for operation in OPERATIONS for tag in operation["tags"]} == described


def test_browsers_and_node_can_compile_every_pattern() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    patterns = [schema["pattern"] for _, schema in nodes(DOCUMENT) if isinstance(schema.get("pattern"), str)]
    assert len(patterns) > 20
    script = 'for (const p of JSON.parse(require("fs").readFileSync(0))) { new RegExp(p); new RegExp(p, "u"); }'
    done = subprocess.run(
        [node, "-e", script], input=json.dumps(patterns), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


def without_a_licence(document: dict[str, Any]) -> None:
    del document["info"]["license"]


def with_an_undeclared_tag(document: dict[str, Any]) -> None:
    document["paths"]["/healthz"]["get"]["tags"] = ["Monitors"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("linter", "fault", "rule"),
    # `make check` shows that both find nothing in the contract.
    [
        ("REDOCLY", without_a_licence, "info-license"),
        ("SPECTRAL", with_an_undeclared_tag, "operation-tag-defined"),
    ],
)
def test_linters_find_what_their_recommended_rules_forbid(
    tmp_path: Path, linter: str, fault: Callable[[dict[str, Any]], None], rule: str
) -> None:
    command = dict(LINTERS)[linter].split()
    program = next(part for part in command if part.startswith("node_modules/"))
    if not (ROOT / program).exists():
        pytest.skip(f"{program} is not installed: scripts/setup.sh npm")
    document = json.loads(json.dumps(DOCUMENT))
    fault(document)
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document))
    done = subprocess.run(
        ["env", *command, str(file)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=180
    )
    assert done.returncode != 0, done.stdout + done.stderr
    assert rule in done.stdout
