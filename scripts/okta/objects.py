"""The objects that this API needs in an organisation, as docs/okta.md describes them by hand."""

from collections.abc import Iterable
from dataclasses import dataclass

from scripts.okta.api import Document
from scripts.okta.plan import Kind, Walk

__all__ = ["ACCESS", "MACHINE_SCOPES", "SCOPES", "Choice", "Objects", "client_id", "converge"]

SCOPES = {
    "sales:read": "Look at customers, orders and their texts",
    "sales:write": "Create and change customers and orders, and send texts",
    "sales:manage": "Export and erase customers, and manage the shop",
}
# Each group, and the scopes of its rule. Rules are allow-lists whose union counts, so each lists all of its scopes.
ACCESS = {
    "Sales readers": ("sales:read",),
    "Sales clerks": ("sales:read", "sales:write"),
    "Sales managers": ("sales:read", "sales:write", "sales:manage"),
}
MACHINE_SCOPES = ("sales:read", "sales:write")
# A person's session lasts an hour, since the console asks for a new sign-in at its end. A machine can ask for a new token at any
# time, so its tokens are short: a revoked one works until it expires.
PEOPLE_MINUTES, MACHINE_MINUTES = 60, 15
_SIGN_IN = ("openid", "profile")
_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
_POSTMAN = "https://oauth.pstmn.io/v1/callback"

_SERVERS_ROLE = "API Access Management Administrator"
_APPS_ROLE = "Application Administrator"
SERVER = Kind("authorization server", _SERVERS_ROLE, lambda each: each.get("name"))
SCOPE = Kind("scope", _SERVERS_ROLE, lambda each: each.get("name"))
GROUP = Kind(
    "group",
    "Organization Administrator or Group Administrator",
    lambda each: each.get("profile", {}).get("name"),
    # Groups of a directory can have the same name, and their members are that directory's to choose.
    lambda each: each.get("type") == "OKTA_GROUP",
)
APPLICATION = Kind(
    "application",
    _APPS_ROLE,
    lambda each: each.get("label"),
    lambda each: each.get("signOnMode") == "OPENID_CONNECT" and each.get("status") != "DELETED",
    additive=frozenset({"redirect_uris", "post_logout_redirect_uris"}),
    fixed=frozenset({"settings.oauthClient.application_type"}),
)
ASSIGNMENT = Kind("assignment", _APPS_ROLE, lambda each: each.get("id"))
POLICY = Kind(
    "access policy", _SERVERS_ROLE, lambda each: each.get("name"), additive=frozenset({"include"}), paged=False
)
RULE = Kind("rule", _SERVERS_ROLE, lambda each: each.get("name"), paged=False)


@dataclass(frozen=True)
class Choice:
    """The values that differ from shop to shop: the server's name and audience, the console's and make login's addresses."""

    server: str
    audience: str
    consoles: tuple[str, ...]
    login_redirect: str


@dataclass(frozen=True)
class Objects:
    """The objects that settings and warnings are made of."""

    server: Document
    console: Document
    login: Document
    machine: Document
    policy: Document


def converge(walk: Walk, choice: Choice) -> Objects:
    """Find, create or change every object, each before the ones that name it. Raise `OktaError`."""
    server = walk.ensure(
        SERVER,
        "authorizationServers",
        choice.server,
        {"name": choice.server},
        # An existing server keeps its audience: other APIs may rely on it.
        {"description": "Sales API", "audiences": [choice.audience], "issuerMode": "ORG_URL"},
        q=choice.server,
    )
    path = f"authorizationServers/{server['id']}"
    for name, description in SCOPES.items():
        # A default scope would be in every token whose client asks for none.
        body = {"name": name, "consent": "IMPLICIT", "metadataPublish": "ALL_CLIENTS", "default": False}
        walk.ensure(SCOPE, f"{path}/scopes", name, body, {"displayName": description, "description": description})
    groups = {
        name: walk.ensure(
            GROUP,
            "groups",
            name,
            {"profile": {"name": name}},
            {"profile": {"description": f"Sales API: {', '.join(scopes)}"}},
            q=name,
        )
        for name, scopes in ACCESS.items()
    }
    console, login, machine = _applications(walk, choice)
    for application in (console, login):
        for name, group in groups.items():
            walk.assign(ASSIGNMENT, application, group, f"{name} to {application['label']}")
    clients = [client_id(each) for each in (console, login, machine)]
    policy = walk.ensure(
        POLICY,
        f"{path}/policies",
        "Sales",
        {"type": "OAUTH_AUTHORIZATION_POLICY", "name": "Sales", "conditions": {"clients": {"include": clients}}},
        {"description": "Who may get which scope of the sales API", "priority": 1, "status": "ACTIVE"},
    )
    _rules(walk, f"{path}/policies/{policy['id']}/rules", groups)
    return Objects(server, console, login, machine, policy)


