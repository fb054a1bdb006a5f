"""Secrets are kept for a while, and two webhook secrets are valid during a rotation."""

from functools import cache
from typing import Any

import pytest

from sales.runtime import secrets

pytestmark = pytest.mark.usefixtures("environment")


class Vault:
    """Secrets Manager with these values by stage; counts the look-ups."""

    class exceptions:  # noqa: N801 - botocore's name
        class ResourceNotFoundException(Exception):  # noqa: N818 - botocore's name
            pass

    def __init__(self, **values: str) -> None:
        self.values = values
        self.asked = 0

    def get_secret_value(self, *, SecretId: str, VersionStage: str) -> dict[str, Any]:  # noqa: N803 - AWS's names
        self.asked += 1
        if VersionStage not in self.values:
            raise self.exceptions.ResourceNotFoundException
        return {"SecretString": self.values[VersionStage]}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic time, in its only entry."""
    now = [1000.0]
    monkeypatch.setattr(secrets.time, "monotonic", lambda: now[0])
    return now


def vault(monkeypatch: pytest.MonkeyPatch, **values: str) -> Vault:
    found = Vault(**values)
    monkeypatch.setattr(secrets, "_client", cache(lambda: found))
    return found


def test_a_key_is_kept_for_five_minutes(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    manager = vault(monkeypatch, AWSCURRENT="key\n")
    assert secrets.api_key() == "key"
    manager.values["AWSCURRENT"] = "new"
    clock[0] += 299
    assert secrets.api_key() == "key"
    clock[0] += 1
    assert secrets.api_key() == "new"


def test_a_fresh_key_is_looked_up(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    manager = vault(monkeypatch, AWSCURRENT="key")
    assert secrets.api_key() == "key"
    manager.values["AWSCURRENT"] = "new"
    assert secrets.api_key(fresh=True) == "new"


def test_a_key_that_is_not_stored_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    vault(monkeypatch)
    assert secrets.api_key() == ""
    assert not secrets.is_webhook_secret("")


def test_during_a_rotation_both_webhook_secrets_are_valid(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    manager = vault(monkeypatch, AWSCURRENT="first")
    assert secrets.is_webhook_secret("first")
    manager.values.update(AWSCURRENT="second", AWSPREVIOUS="first")
    assert not secrets.is_webhook_secret("second")
    clock[0] += 5
    assert secrets.is_webhook_secret("second")
    assert secrets.is_webhook_secret("first")


def test_guesses_do_not_flood_secrets_manager(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    manager = vault(monkeypatch, AWSCURRENT="secret", AWSPREVIOUS="old")
    for number in range(50):
        assert not secrets.is_webhook_secret(f"guess {number}")
    assert manager.asked == 2
