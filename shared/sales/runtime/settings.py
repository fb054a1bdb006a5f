"""Every setting of the deployed system, read from the environment: the only module that does so."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from sales.domain.sms.prices import parse_prices
from sales.domain.sms.wording import least_segments, text_template

__all__ = ["Settings", "SettingsError", "check_sms_endpoint", "settings", "starts_from_snapshot"]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "host.docker.internal"})


class SettingsError(Exception):
    """The environment does not hold what the system needs; the text names the variable."""


def check_sms_endpoint(endpoint: str) -> None:
    """Raises ValueError for one that the API key must not be sent to: it must be empty, https, or on this machine."""
    address = urlsplit(endpoint)
    is_here = address.scheme == "http" and address.hostname in _LOOPBACK
    if endpoint and not (address.hostname and (address.scheme == "https" or is_here)):
        raise ValueError("the SMS endpoint must be https, or on this machine")


@dataclass(frozen=True, slots=True)
class Settings:
    """What template.yaml (or the local system) hands to each function.

    An empty endpoint means the real service. Durations are seconds.
    """

    customers_table: str
    orders_table: str
    okta_issuer: str
    okta_audience: str
    jwks_uri: str
    console_client_id: str
    dynamodb_endpoint: str
    secrets_endpoint: str
    lambda_endpoint: str
    function_prefix: str
    release: str
    list_shards: int
    default_currency: str
    sms_username: str
    sms_secret: str
    sms_endpoint: str
    sms_sender: str
    sms_text: str
    sms_max_segments: int
    sms_prices: str
    # Days after which an order's text is forgotten; 0 for never.
    sms_text_days: float
    sms_max_attempts: int
    sms_retry_seconds: float
    sms_lease_seconds: float
    sms_pause_seconds: float
    webhook_secret: str

    @property
    def stack(self) -> str:
        """The stack's name, which its functions' names begin with."""
        return self.function_prefix.removesuffix("-") or "sales"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """The settings these variables hold. Raises SettingsError naming a variable that is missing or unfit."""

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
                raise SettingsError(f"{name} is not a number") from None
            if not value >= least:
                raise SettingsError(f"{name} must be at least {least:g}")
            return value

        def optional(name: str, default: str = "") -> str:
            return environ.get(name, "").strip() or default

        # A text that cannot be made or sent is found when a function starts, not when a customer orders.
        for name, validate in (
            ("SMS_TEXT", text_template),
            ("SMS_PRICES", parse_prices),
            ("SMS_ENDPOINT", check_sms_endpoint),
        ):
            try:
                validate(optional(name))
            except ValueError as error:
                raise SettingsError(f"{name}: {error}") from None
        max_segments = int(number("SMS_MAX_SEGMENTS", 2, 1))
        if (least := least_segments(text_template(optional("SMS_TEXT")))) > max_segments:
            raise SettingsError(
                f"SMS_MAX_SEGMENTS is {max_segments}, but every text from SMS_TEXT takes {least} or more"
            )

        return cls(
            customers_table=text("CUSTOMERS_TABLE"),
            orders_table=text("ORDERS_TABLE"),
            okta_issuer=text("OKTA_ISSUER").rstrip("/"),
            okta_audience=text("OKTA_AUDIENCE"),
            jwks_uri=optional("JWKS_URI"),
            console_client_id=optional("CONSOLE_CLIENT_ID", "sales-console"),
            dynamodb_endpoint=optional("DYNAMODB_ENDPOINT"),
            secrets_endpoint=optional("SECRETS_ENDPOINT"),
            lambda_endpoint=optional("LAMBDA_ENDPOINT"),
            function_prefix=optional("FUNCTION_PREFIX"),
            release=optional("RELEASE", "0000000000-0000000"),
            list_shards=int(number("LIST_SHARDS", 1, 1)),
            default_currency=optional("DEFAULT_CURRENCY", "KES"),
            sms_username=optional("SMS_USERNAME", "sandbox"),
            sms_secret=optional("SMS_SECRET"),
            sms_endpoint=optional("SMS_ENDPOINT"),
            sms_sender=optional("SMS_SENDER"),
            sms_text=optional("SMS_TEXT"),
            sms_max_segments=max_segments,
            sms_prices=optional("SMS_PRICES", "{}"),
            sms_text_days=number("SMS_TEXT_DAYS", 0, 0),
            # With the first retry after 30 s and an hour at the most between two, forty tries outlast a day without
            # the gateway.
            sms_max_attempts=int(number("SMS_MAX_ATTEMPTS", 40, 1)),
            sms_retry_seconds=number("SMS_RETRY_SECONDS", 30, 0),
            sms_lease_seconds=number("SMS_LEASE_SECONDS", 90, 1),
            sms_pause_seconds=number("SMS_PAUSE_SECONDS", 300, 0),
            webhook_secret=optional("WEBHOOK_SECRET"),
        )


@cache
def settings() -> Settings:
    """This process's settings; read once, at first use."""
    return Settings.from_environ(os.environ)


def starts_from_snapshot() -> bool:
    """Whether this process is the one that SnapStart takes its snapshot of.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
    """
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"
