"""Where the local system is: ports, files, and what its template parameters and environments are set to."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from deployment import ROOT

__all__ = ["PORTS", "SWEEP_SECONDS", "Config", "port_number", "sam_port"]

# How often the sweep runs here, whatever the template's schedule says.
SWEEP_SECONDS = 2.0
# What listens at the port, and at the next four.
PORTS = ("API", "sign-in", "SMS sandbox", "store", "runtime")

# The parameters of template.yaml that .env may set, by the name that the functions know them under.
_PARAMETERS = {
    "CONSOLE_CLIENT_ID": "ConsoleClientId",
    "DEFAULT_CURRENCY": "DefaultCurrency",
    "LIST_SHARDS": "ListShards",
    "LOG_LEVEL": "LogLevel",
    "SMS_SENDER": "SmsSender",
    "SMS_TEXT": "SmsText",
    "SMS_MAX_SEGMENTS": "SmsMaxSegments",
    "SMS_PRICES": "SmsPrices",
    "SMS_TEXT_DAYS": "SmsTextDays",
}
# Variables that .env may set and that are no parameters.
_VARIABLES = ("SMS_MAX_ATTEMPTS", "SMS_RETRY_SECONDS", "SMS_LEASE_SECONDS", "SMS_PAUSE_SECONDS")
# Of accounts elsewhere: what `make token` and `make login` ask for tokens with, and what `make doctor` checks.
_ACCOUNTS = (
    "OKTA_ISSUER",
    "OKTA_AUDIENCE",
    "OKTA_CLIENT_ID",
    "OKTA_CLIENT_SECRET",
    "OKTA_LOGIN_CLIENT_ID",
    "AFRICASTALKING_API_KEY",
)
_LINE = re.compile(r"""\s*(?:export\s+)?([A-Z][A-Z0-9_]*)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^#]*?))\s*(?:\s#.*)?""")


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of a .env file; none where there is no file."""
    found = {}
    if path.is_file():
        for line in path.read_text().splitlines():
            if match := _LINE.fullmatch(line):
                found[match[1]] = next(value for value in match.groups()[1:] if value is not None)
    return found


def port_number(text: str, name: str = "PORT") -> int:
    """The port that a variable of this name gives. Raises ValueError for what can be none."""
    text = text.strip()
    # Five ports in a row, none of which needs a privilege.
    if not (text.isascii() and text.isdecimal()) or not 1024 <= int(text) <= 65535 - len(PORTS):
        raise ValueError(f"{name} must be a number from 1024 to {65535 - len(PORTS)}, not {text!r}")
    return int(text)


def sam_port() -> int:
    """The port of `sam local start-api`; SAM_PORT, else sam's own default."""
    return port_number(os.environ.get("SAM_PORT", "3000"), "SAM_PORT")


@dataclass(frozen=True)
class Config:
    """One local system: `port` is the API's, the next four are the sign-in's, sandbox's, store's and runtime's."""

    port: int
    state: Path
    settings: Mapping[str, str]
    root: Path = ROOT

    @classmethod
    def from_environ(cls) -> "Config":
        """As PORT, SALES_STATE, .env and the environment say (the environment wins). Raises ValueError for no port."""
        given = read_env_file(ROOT / ".env")
        given |= {
            name: os.environ[name]
            for name in (
                *_PARAMETERS,
                *_VARIABLES,
                *_ACCOUNTS,
                "DYNAMODB_ENDPOINT",
                "GATEWAY_URL",
            )
            if name in os.environ
        }
        state = Path(os.environ.get("SALES_STATE") or ROOT / ".local")
        return cls(port=port_number(os.environ.get("PORT") or "8000"), state=state.resolve(), settings=given)

    @classmethod
    def of_running(cls) -> "Config":
        """As `from_environ`; where PORT is not given, the port of the system that was started last."""
        config = cls.from_environ()
        if not os.environ.get("PORT") and config.port_file.is_file():
            return replace(config, port=port_number(config.port_file.read_text()))
        return config

    def url(self, offset: int) -> str:
        """The address of the part at this distance from the first port."""
        return f"http://127.0.0.1:{self.port + offset}"

    @property
    def gateway_url(self) -> str:
        """The API: our own, or the one GATEWAY_URL names (sam local's)."""
        return self.settings.get("GATEWAY_URL") or self.url(0)

    @property
    def identity_url(self) -> str:
        """The sign-in."""
        return self.url(1)

    @property
    def sandbox_url(self) -> str:
        """The SMS sandbox."""
        return self.url(2)

    @property
    def store_url(self) -> str:
        """The store: our own, or the one DYNAMODB_ENDPOINT names."""
        return self.settings.get("DYNAMODB_ENDPOINT") or self.url(3)

    @property
    def runtime_url(self) -> str:
        """Lambda's Invoke API, and the stand-in for Secrets Manager."""
        return self.url(4)

    @property
    def issuer(self) -> str:
        """The sign-in's issuer, as it is in every token."""
        return f"{self.identity_url}/oauth2/default"

    @property
    def console_client_id(self) -> str:
        """The client that console and reference sign in as."""
        return self.settings.get("CONSOLE_CLIENT_ID") or "sales-console"

    @property
    def sms_sender(self) -> str:
        """The sender id the sandbox knows as registered."""
        return self.settings.get("SMS_SENDER", "")

    @property
    def logs(self) -> Path:
        """Where every part writes its log."""
        return self.state / "logs"

    @property
    def port_file(self) -> Path:
        """Holds the first port of the system that was started last."""
        return self.state / "port"

    @property
    def template(self) -> Path:
        """The template that is deployed, and read here."""
        return self.root / "template.yaml"

    @property
    def parameters(self) -> dict[str, str]:
        """The template's parameters for this system."""
        given = {
            _PARAMETERS[name]: value for name, value in self.settings.items() if name in _PARAMETERS and value.strip()
        }
        return given | {"OktaIssuer": self.issuer, "OktaAudience": "api://default", "Architecture": "x86_64"}

    @property
    def overrides(self) -> dict[str, str]:
        """What is different in the functions' environment from AWS: where things are, and waits a person can watch."""
        waits = {"SMS_RETRY_SECONDS": "2", "SMS_LEASE_SECONDS": "30", "SMS_PAUSE_SECONDS": "10"}
        given = {name: self.settings[name] for name in _VARIABLES if self.settings.get(name)}
        return {
            "DYNAMODB_ENDPOINT": self.store_url,
            "SECRETS_ENDPOINT": f"{self.runtime_url}/secretsmanager",
            "LAMBDA_ENDPOINT": self.runtime_url,
            "SMS_ENDPOINT": self.sandbox_url,
            **waits,
            **given,
        }
