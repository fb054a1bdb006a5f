"""Replace a secret in use; `make rotate-webhook-secret` and `make set-sms-key` run it.

It creates a new webhook secret and prints both callbacks with it. The previous secret works until the next rotation, so no
delivery report is lost while you change the callbacks. With --leaked both earlier secrets end. It reads a new API key of Africa's Talking from standard input, so
that the key appears in no shell history and no list of processes. Running functions use a new secret within five minutes;
when the provider refuses a key, or a webhook secret is unknown, they look it up immediately.

  python -m scripts.operate.rotate_secret {webhook,sms-key} [--leaked] [--stage prod | --stack sales | --local]
"""

import getpass
import os
import re
import secrets
import sys
from collections.abc import Callable, Mapping
from typing import Any

from botocore.session import Session

from deployment import ROOT
from deployment.parameters import read_parameters
from deployment.stages import STAGES, Stage
from local.aws.secrets_manager import FILES, put_secret
from local.config import Config
from scripts.operate.planning import Plan, given_parameters
from scripts.operate.stack import add_target, find, parser

# The template's parameters that name the secrets.
PARAMETERS = {"webhook": "WebhookSecretName", "sms-key": "SmsSecretName"}
# The Makefile's targets that replace them.
TARGETS = {"webhook": "rotate-webhook-secret", "sms-key": "set-sms-key"}
WEBHOOKS = ("delivery", "optout")
LEAKED = (
    "Enter these callbacks at Africa's Talking now: the earlier ones end within five minutes. Reports that still come to them "
    "are lost, and their orders stay sent."
)

# Stores a value for a kind of secret and returns the address of the API, empty before the first deployment.
type Put = Callable[[str, str], str]


def put_version(client: Any, name: str, value: str) -> None:
    """Make the value the secret's current version and the current one the previous; create the secret if it is missing."""
    try:
        client.put_secret_value(SecretId=name, SecretString=value)
    except client.exceptions.ResourceNotFoundException:
        client.create_secret(Name=name, SecretString=value)


def new_webhook_secret() -> str:
    """Return a new webhook secret."""
    return secrets.token_urlsafe(32)


def replace_webhook_secret(put: Put, value: str, *, leaked: bool) -> str:
    """Store a new webhook secret and return the address of the API.

    Functions accept the current and the previous version. With `leaked` the new one becomes both. If the second write fails,
    run it again: nothing but the number of writes decides which versions are left.
    """
    url = put("webhook", value)
    return put("webhook", value) if leaked else url


def planned_names(stack: str) -> Mapping[str, str]:
    """Return the parameters that a stack would be deployed with, for its secrets' names before it exists."""
    template = read_parameters(ROOT / "template.yaml")
    stage = next((stage for stage in STAGES.values() if stage.stack == stack), Stage(stack, stack, {}))
    return Plan(stage, template, given_parameters(stage, template, os.environ)).values


def of_stack(name: str) -> Put:
    """Return what stores a secret of a stack, with the credentials and region of the environment."""

    def put(kind: str, value: str) -> str:
        session = Session()
        stack = find(session.create_client("cloudformation"), name)
        names = stack.parameters if stack else planned_names(name)
        put_version(session.create_client("secretsmanager"), names[PARAMETERS[kind]], value)
        return stack.outputs["ApiUrl"] if stack else ""

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
    arguments.add_argument("--leaked", action="store_true", help="end the previous webhook secret too")
    add_target(arguments)
    options = arguments.parse_args()
    if options.leaked and options.kind != "webhook":
        arguments.error("--leaked is for the webhook secret: end a leaked API key at Africa's Talking")
    put = of_local(Config.of_running()) if options.local else of_stack(options.stack)
    if options.kind == "sms-key":
        put(options.kind, read_key())
        print(
            "The key is stored. Functions use it within five minutes, or as soon as Africa's Talking refuses the old one."
        )
        return
    value = new_webhook_secret()
    url = replace_webhook_secret(put, value, leaked=options.leaked)
    if not url:
        print("The secret is stored. Once the stack is deployed, this command prints the callbacks.")
        return
    print(
        LEAKED
        if options.leaked
        else "Enter these callbacks at Africa's Talking. The previous ones work until the next rotation."
    )
    for webhook in WEBHOOKS:
        print(f"{url}/webhooks/africastalking/{webhook}/{value}")


if __name__ == "__main__":
    main()
