"""Settings: template.yaml, .env.sample and the code agree."""

import re
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse

from deployment.template import load
from local.config import _ACCOUNTS, _PARAMETERS, _VARIABLES, Config, read_env_file
from sales.runtime.settings import LOG_LEVELS, Settings, SettingsError, log_level

ROOT = Path(__file__).parents[3]
TEMPLATE = load(ROOT / "template.yaml", {"OktaIssuer": "https://example.okta.com/oauth2/default"})
READ = set(
    re.findall(
        r'(?:text|number|optional|read|environ\.get)\("([A-Z_]+)"',
        (ROOT / "shared/sales/runtime/settings.py").read_text(),
    )
)
GIVEN = TEMPLATE.functions["send_sms"].environment


def test_code_and_template_have_the_same_settings() -> None:
    # Pydantic reads the one, Lambda's runtime sets the other.
    assert set(GIVEN) - {"PYDANTIC_DISABLE_PLUGINS"} == READ - {"AWS_LAMBDA_INITIALIZATION_TYPE"}


def test_the_sample_explains_every_variable_of_the_local_system() -> None:
    lines = (ROOT / ".env.sample").read_text().splitlines()
    names = [line.partition("=")[0] for line in lines if re.match(r"[A-Z_]+=", line)]
    assert set(names) == {*_PARAMETERS, *_VARIABLES, *_ACCOUNTS, "DYNAMODB_ENDPOINT"}
    for number, line in enumerate(lines):
        if re.match(r"[A-Z_]+=", line):
            assert lines[number - 1].startswith("# "), line


def test_the_unchanged_sample_changes_nothing() -> None:
    sample = read_env_file(ROOT / ".env.sample")
    config = Config(port=8000, state=Path(".local"), settings=sample)
    template = load(ROOT / "template.yaml", config.parameters)
    bare = load(ROOT / "template.yaml", Config(port=8000, state=Path(".local"), settings={}).parameters)
    assert template.functions == bare.functions
    given = template.functions["send_sms"].environment
    assert given | config.overrides == given | Config(port=8000, state=Path(".local"), settings={}).overrides


def test_code_and_template_have_the_same_defaults() -> None:
    required = {"CUSTOMERS_TABLE": "c", "ORDERS_TABLE": "o", "OKTA_ISSUER": "i", "OKTA_AUDIENCE": "a"}
    bare, full = Settings.from_environ(required), Settings.from_environ(GIVEN | required)
    for name in ("sms_max_attempts", "sms_retry_seconds", "sms_lease_seconds", "sms_pause_seconds", "list_shards"):
        assert getattr(bare, name) == getattr(full, name), name
    assert bare.default_currency == full.default_currency


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"ORDERS_TABLE": ""}, "ORDERS_TABLE"),
        ({"LIST_SHARDS": "many"}, "LIST_SHARDS"),
        ({"LIST_SHARDS": "0"}, "LIST_SHARDS"),
        ({"SMS_TEXT": "Dear {nobody}"}, "SMS_TEXT"),
        ({"SMS_TEXT": "x" * 200, "SMS_MAX_SEGMENTS": "1"}, "SMS_MAX_SEGMENTS is 1, but .* takes at least 2"),
        ({"SMS_TEXT": "Dear {name}, " + "…😀" * 80, "SMS_MAX_SEGMENTS": "3"}, "takes at least 4"),
        ({"SMS_PRICES": "free"}, "SMS_PRICES"),
        ({"LOG_LEVEL": "DEBUG"}, "LOG_LEVEL must be one of INFO, WARN, ERROR"),
        *(
            ({"SMS_ENDPOINT": endpoint}, "SMS_ENDPOINT: the SMS endpoint must be https")
            for endpoint in (
                "http://example.com",
                "ftp://127.0.0.1",
                "example.com",
                "http://127.0.0.1.example.com",
                "https://",
            )
        ),
    ],
)
def test_a_missing_or_invalid_setting_is_named(changes: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        Settings.from_environ(GIVEN | changes)


def test_the_template_offers_every_log_level() -> None:
    parameter = yaml_parse((ROOT / "template.yaml").read_text())["Parameters"]["LogLevel"]
    assert tuple(parameter["AllowedValues"]) == LOG_LEVELS
    assert log_level({}) == log_level({"LOG_LEVEL": ""}) == parameter["Default"]
