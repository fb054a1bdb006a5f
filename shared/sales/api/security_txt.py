"""security.txt: whom to tell of a vulnerability (RFC 9116)."""

from sales.api.endpoint import Response
from sales.domain import clock
from sales.domain.problems import Problem
from sales.runtime.settings import settings

__all__ = ["security_txt"]

# RFC 9116 asks for less than a year. It counts from now: the answer is the deployment's present contact.
_EXPIRES_SECONDS = 90 * 86_400


def security_txt() -> Response:
    """Return the file with this deployment's contact. Raise Problem `not_found` if it names none."""
    if not (contact := settings().security_contact):
        raise Problem("not_found", "This deployment names no contact for security.")
    expires = clock.format_time(clock.plus(clock.now(), _EXPIRES_SECONDS))
    headers = {"content-type": "text/plain; charset=utf-8"}
    return Response(200, f"Contact: {contact}\r\nExpires: {expires}\r\n", headers)
