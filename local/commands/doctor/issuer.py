"""Checks of the issuer: its keys, scopes, clients, and a real token."""

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from jose import JWTError, jwt

from deployment.parameters import Parameter, read_parameters
from local.commands.doctor.advice import MACHINE_SCOPE, about_sign_in, about_token
from local.commands.doctor.finding import Finding
from local.commands.login import Attempt
from local.commands.okta_addresses import is_loopback, issuer_fault
from local.commands.refusals import Refusal
from local.commands.token import SCOPE, Issuer, NoTokenError
from local.config import Config, redirect_address, redirect_port
from sales.api.issuers import discovery_address
from sales.api.jwks import TokenError, signing_keys
from sales.api.tokens import Verifier, token_scopes

__all__ = ["UnusableIssuerError", "check_issuer", "check_keys", "discover"]

_SECONDS = 10
# Longer than this, a revoked token stays valid for longer than a person would expect.
_LONG_LIFETIME = 3600
# The scope that exports and erases customers.
_MANAGE = "sales:manage"
# How an issuer refuses to sign in a person without asking them (OpenID Connect Core, 3.1.2.6): the client itself is right.
_WOULD_ASK = {"login_required", "interaction_required", "consent_required", "account_selection_required"}


class UnusableIssuerError(Exception):
    """The issuer cannot issue tokens that we accept; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


def check_issuer(config: Config) -> Iterator[Finding]:
    """Check the issuer that OKTA_ISSUER names, or else the local one."""
    named = config.settings.get("OKTA_ISSUER")
    url = named or config.issuer
    if named and (problem := _shape(config, named)):
        yield problem
        return
    try:
        discovery = discover(url, "OKTA_ISSUER")
    except UnusableIssuerError as error:
        # Without the setting it is the local issuer, which only answers while the system runs.
        unchecked = Finding("issuer", "OKTA_ISSUER is not set and the system is not running", checked=False)
        yield error.finding if named else unchecked
        return
    yield Finding("issuer", f"{url} answers")
    keys = check_keys(discovery)
    yield keys
    if keys.advice:
        return
    yield _published_scopes(discovery)
    yield from _clients(config, discovery)
    yield from _token(config, url)


def discover(url: str, setting: str) -> dict[str, Any]:
    """Return what an issuer publishes about itself (OpenID Connect Discovery 1.0).

    Raise `UnusableIssuerError` if it does not answer or calls itself something else; the advice names `setting`.
    """
    if finding := _impossible(url, setting):
        raise UnusableIssuerError(finding)
    try:
        discovery = _read(discovery_address(url))
    except (requests.RequestException, ValueError) as error:
        raise UnusableIssuerError(
            Finding(
                "issuer",
                f"{url} does not answer as an issuer does ({_reason(error)})",
                f"Compare {setting} with the issuer under Security > API > Authorization Servers. Can this network reach it?",
            )
        ) from None
    if discovery.get("issuer") != url:
        raise UnusableIssuerError(
            Finding(
                "issuer",
                f"{url} calls itself {discovery.get('issuer')}",
                f"Set {setting} to exactly that. If the domain differs, set Issuer to yours rather than to Dynamic.",
            )
        )
    return discovery


def _shape(config: Config, url: str) -> Finding | None:
    """Compare the address with the template's parameter; loopback, for tests and trials, passes."""
    if is_loopback(url):
        return None
    if finding := _impossible(url, "OKTA_ISSUER"):
        return finding
    parameter = read_parameters(config.template)["OktaIssuer"]
    if fault := parameter.fault(url):
        return Finding("issuer", f"{url} {fault}", "Correct OKTA_ISSUER in .env.")
    return None


def _impossible(url: str, setting: str) -> Finding | None:
    """Return the problem with an address of Okta that can never be an issuer of ours: not all of them break the template's pattern."""
    fault = issuer_fault(url)
    return Finding("issuer", fault[0], f"Correct {setting}: {fault[1]}") if fault else None


