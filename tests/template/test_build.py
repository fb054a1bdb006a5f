"""The output of `make build`: a small layer with bytecode that Lambda can use, its libraries as published, all of it working."""

import base64
import hashlib
import importlib.util
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import certifi
import phonenumbers
import pytest
from botocore.session import Session

from sales.runtime import aws as clients
from scripts.build import bytecode, layer, sbom, service_models
from scripts.build.errors import BuildError
from tests.template.deployed import TEMPLATE

ROOT = TEMPLATE.parent
UNCHECKED_HASH = 0b01  # https://docs.python.org/3/reference/import.html#pyc-invalidation


MODEL = {
    "metadata": {"endpointPrefix": "things"},
    "documentation": "<p>prose</p>",
    "operations": {
        "GetThing": {"input": {"shape": "Key"}, "output": {"shape": "Thing"}, "documentation": "<p>prose</p>"},
        "DropThing": {"input": {"shape": "Drop"}},
    },
    "shapes": {
        "Key": {"type": "string"},
        "Drop": {"type": "structure", "members": {}},
        "Thing": {
            "type": "structure",
            "members": {"documentation": {"shape": "Text", "documentation": "<p>prose</p>"}},
            "documentation": "<p>prose</p>",
        },
        "Text": {"type": "string"},
    },
}


def test_a_model_keeps_the_named_operations_and_their_shapes() -> None:
    trimmed = service_models.trim_model(MODEL, {"get_thing"})
    assert list(trimmed["operations"]) == ["GetThing"]
    assert sorted(trimmed["shapes"]) == ["Key", "Text", "Thing"]
    assert "prose" not in json.dumps(trimmed)
    assert "documentation" in trimmed["shapes"]["Thing"]["members"]


def test_an_unused_service_model_is_dropped() -> None:
    assert service_models.trim_model(MODEL, {"unrelated"}) is None


@pytest.mark.parametrize(("operation", "method"), [("PutItem", "put_item"), ("BatchGetItem", "batch_get_item")])
def test_operations_are_matched_by_their_client_method(operation: str, method: str) -> None:
    assert service_models.snake_case(operation) == method


def test_imports_for_type_checkers_only_are_not_followed(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a\nelse:\n    from .b import c\n"
    )
    assert set(layer.imports_of(source, ["pkg"])) == {"typing.TYPE_CHECKING", "pkg.b.c"}


def test_another_python_than_the_runtimes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bytecode, "RUNTIME", (3, 99))
    with pytest.raises(BuildError, match=r"needs Python 3\.99"):
        layer.finish(tmp_path)


def test_a_folder_without_a_build_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="run `sam build` first"):
        layer.finish(tmp_path)


# A real build


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build of this tree as sam leaves it."""
    own = ROOT / ".venv-sam" / "bin" / "sam"
    sam = own if own.exists() else shutil.which("sam")
    if sam is None:
        pytest.skip("sam is not installed (aws-sam-cli)")
    folder = tmp_path_factory.mktemp("sam")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "SAM_CLI_TELEMETRY": "0",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    command = [sam, "build", "--build-dir", folder / "build", "--cache-dir", folder / "cache", "--template", TEMPLATE]
    machine = "x86_64" if os.uname().machine in {"x86_64", "AMD64"} else "arm64"
    result = subprocess.run(
        [*command, "--parameter-overrides", f"Architecture={machine}"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return folder / "build"


@pytest.fixture(scope="module")
def build(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, int, int]]]:
    """The same build as scripts/build finishes it, and the sizes it reported."""
    folder = tmp_path_factory.mktemp("finished") / "build"
    shutil.copytree(raw, folder)
    return folder, layer.finish(folder)


@pytest.fixture(scope="module")
def trimmed(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer's python/ as it is before it is compiled."""
    python = tmp_path_factory.mktemp("trimmed") / "python"
    shutil.copytree(raw / "SharedLayer" / "python", python)
    layer.trim_layer(python, sorted(path.parent for path in raw.glob("*/functions")))
    return python


