"""`make okta` against a stand-in for Okta's management API: what exists afterwards, whatever was there before."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from scripts.okta.api import Api, OktaError
from scripts.okta.objects import ACCESS, MACHINE_SCOPES, SCOPES, Choice, converge
from scripts.okta.plan import Walk, differences, merged
from scripts.okta.warnings import warnings
from tests.support.okta import NOT_ALLOWED, TOKEN, Document, Organisation, running

LOCAL = "http://localhost:8000"
DEPLOYED = "https://abc123.execute-api.eu-west-1.amazonaws.com"
CHOICE = Choice("sales", "api://sales", (LOCAL,), "http://127.0.0.1:8010/callback")
DEPLOYED_CHOICE = Choice("sales", "api://sales", (LOCAL, DEPLOYED), "http://127.0.0.1:8010/callback")
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def okta() -> Iterator[Organisation]:
    with running(Organisation()) as organisation:
        yield organisation


def walk(okta: Organisation, *, act: bool = True, choice: Choice = CHOICE) -> tuple[list[str], list[str]]:
    """Return what happened to the objects that were not kept, and the warnings."""
    pass_ = Walk(Api(okta.url, TOKEN), act)
    objects = converge(pass_, choice)
    return [f"{step.verb} {step.kind} {step.name}" for step in pass_.steps if step.verb != "keep"], list(
        warnings(pass_, objects)
    )


def server_path(okta: Organisation) -> str:
    [server] = okta.items("authorizationServers")
    return f"authorizationServers/{server['id']}"


def app(okta: Organisation, label: str) -> Document:
    [found] = [each for each in okta.items("apps") if each["label"] == label]
    return found


def rules(okta: Organisation) -> dict[str, Document]:
    path = f"{server_path(okta)}/policies"
    [policy] = okta.items(path)
    return {rule["name"]: rule for rule in okta.items(f"{path}/{policy['id']}/rules")}


def assert_complete(okta: Organisation) -> None:
    """Check every object, and that there are no others."""
    path = server_path(okta)
    [server] = okta.items("authorizationServers")
    assert (server["name"], server["audiences"], server["issuerMode"]) == ("sales", ["api://sales"], "ORG_URL")
    assert okta.names(f"{path}/scopes") == list(SCOPES)
    assert okta.names("groups") == list(ACCESS)
    assert okta.names("apps") == ["Sales console", "Sales command line", "Sales machine"]
    for label in ("Sales console", "Sales command line"):
        assigned = okta.items(f"apps/{app(okta, label)['id']}/groups")
        assert {each["id"] for each in assigned} == {each["id"] for each in okta.items("groups")}
    [policy] = okta.items(f"{path}/policies")
    assert set(policy["conditions"]["clients"]["include"]) == {each["id"] for each in okta.items("apps")}
    assert set(rules(okta)) == {*ACCESS, "Sales machines"}


def test_an_empty_organisation_gets_every_object(okta: Organisation) -> None:
    walk(okta)
    assert_complete(okta)
    assert len(okta.changes) == 21


def test_the_plan_says_what_then_happens_and_changes_nothing(okta: Organisation) -> None:
    planned, _ = walk(okta, act=False)
    assert okta.changes == []
    done, _ = walk(okta)
    assert planned == done
    assert len(done) == 21


def test_the_second_time_nothing_changes(okta: Organisation) -> None:
    walk(okta)
    okta.changes.clear()
    assert walk(okta, act=False) == ([], [])
    assert walk(okta) == ([], [])
    assert okta.changes == []


def test_each_rule_is_an_allow_list_for_one_group_or_for_machines(okta: Organisation) -> None:
    walk(okta)
    groups = {each["profile"]["name"]: each["id"] for each in okta.items("groups")}
    expected = {
        "Sales readers": {"openid", "profile", "sales:read"},
        "Sales clerks": {"openid", "profile", "sales:read", "sales:write"},
        "Sales managers": {"openid", "profile", "sales:read", "sales:write", "sales:manage"},
        "Sales machines": {"sales:read", "sales:write"},
    }
    for name, scopes in expected.items():
        rule = rules(okta)[name]
        conditions = rule["conditions"]
        assert set(conditions["scopes"]["include"]) == scopes
        lifetime = rule["actions"]["token"]["accessTokenLifetimeMinutes"]
        if name in groups:
            assert conditions["people"] == {"users": {"include": []}, "groups": {"include": [groups[name]]}}
            assert set(conditions["grantTypes"]["include"]) == {"authorization_code", DEVICE}
            assert lifetime == 60
        else:
            assert "people" not in conditions
            assert conditions["grantTypes"]["include"] == ["client_credentials"]
            assert lifetime == 15
    assert set(MACHINE_SCOPES) == expected["Sales machines"]


def test_the_applications_have_what_their_use_needs_and_no_more(okta: Organisation) -> None:
    walk(okta, choice=DEPLOYED_CHOICE)
    settings = {each["label"]: each["settings"]["oauthClient"] for each in okta.items("apps")}
    clients = {each["label"]: each["credentials"]["oauthClient"] for each in okta.items("apps")}
    console, login, machine = (settings[name] for name in ("Sales console", "Sales command line", "Sales machine"))
    assert (console["application_type"], login["application_type"], machine["application_type"]) == ("browser", "native", "service")  # fmt: skip
    assert console["grant_types"] == ["authorization_code"]
    assert set(login["grant_types"]) == {"authorization_code", DEVICE}
    assert machine["grant_types"] == ["client_credentials"]
    pages = {f"{LOCAL}/", f"{DEPLOYED}/"}
    assert set(console["redirect_uris"]) == pages | {
        f"{LOCAL}/docs/oauth2-redirect",
        f"{DEPLOYED}/docs/oauth2-redirect",
    }
    assert set(console["post_logout_redirect_uris"]) == pages
    assert set(login["redirect_uris"]) == {"http://127.0.0.1:8010/callback", "https://oauth.pstmn.io/v1/callback"}
    for label, client in clients.items():
        machine_like = label == "Sales machine"
        assert client["token_endpoint_auth_method"] == ("client_secret_basic" if machine_like else "none")
        assert client["pkce_required"] is not machine_like
        assert settings[label]["dpop_bound_access_tokens"] is False


def test_a_deployment_later_adds_its_addresses_and_changes_nothing_else(okta: Organisation) -> None:
    walk(okta)
    secret = app(okta, "Sales machine")["credentials"]["oauthClient"]["client_secret"]
    done, _ = walk(okta, choice=DEPLOYED_CHOICE)
    assert done == ["change application Sales console"]
    assert f"{LOCAL}/" in app(okta, "Sales console")["settings"]["oauthClient"]["redirect_uris"]
    assert app(okta, "Sales machine")["credentials"]["oauthClient"]["client_secret"] == secret
    # Without the deployment's address its redirect addresses stay.
    assert walk(okta) == ([], [])


def changing_requests() -> list[int]:
    """Return which requests of a run on an empty organisation change something. To break off at a read is to break off before the
    next change.
    """
    changing = list[int]()
    with running(Organisation()) as okta:

        def note(number: int, method: str, path: str) -> None:
            if method != "GET":
                changing.append(number)

        okta.before = note
        converge(Walk(Api(okta.url, TOKEN), act=True), CHOICE)
        return changing


def assert_completed_after_breaking_off(at: int, when: str) -> None:
    def hang_up(number: int, method: str, path: str) -> None:
        if number == at:
            raise ConnectionError

    with running(Organisation()) as okta:
        setattr(okta, when, hang_up)
        with pytest.raises(OktaError, match="does not answer"):
            converge(Walk(Api(okta.url, TOKEN), act=True), CHOICE)
        setattr(okta, when, lambda *_: None)
        converge(Walk(Api(okta.url, TOKEN), act=True), CHOICE)
        assert_complete(okta)
        assert len(okta.changes) == 21


def test_broken_off_before_any_change_the_next_run_completes_it_without_duplicates() -> None:
    for at in changing_requests():
        assert_completed_after_breaking_off(at, "before")


def test_an_answer_lost_after_any_change_is_no_reason_for_a_duplicate() -> None:
    for at in changing_requests():
        assert_completed_after_breaking_off(at, "after")


def refused_at(path: str) -> Callable[[int, str, str], None]:
    def refuse(number: int, method: str, asked: str) -> None:
        if asked == path and method == "POST":
            raise NOT_ALLOWED

    return refuse


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("authorizationServers", "API Access Management Administrator"),
        ("groups", "Group Administrator"),
        ("apps", "Application Administrator"),
    ],
)
def test_a_role_that_is_too_weak_is_named(okta: Organisation, path: str, role: str) -> None:
    okta.before = refused_at(path)
    with pytest.raises(OktaError, match=f"too weak a role: this needs .*{role}, or Super Administrator"):
        walk(okta)
    okta.before = lambda *_: None
    walk(okta)
    assert_complete(okta)


def set_in(document: Document, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for name in parents:
        document = document[name]
    document[last] = value


@pytest.mark.parametrize(
    ("what", "path", "value"),
    [
        ("application Sales console", "settings.oauthClient.grant_types", ["authorization_code", "implicit"]),
        ("application Sales console", "credentials.oauthClient.pkce_required", False),
        ("application Sales console", "settings.oauthClient.redirect_uris", []),
        ("application Sales command line", "settings.oauthClient.grant_types", ["authorization_code"]),
        ("application Sales machine", "settings.oauthClient.dpop_bound_access_tokens", True),
        ("rule Sales readers", "conditions.scopes.include", ["*"]),
        ("rule Sales readers", "conditions.people.groups.include", ["EVERYONE"]),
        ("rule Sales clerks", "conditions.people.users.include", ["00u1"]),
        ("rule Sales managers", "conditions.grantTypes.include", ["authorization_code", "password"]),
        ("rule Sales machines", "actions.token.accessTokenLifetimeMinutes", 1440),
        ("access policy Sales", "conditions.clients.include", ["ALL_CLIENTS"]),
        ("scope sales:manage", "default", True),
        ("scope sales:read", "consent", "REQUIRED"),
    ],
)
def test_a_value_that_was_changed_is_changed_back_and_nothing_else(
    okta: Organisation, what: str, path: str, value: Any
) -> None:
    walk(okta)
    stored = {
        **{f"application {each['label']}": each for each in okta.items("apps")},
        **{f"rule {name}": rule for name, rule in rules(okta).items()},
        **{f"scope {each['name']}": each for each in okta.items(f"{server_path(okta)}/scopes")},
        "access policy Sales": okta.items(f"{server_path(okta)}/policies")[0],
    }
    set_in(stored[what], path, value)
    assert walk(okta)[0] == [f"change {what}"]
    assert_complete(okta)
    assert walk(okta) == ([], [])


@pytest.mark.parametrize("path", ["apps", "authorizationServers"])
def test_a_deactivated_object_is_activated_again(okta: Organisation, path: str) -> None:
    walk(okta)
    okta.items(path)[0]["status"] = "INACTIVE"
    [done] = walk(okta)[0]
    assert done.startswith("activate ")
    assert okta.items(path)[0]["status"] == "ACTIVE"


def test_what_administrators_added_stays(okta: Organisation) -> None:
    walk(okta)
    other = okta.add("apps", label="Till", name="oidc_client", signOnMode="OPENID_CONNECT",
                     credentials={"oauthClient": {"token_endpoint_auth_method": "none"}}, settings={"oauthClient": {}})  # fmt: skip
    [policy] = okta.items(f"{server_path(okta)}/policies")
    policy["conditions"]["clients"]["include"].append(other["id"])
    app(okta, "Sales console")["settings"]["oauthClient"]["redirect_uris"].append("https://shop.example.com/")
    okta.items("groups")[0]["profile"]["description"] = "Our people at the desk"
    assert walk(okta) == ([], [])


def test_an_existing_server_keeps_its_audience_and_issuer(okta: Organisation) -> None:
    server = okta.add("authorizationServers", name="sales", audiences=["api://other"], issuerMode="ORG_URL")
    done, _ = walk(okta)
    assert not [each for each in done if "authorization server" in each]
    assert okta.items("authorizationServers") == [server]
    assert server["audiences"] == ["api://other"]


def test_names_that_only_begin_the_same_are_other_objects(okta: Organisation) -> None:
    okta.add("authorizationServers", name="sales-old", audiences=["api://old"])
    okta.add("groups", profile={"name": "Sales readers abroad"})
    okta.add("groups", profile={"name": "Sales readers"}, type="APP_GROUP")
    okta.add("apps", label="Sales console", name="saml", signOnMode="SAML_2_0", settings={"oauthClient": {}},
             credentials={"oauthClient": {"token_endpoint_auth_method": "none"}})  # fmt: skip
    okta.lists["groups"][1]["profile"]["name"] = "Sales readers"
    done, _ = walk(okta, act=False)
    assert len(done) == 21


def test_names_are_found_on_later_pages(okta: Organisation) -> None:
    walk(okta)
    for path in ("apps", "authorizationServers"):
        [first, *rest] = okta.items(path)
        twins = [first | {"id": f"{first['id'][:-3]}x{number}", **renamed(path, first, number)} for number in range(5)]
        okta.lists[path] = [*twins, first, *rest]
    okta.page = 2
    assert walk(okta, act=False)[0] == []
    assert any(path == "apps" for _, path in okta.requests)


def renamed(path: str, document: Document, number: int) -> Document:
    key = {"apps": "label", "authorizationServers": "name"}[path]
    return {key: f"{document[key]}{number}"}


@pytest.mark.parametrize("path", ["apps", "authorizationServers"])
def test_two_objects_of_one_name_stop_it_before_any_change(okta: Organisation, path: str) -> None:
    walk(okta)
    okta.items(path).append(okta.items(path)[0] | {"id": "another"})
    okta.changes.clear()
    okta.page = 1
    with pytest.raises(OktaError, match=r"2 objects .*another"):
        walk(okta, act=False)
    assert okta.changes == []


def test_an_application_of_another_type_is_not_changed(okta: Organisation) -> None:
    walk(okta)
    app(okta, "Sales console")["settings"]["oauthClient"]["application_type"] = "web"
    okta.changes.clear()
    with pytest.raises(OktaError, match="another application called Sales console: its application_type differs"):
        walk(okta)
    assert okta.changes == []


def default_policy(okta: Organisation, **rule: Any) -> None:
    path = f"{server_path(okta)}/policies"
    policy = okta.add(path, name="Default Policy", conditions={"clients": {"include": ["ALL_CLIENTS"]}})
    conditions = {
        "people": {"users": {"include": []}, "groups": {"include": ["EVERYONE"]}},
        "grantTypes": {"include": ["implicit", "client_credentials", "authorization_code", "password"]},
        "scopes": {"include": ["*"]},
    }
    okta.add(f"{path}/{policy['id']}/rules", name="Default Policy Rule", conditions=conditions | rule)


def test_a_default_policy_for_all_clients_is_a_warning_and_is_not_changed(okta: Organisation) -> None:
    walk(okta)
    default_policy(okta)
    okta.changes.clear()
    done, warned = walk(okta)
    assert (done, okta.changes) == ([], [])
    [warning] = warned
    assert "'Default Policy Rule' of the policy 'Default Policy' also grants every scope to everyone" in warning


def test_policies_that_cannot_reach_our_clients_or_scopes_are_no_warning(okta: Organisation) -> None:
    walk(okta)
    default_policy(okta, scopes={"include": ["openid", "other:read"]})
    path = f"{server_path(okta)}/policies"
    policy = okta.add(path, name="Others", conditions={"clients": {"include": ["0oa-other"]}})
    okta.add(f"{path}/{policy['id']}/rules", name="All", conditions={"scopes": {"include": ["*"]}})
    off = okta.add(path, name="Off", status="INACTIVE", conditions={"clients": {"include": ["ALL_CLIENTS"]}})
    okta.add(f"{path}/{off['id']}/rules", name="All", conditions={"scopes": {"include": ["*"]}})
    assert walk(okta)[1] == []


def test_an_extra_rule_in_our_policy_is_a_warning(okta: Organisation) -> None:
    walk(okta)
    path = f"{server_path(okta)}/policies"
    [policy] = okta.items(path)
    okta.add(f"{path}/{policy['id']}/rules", name="Temporary", conditions={"scopes": {"include": ["sales:manage"]}})
    [warning] = walk(okta)[1]
    assert "'Temporary' of the policy 'Sales' also grants sales:manage" in warning


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"issuerMode": "DYNAMIC"}, "Issuer Dynamic"),
        ({"accessTokenEncryptedResponseAlgorithm": "RSA-OAEP-256"}, "encrypts access tokens"),
    ],
)
def test_a_server_whose_tokens_cannot_work_is_a_warning(okta: Organisation, values: Document, words: str) -> None:
    okta.add(
        "authorizationServers", **{"name": "sales", "audiences": ["api://sales"], "issuerMode": "ORG_URL"} | values
    )
    [warning] = walk(okta, act=False)[1]
    assert words in warning


def test_lists_are_compared_as_sets_and_missing_values_are_empty() -> None:
    none = frozenset[str]()
    assert merged({"a": ["x", "y"], "b": 1}, {"a": ["y", "x"]}, none) == {"a": ["x", "y"], "b": 1}
    assert merged({"a": ["x", "y"]}, {"a": ["x"]}, none) == {"a": ["x"]}
    assert merged({"a": ["x"]}, {"a": ["y"]}, frozenset({"a"})) == {"a": ["x", "y"]}
    assert merged({"a": ["ALL_CLIENTS", "x"]}, {"a": ["x"]}, frozenset({"a"})) == {"a": ["x"]}
    assert merged(None, {"a": {"b": []}}, none) == {"a": {"b": []}}
    assert list(differences({"a": None}, {"a": {"b": [], "c": {}, "d": None}})) == []
    assert list(differences({"a": 0}, {"a": False, "b": 0})) == ["b"]
    assert list(differences({"a": {"b": 1}}, {"a": {"b": 2}, "c": "x"})) == ["a.b", "c"]
