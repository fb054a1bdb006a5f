"""Where the local system lives: its ports, files, template parameters and the settings that .env may change."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from deployment import ROOT
from deployment.env_lines import parse_lines
from local.private_files import check_folder

__all__ = [
    "PORTS",
    "REDIRECT_PATH",
    "REDIRECT_PORT",
    "SWEEP_SECONDS",
    "Config",
    "port_number",
    "redirect_address",
    "redirect_port",
    "sam_port",
]

# How often the sweep runs locally, whatever the template's schedule says.
SWEEP_SECONDS = 2.0
# The parts that listen on PORT and on the four ports after it.
PORTS = ("API", "issuer", "SMS sandbox", "database", "runtime")
# Where `make login` waits. Okta compares redirect addresses character for character, so the port is fixed: docs/okta.md
# registers it.
REDIRECT_PORT = 8010
REDIRECT_PATH = "/callback"

# The template's parameters that .env may set, by the names that the functions use.
_PARAMETERS = {
    "AUDIT_LOG_DAYS": "AuditLogDays",
    "DEFAULT_CURRENCY": "DefaultCurrency",
    "DEFAULT_COUNTRY": "DefaultCountry",
    "LIST_SHARDS": "ListShards",
    "LOG_LEVEL": "LogLevel",
    "SMS_SENDER": "SmsSender",
    "SMS_ALLOWED": "SmsAllowed",
    "UTC_OFFSET": "UtcOffset",
    "SMS_PER_NUMBER_DAY": "SmsPerNumberDay",
    "SMS_PER_DAY": "SmsPerDay",
    "SMS_BALANCE_LOW": "SmsBalanceLow",
    "SMS_TEXT": "SmsText",
    "SMS_MAX_SEGMENTS": "SmsMaxSegments",
    "SMS_PRICES": "SmsPrices",
    "SMS_TEXT_DAYS": "SmsTextDays",
    "SECURITY_CONTACT": "SecurityContact",
}
# Settings of the functions that .env may set although the template has no parameter for them.
_VARIABLES = (
    "SMS_MAX_ATTEMPTS",
    "SMS_RETRY_SECONDS",
    "SMS_LEASE_SECONDS",
    "SMS_PAUSE_SECONDS",
    "DAY_SETTLE_SECONDS",
)
# Accounts elsewhere: the system trusts that issuer, `make token` and `make login` get tokens with them, and `make doctor` checks
# them.
_ACCOUNTS = (
    "OKTA_ISSUER",
    "OKTA_AUDIENCE",
    "CONSOLE_CLIENT_ID",
    "OKTA_CLIENT_ID",
    "OKTA_CLIENT_SECRET",
    "OKTA_LOGIN_CLIENT_ID",
    "AFRICASTALKING_API_KEY",
)


def read_env_file(path: Path) -> dict[str, str]:
    """Return the variables of a .env file; a missing file has none. Raise ValueError for a line that cannot be read."""
    return parse_lines(path.read_text(), path.name) if path.is_file() else {}


def port_number(text: str, name: str = "PORT") -> int:
    """Return the port that a variable of this name holds. Raise ValueError if it is not a usable port."""
    text = text.strip()
    # Five ports in a row, above the privileged ones.
    if not (text.isascii() and text.isdecimal()) or not 1024 <= int(text) <= 65535 - len(PORTS):
        raise ValueError(f"{name} must be a number from 1024 to {65535 - len(PORTS)}, not {text!r}")
    return int(text)


def sam_port() -> int:
    """Return the port of `sam local start-api`: SAM_PORT, or sam's own default."""
    return port_number(os.environ.get("SAM_PORT", "3000"), "SAM_PORT")


def redirect_port() -> int:
    """Return LOGIN_PORT or the port that docs/okta.md registers. Raise ValueError for an unusable one."""
    return port_number(os.environ.get("LOGIN_PORT") or str(REDIRECT_PORT), "LOGIN_PORT")


def redirect_address(port: int) -> str:
    """Return the redirect address that the application must have registered at the issuer."""
    return f"http://127.0.0.1:{port}{REDIRECT_PATH}"


