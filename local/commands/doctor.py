"""`make doctor`: checks the configuration in .env and on this machine, and says what to do about what is wrong.

Exits with 1 if something is. What needs something that is not configured or does not run is not checked, and said so;
what only some uses need, and what nobody can be sure of, is a warning.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from packaging.requirements import Requirement
from samtranslator.yaml_helper import yaml_parse

from local.aws import dynamodb as store
from local.commands import sam_local as samlocal
from local.commands.cli import run
from local.commands.login import Attempt, redirect_address, redirect_port
from local.commands.token import SCOPE, Issuer, NoTokenError
from local.config import Config
from local.system.supervisor import StartError, check_layout, check_settings
from sales.api.jwks import TokenError, signing_keys
from sales.api.tokens import Verifier, token_scopes
from sales.domain.sms.provider import can_be_key
from sales.runtime.settings import SettingsError

__all__ = ["REFUSALS", "Finding", "examine"]

_SECONDS = 10
# From this on a token that was revoked is accepted for longer than a person would expect.
_LONG_LIFETIME = 3600
# What to do about the error codes of a token endpoint (RFC 6749, 5.2).
REFUSALS = {
    "invalid_client": "Compare OKTA_CLIENT_ID and OKTA_CLIENT_SECRET with the API Services application, which must be active.",
    "invalid_scope": f"Add the scopes {SCOPE} to the authorization server (docs/okta.md, step 2).",
    "access_denied": "Add an access policy for this client, and to it a rule with client credentials and both scopes.",
    "invalid_dpop_proof": "Turn off Require Demonstrating Proof of Possession (DPoP) for the application.",
    "unauthorized_client": "Enable the grant Client Credentials for the application.",
}
# The same of an authorization endpoint (RFC 6749, 4.1.2.1).
_SIGN_IN_REFUSALS = {
    "invalid_scope": REFUSALS["invalid_scope"],
    "access_denied": "Add an access policy for this client, and to it a rule with authorization code and both scopes.",
    "unauthorized_client": "Enable the grant Authorization Code for the application.",
}
# What is said to somebody who may not be asked to sign in (OpenID Connect Core, 3.1.2.6): the client itself is right.
_WOULD_ASK = {"login_required", "interaction_required", "consent_required", "account_selection_required"}
_SMS_KEY = re.compile(r"atsk_[0-9a-f]{72}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check came to; `advice` is empty where nothing is wrong, and `checked` is false where nothing was done.

    With `warning` it is nothing that has to be mended.
    """

    subject: str
    said: str
    advice: str = ""
    checked: bool = True
    warning: bool = False

    @property
    def problem(self) -> bool:
        """Whether something has to be mended."""
        return bool(self.advice) and not self.warning

    def __str__(self) -> str:
        mark = "PROBLEM" if self.problem else "warning" if self.advice else "ok" if self.checked else "-"
        return f"{mark:8} {self.subject}: {self.said}" + (f"\n         {self.advice}" if self.advice else "")


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that only some uses need: the first of its versions that will do, for what, and how it is installed."""

    name: str
    command: tuple[str, ...]
    least: tuple[int, ...]
    needed: str
    advice: str

    def finding(self) -> Finding:
        """Whether it is there, and new enough."""
        try:
            done = subprocess.run(self.command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except FileNotFoundError:
            return self._warning("was not found")
        except (OSError, subprocess.TimeoutExpired):
            return self._warning("does not answer")
        found = re.search(r"\d+(?:\.\d+)+", done.stdout)
        if done.returncode or not found:
            return self._warning("does not answer")
        if tuple(map(int, found[0].split("."))) < self.least:
            return self._warning(f"{found[0]} is older than {'.'.join(map(str, self.least))}")
        return Finding(self.name, found[0])

    def _warning(self, said: str) -> Finding:
        return Finding(self.name, f"{said}; {self.needed}", self.advice, warning=True)


def examine(config: Config) -> Iterator[Finding]:
    """Every finding about this configuration, one after the other."""
    checks: list[Callable[[Config], Iterator[Finding]]] = [
        _versions, _tools, _npm, _settings, _store, _sms_key, _sign_in,
    ]  # fmt: skip
    for check in checks:
        yield from check(config)


def _versions(config: Config) -> Iterator[Finding]:
    wanted = (config.root / ".python-version").read_text().strip()
    found = ".".join(str(number) for number in sys.version_info[:3])
    if found.startswith(f"{wanted}."):
        yield Finding("Python", found)
    else:
        yield Finding(
            "Python", f"{found}, not {wanted}", f"Install Python {wanted} and remove .venv; make finds it then."
        )
    lines = re.findall(r"^([^#\s][^\\\n]*==[^\\\n]*)", (config.root / "requirements-dev.txt").read_text(), re.MULTILINE)
    pinned = [each for each in map(Requirement, lines) if not each.marker or each.marker.evaluate()]
    others = []
    for each in pinned:
        try:
            there = metadata.version(each.name)
        except metadata.PackageNotFoundError:
            there = "not installed"
        if there not in each.specifier:
            others.append(f"{each.name} is {there}, not {str(each.specifier).removeprefix('==')}")
    if others:
        yield Finding(
            "packages", "; ".join(others), "Remove .venv; the next make installs what requirements-dev.txt says."
        )
    else:
        yield Finding("packages", f"{len(pinned)} as requirements-dev.txt says")


def _tools(config: Config) -> Iterator[Finding]:
    # package.json's newman needs Node.js 16; npm reads package-lock.json's version 3 from 7 on.
    store_needs = "without it the store is ministack and /docs has no viewer"
    install = "Install Node.js ('brew install node' or 'apt install npm'), then `make run` again."
    yield Tool("Node.js", ("node", "--version"), (16,), store_needs, install).finding()
    yield Tool("npm", ("npm", "--version"), (7,), store_needs, install).finding()
    pinned = re.search(r"^aws-sam-cli==([\d.]+)", (config.root / "requirements-sam.txt").read_text(), re.MULTILINE)
    least = tuple(map(int, pinned[1].split("."))) if pinned else ()
    sam_needs = "only `make deploy` and `make sam-local` need it"
    yield Tool("sam", (samlocal.sam() or "sam", "--version"), least, sam_needs, "`make build` installs it.").finding()
    # `--add-host` with `host-gateway` came with this one.
    docker = ("docker", "version", "--format", "{{.Server.Version}}")
    docker_needs = "only `make sam-local` needs it"
    yield Tool("Docker", docker, (20, 10), docker_needs, "Install Docker, start its daemon, or do without.").finding()


def _npm(config: Config) -> Iterator[Finding]:
    """Whether npm finds in node_modules what package-lock.json says; it alone knows what is optional here."""
    npm = shutil.which("npm")
    if not npm or not (config.root / "node_modules").is_dir():
        said = "nothing is installed there; `make run` does that" if npm else "npm was not found"
        yield Finding("node_modules", said, checked=False)
        return
    done = subprocess.run([npm, "ls", "--omit=dev"], cwd=config.root, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        yield Finding("node_modules", "as package-lock.json says")
        return
    faults = re.findall(r"^npm (?:error|ERR!) ((?:missing|invalid): \S+)", done.stderr, re.MULTILINE)
    advice = "Remove node_modules, then `make store docs`."
    yield Finding("node_modules", "; ".join(faults) or "npm ls finds it incomplete", advice)


def _settings(config: Config) -> Iterator[Finding]:
    try:
        check_settings(config)
    except (SettingsError, ValueError) as error:
        yield Finding(".env", str(error), "Correct it in .env; .env.sample says what each setting takes.")
    else:
        yield Finding(".env", "every setting can be used")


def _store(config: Config) -> Iterator[Finding]:
    try:
        check_layout(config.state)
    except StartError as error:
        yield Finding("what is stored", str(error), "`make reset`")
    try:
        server = store.choose(config)
    except store.StoreError as error:
        # A machine where nothing was started yet has none.
        named = bool(os.environ.get("LOCAL_STORE"))
        yield Finding("store", str(error), "`make run` installs it as well.", warning=not named)
        return
    try:
        store.StoreClient(config.store_url).call("ListTables", {"Limit": 1})
    except (OSError, store.StoreError) as error:
        if server.command:
            yield Finding("store", f"{server.name} is installed; it does not run", checked=False)
        else:
            advice = "Start it, or correct DYNAMODB_ENDPOINT in .env; empty, `make run` brings its own."
            yield Finding("store", f"{config.store_url} does not answer as DynamoDB does ({error})", advice)
    else:
        yield Finding("store", f"{server.name} answers")


def _sms_key(config: Config) -> Iterator[Finding]:
    """Whether the key can be sent, and looks like one.

    Nothing that Africa's Talking publishes says what a key looks like. The seven that were found in public repositories,
    where people had left them, are 64 hexadecimal digits (three) or `atsk_` and 72 (four): hence no more than a warning
    about another shape.
    """
    key = config.settings.get("AFRICASTALKING_API_KEY")
    subject = "Africa's Talking key"
    if not key:
        yield Finding(subject, "AFRICASTALKING_API_KEY is not set; only what is deployed needs it", checked=False)
    elif not can_be_key(key):
        advice = "Copy it again: visible ASCII characters only, and no space or line break within or around it."
        yield Finding(subject, "cannot be sent as a header", advice)
    elif not _SMS_KEY.fullmatch(key):
        said = f"{len(key)} characters that are neither atsk_ and 72 hexadecimal digits nor 64 of them"
        yield Finding(
            subject, said, "Compare it with Settings > API Key: it may be cut off, or another thing.", warning=True
        )
    else:
        yield Finding(subject, "has the shape of one; the gateway alone knows whether it is right")


def _sign_in(config: Config) -> Iterator[Finding]:
    given = config.settings.get("OKTA_ISSUER")
    url = given or config.issuer
    if given and (problem := _shape(config, given)):
        yield problem
        return
    try:
        discovery = _read(f"{url}/.well-known/openid-configuration")
    except (requests.RequestException, ValueError) as error:
        if not given:
            yield Finding("sign-in", "OKTA_ISSUER is not set and `make run` does not run", checked=False)
            return
        yield Finding(
            "issuer",
            f"{url} does not answer as an issuer does ({_why(error)})",
            "Compare OKTA_ISSUER with the issuer under Security > API > Authorization Servers, and try it from this network.",
        )
        return
    if discovery.get("issuer") != url:
        yield Finding(
            "issuer",
            f"{url} says that it is {discovery.get('issuer')}",
            "Set OKTA_ISSUER to exactly that; where it is another domain, set Issuer to it and not to Dynamic.",
        )
        return
    yield Finding("issuer", f"{url} answers")
    keys = _keys(str(discovery.get("jwks_uri", "")))
    yield keys
    if keys.advice:
        return
    yield _published_scopes(discovery)
    yield from _clients(config, discovery)
    yield from _token(config, url)


def _shape(config: Config, url: str) -> Finding | None:
    """What is wrong with the issuer's address, as the template's parameter has it; loopback is for tests and trials."""
    if re.match(r"http://(127\.0\.0\.1|localhost)[:/]", url):
        return None
    parameter = yaml_parse(config.template.read_text())["Parameters"]["OktaIssuer"]
    if re.match(r"https://[^/]+-admin\.okta", url):
        return Finding(
            "issuer", f"{url} is the address of the administrators' pages", "Take -admin out of OKTA_ISSUER."
        )
    if not re.fullmatch(parameter["AllowedPattern"], url):
        return Finding("issuer", f"{url} {parameter['ConstraintDescription']}", "Correct OKTA_ISSUER in .env.")
    return None


def _keys(url: str) -> Finding:
    if url.endswith("/oauth2/v1/keys"):
        return Finding(
            "signing keys",
            "these are of the organisation's own server, whose access tokens nobody but Okta can verify",
            "Take a custom authorization server: https://<domain>/oauth2/default.",
        )
    try:
        keys = signing_keys(_read(url))
    except (requests.RequestException, ValueError) as error:
        return Finding(
            "signing keys", f"{url or 'no address'} does not answer ({_why(error)})", "Ask the issuer's administrator."
        )
    if keys:
        return Finding("signing keys", f"{len(keys)} for RS256")
    return Finding(
        "signing keys",
        f"{url} has no RSA key for RS256",
        "API Gateway takes RS256 only: let the server sign with it.",
    )


def _published_scopes(discovery: dict[str, Any]) -> Finding:
    published = discovery.get("scopes_supported")
    missing = [scope for scope in SCOPE.split() if not isinstance(published, list) or scope not in published]
    if missing:
        said = f"{' and '.join(missing)} not in the public metadata; the token tells whether there is such a scope"
        return Finding("scopes", said, checked=False)
    return Finding("scopes", SCOPE)


def _clients(config: Config, discovery: dict[str, Any]) -> Iterator[Finding]:
    """The clients that people sign in as: those of the settings at the issuer that they name, else the local ones."""
    given, local = config.settings, not config.settings.get("OKTA_ISSUER")
    console = config.console_client_id if local else given.get("CONSOLE_CLIENT_ID", "")
    parameter = yaml_parse(config.template.read_text())["Parameters"]["ConsoleClientId"]
    if not local and console in {"", parameter["Default"]}:
        said = (
            "CONSOLE_CLIENT_ID names no application of the issuer; only what is deployed needs it, as ConsoleClientId"
        )
        yield Finding("console's client", said, checked=False)
    else:
        # Where it will be deployed is not known here, so the issuer may well complain of the address.
        yield _client("console's client", console, f"{config.gateway_url}/", discovery, parameter, deployed=not local)
    login = "sales-cli" if local else given.get("OKTA_LOGIN_CLIENT_ID", "")
    if not login:
        said = "OKTA_LOGIN_CLIENT_ID is not set; only `make login` needs it"
        yield Finding("make login's client", said, checked=False)
    else:
        yield _client("make login's client", login, redirect_address(redirect_port()), discovery, parameter)


def _client(
    subject: str,
    client_id: str,
    redirect: str,
    discovery: dict[str, Any],
    parameter: dict[str, Any],
    *,
    deployed: bool = False,
) -> Finding:
    """Whether the issuer would let people sign in as this client.

    It is asked not to prompt anybody (OpenID Connect Core, 3.1.2.1), so nobody signs in. An issuer sends a browser back only
    for a client and an address that it knows, and shows a page for others (RFC 6749, 4.1.2.1).
    """
    if not re.fullmatch(parameter["AllowedPattern"], client_id):
        return Finding(subject, f"{client_id} {parameter['ConstraintDescription']}", "Copy the Client ID again.")
    asked = {
        "client_id": client_id,
        "response_type": "code",
        "redirect_uri": redirect,
        "scope": f"openid {SCOPE}",
        "state": "doctor",
        "nonce": "doctor",
        "prompt": "none",
        "code_challenge": Attempt.new().challenge,
        "code_challenge_method": "S256",
    }
    try:
        address = str(discovery.get("authorization_endpoint", ""))
        answer = requests.get(address, asked, timeout=_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        return Finding(subject, f"cannot be asked for ({_why(error)})", checked=False)
    if answer.is_redirect:
        back = answer.headers["Location"]
        query = parse_qs(urlsplit(back).query) if back.startswith(redirect) else {}
        error_code = query.get("error", ["login_required"])[0]
        if error_code in _WOULD_ASK:
            return Finding(subject, f"{client_id} may sign people in")
        said = " ".join(query.get("error_description", []))
        advice = _SIGN_IN_REFUSALS.get(error_code, "docs/okta.md has the usual reasons.")
        return Finding(subject, f"{client_id}: {error_code} {said}".rstrip(), advice)
    if answer.status_code >= 500 or answer.ok:
        return Finding(subject, f"cannot be told from status {answer.status_code}", checked=False)
    if "redirect_uri" not in answer.text:
        return Finding(subject, f"the issuer knows no {client_id}", "Compare it with the Client ID of the application.")
    if deployed:
        return Finding(subject, f"the issuer knows {client_id}")
    advice = f"Add {redirect} to the application's sign-in redirect addresses, exactly so."
    return Finding(subject, f"{client_id} has another redirect address", advice)


def _token(config: Config, url: str) -> Iterator[Finding]:
    local = not config.settings.get("OKTA_ISSUER")
    if not local and not (config.settings.get("OKTA_CLIENT_ID") and config.settings.get("OKTA_CLIENT_SECRET")):
        said = "OKTA_CLIENT_ID and OKTA_CLIENT_SECRET are not set, so no token is asked for"
        yield Finding("token", said, checked=False)
        return
    try:
        token = Issuer.for_machines(config).token(grant_type="client_credentials", scope=SCOPE)
    except NoTokenError as error:
        yield Finding(
            "token",
            str(error),
            REFUSALS.get(error.code, "docs/okta.md has the usual reasons."),
        )
        return
    audience = config.settings.get("OKTA_AUDIENCE") or config.parameters["OktaAudience"]
    try:
        claims = Verifier(url, audience).claims(token)
    except TokenError as error:
        yield Finding("token", str(error), _token_advice(str(error), audience))
        return
    missing = [scope for scope in SCOPE.split() if scope not in token_scopes(claims)]
    if missing:
        yield Finding(
            "token", f"lacks {' and '.join(missing)}", "Let the access policy's rule for this client grant them."
        )
        return
    lifetime = int(claims["exp"]) - int(claims.get("iat", claims["exp"]))
    said = f"RS256, for {audience}, with {SCOPE}, good for {lifetime // 60} minutes"
    long = "Shorten it in the access policy's rule: a token that was revoked is accepted until it expires."
    yield Finding("token", said, long if lifetime > _LONG_LIFETIME else "")


def _token_advice(problem: str, audience: str) -> str:
    if "audience" in problem:
        return f"Set the server's audience to {audience}, or OKTA_AUDIENCE (deployed: OktaAudience) to the server's."
    if "issuer" in problem and "key" not in problem and "header" not in problem:
        return "Set the authorization server's Issuer to OKTA_ISSUER's address, and not to Dynamic."
    if "not valid yet" in problem or "expired" in problem:
        return "Set this machine's clock."
    return "Leave encryption off, and let the server sign with RS256 and the keys that it publishes."


def _read(url: str) -> dict[str, Any]:
    """The JSON object at this address. Raises RequestException, or ValueError where it is none."""
    answer = requests.get(url, timeout=_SECONDS, headers={"Accept": "application/json"})
    answer.raise_for_status()
    found = answer.json()
    if not isinstance(found, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - it is the value that is wrong
    return found


def _why(error: Exception) -> str:
    """Short, and without anything that the request carried."""
    response = getattr(error, "response", None)
    return f"status {response.status_code}" if response is not None else type(error).__name__


def main() -> int:
    """Prints a line for each finding."""
    try:
        problems = 0
        for finding in examine(Config.of_running()):
            print(finding, flush=True)
            problems += finding.problem
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"\n{problems} problem{'' if problems == 1 else 's'}" if problems else "\nNothing is wrong.")
    return 1 if problems else 0


if __name__ == "__main__":
    run(main)