def run_in(build: Path, code: str, *first: Path, **variables: str) -> str:
    """Run code as Lambda does: it finds a build's layer, its functions and the standard library, and nothing else."""
    paths = [*first, build / "SharedLayer" / "python", *sorted(build.glob("*Function"))]
    environment = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-west-1"}
    environment |= {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    result = subprocess.run(
        # -S: without this environment's packages, -P: without the folder it is started in.
        [sys.executable, "-S", "-P", "-c", code], env=environment | variables, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.slow
def test_the_layer_is_at_most_11_5_mb_zipped_and_a_function_5_kb(
    build: tuple[Path, list[tuple[str, int, int]]],
) -> None:
    # The reference brings its viewer, the console its page.
    most = {"SharedLayer": 11_500_000, "ServeDocsFunction": 1_000_000, "ServeConsoleFunction": 120_000}
    for name, zipped, unzipped in build[1]:
        assert zipped <= most.get(name, 5_000), name
        assert unzipped <= 40_000_000, "Lambda takes 250 MB, of function and layer"


@pytest.mark.slow
def test_only_service_models_differ_from_the_published_wheels(trimmed: Path) -> None:
    wheels = list(distributions(path=[str(trimmed)]))
    hashes = {str(file): file.hash for wheel in wheels for file in wheel.files or ()}
    compared = set()
    for path in (path for path in trimmed.rglob("*") if path.is_file()):
        name = path.relative_to(trimmed).as_posix()
        if name.startswith("sales/") or name.endswith("/RECORD"):
            continue
        if re.fullmatch(r"botocore/data/(dynamodb|lambda|secretsmanager)/[^/]+/service-2\.json", name):
            continue
        recorded = hashes[name]
        assert recorded is not None, name
        digest = hashlib.new(recorded.mode, path.read_bytes()).digest()
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == recorded.value, name
        compared.add(name.partition("/")[0])
    assert compared >= {"botocore", "certifi", "pydantic", "pydantic_core", "cryptography", "requests", "six.py"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["botocore/docs/docstring.py", "certifi/core.py", "pydantic_core/core_schema.py", "certifi/cacert.pem"]
)
def test_a_layer_with_a_changed_library_is_refused(trimmed: Path, tmp_path: Path, name: str) -> None:
    python = tmp_path / "python"
    shutil.copytree(trimmed, python)
    with (python / name).open("a") as file:
        file.write("\n")
    with pytest.raises(BuildError, match=f"{name} differs from its wheel"):
        layer.trim_layer(python, [])


@pytest.mark.slow
def test_the_sbom_and_the_licence_page_match_the_layer(
    build: tuple[Path, Any],
) -> None:
    found = json.loads(sbom.bom(build[0]))
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    purls = {each["purl"] for each in found["components"]}
    python = [purl.removeprefix("pkg:pypi/") for purl in purls if purl.startswith("pkg:pypi/")]
    shipped = {path.name.removesuffix(".dist-info") for path in (build[0] / "SharedLayer/python").glob("*.dist-info")}
    assert {purl.replace("-", "_").replace("@", "-") for purl in python} == {
        f"{name.replace('-', '_').lower()}-{version}" for name, _, version in (each.rpartition("-") for each in shipped)
    }
    assert not any("ecdsa" in purl for purl in purls)
    assert all(each["licenses"] for each in found["components"])
    assert sbom.LICENCES.read_text() == sbom.page(build[0]), "scripts/build/sbom.py --licences writes it"


@pytest.mark.slow
def test_the_reference_is_built_with_its_viewer(build: tuple[Path, Any]) -> None:
    if not (ROOT / "functions/serve_docs/swagger-ui").is_dir():
        pytest.skip("the reference's viewer is not installed: scripts/setup.sh docs")
    built = build[0] / "ServeDocsFunction" / "functions" / "serve_docs"
    for folder in ("static", "swagger-ui"):
        ours = ROOT / "functions" / "serve_docs" / folder
        assert {path.name for path in ours.iterdir()} == {path.name for path in (built / folder).iterdir()}


@pytest.mark.slow
def test_every_modules_bytecode_is_valid_for_any_file_date(build: tuple[Path, Any]) -> None:
    compiled = list(build[0].rglob("*.pyc"))
    assert compiled
    for path in compiled:
        assert int.from_bytes(path.read_bytes()[4:8], "little") == UNCHECKED_HASH, path
    for source in build[0].rglob("*.py"):
        assert Path(importlib.util.cache_from_source(str(source))).exists(), source


@pytest.mark.slow
def test_every_function_imports_with_the_layer_alone(build: tuple[Path, Any]) -> None:
    functions = sorted(path.parent.name for path in build[0].glob("*/functions/*/app.py"))
    assert len(functions) == len(list((ROOT / "functions").glob("*/app.py")))
    code = f"""
import importlib, sys
namespace = importlib.import_module("functions")
for name in {functions!r}:
    assert callable(importlib.import_module(f"functions.{{name}}.app").handler), name
import africastalking, cryptography.hazmat.primitives.asymmetric.rsa, jose.jwt, requests
print(*sorted({{name.partition(".")[0] for name in sys.modules}}))
"""
    merged = build[0].parent / "merged"
    for path in build[0].glob("*/functions"):
        shutil.copytree(path, merged / "functions", dirs_exist_ok=True)
    loaded = set(run_in(build[0], code, merged).split())
    assert not loaded & {"ecdsa", "rsa", "yaml", "responses", "boto3"}


@pytest.mark.slow
def test_numbers_of_every_country_are_read_with_the_layer_alone(build: tuple[Path, Any]) -> None:
    numbers = {
        region: phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        for region in phonenumbers.SUPPORTED_REGIONS
        if (number := phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE))
    }
    code = f"""
from sales.schemas.phone_numbers import read_number
for region, number in {numbers!r}.items():
    assert read_number(number, region) == number, number
"""
    run_in(build[0], code)


@pytest.mark.slow
def test_building_the_same_sources_again_gives_the_same_bytes(build: tuple[Path, Any], tmp_path: Path) -> None:
    again = tmp_path / "build"
    shutil.copytree(build[0], again)
    layer.finish(again)
    first, second = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (build[0], again)
    )
    assert first == second