def check_keys(discovery: dict[str, Any]) -> Finding:
    """Check that API Gateway can verify the issuer's access tokens with the keys that it publishes."""
    url = str(discovery.get("jwks_uri", ""))
    if url.endswith("/oauth2/v1/keys"):
        return Finding(
            "signing keys",
            "they belong to the organisation's own server, whose access tokens are for Okta's own API",
            "Use a custom authorization server: https://<domain>/oauth2/default.",
        )
    try:
        keys = signing_keys(_read(url))
    except (requests.RequestException, ValueError) as error:
        return Finding(
            "signing keys",
            f"{url or 'no address'} does not answer ({_reason(error)})",
            "Ask the issuer's administrator.",
        )
    if keys:
        return Finding("signing keys", f"{len(keys)} for RS256")
    return Finding(
        "signing keys",
        f"{url} has no RSA key for RS256",
        "API Gateway accepts RS256 only: let the server sign with it.",
    )


def _published_scopes(discovery: dict[str, Any]) -> Finding:
    published = discovery.get("scopes_supported")
    missing = [scope for scope in SCOPE.split() if not isinstance(published, list) or scope not in published]
    if missing:
        result = f"{' and '.join(missing)} not in the public metadata; the token shows whether they exist"
        return Finding("scopes", result, checked=False)
    return Finding("scopes", SCOPE)


def _clients(config: Config, discovery: dict[str, Any]) -> Iterator[Finding]:
    """Check the clients that people sign in with: those in the settings, or else the local issuer's."""
    settings, local = config.settings, not config.settings.get("OKTA_ISSUER")
    console = config.console_client_id if local else settings.get("CONSOLE_CLIENT_ID", "")
    parameter = read_parameters(config.template)["ConsoleClientId"]
    if not local and console in {"", parameter.default}:
        result = "CONSOLE_CLIENT_ID names no application of the issuer; only the console and the reference need it"
        yield Finding("console's client", result, checked=False)
    else:
        # We do not know the deployed address, so the issuer may well refuse the local one.
        yield _client("console's client", console, f"{config.api_url}/", discovery, parameter, deployed=not local)
    login = "sales-cli" if local else settings.get("OKTA_LOGIN_CLIENT_ID", "")
    if not login:
        result = "OKTA_LOGIN_CLIENT_ID is not set; only `make login` needs it"
        yield Finding("make login's client", result, checked=False)
    else:
        yield _client("make login's client", login, redirect_address(redirect_port()), discovery, parameter)


