"""`make run` with OKTA_ISSUER: it trusts that issuer, in each form that issuers write tokens in, and no other."""

from collections.abc import Iterator

import pytest

from tests.support.readme import Requests
from tests.support.system import ROOT, System, request, running
from tests.support.tokens import FORMS, Issuer
from tests.support.tokens import running as serving

pytestmark = [pytest.mark.local, pytest.mark.slow]


@pytest.fixture(params=FORMS)
def issuer(request: pytest.FixtureRequest) -> Iterator[Issuer]:
    with serving(Issuer(form=request.param)) as found:
        yield found


def test_the_four_requests_work_with_its_tokens_only(issuer: Issuer, system: System) -> None:
    token = issuer.token(sub="sales-service")
    issuer.grants = (200, {"access_token": token})
    settings = {"OKTA_ISSUER": issuer.url, "OKTA_CLIENT_ID": "machine", "OKTA_CLIENT_SECRET": "its-secret"}
    with running(**settings) as trusting:
        trusting.used.note_token(token)
        assert "identity" not in trusting.pids()
        said = (trusting.state / "make-run.log").read_text()
        assert f"Sign-in        {issuer.url} (OKTA_ISSUER), for api://default" in said
        assert "Set CONSOLE_CLIENT_ID" in said
        requests = Requests(f"http://localhost:{trusting.port}", ROOT, trusting.environ())
        requests.follow(trusting.texts)
        four = (
            requests.create_customer,
            requests.create_order.replace("<id>", requests.ids["customer"]),
            *requests.lists,
        )
        assert [requests.status(command, token) for command in four] == [201, 201, 200, 200]
        assert [requests.status(command, system.token()) for command in four] == [401] * 4
        # The other way round too.
        refused = request("GET", system.url("/api/v1/sales/orders"), headers={"Authorization": f"Bearer {token}"})
        assert refused.status == 401
