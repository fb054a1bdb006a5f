"""The local issuer's requests and answers have the names that Okta's published OpenAPI document gives them.

okta_oauth.json has the names and nothing else of that document, which is newer than some recorded answers.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.local.okta.test_server import SignIn

FACTS: dict[str, Any] = json.loads(Path(__file__).with_name("okta_oauth.json").read_text())
REQUIRED = [(endpoint, name) for endpoint, names in FACTS["required"].items() for name in names]


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignIn]:
    running = SignIn(tmp_path_factory.mktemp("issuer"))
    yield running
    running.stop()


def send(issuer: SignIn, endpoint: str, fields: dict[str, str], **headers: str) -> requests.Response:
    method, path = endpoint.split()
    given = {"params" if method == "GET" else "data": fields}
    return requests.request(method, issuer.base + path, headers=headers, allow_redirects=False, timeout=10, **given)


def complete(issuer: SignIn) -> dict[str, str]:
    """Return every parameter that these endpoints need, as a signed-in application has them."""
    tokens = issuer.signed_in()
    return {
        "client_id": "sales-console",
        "redirect_uri": issuer.console,
        "response_type": "code",
        "scope": "openid sales:read",
        "state": "s",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
        "id_token_hint": tokens["id_token"],
        "token": tokens["refresh_token"],
    }


@pytest.mark.parametrize(("endpoint", "name"), REQUIRED)
def test_a_parameter_that_okta_requires_is_required(issuer: SignIn, endpoint: str, name: str) -> None:
    fields = complete(issuer)
    whole = send(issuer, endpoint, fields)
    assert whole.status_code in {200, 302}, whole.text
    assert "error" not in whole.headers.get("Location", "")
    del fields[name]
    without = send(issuer, endpoint, fields)
    assert without.status_code in {400, 401} or "error=" in without.headers.get("Location", ""), without.text


def test_answers_have_the_published_names(issuer: SignIn) -> None:
    tokens = issuer.signed_in()
    assert set(tokens) <= set(FACTS["answers"]["POST /v1/token"])
    keys = send(issuer, "GET /v1/keys", {})
    assert set(keys.json()) == set(FACTS["answers"]["GET /v1/keys"])
    device = send(issuer, "POST /v1/device/authorize", {"client_id": "sales-cli", "scope": "openid"})
    assert set(device.json()) == set(FACTS["answers"]["POST /v1/device/authorize"])
    metadata = send(issuer, "GET /.well-known/openid-configuration", {}).json()
    assert set(metadata) <= set(FACTS["metadata"])


def test_answers_have_the_published_headers(issuer: SignIn) -> None:
    origin = issuer.console.removesuffix("/")
    preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    for endpoint, names in FACTS["headers"].items():
        answer = send(issuer, endpoint, {}, **(preflight if endpoint.startswith("OPTIONS") else {}))
        assert set(names) <= set(answer.headers), endpoint


def test_errors_have_one_of_the_two_published_forms(issuer: SignIn) -> None:
    unknown = send(issuer, "POST /v1/token", {"grant_type": "client_credentials", "client_id": "nobody"})
    assert set(unknown.json()) == set(FACTS["errors"]["okta"])
    ungranted = send(issuer, "POST /v1/token", {"grant_type": "password", "client_id": "sales-cli"})
    assert set(ungranted.json()) == set(FACTS["errors"]["oauth"])
    for endpoint in FACTS["required"]:
        if endpoint.endswith("/revoke"):
            assert set(send(issuer, endpoint, {"client_id": "sales-cli"}).json()) == set(FACTS["errors"]["oauth"])
