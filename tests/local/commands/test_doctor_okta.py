"""`make doctor` on what a real Okta answers: both forms of its errors, causes that share a code, addresses that cannot work."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.commands.doctor.finding import Finding
from local.commands.doctor.issuer import UnusableIssuerError, check_issuer, discover
from local.commands.okta_addresses import DomainError, issuer_fault, organisation
from local.commands.refusals import Refusal
from local.config import Config
from tests.support.tokens import Issuer, running

BOTH = ["sales:read", "sales:write"]


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running(Issuer()) as found:
        yield found


@pytest.fixture(autouse=True)
def _no_scope(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCOPE", raising=False)


def findings(url: str, **settings: str) -> list[Finding]:
    given = {"OKTA_ISSUER": url, "OKTA_CLIENT_ID": "machine", "OKTA_CLIENT_SECRET": "its-secret"} | settings
    return list(check_issuer(Config(9790, Path("unused"), given)))


def of_token(issuer: Issuer) -> list[Finding]:
    return [finding for finding in findings(issuer.url) if finding.subject == "token"]


def okta_error(code: str, summary: str, *causes: str) -> dict[str, Any]:
    """Return Okta's error object."""
    causes_ = [{"errorSummary": cause} for cause in causes]
    return {"errorCode": code, "errorSummary": summary, "errorLink": code, "errorId": "oae1", "errorCauses": causes_}


@pytest.mark.parametrize(
    ("status", "document", "result", "advice"),
    [
        (401, okta_error("invalid_client", "Invalid value for 'client_id' parameter."), "Invalid value for 'client_id'", "No application of this"),
        (401, {"error": "invalid_client", "error_description": "The client secret supplied for a confidential client is invalid."}, "client secret", "Compare OKTA_CLIENT_ID"),
        (429, okta_error("E0000047", "API call exceeded rate limit due to too many requests."), "rate limit", "Try again in a minute"),
        (404, okta_error("E0000007", "Not found: Resource not found: aus1 (AuthorizationServer)"), "Not found", "no server has this id"),
        (401, okta_error("E0000015", "You do not have permission to access the feature you are requesting"), "feature", "lacks API Access Management"),
        (403, {"error": "access_denied", "error_description": "Policy evaluation failed for this request, please check the policy configurations."}, "Policy evaluation", "Add an access policy"),
        (403, {"error": "access_denied", "error_description": "The request is made from outside the client's permitted network zones."}, "network zones", "only some networks"),
        (400, {"error": "access_denied", "error_description": "User is not assigned to the client application."}, "not assigned", "Assign the person"),
        (400, okta_error("E0000001", "Api validation failed", "scope: unknown", "grant: unknown"), "Api validation failed: scope: unknown; grant: unknown", "docs/okta.md"),
        (400, {"error": 7, "errorCode": None, "errorCauses": "none"}, "status 400", "docs/okta.md"),
    ],
)  # fmt: skip
def test_each_refusal_is_told_with_its_own_advice(issuer: Issuer, status: int, document: dict[str, Any], result: str, advice: str) -> None:  # fmt: skip
    issuer.grants = (status, document)
    [finding] = of_token(issuer)
    assert finding.problem
    assert result in finding.result
    assert advice in finding.advice


@pytest.mark.parametrize(
    ("description", "advice"),
    [
        ("User is not assigned to the client application.", "Assign the person"),
        ("Policy evaluation failed for this request", "rule that allows authorization code"),
    ],
)
def test_causes_of_a_refused_sign_in_are_told_apart(issuer: Issuer, description: str, advice: str) -> None:
    issuer.sign_in = (302, "", "{back}?error=access_denied&error_description=" + description.replace(" ", "+"))
    [finding] = [f for f in findings(issuer.url, OKTA_LOGIN_CLIENT_ID="0oa1") if "make login" in f.subject]
    assert description in finding.result
    assert advice in finding.advice