def client_id(application: Document) -> str:
    """Return the id that the application has as a client, usually its own."""
    return str(application.get("credentials", {}).get("oauthClient", {}).get("client_id") or application["id"])


def _applications(walk: Walk, choice: Choice) -> tuple[Document, Document, Document]:
    pages = [f"{console}/" for console in choice.consoles]
    redirects = [*pages, *(f"{console}/docs/oauth2-redirect" for console in choice.consoles)]
    console = _application("Sales console", "browser", ["authorization_code"], redirects)
    console["settings"]["oauthClient"]["post_logout_redirect_uris"] = pages
    login = _application(
        "Sales command line", "native", ["authorization_code", _DEVICE], [choice.login_redirect, _POSTMAN]
    )
    machine = _application("Sales machine", "service", ["client_credentials"])
    return (
        walk.ensure(APPLICATION, "apps", console["label"], console, q=console["label"], includeNonDeleted="true"),
        walk.ensure(APPLICATION, "apps", login["label"], login, q=login["label"], includeNonDeleted="true"),
        walk.ensure(APPLICATION, "apps", machine["label"], machine, q=machine["label"], includeNonDeleted="true"),
    )


def _application(label: str, kind: str, grants: list[str], redirects: Iterable[str] = ()) -> Document:
    public = kind != "service"
    client: Document = {
        "application_type": kind,
        "grant_types": grants,
        "response_types": ["code"] if public else ["token"],
        "consent_method": "TRUSTED",
        # The API accepts bearer tokens.
        "dpop_bound_access_tokens": False,
    }
    if public:
        client["redirect_uris"] = list(redirects)
    return {
        "name": "oidc_client",
        "label": label,
        "signOnMode": "OPENID_CONNECT",
        "credentials": {
            "oauthClient": {
                "token_endpoint_auth_method": "none" if public else "client_secret_basic",
                "pkce_required": public,
            }
        },
        "settings": {"oauthClient": client},
    }


def _rules(walk: Walk, path: str, groups: dict[str, Document]) -> None:
    for name, scopes in ACCESS.items():
        # Only that group: a person added here by hand would get these scopes too.
        people = {"users": {"include": []}, "groups": {"include": [groups[name]["id"]]}}
        conditions = {
            "people": people,
            "grantTypes": {"include": ["authorization_code", _DEVICE]},
            "scopes": {"include": [*_SIGN_IN, *scopes]},
        }
        walk.ensure(RULE, path, name, *_rule(name, conditions, PEOPLE_MINUTES))
    # Client credentials have no user, and Okta asks for no people then.
    conditions = {"grantTypes": {"include": ["client_credentials"]}, "scopes": {"include": [*MACHINE_SCOPES]}}
    walk.ensure(RULE, path, "Sales machines", *_rule("Sales machines", conditions, MACHINE_MINUTES))


def _rule(name: str, conditions: Document, minutes: int) -> tuple[Document, Document]:
    """Return a rule, and what only a new one gets."""
    rule = {
        "type": "RESOURCE_ACCESS",
        "name": name,
        "conditions": conditions,
        "actions": {"token": {"accessTokenLifetimeMinutes": minutes}},
    }
    refresh = {"refreshTokenLifetimeMinutes": 0, "refreshTokenWindowMinutes": 10080}
    return rule, {"status": "ACTIVE", "actions": {"token": refresh}}
