"""Webhooks of Africa's Talking: unsigned, so a secret in the path is what tells theirs from anyone's."""

from sales.api.endpoint import Request
from sales.domain.delivery_reports import is_message_id, report_cause
from sales.domain.phones import reported_number
from sales.domain.problems import Problem
from sales.runtime import secrets
from sales.store import Report

__all__ = ["OPTED_OUT", "read_number", "read_report"]

_LARGEST_FORM = 8192
_LONGEST_FIELD = 200
# Africa's Talking's own (its documentation, SMS delivery reports). What is stored, shown or logged of a form is a word
# from here or has a shape that holds nothing else: whoever has the secret may write what they like.
_FAILURES = {
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
# Why a report failed whose recipient wants no texts.
OPTED_OUT = _FAILURES["userinblacklist"]


def read_number(request: Request) -> str:
    """The number an opt-out is of. Raises Problem as `read_report` does."""
    return _number(_read(request, "phoneNumber"))


def read_report(request: Request) -> tuple[str, Report]:
    """The message's id and the delivery report of a request that knows the secret.

    Raises Problem 404 for a wrong secret (as if there were nothing here), 400, 413 or 415 for what is no such form.
    """
    form = _read(request, "id", "status", "phoneNumber")
    if not is_message_id(form["id"]):
        raise Problem("invalid_form", "The form's id must be a message's.")
    reason = form.get("failureReason", "")
    return form["id"], Report(
        number=_number(form),
        status=form["status"] if report_cause(form["status"]) else "unnamed",
        failure_reason=_FAILURES.get(reason.lower(), "unnamed") if reason else "",
    )


def _number(form: dict[str, str]) -> str:
    number = reported_number(form["phoneNumber"])
    if not number:
        raise Problem("invalid_form", "The form's phoneNumber must be one.")
    return number


def _read(request: Request, *required: str) -> dict[str, str]:
    if not secrets.is_webhook_secret(request.parameters.get("secret", "")):
        raise Problem("not_found")
    form = {name: value.strip()[:_LONGEST_FIELD] for name, value in request.form(_LARGEST_FORM).items()}
    missing = [name for name in required if not form.get(name)]
    if missing:
        raise Problem("invalid_form", f"The form must have: {', '.join(missing)}.")
    if "phoneNumber" in form:
        form["phoneNumber"] = reported_number(form["phoneNumber"])
    return form