def test_a_machine_is_asked_for_what_machines_have_and_more_is_a_warning(issuer: Issuer) -> None:
    manager = (200, {"access_token": issuer.token(scp=["sales:manage"])})
    issuer.script = [(200, {"access_token": issuer.token(scp=BOTH)}), manager]
    token, excess = of_token(issuer)
    assert "with sales:read sales:write, valid" in token.result
    assert excess.warning
    assert "also gets sales:manage" in excess.result
    assert "Default Policy" in excess.advice


@pytest.mark.parametrize("second", [(403, {"error": "access_denied"}), (200, {"access_token": "no token"}), None])
def test_a_machine_that_gets_no_more_is_no_warning(issuer: Issuer, second: Any) -> None:
    issuer.script = [(200, {"access_token": issuer.token(scp=BOTH)}), second]
    [token] = of_token(issuer)
    assert not token.advice


def test_a_machine_that_may_manage_is_checked_for_that(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCOPE", "sales:read sales:manage")
    issuer.grants = (200, {"access_token": issuer.token(scp=["sales:read", "sales:manage"])})
    [token] = of_token(issuer)
    assert "with sales:read sales:manage, valid" in token.result


@pytest.mark.parametrize(
    ("url", "result", "advice"),
    [
        ("https://shop-admin.okta.com/oauth2/default", "administrators' pages", "Remove -admin"),
        ("https://shop-admin.oktapreview.com/oauth2/default", "administrators' pages", "Remove -admin"),
        ("https://shop.okta.com", "organisation's own server", "https://<domain>/oauth2/<id>"),
        ("https://shop.okta.com/", "organisation's own server", "custom"),
        ("https://shop.okta.com/oauth2/v1", "organisation's own server", "custom"),
        ("https://shop.okta.com/oauth2/v1/token", "organisation's own server", "custom"),
        ("https://shop.okta.com/oauth2/default/v1/token", "an endpoint", "https://shop.okta.com/oauth2/default."),
        ("https://shop.okta.com/oauth2/default/", "without a slash at the end", "Use https://shop.okta.com/oauth2/default."),
        ("https://shop.okta-emea.com/oauth2/aus1/.well-known/openid-configuration", "an endpoint", "https://shop.okta-emea.com/oauth2/aus1."),
    ],
)  # fmt: skip
def test_an_address_that_cannot_work_is_found_without_a_request(url: str, result: str, advice: str) -> None:
    [finding] = findings(url)
    assert finding.problem
    assert result in finding.result
    assert advice in finding.advice


def test_a_deployments_check_finds_it_too() -> None:
    with pytest.raises(UnusableIssuerError) as refused:
        discover("https://shop.okta.com/oauth2/v1", "OktaIssuer")
    assert "organisation's own server" in refused.value.finding.result
    assert refused.value.finding.advice.startswith("Correct OktaIssuer: ")


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.okta.com/oauth2/default",
        "https://shop.oktapreview.com/oauth2/aus1",
        "https://shop.okta.com/oauth2/v1x",
        "https://my-admin.example.com/oauth2/default",
        "https://shop.eu.auth0.com/",
        "https://id.example.com/realms/v1/shop",
    ],
)
def test_other_addresses_may_be_issuers(url: str) -> None:
    assert issuer_fault(url) is None


def test_oktas_request_id_is_part_of_what_it_said() -> None:
    assert str(Refusal.of({"error_description": "No"}, "abc")) == "No (X-Okta-Request-Id: abc)"
    assert str(Refusal.of({"error_description": "No"})) == "No"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shop.okta.com", "https://shop.okta.com"),
        (" HTTPS://Shop.Okta.com/oauth2/default ", "https://shop.okta.com"),
        ("https://id.example.com/admin", "https://id.example.com"),
        ("http://127.0.0.1:9700/", "http://127.0.0.1:9700"),
    ],
)
def test_any_address_of_an_organisation_names_it(text: str, expected: str) -> None:
    assert organisation(text) == expected


@pytest.mark.parametrize("text", ["", "shop", "shop.okta.com:8443", "shop.okta.com:x", "https://a@shop.okta.com", "ftp://shop.okta.com", "shop_.okta.com", "http://127.0.0.1.example.com"])  # fmt: skip
def test_other_text_names_no_organisation(text: str) -> None:
    with pytest.raises(DomainError):
        organisation(text)
