"""The secrets, by reference: fetched from Secrets Manager when first needed and kept for a while.

Two versions of the webhook secret are taken, the current and the previous one, so it can be rotated while reports are
under way.
"""

import hmac
import time
from functools import cache
from typing import Any

from sales.runtime.aws import aws_client
from sales.runtime.settings import settings
from sales.runtime.startup import at_start

__all__ = ["api_key", "is_webhook_secret"]

_KEEP_SECONDS = 300.0
# A wrong webhook secret looks once more for a new one, but guessing must not turn into a flood of look-ups.
_LOOK_AGAIN_SECONDS = 5.0
_kept: dict[tuple[str, str], tuple[float, str]] = {}


@at_start
@cache
def _client() -> Any:
    return aws_client("secretsmanager", settings().secrets_endpoint)


def _value(name: str, stage: str, *, younger_than: float = _KEEP_SECONDS) -> str:
    """The secret's value, empty where it has no version at this stage."""
    fetched, value = _kept.get((name, stage), (float("-inf"), ""))
    now = time.monotonic()
    if now - fetched >= younger_than:
        try:
            # Stripped, because a key pasted with its line end would break the header it is sent in, and show there.
            value = _client().get_secret_value(SecretId=name, VersionStage=stage)["SecretString"].strip()
        except _client().exceptions.ResourceNotFoundException:
            value = ""
        _kept[name, stage] = (now, value)
    return value


def api_key(*, fresh: bool = False) -> str:
    """Africa's Talking's API key; `fresh` after the gateway refused the one in use. Empty where none is stored."""
    return _value(settings().sms_secret, "AWSCURRENT", younger_than=0 if fresh else _KEEP_SECONDS)


def is_webhook_secret(given: str) -> bool:
    """Whether this is the webhook's secret, or the one before it; in the same time whatever was given."""
    name = settings().webhook_secret
    for age in (_KEEP_SECONDS, _LOOK_AGAIN_SECONDS):
        known = [_value(name, stage, younger_than=age) for stage in ("AWSCURRENT", "AWSPREVIOUS")]
        matches = [bool(value) and hmac.compare_digest(value.encode(), given.encode()) for value in known]
        if any(matches):
            return True
    return False
