"""Replace a secret in use; `make rotate-webhook-secret` and `make set-sms-key` run it.

It creates a new webhook secret and prints both callbacks with it. The previous secret works until the next rotation, so no
delivery report is lost while you change the callbacks. It reads a new API key of Africa's Talking from standard input, so
that the key appears in no shell history and no list of processes. Running functions use a new secret within five minutes;
when the provider refuses a key, or a webhook secret is unknown, they look it up immediately.

  python -m scripts.operate.rotate_secret {webhook,sms-key} [--stack sales | --local]
"""

import getpass
import re
import secrets
import sys
from collections.abc import Callable
from typing import Any

from botocore.session import Session

from local.aws.secrets_manager import FILES, put_secret
from local.config import Config
from scripts.operate.stack import add_target, describe, parser

# The template's parameters that name the secrets.
PARAMETERS = {"webhook": "WebhookSecretName", "sms-key": "SmsSecretName"}
WEBHOOKS = ("delivery", "optout")

# Stores a value for a kind of secret and returns the address of the API.
type Put = Callable[[str, str], str]


def put_version(client: Any, name: str, value: str) -> None:
    """Make the value the secret's current version and the current one the previous; create the secret if it is missing."""
    try:
        client.put_secret_value(SecretId=name, SecretString=value)
    except client.exceptions.ResourceNotFoundException:
        client.create_secret(Name=name, SecretString=value)


def of_stack(name: str) -> Put:
    """Return what stores a secret of a stack, with the credentials and region of the environment."""

    def put(kind: str, value: str) -> str:
        session = Session()
        stack = describe(session.create_client("cloudformation"), name)
        put_version(session.create_client("secretsmanager"), stack.parameters[PARAMETERS[kind]], value)
        return stack.outputs["ApiUrl"]

    return put


def of_local(config: Config) -> Put:
    """Return what stores a secret of the system on this machine."""

    def put(kind: str, value: str) -> str:
        [name] = [name for name in FILES if ("webhook" in name) is (kind == "webhook")]
        put_secret(config.state, name, value)
        return config.api_url

    return put


def read_key() -> str:
    """Read the API key from standard input, with a prompt on a terminal. Exit if it cannot be a key."""
    key = (getpass.getpass("API key: ") if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not re.fullmatch(r"[!-~]{20,}", key):
        sys.exit("That is not an API key: enter one line of at least 20 visible characters. Nothing was changed.")
    return key


def main() -> None:
    """Rotate a secret."""
    arguments = parser(__doc__)
    arguments.add_argument("kind", choices=PARAMETERS)
    add_target(arguments)
    options = arguments.parse_args()
    put = of_local(Config.of_running()) if options.local else of_stack(options.stack)
    if options.kind == "sms-key":
        put(options.kind, read_key())
        print(
            "The key is stored. Functions use it within five minutes, or as soon as Africa's Talking refuses the old one."
        )
        return
    value = secrets.token_urlsafe(32)
    url = put(options.kind, value)
    print("Enter these callbacks at Africa's Talking. The previous ones work until the next rotation.")
    for webhook in WEBHOOKS:
        print(f"{url}/webhooks/africastalking/{webhook}/{value}")


if __name__ == "__main__":
    main()
