"""Checks of .env and of the state folder."""

import os
import re
import time
from collections.abc import Iterator

from local.aws import dynamodb
from local.commands.doctor.finding import Finding
from local.config import Config, read_env_file
from local.system.state import StartError, check_layout
from local.system.supervisor import check_settings
from sales.domain.sms.provider import can_be_key
from sales.runtime.settings import SettingsError

__all__ = ["check_env", "check_secrets_age", "check_sms_key", "check_stored"]

_SECRETS = ("OKTA_CLIENT_SECRET", "AFRICASTALKING_API_KEY")
_SECRET_DAYS = 365

_SMS_KEY = re.compile(r"atsk_[0-9a-f]{72}|[0-9a-f]{64}")


def check_env(config: Config) -> Iterator[Finding]:
    """Check that every setting has a usable value."""
    try:
        check_settings(config)
    except (SettingsError, ValueError) as error:
        yield Finding(".env", str(error), "Correct it in .env; .env.sample describes each setting.")
    else:
        yield Finding(".env", "every setting is valid")


def check_stored(config: Config) -> Iterator[Finding]:
    """Check the state folder's layout and the database."""
    try:
        check_layout(config.state)
    except StartError as error:
        yield Finding("stored data", str(error), "`make reset`")
    try:
        database = dynamodb.choose(config)
    except dynamodb.DatabaseError as error:
        # A machine on which nothing was ever started has none.
        named = bool(os.environ.get("LOCAL_STORE"))
        yield Finding("database", str(error), "`make run` installs it, too.", warning=not named)
        return
    try:
        dynamodb.DatabaseClient(config.database_url).call("ListTables", {"Limit": 1})
    except (OSError, dynamodb.DatabaseError) as error:
        if database.command:
            yield Finding("database", f"{database.name} is installed but not running", checked=False)
        else:
            advice = "Start it, or correct DYNAMODB_ENDPOINT in .env. If that is empty, `make run` starts a database."
            yield Finding("database", f"{config.database_url} does not answer as DynamoDB does ({error})", advice)
    else:
        yield Finding("database", f"{database.name} answers")


def check_sms_key(config: Config) -> Iterator[Finding]:
    """Check that the provider's API key can be sent, and looks like one.

    Africa's Talking publishes no format. Seven keys that people left in public repositories are 64 hexadecimal digits (three)
    or `atsk_` and 72 (four), so any other shape is only a warning.
    """
    key = config.settings.get("AFRICASTALKING_API_KEY")
    subject = "Africa's Talking key"
    if not key:
        yield Finding(subject, "AFRICASTALKING_API_KEY is not set; only a deployed system needs it", checked=False)
    elif not can_be_key(key):
        advice = "Copy it again: visible ASCII characters only, without spaces or line breaks."
        yield Finding(subject, "cannot be sent as a header", advice)
    elif not _SMS_KEY.fullmatch(key):
        result = f"{len(key)} characters that are neither atsk_ and 72 hexadecimal digits nor 64 of them"
        advice = "Compare it with Settings > API Key: it may be incomplete, or something else."
        yield Finding(subject, result, advice, warning=True)
    else:
        yield Finding(subject, "has the right shape; only Africa's Talking can tell whether it is valid")


def check_secrets_age(config: Config) -> Iterator[Finding]:
    """Warn of secrets in .env that are older than a year: they cannot be younger than the file's last change."""
    file = config.root / ".env"
    names = [name for name in _SECRETS if file.is_file() and read_env_file(file).get(name)]
    days = int((time.time() - file.stat().st_mtime) / 86_400) if names else 0
    if days > _SECRET_DAYS:
        advice = "Make new ones at Okta (OKTA_CLIENT_SECRET) and Africa's Talking (AFRICASTALKING_API_KEY) once a year."
        yield Finding("secrets", f".env has not changed for {days} days, nor have its secrets", advice, warning=True)
