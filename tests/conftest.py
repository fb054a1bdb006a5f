"""What tests of all kinds share."""

import logging
import sys
from collections.abc import Iterator

import pytest

from sales import secrets, sending
from sales.settings import settings
from sales.store import store

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "CUSTOMERS_TABLE": "customers",
    "ORDERS_TABLE": "orders",
    "OKTA_ISSUER": "https://example.okta.com/oauth2/default",
    "OKTA_AUDIENCE": "api://default",
    "SMS_SECRET": "sales/africastalking-api-key",
    "WEBHOOK_SECRET": "sales/webhook-secret",
    "SMS_PRICES": '{"+254": "KES 0.80"}',
    "POWERTOOLS_SERVICE_NAME": "sales",
}


class _ToStdout(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to what is standard output now, and not to that of the test which was the first to log."""

    stream = property(lambda self: sys.stdout, lambda self, value: None)  # type: ignore[assignment]


def forget_process_state() -> None:
    """What a Lambda environment keeps between invocations, as if it had just started."""
    for cached in (settings, store, sending.sender, secrets._client):
        cached.cache_clear()
    secrets._kept.clear()
    for handler in logging.getLogger("sales").handlers:
        if type(handler) is logging.StreamHandler:
            handler.__class__ = _ToStdout


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The environment of a function, and a process that has just started."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    forget_process_state()
    yield monkeypatch
    forget_process_state()
