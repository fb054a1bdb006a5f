"""Every request for a change, and every export, leaves a line of the audit trail, through every function and route."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from deployment.template import Route, load
from tests.conftest import ENVIRONMENT
from tests.support.events import Context, form_event, http_event
from tests.template.test_template import AUDITED

pytestmark = pytest.mark.usefixtures("environment")
TEMPLATE = load(
    Path(__file__).parents[2] / "template.yaml",
    {"OktaIssuer": ENVIRONMENT["OKTA_ISSUER"], "ConsoleClientId": "console"},
)
ROUTES = [route for route in TEMPLATE.routes if route.path != "$default"]
# A POST that changes nothing, and a GET that takes a person's data out of the shop.
CHANGES_NOTHING, EXPORTS = "preview_sms", "export_customer"


def audit(function: str, event: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the audit lines of a request to a function."""
    capsys.readouterr()
    import_module(f"functions.{function}.app").handler(event, Context())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("message") == "audit"]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.key)
def test_a_route_is_audited_unless_it_changes_nothing(
    route: Route, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setattr("sales.runtime.secrets.is_webhook_secret", lambda _: False)
    reads = route.method in {"GET", "HEAD"} and route.function != EXPORTS
    # Refused by the function itself: no token, or a wrong secret.
    lines = audit(route.function, http_event(route.method, route.path, authorized=False), capsys)
    if reads or route.function == CHANGES_NOTHING:
        assert lines == []
    else:
        [line] = lines
        assert (line["action"], line["request_id"]) == (route.function, "request")
        assert line["status"] in {401, 404}
        assert "actor" not in line


def test_the_functions_that_write_the_trail_are_those_whose_logs_are_kept_for_it() -> None:
    names = {
        route.function
        for route in ROUTES
        if route.function == EXPORTS or (route.method not in {"GET", "HEAD"} and route.function != CHANGES_NOTHING)
    }
    assert {"".join(word.capitalize() for word in name.split("_")) + "Function" for name in names} == AUDITED


def test_nobody_acts_until_a_webhooks_secret_is_right(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setattr("sales.runtime.secrets.is_webhook_secret", lambda given: given == "right")
    for secret, expected in (("wrong", (None, 404, "not_found")), ("right", ("provider", 400, "invalid_form"))):
        event = form_event(f"/webhooks/africastalking/optout/{secret}", {"x": "y"}, {"secret": secret})
        [line] = audit("record_opt_out", event, capsys)
        assert (line.get("actor"), line["status"], line["code"]) == expected
        assert "client" not in line
