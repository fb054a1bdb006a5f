"""The session token of this system's parts: Lambda's Invoke API and Secrets Manager's stand-in answer no one without it.

As on AWS, an SDK finds it in AWS_SESSION_TOKEN and sends it with each request. Workers have it in their environment; the
stream, schedules and `make` commands read it from a file that only its owner may read. Each start of the system replaces it.
"""

import hmac
from collections.abc import Mapping
from pathlib import Path

from local.private_files import new_secret, secret_line, write_private

__all__ = ["HEADER", "is_ours", "renew", "session_token"]

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
HEADER = "X-Amz-Security-Token"


def _file(state: Path) -> Path:
    return state / "session-token"


def session_token(state: Path) -> str:
    """Return the token of the system with this state folder, creating it at first use."""
    return secret_line(_file(state))


def renew(state: Path) -> None:
    """Replace the token, so that an earlier one is worth nothing."""
    write_private(_file(state), new_secret() + "\n")


def is_ours(headers: Mapping[str, str], token: str) -> bool:
    """Whether a request carries this token."""
    return hmac.compare_digest(headers.get(HEADER, "").encode(errors="replace"), token.encode())
