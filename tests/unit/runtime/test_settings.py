"""Settings: template.yaml, .env.sample and the code agree."""

import re
from pathlib import Path

import phonenumbers
import pytest
from samtranslator.yaml_helper import yaml_parse

from deployment.template import load
from local.config import _ACCOUNTS, _PARAMETERS, _VARIABLES, Config, read_env_file
from sales.runtime.settings import LOG_LEVELS, Settings, SettingsError, log_level
from tests.support.numbers import COUNTRIES, mobile

ROOT = Path(__file__).parents[3]
TEMPLATE = load(
    ROOT / "template.yaml", {"OktaIssuer": "https://example.okta.com/oauth2/default", "ConsoleClientId": "console"}
)
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
    for name in ("default_currency", "default_country", "sms_allowed"):
        assert getattr(bare, name) == getattr(full, name), name


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"ORDERS_TABLE": ""}, "ORDERS_TABLE"),
        ({"LIST_SHARDS": "many"}, "LIST_SHARDS"),
        ({"LIST_SHARDS": "0"}, "LIST_SHARDS"),
        ({"SMS_TEXT": "Dear {nobody}"}, "SMS_TEXT"),
        (
            {"SMS_TEXT": "x" * 200, "SMS_MAX_SEGMENTS": "1"},
            "SMS_TEXT: the SMS text takes at least 2 segments, more than the 1 of",
        ),
        ({"SMS_TEXT": "Dear {name}, " + "…😀" * 80, "SMS_MAX_SEGMENTS": "3"}, "takes at least 4"),
        ({"SMS_PRICES": "free"}, "SMS_PRICES"),
        ({"LOG_LEVEL": "DEBUG"}, "LOG_LEVEL must be one of INFO, WARN, ERROR"),
        *(
            ({"DEFAULT_CURRENCY": code}, "DEFAULT_CURRENCY: must be an ISO 4217")
            for code in ("KSH", "kes", "ANG", "XAU")
        ),
        *(({"DEFAULT_COUNTRY": code}, f"DEFAULT_COUNTRY: {code} is not") for code in ("ke", "254", "Kenya", "ZZ")),
        *(({"SMS_SENDER": name}, "SMS_SENDER: must have at most 11") for name in ("Mama Kesho Supermarket", "Dukaé")),
        *(({"SMS_ALLOWED": given}, "SMS_ALLOWED: must be a list") for given in ("254", "+254;+256", "all")),
        *(({"DEFAULT_COUNTRY": code}, r"SMS_ALLOWED: must list .* shares \+") for code in ("US", "GB", "KZ")),
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


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_shop_texts_its_own_country_unless_it_lists_others(country: str) -> None:
    settings = Settings.from_environ(GIVEN | {"DEFAULT_COUNTRY": country})
    assert settings.default_country == country
    assert [mobile(country).startswith(prefix) for prefix in settings.sms_allowed] == [True]
    assert Settings.from_environ(GIVEN | {"SMS_ALLOWED": "+254, +1202"}).sms_allowed == ("+254", "+1202")


def test_the_template_offers_the_countries_that_numbers_are_read_for() -> None:
    offered = yaml_parse((ROOT / "template.yaml").read_text())["Parameters"]["DefaultCountry"]["AllowedValues"]
    assert offered == sorted(phonenumbers.SUPPORTED_REGIONS)
