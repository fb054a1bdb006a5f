"""Set an Okta organisation up for this API; `make okta` runs it. It can be run again at any time.

It finds each object by its name, creates what is missing, changes what differs, and deletes nothing. It shows all of that first
and asks. Its API token is typed, or comes from OKTA_API_TOKEN, and is never stored or printed.

  python -m scripts.okta [--domain example.okta.com] [--api https://...] [--server sales] [--audience api://sales] [--yes] [--write]
"""

import argparse
import getpass
import os
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from deployment.parameters import read_parameters
from local.commands.cli import run
from local.commands.doctor.issuer import check_issuer
from local.commands.okta_addresses import DomainError, is_loopback, organisation
from local.config import Config, redirect_address, redirect_port
from scripts.okta.api import LICENCE, Api, OktaError
from scripts.okta.objects import APPLICATION, Choice, Objects, converge
from scripts.okta.plan import Walk
from scripts.okta.settings import SECRET, settings_of, write_env
from scripts.okta.warnings import warnings

type Ask = Callable[[str], str]


def main() -> int:
    """Plan, ask, act, and check the result. Exit with 1 if anything is missing or wrong."""
    options = _options()
    terminal = sys.stdin.isatty()
    config = Config.from_environ()
    try:
        domain = (
            options.domain or os.environ.get("OKTA_DOMAIN") or _ask(terminal, "Okta domain, such as example.okta.com: ")
        )
        url = organisation(domain)
        choice = _choice(options, config)
        print(f"Okta needs {LICENCE}.", flush=True)
        api = Api(url, _token(terminal))
        if not _agreed(api, choice, yes=options.yes, terminal=terminal):
            return 1
        objects = converge(Walk(api, act=True), choice)
        return _finish(api, objects, config, write=options.write, terminal=terminal)
    except (DomainError, OktaError) as error:
        print(error, file=sys.stderr)
        return 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--domain", help="the organisation's domain")
    parser.add_argument("--api", help="the deployed API's address, once there is one")
    parser.add_argument("--server", default="sales", help="the authorization server's name (default: sales)")
    parser.add_argument("--audience", default="api://sales", help="a new server's audience (default: api://sales)")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--write", action="store_true", help="write the settings, with the machine's secret, to .env")
    return parser.parse_args()


def _choice(options: argparse.Namespace, config: Config) -> Choice:
    consoles = [f"http://localhost:{config.port}"]
    if options.api:
        consoles.append(_api_origin(options.api))
    if fault := read_parameters(config.template)["OktaAudience"].fault(options.audience):
        raise OktaError(f"The audience {fault}.")
    return Choice(options.server, options.audience, tuple(consoles), redirect_address(redirect_port()))


def _api_origin(text: str) -> str:
    """Return the origin of the deployed API, whose pages are at its root. Raise `OktaError` for any other address."""
    parts = urlsplit(text.strip())
    origin = f"{parts.scheme}://{parts.netloc}"
    if not (re.fullmatch(r"https://[a-z0-9.-]+(:\d+)?", origin) or is_loopback(origin)) or parts.path not in {"", "/"}:
        raise OktaError(
            f"{text!r} is not the API's address. It looks like https://abc.execute-api.eu-west-1.amazonaws.com."
        )
    return origin


def _token(terminal: bool) -> str:
    token = os.environ.get("OKTA_API_TOKEN") or _ask(terminal, "API token (Security > API > Tokens): ", getpass.getpass)
    token = token.strip().removeprefix("SSWS ").strip()
    if not re.fullmatch(r"[!-~]+", token):
        raise OktaError("That is not an API token: it is one line of visible characters.")
    return token


def _ask(terminal: bool, question: str, ask: Ask = input) -> str:
    if not terminal:
        raise OktaError("Without a terminal, name the organisation (DOMAIN=example.okta.com) and set OKTA_API_TOKEN.")
    try:
        return ask(question)
    except EOFError:
        raise OktaError("Stopped. Nothing was changed.") from None


def _agreed(api: Api, choice: Choice, *, yes: bool, terminal: bool) -> bool:
    """Show what will happen to each object; return whether it may."""
    walk = Walk(api, act=False)
    objects = converge(walk, choice)
    print(f"\n{api.url}:", *walk.steps, sep="\n")
    for warning in warnings(walk, objects):
        print(f"Warning: {warning}")
    if objects.server.get("audiences") != [choice.audience]:
        print(f"The server keeps its audience: {', '.join(objects.server['audiences'])}.")
    changes = sum(step.verb != "keep" for step in walk.steps)
    if not changes:
        print("\nNothing to change: all of it is as it should be.", flush=True)
        return True
    print(f"\n{changes} of {len(walk.steps)} to create or change; nothing is deleted.", flush=True)
    if yes:
        return True
    if not terminal:
        print("Nothing was changed. Without a terminal, YES=1 agrees.", file=sys.stderr)
        return False
    if _yes("Do it? [y/N] "):
        return True
    print("Nothing was changed.")
    return False


def _yes(question: str) -> bool:
    try:
        return input(question).strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def _finish(api: Api, objects: Objects, config: Config, *, write: bool, terminal: bool) -> int:
    """Print the settings, write them if asked, and check them as `make doctor` does."""
    settings = settings_of(objects)
    print("\nFor .env (deployed: OktaIssuer, OktaAudience, ConsoleClientId):\n")
    print(*(f"{name}={value}" for name, value in settings.items()), sep="\n", flush=True)
    secrets = api.read(f"apps/{objects.machine['id']}/credentials/secrets", APPLICATION.role)
    values = [each["client_secret"] for each in secrets if each.get("status") == "ACTIVE" and each.get("client_secret")]
    secret = {SECRET: values[0]} if values else {}
    path = config.root / ".env"
    if write or (terminal and _yes(f"\nWrite them to {path.name}, with the machine's secret? [y/N] ")):
        _write(path, settings | secret)
    else:
        print("\nThe machine's secret is in Okta: Applications > Sales machine.")
    print(
        "Put people into the groups Sales readers, Sales clerks and Sales managers: Directory > Groups.\n", flush=True
    )
    problems = 0
    for finding in check_issuer(replace(config, settings={**config.settings, **settings, **secret})):
        print(finding, flush=True)
        problems += finding.problem
    return 1 if problems else 0


def _write(path: Path, settings: dict[str, str]) -> None:
    try:
        write_env(path, settings)
    except (OSError, ValueError) as error:
        raise OktaError(f"{path.name} was not written: {error}") from None
    print(f"\nWritten to {path.name}, which only you can read.")


if __name__ == "__main__":
    run(main)
