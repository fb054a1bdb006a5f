"""Puts a new secret in place of the one in use; `make rotate-webhook-secret` and `make set-sms-key` run it.

A new webhook secret is made here, and both callbacks are printed with it; the one before it is taken too until the next
rotation, so that no report is lost in between. A new API key of Africa's Talking is read from standard input, so that
it is in no history and no list of processes. Running functions use either within five minutes; a key that the gateway
refuses is looked up again at once, and so is a webhook secret that is not known.

  python -m scripts.operate.rotate_secret {webhook,sms-key} [--stack sales | --local]
"""

import argparse
import getpass
import re
import secrets
import sys
from collections.abc import Callable
from typing import Any

from botocore.session import Session

from local.aws.secrets_manager import FILES, put_secret
from local.config import Config

# The parameters of the template that name the secrets.
PARAMETERS = {"webhook": "WebhookSecretName", "sms-key": "SmsSecretName"}
WEBHOOKS = ("delivery", "optout")

# Puts a value, and gives back the address of the API.
type Put = Callable[[str, str], str]


def stored(client: Any, name: str, value: str) -> None:
    """Makes the value the secret's current version, and what was current the previous one; makes a secret there is not."""
    try:
        client.put_secret_value(SecretId=name, SecretString=value)
    except client.exceptions.ResourceNotFoundException:
        client.create_secret(Name=name, SecretString=value)


def of_stack(stack: str) -> Put:
    """Puts a secret of a stack, with the credentials and region of the environment."""

    def put(kind: str, value: str) -> str:
        session = Session()
        [found] = session.create_client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        names = {each["ParameterKey"]: each["ParameterValue"] for each in found["Parameters"]}
        stored(session.create_client("secretsmanager"), names[PARAMETERS[kind]], value)
        return next(str(each["OutputValue"]) for each in found["Outputs"] if each["OutputKey"] == "ApiUrl")

    return put


def of_local(config: Config) -> Put:
    """Puts a secret of the system that `make run` has started."""

    def put(kind: str, value: str) -> str:
        [name] = [name for name in FILES if ("webhook" in name) is (kind == "webhook")]
        put_secret(config.state, name, value)
        return config.api_url

    return put


def key_given() -> str:
    """The API key of standard input, asked for on a terminal. Exits where it cannot be one."""
    given = (getpass.getpass("API key: ") if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not re.fullmatch(r"[!-~]{20,}", given):
        sys.exit("That is no API key: one line of at least 20 visible characters is needed. Nothing was changed.")
    return given


def main() -> None:
    """Rotates."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kind", choices=PARAMETERS)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--stack", default="sales")
    where.add_argument("--local", action="store_true", help="the system that `make run` has started")
    options = parser.parse_args()
    put = of_local(Config.of_running()) if options.local else of_stack(options.stack)
    if options.kind == "sms-key":
        put(options.kind, key_given())
        print("The key is stored. It is used within five minutes, at once where the gateway refuses the one before.")
        return
    value = secrets.token_urlsafe(32)
    url = put(options.kind, value)
    print("Enter these callbacks at Africa's Talking; those with the secret before work until the next rotation:")
    for webhook in WEBHOOKS:
        print(f"{url}/webhooks/africastalking/{webhook}/{value}")


if __name__ == "__main__":
    main()
