"""Every setting of the deployed system. No other module reads the environment."""

import os
from collections.abc import Callable, Mapping
from datetime import tzinfo
from functools import cache, partial
from typing import NamedTuple

from sales.domain.countries import country
from sales.domain.money import active_currency
from sales.domain.shop_time import parse_offset
from sales.domain.sms.allowed import allowed_prefixes, check_sender_id
from sales.domain.sms.prices import parse_prices
from sales.domain.sms.provider import check_endpoint
from sales.domain.sms.wording import check_template, text_template

__all__ = ["LOG_LEVELS", "Settings", "SettingsError", "log_level", "settings", "starts_from_snapshot"]

# The least severe first.
LOG_LEVELS = ("INFO", "WARN", "ERROR")


class SettingsError(Exception):
    """A variable of the environment is missing or invalid; the message names it."""


class Settings(NamedTuple):
    """The settings that template.yaml (or the local system) gives each function.

    An empty endpoint means the real service. Durations are in seconds.
    """

    customers_table: str
    orders_table: str
    okta_issuer: str
    okta_audience: str
    # Where to read the issuer's discovery document and keys; empty means where the issuer publishes them.
    discovery_uri: str
    jwks_uri: str
    console_client_id: str
    dynamodb_endpoint: str
    secrets_endpoint: str
    lambda_endpoint: str
    # Where callers find the API; empty means the domain that API Gateway names in each request.
    api_url: str
    function_prefix: str
    release: str
    list_shards: int
    default_currency: str
    # The region of numbers without a calling code.
    default_country: str
    sms_username: str
    sms_secret: str
    sms_endpoint: str
    sms_sender: str
    # The beginnings of the numbers that may be texted.
    sms_allowed: tuple[str, ...]
    sms_text: str
    sms_max_segments: int
    sms_prices: str
    # Days after which an order's text is deleted; 0 keeps it.
    sms_text_days: float
    sms_max_attempts: int
    sms_retry_seconds: float
    # Texts a day, to one number and in all; 0 means no limit.
    sms_per_number_day: int
    sms_per_day: int
    # The provider's balance that is worth a warning, in the account's currency; 0 means none.
    sms_balance_low: float
    sms_lease_seconds: float
    sms_pause_seconds: float
    utc_offset: tzinfo
    # How long after a change the sweep counts the order's day again (`sales.store.days`).
    day_settle_seconds: float
    webhook_secret: str
    # Where to report vulnerabilities, as an address with its scheme; empty for nowhere.
    security_contact: str

    @property
    def stack(self) -> str:
        """Return the name of the stack, which the names of its functions begin with."""
        return self.function_prefix.removesuffix("-") or "sales"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Return the settings in these variables. Raise SettingsError for a variable that is missing or invalid."""

        def text(name: str) -> str:
            value = environ.get(name, "").strip()
            if not value:
                raise SettingsError(f"{name} is not set")
            return value

        def number(name: str, default: float, least: float) -> float:
            raw = environ.get(name, "").strip() or str(default)
            try:
                value = float(raw)
            except ValueError:
                raise SettingsError(f"{name} must be a number") from None
            if not value >= least:
                raise SettingsError(f"{name} must be at least {least:g}")
            return value

        def optional(name: str, default: str = "") -> str:
            return environ.get(name, "").strip() or default

        def read[Value](name: str, read_value: Callable[[str], Value], default: str = "") -> Value:
            # By the functions that use the setting later: a text that cannot be composed or sent must fail the start of
            # a function, not an order.
            try:
                return read_value(optional(name, default))
            except ValueError as error:
                raise SettingsError(f"{name}: {error}") from None

        read("SMS_PRICES", parse_prices)
        read("SMS_ENDPOINT", check_endpoint)
        read("SMS_SENDER", check_sender_id)
        default_country = read("DEFAULT_COUNTRY", country, "KE").region
        log_level(environ)
        max_segments = int(number("SMS_MAX_SEGMENTS", 2, 1))
        read("SMS_TEXT", lambda raw: check_template(text_template(raw), max_segments))

        return cls(
            customers_table=text("CUSTOMERS_TABLE"),
            orders_table=text("ORDERS_TABLE"),
            okta_issuer=text("OKTA_ISSUER"),
            okta_audience=text("OKTA_AUDIENCE"),
            discovery_uri=optional("DISCOVERY_URI"),
            jwks_uri=optional("JWKS_URI"),
            console_client_id=optional("CONSOLE_CLIENT_ID"),
            dynamodb_endpoint=optional("DYNAMODB_ENDPOINT"),
            secrets_endpoint=optional("SECRETS_ENDPOINT"),
            lambda_endpoint=optional("LAMBDA_ENDPOINT"),
            api_url=optional("API_URL").rstrip("/"),
            function_prefix=optional("FUNCTION_PREFIX"),
            release=optional("RELEASE", "0000000000-0000000"),
            list_shards=int(number("LIST_SHARDS", 1, 1)),
            default_currency=read("DEFAULT_CURRENCY", active_currency, "KES"),
            default_country=default_country,
            sms_username=optional("SMS_USERNAME", "sandbox"),
            sms_secret=optional("SMS_SECRET"),
            sms_endpoint=optional("SMS_ENDPOINT"),
            sms_sender=optional("SMS_SENDER"),
            sms_allowed=read("SMS_ALLOWED", partial(allowed_prefixes, region=default_country)),
            sms_text=optional("SMS_TEXT"),
            sms_max_segments=max_segments,
            sms_prices=optional("SMS_PRICES", "{}"),
            sms_text_days=number("SMS_TEXT_DAYS", 0, 0),
            # The first retry comes after 30 s and the longest wait is an hour, so 40 attempts outlast a day without
            # the provider.
            sms_max_attempts=int(number("SMS_MAX_ATTEMPTS", 40, 1)),
            sms_retry_seconds=number("SMS_RETRY_SECONDS", 30, 0),
            sms_per_number_day=int(number("SMS_PER_NUMBER_DAY", 0, 0)),
            sms_per_day=int(number("SMS_PER_DAY", 0, 0)),
            sms_balance_low=number("SMS_BALANCE_LOW", 0, 0),
            sms_lease_seconds=number("SMS_LEASE_SECONDS", 90, 1),
            sms_pause_seconds=number("SMS_PAUSE_SECONDS", 300, 0),
            utc_offset=read("UTC_OFFSET", parse_offset, "+03:00"),
            day_settle_seconds=number("DAY_SETTLE_SECONDS", 300, 1),
            webhook_secret=optional("WEBHOOK_SECRET"),
            security_contact=optional("SECURITY_CONTACT"),
        )


@cache
def settings() -> Settings:
    """Return the settings of this process, read once, at first use."""
    return Settings.from_environ(os.environ)


def log_level(environ: Mapping[str, str] = os.environ) -> str:
    """Return the lowest level to log. Raise SettingsError for an unknown one. It needs no other setting: tools log too."""
    level = environ.get("LOG_LEVEL", "").strip() or LOG_LEVELS[0]
    if level not in LOG_LEVELS:
        raise SettingsError(f"LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}")
    return level


def starts_from_snapshot() -> bool:
    """Return whether SnapStart will take its snapshot of this process.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
    """
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"
