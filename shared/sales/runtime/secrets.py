"""Our secrets in Secrets Manager: fetched when first needed and kept for five minutes.

The current and the previous version of the webhook secret are both valid, so that it can be rotated while reports are
on their way.
"""

import hmac
import time
from functools import cache
from typing import Any

from botocore.exceptions import ClientError

from sales.runtime import log
from sales.runtime.aws import aws_client
from sales.runtime.settings import settings
from sales.runtime.startup import at_start

__all__ = ["api_key", "is_webhook_secret"]

_CURRENT, _PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
# AWS asks IAM before it looks for the secret, and our roles name a secret with the characters that only an existing one
# has. So a secret that does not exist is refused rather than not found.
_ABSENT = {"AccessDeniedException", "ResourceNotFoundException"}
_KEEP_SECONDS = 300.0
# An unknown webhook secret may be a new one, so it is looked up again; guesses must not turn into a flood of look-ups.
_REFRESH_SECONDS = 5.0
_kept: dict[tuple[str, str], tuple[float, str]] = {}


@at_start
@cache
def _client() -> Any:
    return aws_client("secretsmanager", settings().secrets_endpoint)


def _value(name: str, stage: str, *, younger_than: float = _KEEP_SECONDS) -> str:
    """Return the secret's value; empty if it does not exist, if we may not read it, or if it has no version at this stage."""
    fetched, value = _kept.get((name, stage), (float("-inf"), ""))
    now = time.monotonic()
    if now - fetched >= younger_than:
        try:
            # A key pasted with its line end would break the header it is sent in, and the error would show it.
            value = _client().get_secret_value(SecretId=name, VersionStage=stage)["SecretString"].strip()
        except ClientError as refused:
            if refused.response["Error"]["Code"] not in _ABSENT:
                raise
            value = ""
            if stage == _CURRENT:
                log.error("secret missing or forbidden", secret=name)
        _kept[name, stage] = (now, value)
    return value


def api_key(*, fresh: bool = False) -> str:
    """Return the API key of Africa's Talking, empty if none is stored; `fresh` skips the kept one."""
    return _value(settings().sms_secret, _CURRENT, younger_than=0 if fresh else _KEEP_SECONDS)


def is_webhook_secret(candidate: str) -> bool:
    """Return whether this is the current or the previous webhook secret, in constant time."""
    name = settings().webhook_secret
    for age in (_KEEP_SECONDS, _REFRESH_SECONDS):
        valid = [_value(name, stage, younger_than=age) for stage in (_CURRENT, _PREVIOUS)]
        matches = [bool(value) and hmac.compare_digest(value.encode(), candidate.encode()) for value in valid]
        if any(matches):
            return True
    return False
