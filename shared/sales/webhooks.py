"""Webhooks of Africa's Talking: unsigned, so a secret in the path is what tells theirs from anyone's."""

from sales import secrets
from sales.errors import Problem
from sales.http import Request
from sales.phones import reported_number

__all__ = ["read_webhook"]

_LARGEST_FORM = 8192
_LONGEST_FIELD = 200


def read_webhook(request: Request, *required: str) -> dict[str, str]:
    """The form's fields, cut to a sane length, of a request that knows the secret; `phoneNumber` in E.164 or empty.

    Raises Problem 404 for a wrong secret (as if there were nothing here), 400, 413 or 415 for what is no such form.
    """
    if not secrets.is_webhook_secret(request.parameters.get("secret", "")):
        raise Problem("not_found")
    form = {name: value.strip()[:_LONGEST_FIELD] for name, value in request.form(_LARGEST_FORM).items()}
    missing = [name for name in required if not form.get(name)]
    if missing:
        raise Problem("invalid_form", f"The form must have: {', '.join(missing)}.")
    if "phoneNumber" in form:
        form["phoneNumber"] = reported_number(form["phoneNumber"])
    return form
