"""The contract and the reference, through the function that serves them."""

import base64
import gzip
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from sales.domain import clock
from tests.conftest import ENVIRONMENT
from tests.support.events import Context, http_event

ROOT = Path(__file__).parents[2]
ISSUER = "https://shop.example/oauth2/aus1"


@pytest.fixture(autouse=True)
def deployment(environment: pytest.MonkeyPatch) -> None:
    """A deployment with another issuer than the one in the generated contract, in a process that has just started."""
    environment.setenv("OKTA_ISSUER", ISSUER)
    app = import_module("functions.serve_docs.app")
    environment.setattr(app, "REFERENCE", app.Reference(ROOT / "functions/serve_docs/static", app.HERE / "swagger-ui"))


def get(path: str, file: str | None = None, domain: str = "") -> tuple[int, dict[str, str], bytes]:
    app = import_module("functions.serve_docs.app")
    parameters = {"file": file} if file is not None else None
    event = http_event("GET", path, headers={"accept-encoding": "gzip"}, parameters=parameters, authorized=False)
    if domain:
        event["requestContext"]["domainName"] = domain
    answer: dict[str, Any] = app.handler(event, Context())
    body = base64.b64decode(answer["body"]) if answer.get("isBase64Encoded") else answer["body"].encode()
    packed = answer["headers"].get("content-encoding") == "gzip"
    return answer["statusCode"], answer["headers"], gzip.decompress(body) if packed else body


def test_the_served_contract_adds_only_the_deployments_sign_in() -> None:
    status, headers, content = get("/openapi.json")
    assert (status, headers["content-type"]) == (200, "application/json")
    written = (ROOT / "functions/serve_docs/static/openapi.json").read_text()
    assert ENVIRONMENT["OKTA_ISSUER"] in written
    assert content.decode() == written.replace(ENVIRONMENT["OKTA_ISSUER"], ISSUER)
    scheme = json.loads(content)["components"]["securitySchemes"]["okta"]
    assert scheme["openIdConnectUrl"] == f"{ISSUER}/.well-known/openid-configuration"


def test_the_discovery_address_drops_the_issuers_last_slash(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OKTA_ISSUER", "https://shop.eu.auth0.com/")
    scheme = json.loads(get("/openapi.json")[2])["components"]["securitySchemes"]["okta"]
    assert scheme["openIdConnectUrl"] == "https://shop.eu.auth0.com/.well-known/openid-configuration"


def servers(domain: str) -> list[str]:
    return [server["url"] for server in json.loads(get("/openapi.json", domain=domain)[2])["servers"]]


def test_the_served_contract_names_the_domain_that_it_was_read_from() -> None:
    assert servers("abc123.execute-api.eu-west-1.amazonaws.com") == [
        "https://abc123.execute-api.eu-west-1.amazonaws.com"
    ]
    # A deployment may have a domain of its own besides API Gateway's.
    assert servers("api.shop.example") == ["https://api.shop.example"]
    assert servers("abc123.execute-api.eu-west-1.amazonaws.com") == [
        "https://abc123.execute-api.eu-west-1.amazonaws.com"
    ]


@pytest.mark.parametrize("domain", ["", 'evil"', "a/b", "host:80", "x y", "\\"])
def test_a_name_that_is_no_domain_is_not_written_into_the_contract(domain: str) -> None:
    assert servers(domain) == ["/"]


def test_the_served_contract_names_the_address_of_the_settings(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("API_URL", "http://127.0.0.1:9200/")
    assert servers("evil.example") == ["http://127.0.0.1:9200"]


def test_no_header_of_a_caller_changes_the_contract() -> None:
    app = import_module("functions.serve_docs.app")
    headers = {"host": "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "gopher"}
    event = http_event("GET", "/openapi.json", headers=headers, authorized=False)
    event["requestContext"]["domainName"] = "api.shop.example"
    content = base64.b64decode(app.handler(event, Context())["body"]).decode()
    assert "evil.example" not in content
    assert "gopher" not in content


@pytest.mark.skipif(not (ROOT / "functions/serve_docs/swagger-ui").is_dir(), reason="scripts/setup.sh docs")
def test_everything_the_page_loads_is_served_with_it() -> None:
    import re

    for path, name in (("/docs", None), ("/docs/", None), ("/docs/oauth2-redirect", "oauth2-redirect")):
        status, headers, content = get(path, name)
        assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
        paths = re.findall(r'(?:src|href)="(/docs/[^"]+)"', content.decode())
        assert paths
        for loaded in paths:
            assert get(loaded, loaded.rpartition("/")[2])[0] == 200, loaded


@pytest.mark.skipif(not (ROOT / "functions/serve_docs/swagger-ui").is_dir(), reason="scripts/setup.sh docs")
@pytest.mark.parametrize("accepted", [None, "gzip", "identity"])
def test_no_answer_of_the_reference_has_half_a_megabyte(accepted: str | None) -> None:
    app = import_module("functions.serve_docs.app")
    assert app.VIEWER in app.REFERENCE.names
    for name in app.REFERENCE.names:
        headers = {} if accepted is None else {"accept-encoding": accepted}
        event = http_event("GET", "/x", headers=headers, parameters={"file": name}, authorized=False)
        answer = app.handler(event, Context())
        assert answer["statusCode"] in ({200} if accepted != "identity" else {200, 406}), name
        assert len(base64.b64decode(answer["body"])) < 500_000 if answer["statusCode"] == 200 else answer["body"], name


def test_a_missing_viewer_is_named_and_the_contract_is_still_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = import_module("functions.serve_docs.app")
    monkeypatch.setattr(app, "REFERENCE", app.Reference(ROOT / "functions/serve_docs/static", tmp_path))
    status, _, content = get("/docs")
    assert (status, "/openapi.json" in json.loads(content)["detail"]) == (404, True)
    assert get("/openapi.json")[0] == 200


@pytest.mark.parametrize("contact", ["mailto:security@example.com", "https://example.com/security"])
def test_security_txt_names_the_contact_and_expires_within_a_year(
    contact: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("SECURITY_CONTACT", contact)
    status, headers, content = get("/.well-known/security.txt")
    assert (status, headers["content-type"]) == (200, "text/plain; charset=utf-8")
    first, second, end = content.decode().split("\r\n")
    assert (first, end) == (f"Contact: {contact}", "")
    expires = clock.parse_time(second.removeprefix("Expires: "))
    assert 30 < (expires - clock.now()).days < 365


def test_a_deployment_without_a_contact_has_no_security_txt(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SECURITY_CONTACT", "")
    assert get("/.well-known/security.txt")[0] == 404


@pytest.mark.parametrize("name", ["app.py", "__init__.py", "../app.py", "static", ".stamp"])
def test_nothing_but_the_pages_files_is_served(name: str) -> None:
    assert get(f"/docs/{name}", name)[0] == 404