def _client(
    subject: str,
    client_id: str,
    redirect: str,
    discovery: dict[str, Any],
    parameter: Parameter,
    *,
    deployed: bool = False,
) -> Finding:
    """Check whether the issuer would let people sign in with this client, without signing anyone in.

    The request forbids a prompt (OpenID Connect Core, 3.1.2.1). An issuer redirects only for a client and an address that it
    knows, and shows a page for others (RFC 6749, 4.1.2.1).
    """
    if fault := parameter.fault(client_id):
        return Finding(subject, f"{client_id} {fault}", "Copy the Client ID again.")
    query = {
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
        answer = requests.get(address, query, timeout=_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        return Finding(subject, f"cannot be checked ({_reason(error)})", checked=False)
    if answer.is_redirect:
        target = answer.headers["Location"]
        outcome = parse_qs(urlsplit(target).query) if target.startswith(redirect) else {}
        error_code = outcome.get("error", ["login_required"])[0]
        if error_code in _WOULD_ASK:
            return Finding(subject, f"{client_id} may sign people in")
        refusal = Refusal(error_code, " ".join(outcome.get("error_description", [])))
        result = f"{client_id}: {refusal.code} {refusal.description}".rstrip()
        return Finding(subject, result, about_sign_in(refusal))
    if answer.status_code >= 500 or answer.ok:
        return Finding(subject, f"status {answer.status_code} does not tell", checked=False)
    if "redirect_uri" not in answer.text:
        return Finding(
            subject, f"the issuer does not know {client_id}", "Compare it with the Client ID of the application."
        )
    if deployed:
        return Finding(subject, f"the issuer knows {client_id}")
    advice = f"Add exactly {redirect} to the application's sign-in redirect addresses."
    return Finding(subject, f"{client_id} has a different redirect address", advice)


def _token(config: Config, url: str) -> Iterator[Finding]:
    local = not config.settings.get("OKTA_ISSUER")
    if not local and not (config.settings.get("OKTA_CLIENT_ID") and config.settings.get("OKTA_CLIENT_SECRET")):
        result = "not requested, since OKTA_CLIENT_ID and OKTA_CLIENT_SECRET are not set"
        yield Finding("token", result, checked=False)
        return
    scope = os.environ.get("SCOPE") or (SCOPE if local else MACHINE_SCOPE)
    try:
        issuer = Issuer.for_machines(config)
        token = issuer.token(grant_type="client_credentials", scope=scope)
    except NoTokenError as error:
        yield Finding("token", str(error), about_token(error.refusal))
        return
    audience = config.settings.get("OKTA_AUDIENCE") or config.parameters["OktaAudience"]
    try:
        claims = Verifier(url, audience).claims(token)
    except TokenError as error:
        yield Finding("token", str(error), _token_advice(str(error), audience))
        return
    missing = [name for name in scope.split() if name not in token_scopes(claims)]
    if missing:
        yield Finding(
            "token", f"lacks {' and '.join(missing)}", "Let the access policy's rule for this client grant them."
        )
        return
    lifetime = int(claims["exp"]) - int(claims.get("iat", claims["exp"]))
    result = f"RS256, for {audience}, with {scope}, valid for {lifetime // 60} minutes"
    advice = "Shorten that in the access policy's rule: a revoked token works until it expires."
    yield Finding("token", result, advice if lifetime > _LONG_LIFETIME else "")
    if not local and _MANAGE not in scope.split():
        yield from _excess(issuer)


def _excess(issuer: Issuer) -> Iterator[Finding]:
    """Warn if a machine gets a scope that few need: then a policy may grant it to everyone."""
    try:
        token = issuer.token(grant_type="client_credentials", scope=_MANAGE)
        granted = token_scopes(jwt.get_unverified_claims(token))
    except (NoTokenError, JWTError):
        return
    if _MANAGE in granted:
        yield Finding(
            "token",
            f"OKTA_CLIENT_ID also gets {_MANAGE}, with which it can export and erase customers",
            "Unless it needs that, take it out of the client's rule, and look for a Default Policy for all clients: deactivate it.",
            warning=True,
        )


def _token_advice(problem: str, audience: str) -> str:
    if "audience" in problem:
        return f"Set the server's audience to {audience}, or OKTA_AUDIENCE (deployed: OktaAudience) to the server's."
    if "issuer" in problem and "key" not in problem and "header" not in problem:
        return "Set the authorization server's Issuer to OKTA_ISSUER's address, not to Dynamic."
    if "not valid yet" in problem or "expired" in problem:
        return "Set this machine's clock."
    return "Turn encryption off, and let the server sign with RS256 and the keys that it publishes."


def _read(url: str) -> dict[str, Any]:
    """Return the JSON object at this address. Raise RequestException, or ValueError for anything else."""
    answer = requests.get(url, timeout=_SECONDS, headers={"Accept": "application/json"})
    answer.raise_for_status()
    document = answer.json()
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - the value is wrong, not its type here
    return document


def _reason(error: Exception) -> str:
    """Return the status or the error's name, without anything that the request carried."""
    response = getattr(error, "response", None)
    return str(Refusal.of_answer(response)) if response is not None else type(error).__name__
