"""The contract agrees with the code, and its examples with the README."""

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
import pytest

from contract.document import REQUESTS, build
from contract.operations import OPERATIONS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
DOCUMENT = build()


def test_the_written_files_are_up_to_date_and_break_no_client() -> None:
    command = [sys.executable, "-m", "contract", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_valid_openapi() -> None:
    jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **DOCUMENT["components"]})
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


@pytest.mark.parametrize("request_of", ["create_customer", "create_order"])
def test_its_examples_are_in_the_readme(request_of: str) -> None:
    bodies = [json.loads(body) for body in re.findall(r"-d '(\{.*?\})'", README)]
    wanted = REQUESTS[request_of] | ({"customer": "<id>"} if "customer" in REQUESTS[request_of] else {})
    assert wanted in bodies


def test_its_customer_has_the_fields_that_the_readme_shows() -> None:
    shown = json.loads(re.findall(r"```json\n(.*?)```", README, re.DOTALL)[0])
    answers = DOCUMENT["paths"]["/api/v1/sales/customers"]["post"]["responses"]["201"]
    example = answers["content"]["application/json"]["example"]
    assert list(example) == list(shown)


def test_each_example_fits_its_schema() -> None:
    checked = 0
    for path in DOCUMENT["paths"].values():
        for operation in path.values():
            parts = [operation.get("requestBody", {}), *operation["responses"].values()]
            for content in (content for part in parts for content in part.get("content", {}).values()):
                if "example" in content:
                    schema = {**content["schema"], "components": DOCUMENT["components"]}
                    jsonschema_rs.validate(schema, content["example"])
                    checked += 1
    assert checked >= len(OPERATIONS)


def test_every_operation_names_its_scope_and_its_failures() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            responses = operation["responses"]
            assert {"413", "500", "503"} <= responses.keys(), (method, path)
            if path.startswith(("/api", "/ap1")):
                assert operation["security"], (method, path)
                assert {"401", "403", "429"} <= responses.keys()
