"""Reads the webhooks of Africa's Talking. They are unsigned: a secret in the path proves where they come from."""

from sales.api.endpoint import Request
from sales.domain.caller import PROVIDER
from sales.domain.problems import Problem
from sales.domain.sms.delivery_reports import DeliveryReport, is_message_id, report_cause
from sales.runtime import log, metrics, secrets
from sales.runtime.settings import settings
from sales.schemas.phone_numbers import read_reported_number

__all__ = ["read_opt_out", "read_report"]

_LARGEST_FORM = 8192
_LONGEST_FIELD = 200
# A network's code: three digits for its country, two or three for itself (ITU-T E.212).
_NETWORK_DIGITS = (5, 6)
# The failure reasons in Africa's Talking's documentation of delivery reports
# (https://developers.africastalking.com/docs/sms/notifications), by their names in lower case. Anyone with the secret can
# send any form, so we store, show and log only these words and values of a strict shape.
_FAILURES = {
    # As it is written there; other copies of the list have the second s, and so has what we store.
    "notnetworksubcriber": "NotNetworkSubscriber",
} | {
    name.lower(): name
    for name in (
        "InsufficientCredit",
        "InvalidLinkId",
        "UserIsInactive",
        "UserInBlackList",
        "UserAccountSuspended",
        "NotNetworkSubscriber",
        "UserNotSubscribedToProduct",
        "UserDoesNotExist",
        "DeliveryFailure",
        "DoNotDisturbRejection",
    )
}


def read_opt_out(request: Request) -> tuple[str, bool]:
    """Return the number of an opt-out, and whether it is from our sender id. Raise Problem as `read_report` does.

    Without a sender id of our own, or if the form names none, it is ours.
    """
    form = _read(request, "phoneNumber")
    named, ours = form.get("senderId", "").casefold(), settings().sms_sender.casefold()
    return _number(form), not (named and ours) or named == ours


def read_report(request: Request) -> tuple[str, DeliveryReport, str | None]:
    """Return the provider message's id, its delivery report, and the code of the number's network, if the form has one.

    Raise Problem 404 for a wrong secret, as if the path did not exist; 400, 413 or 415 for a bad form.
    """
    form = _read(request, "id", "status", "phoneNumber")
    if not is_message_id(form["id"]):
        raise Problem("invalid_form", "The field id must be the id of a message.")
    reason = form.get("failureReason", "")
    report = DeliveryReport(
        number=_number(form),
        status=form["status"] if report_cause(form["status"]) else "unnamed",
        failure_reason=_FAILURES.get(reason.lower(), "unnamed") if reason else "",
    )
    return form["id"], report, _network(form.get("networkCode", ""))


def _network(text: str) -> str | None:
    return text if text.isascii() and text.isdigit() and len(text) in _NETWORK_DIGITS else None


def _number(form: dict[str, str]) -> str:
    try:
        return read_reported_number(form["phoneNumber"], settings().default_country)
    except ValueError as error:
        raise Problem("invalid_form", f"The field phoneNumber {error}.") from None


def _read(request: Request, *required: str) -> dict[str, str]:
    if not secrets.is_webhook_secret(request.parameters.get("secret", "")):
        metrics.count("WebhooksRefused")
        raise Problem("not_found")
    log.act_as(PROVIDER)
    form = {name: value.strip()[:_LONGEST_FIELD] for name, value in request.form(_LARGEST_FORM).items()}
    missing = [name for name in required if not form.get(name)]
    if missing:
        raise Problem("invalid_form", f"Send these fields as well: {', '.join(missing)}.")
    return form
