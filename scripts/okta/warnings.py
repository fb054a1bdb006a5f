"""Looks for settings of others that let more people in, or keep our tokens from working. We warn, and never change them."""

from collections.abc import Iterator

from scripts.okta.api import Document
from scripts.okta.objects import ACCESS, POLICY, RULE, SCOPES, Objects, client_id
from scripts.okta.plan import ALL_CLIENTS, NEW, Walk

__all__ = ["warnings"]

_RULES = {*ACCESS, "Sales machines"}


def warnings(walk: Walk, objects: Objects) -> Iterator[str]:
    """Yield a sentence for each thing that an administrator should look at. Raise `OktaError`."""
    server = objects.server
    if server["id"] == NEW:
        return
    yield from _of_server(server)
    path = f"authorizationServers/{server['id']}/policies"
    ours = {client_id(each) for each in (objects.console, objects.login, objects.machine)}
    for policy in walk.read(path, POLICY):
        clients = policy.get("conditions", {}).get("clients", {}).get("include", [])
        mine = policy["id"] == objects.policy["id"]
        if policy.get("status") == "INACTIVE" or not (mine or ALL_CLIENTS in clients or ours & set(clients)):
            continue
        for rule in walk.read(f"{path}/{policy['id']}/rules", RULE):
            granted = _grants(rule)
            if granted and not (mine and rule["name"] in _RULES):
                yield (
                    f"rule {rule['name']!r} of the policy {policy['name']!r} also grants {granted} to {_people(rule)}. Rules add up: "
                    f"deactivate it, or narrow it to other clients."
                )


def _of_server(server: Document) -> Iterator[str]:
    if server.get("issuerMode") == "DYNAMIC":
        yield (
            f"the server {server['name']!r} has the Issuer Dynamic, so each domain of the organisation issues tokens of its own: "
            "set it to the Okta URL or your own, since the API trusts one issuer."
        )
    if server.get("accessTokenEncryptedResponseAlgorithm"):
        yield f"the server {server['name']!r} encrypts access tokens, which the API cannot read: turn that off."


def _grants(rule: Document) -> str:
    if rule.get("status") == "INACTIVE":
        return ""
    scopes = rule.get("conditions", {}).get("scopes", {}).get("include", [])
    if "*" in scopes:
        return "every scope"
    return " and ".join(scope for scope in scopes if scope in SCOPES)


def _people(rule: Document) -> str:
    people = rule.get("conditions", {}).get("people", {})
    if "EVERYONE" in people.get("groups", {}).get("include", []):
        return "everyone assigned to the application"
    return "people or machines of its own"
