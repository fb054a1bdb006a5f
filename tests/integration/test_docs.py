"""The contract and the reference, through the function that serves them."""

import base64
import gzip
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ENVIRONMENT
from tests.support.events import Context, http_event

ROOT = Path(__file__).parents[2]
ISSUER = "https://shop.example/oauth2/aus1"


@pytest.fixture(autouse=True)
def deployment(environment: pytest.MonkeyPatch) -> None:
    """A deployment with another issuer than the one in the generated contract."""
    environment.setenv("OKTA_ISSUER", ISSUER)


def get(path: str, file: str | None = None) -> tuple[int, dict[str, str], bytes]:
    app = import_module("functions.serve_docs.app")
    app.REFERENCE._prepared.clear()
    parameters = {"file": file} if file is not None else None
    event = http_event("GET", path, headers={"accept-encoding": "gzip"}, parameters=parameters, authorized=False)
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
    flows = json.loads(content)["components"]["securitySchemes"]
    assert f"{ISSUER}/v1/token" in json.dumps(flows)


def test_the_servers_are_wherever_the_contract_was_read_from() -> None:
    assert [server["url"] for server in json.loads(get("/openapi.json")[2])["servers"]] == ["/"]


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


def test_a_missing_viewer_is_named_and_the_contract_is_still_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = import_module("functions.serve_docs.app")
    monkeypatch.setattr(app, "REFERENCE", app.Reference(ROOT / "functions/serve_docs/static", tmp_path))
    status, _, content = get("/docs")
    assert (status, "/openapi.json" in json.loads(content)["detail"]) == (404, True)
    assert get("/openapi.json")[0] == 200


@pytest.mark.parametrize("name", ["app.py", "__init__.py", "../app.py", "static", ".stamp"])
def test_nothing_but_the_pages_files_is_served(name: str) -> None:
    assert get(f"/docs/{name}", name)[0] == 404