class Aws(BaseHTTPRequestHandler):
    """Answers as DynamoDB and Secrets Manager do on the wire."""

    def do_POST(self) -> None:
        target = self.headers["X-Amz-Target"]
        self.rfile.read(int(self.headers["Content-Length"]))
        status, answer = 200, {}
        if target.endswith(".GetItem"):
            answer = {"Item": {"id": {"S": "one"}, "list": {"L": [{"N": "1"}]}}}
        elif target.endswith(".PutItem"):
            status = 400
            answer = {
                "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
                "Item": {"id": {"S": "there"}},
            }
        elif target.endswith(".GetSecretValue"):
            answer = {"SecretString": "value"}
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def aws() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Aws)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_clients_work_with_the_trimmed_data(build: tuple[Path, Any], aws: str) -> None:
    code = """
import os
from botocore.exceptions import ClientError
from sales.runtime.aws import aws_client
store = aws_client("dynamodb", os.environ["ENDPOINT"])
item = store.get_item(TableName="t", Key={"id": {"S": "one"}})["Item"]
assert item == {"id": {"S": "one"}, "list": {"L": [{"N": "1"}]}}, item
try:
    store.put_item(TableName="t", Item={"id": {"S": "one"}}, ReturnValuesOnConditionCheckFailure="ALL_OLD")
except ClientError as error:
    assert error.response["Item"] == {"id": {"S": "there"}}, error.response
secrets = aws_client("secretsmanager", os.environ["ENDPOINT"])
assert secrets.get_secret_value(SecretId="s")["SecretString"] == "value"
assert aws_client("dynamodb", "").meta.endpoint_url == "https://dynamodb.eu-west-1.amazonaws.com"
assert aws_client("secretsmanager", "").meta.endpoint_url == "https://secretsmanager.eu-west-1.amazonaws.com"
"""
    run_in(build[0], code, ENDPOINT=aws, AWS_DEFAULT_REGION="eu-west-1")


@pytest.mark.slow
def test_the_layer_has_only_amazons_roots(build: tuple[Path, Any]) -> None:
    pem = (build[0] / "SharedLayer" / "python" / layer.AMAZON_ROOTS).read_text()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=pem)
    names = [dict(part for (part,) in each["subject"])["commonName"] for each in context.get_ca_certs()]
    assert sorted(names) == [
        *(f"Amazon Root CA {number}" for number in range(1, 5)),
        "Starfield Services Root Certificate Authority - G2",
    ]


def test_a_bundle_without_all_of_amazons_roots_fails_the_build() -> None:
    whole = Path(certifi.where()).read_text()
    assert layer.amazon_roots(whole).count("BEGIN CERTIFICATE") == 5
    with pytest.raises(BuildError, match="4 of Amazon's roots"):
        layer.amazon_roots(whole.replace('# Label: "Amazon Root CA 1"', '# Label: "Another"'))


@pytest.mark.parametrize(
    ("region", "there", "narrow"), [("eu-west-1", True, True), ("cn-north-1", True, False), ("eu-west-1", False, False)]
)
def test_the_stores_client_trusts_amazons_roots_for_aws_only(
    region: str, there: bool, narrow: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    roots = tmp_path / "roots.pem"
    if there:
        roots.write_text("")
    monkeypatch.setattr(clients, "_ROOTS", roots)
    monkeypatch.setattr(clients, "_session", Session)
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    client = clients.aws_client("dynamodb", "")
    assert client._endpoint.http_session._verify == (str(roots) if narrow else True)
