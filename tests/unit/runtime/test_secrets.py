"""Secrets are kept for a while, and two webhook secrets are valid during a rotation."""

import json
from functools import cache
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sales.runtime import log, secrets
from tests.conftest import forget_process_state

pytestmark = pytest.mark.usefixtures("environment")


class Vault:
    """Secrets Manager with these values by stage; counts the look-ups."""

    def __init__(self, **values: str) -> None:
        self.values = values
        self.asked = 0
        self.refusal = "ResourceNotFoundException"

    def get_secret_value(self, *, SecretId: str, VersionStage: str) -> dict[str, Any]:  # noqa: N803 - AWS's names
        self.asked += 1
        if VersionStage not in self.values:
            raise ClientError({"Error": {"Code": self.refusal}}, "GetSecretValue")
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


# AWS refuses a name that no secret has, because IAM is asked first.
@pytest.mark.parametrize("refusal", ["ResourceNotFoundException", "AccessDeniedException"])
def test_a_secret_that_is_not_stored_is_empty_and_named_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], refusal: str
) -> None:
    log.prepare()
    forget_process_state()
    capsys.readouterr()
    vault(monkeypatch).refusal = refusal
    assert secrets.api_key() == ""
    for candidate in ("", "guess"):
        assert not secrets.is_webhook_secret(candidate)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["level"], line["secret"]) for line in lines] == [
        ("ERROR", "sales/africastalking-api-key"), ("ERROR", "sales/webhook-secret"),
    ]  # fmt: skip


def test_a_secret_without_a_previous_version_is_nothing_to_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    vault(monkeypatch, AWSCURRENT="first")
    assert secrets.is_webhook_secret("first")
    assert capsys.readouterr().out == ""


def test_another_failure_of_secrets_manager_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    vault(monkeypatch).refusal = "InternalServiceError"
    with pytest.raises(ClientError):
        secrets.api_key()


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
