"""Webhooks of Africa's Talking: unsigned, so a secret in the path is what tells theirs from anyone's."""

import re
from dataclasses import dataclass

from sales import secrets
from sales.errors import Problem
from sales.http import Request
from sales.messages import is_message_id, report_cause

__all__ = ["Report", "read_number", "read_report"]

_LARGEST_FORM = 8192
_LONGEST_FIELD = 200
_NUMBER = re.compile(r"\+?[0-9]{3,20}")
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


@dataclass(frozen=True, slots=True)
class Report:
    """A delivery report: of which message to which number, with what status, and why where it failed."""

    message_id: str
    status: str
    number: str
    failure_reason: str | None

    @property
    def opted_out(self) -> bool:
        """Whether it failed because the recipient wants no texts."""
        return self.failure_reason == _FAILURES["userinblacklist"]


def read_number(request: Request) -> str:
    """The number an opt-out is of. Raises Problem as `read_report` does."""
    return _number(_read(request, "phoneNumber"))


def read_report(request: Request) -> Report:
    """The delivery report of a request that knows the secret.

    Raises Problem 404 for a wrong secret (as if there were nothing here), 400, 413 or 415 for what is no such form.
    """
    form = _read(request, "id", "status", "phoneNumber")
    if not is_message_id(form["id"]):
        raise Problem("invalid_form", "The form's id must be a message's.")
    reason = form.get("failureReason")
    return Report(
        message_id=form["id"],
        status=form["status"] if report_cause(form["status"]) else "unnamed",
        number=_number(form),
        failure_reason=_FAILURES.get(reason.lower(), "unnamed") if reason else None,
    )


def _number(form: dict[str, str]) -> str:
    if not _NUMBER.fullmatch(form["phoneNumber"]):
        raise Problem("invalid_form", "The form's phoneNumber must be one.")
    return form["phoneNumber"]


def _read(request: Request, *required: str) -> dict[str, str]:
    if not secrets.is_webhook_secret(request.parameters.get("secret", "")):
        raise Problem("not_found")
    form = {name: value.strip()[:_LONGEST_FIELD] for name, value in request.form(_LARGEST_FORM).items()}
    missing = [name for name in required if not form.get(name)]
    if missing:
        raise Problem("invalid_form", f"The form must have: {', '.join(missing)}.")
    return form