@dataclass(frozen=True)
class Config:
    """One local system: `port` is the API's; the next four belong to issuer, sandbox, database and runtime."""

    port: int
    state: Path
    settings: Mapping[str, str]
    root: Path = ROOT

    @classmethod
    def from_environ(cls) -> "Config":
        """Read PORT, SALES_STATE, .env and the environment, which wins over .env.

        Raise ValueError for a bad port, or a state folder that another user could have prepared.
        """
        settings = read_env_file(ROOT / ".env")
        settings |= {
            name: os.environ[name]
            for name in (
                *_PARAMETERS,
                *_VARIABLES,
                *_ACCOUNTS,
                "DYNAMODB_ENDPOINT",
                "API_URL",
            )
            if name in os.environ
        }
        state = Path(os.environ.get("SALES_STATE") or ROOT / ".local").expanduser()
        # Not through the folder's own link, if it is one: that is refused.
        state = state.parent.resolve() / state.name
        check_folder(state)
        return cls(port=port_number(os.environ.get("PORT") or "8000"), state=state, settings=settings)

    @classmethod
    def of_running(cls) -> "Config":
        """Read the same as `from_environ`, but without PORT use the port of the system that was started last."""
        config = cls.from_environ()
        if not os.environ.get("PORT") and config.port_file.is_file():
            return replace(config, port=port_number(config.port_file.read_text()))
        return config

    @property
    def ports(self) -> range:
        """The system's ports."""
        return range(self.port, self.port + len(PORTS))

    def url(self, offset: int) -> str:
        """Return the address of the part at this distance from the first port."""
        return f"http://127.0.0.1:{self.port + offset}"

    @property
    def api_url(self) -> str:
        """The API's address: ours, or API_URL (sam local's)."""
        return self.settings.get("API_URL") or self.url(0)

    @property
    def issuer_url(self) -> str:
        """The address that the local issuer has, if it runs."""
        return self.url(1)

    @property
    def sandbox_url(self) -> str:
        """The SMS sandbox's address."""
        return self.url(2)

    @property
    def database_url(self) -> str:
        """The database's address: ours, or DYNAMODB_ENDPOINT."""
        return self.settings.get("DYNAMODB_ENDPOINT") or self.url(3)

    @property
    def runtime_url(self) -> str:
        """The address of Lambda's Invoke API and the stand-in for Secrets Manager."""
        return self.url(4)

    @property
    def has_own_issuer(self) -> bool:
        """Whether the local issuer issues the tokens; OKTA_ISSUER names another one in its place."""
        return not self.settings.get("OKTA_ISSUER")

    @property
    def issuer(self) -> str:
        """The issuer that the system trusts, exactly as every token names it."""
        return self.settings.get("OKTA_ISSUER") or f"{self.issuer_url}/oauth2/default"

    @property
    def audience(self) -> str:
        """The audience of that issuer's tokens."""
        return (not self.has_own_issuer and self.settings.get("OKTA_AUDIENCE")) or "api://default"

    @property
    def console_client_id(self) -> str:
        """The client id that the console and the reference sign in with; empty if another issuer's is not set."""
        return self.settings.get("CONSOLE_CLIENT_ID") or ("sales-console" if self.has_own_issuer else "")

    @property
    def sms_sender(self) -> str:
        """The sender id that the sandbox accepts as registered."""
        return self.settings.get("SMS_SENDER", "")

    @property
    def default_country(self) -> str:
        """The country of phone numbers without a calling code."""
        return self.settings.get("DEFAULT_COUNTRY") or "KE"

    @property
    def logs(self) -> Path:
        """The folder that every part logs to."""
        return self.state / "logs"

    @property
    def port_file(self) -> Path:
        """The file that holds the first port of the system that was started last."""
        return self.state / "port"

    @property
    def template(self) -> Path:
        """The template that is deployed, and read here."""
        return self.root / "template.yaml"

    @property
    def parameters(self) -> dict[str, str]:
        """The template's parameters for this system."""
        chosen = {
            _PARAMETERS[name]: value for name, value in self.settings.items() if name in _PARAMETERS and value.strip()
        }
        # Texts cost nothing here.
        unlimited = {"SmsPerNumberDay": "0", "SmsPerDay": "0"}
        trusted = {
            "OktaIssuer": self.issuer,
            "OktaAudience": self.audience,
            "ConsoleClientId": self.console_client_id,
        }
        return unlimited | chosen | trusted | {"Architecture": "x86_64"}

    @property
    def overrides(self) -> dict[str, str]:
        """Variables of the functions that differ from AWS: local addresses, and waits short enough to watch."""
        waits = {
            "SMS_RETRY_SECONDS": "2",
            "SMS_LEASE_SECONDS": "30",
            "SMS_PAUSE_SECONDS": "10",
            "DAY_SETTLE_SECONDS": "20",
        }
        chosen = {name: self.settings[name] for name in _VARIABLES if self.settings.get(name)}
        return {
            "DYNAMODB_ENDPOINT": self.database_url,
            "SECRETS_ENDPOINT": f"{self.runtime_url}/secretsmanager",
            "LAMBDA_ENDPOINT": self.runtime_url,
            "API_URL": self.api_url,
            "SMS_ENDPOINT": self.sandbox_url,
            **waits,
            **chosen,
        }
