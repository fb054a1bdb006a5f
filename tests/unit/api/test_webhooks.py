"""Reading the webhooks of Africa's Talking."""

from urllib.parse import urlencode

import pytest

from sales.api.endpoint import Request
from sales.api.webhooks import read_opt_out, read_report
from sales.domain.problems import Problem
from sales.runtime import secrets
from tests.support.events import http_event
from tests.support.numbers import COUNTRIES, mobile

FORM = {"id": "ATXid_0123456789abcdef", "status": "Failed", "phoneNumber": "+254704590344"}


@pytest.fixture(autouse=True)
def secret(environment: pytest.MonkeyPatch) -> None:
    environment.setattr(secrets, "is_webhook_secret", lambda candidate: candidate == "s3cret")


def request(
    form: dict[str, str], secret: str = "s3cret", media_type: str = "application/x-www-form-urlencoded"
) -> Request:
    event = http_event("POST", "/", parameters={"secret": secret})
    return Request(event, {"content-type": media_type}, urlencode(form).encode(), None)


def test_a_report_names_its_message_and_its_reason() -> None:
    message_id, report, _ = read_report(request(FORM | {"failureReason": "USERINBLACKLIST"}))
    assert message_id == FORM["id"]
    assert (report.number, report.status, report.failure_reason) == ("+254704590344", "Failed", "UserInBlackList")


@pytest.mark.parametrize("spelling", ["NotNetworkSubcriber", "NotNetworkSubscriber", "notnetworksubcriber"])
def test_the_providers_own_spelling_of_a_reason_is_known(spelling: str) -> None:
    _, report, _ = read_report(request(FORM | {"failureReason": spelling}))
    assert report.failure_reason == "NotNetworkSubscriber"


def test_words_that_are_not_the_providers_are_not_kept() -> None:
    _, report, network = read_report(
        request(FORM | {"status": "john doe", "failureReason": "john doe", "networkCode": "john doe"})
    )
    assert (report.status, report.failure_reason, network) == ("unnamed", "unnamed", None)


@pytest.mark.parametrize(
    ("code", "network"),
    [
        ("63902", "63902"),
        ("310410", "310410"),
        (None, None),
        ("", None),
        ("6390", None),
        ("6390200", None),
        ("٦٣٩٠٢", None),
    ],
)
def test_a_network_has_five_or_six_digits(code: str | None, network: str | None) -> None:
    form = {name: value for name, value in FORM.items() if name != "networkCode"}
    assert read_report(request(form | ({"networkCode": code} if code is not None else {})))[2] == network


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"id": "john doe"}, "invalid_form"),
        ({"id": " "}, "invalid_form"),
        ({"phoneNumber": "john doe"}, "invalid_form"),
        ({"phoneNumber": ""}, "invalid_form"),
        ({"status": ""}, "invalid_form"),
        ({"filler": "x" * 8192}, "payload_too_large"),
    ],
)
def test_a_bad_form_is_refused(changes: dict[str, str], code: str) -> None:
    with pytest.raises(Problem, match=code):
        read_report(request(FORM | changes))


def test_a_wrong_secret_is_404_before_the_form_is_read() -> None:
    with pytest.raises(Problem, match="not_found"):
        read_report(request({}, secret="guess", media_type="text/plain"))


def test_another_media_type_is_415() -> None:
    with pytest.raises(Problem, match="unsupported_media_type"):
        read_opt_out(request(FORM, media_type="application/json"))


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_number_of_any_country_may_have_lost_its_plus(country: str) -> None:
    number = mobile(country)
    assert read_opt_out(request({"phoneNumber": number.replace("+", " ")}))[0] == number
    assert read_report(request(FORM | {"phoneNumber": number[1:]}))[1].number == number
