"""Scopes in the console, its check of a sign-in, and the filters that it keeps to itself."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.browser.chromium import Browser, answer_with, fault
from tests.browser.console import (
    DRAWER,
    create_customer,
    create_order,
    other_window,
    served_without,
    sign_in_as,
    window,
)
from tests.support.system import System, until

pytestmark = pytest.mark.browser


def requested_scopes(browser: Browser) -> list[str]:
    """Return the scopes of each sign-in since the last call."""
    urls = (urlsplit(url) for url in browser.traffic()[0])
    return [parse_qs(url.query)["scope"][0] for url in urls if url.path.endswith("/authorize")]


def test_a_reader_is_offered_no_changes(system: System, browser: Browser) -> None:
    order = system.order(system.customer(phone_number="+254700000918"))
    system.reaches(order, "delivered")
    sign_in_as(system, browser, "viewer")
    browser.find(".row", order["customer_code"])
    # Each level once, from the most to what a viewer has; after that the tab asks for what it got.
    reading = "openid profile sales:read"
    assert requested_scopes(browser) == [f"{reading} sales:write sales:manage", f"{reading} sales:write", reading]
    browser.driver.refresh()
    browser.find(".row", order["customer_code"])
    assert requested_scopes(browser) == [reading]
    assert not browser.driver.find_elements("css selector", ".primary")
    browser.driver.execute_script(f"location.hash = '#/orders?open={order['id']}'")
    browser.find("#sms-title .chip", "Delivered")
    buttons = browser.driver.find_elements("css selector", f"{DRAWER} button")
    assert [button.text for button in buttons if button.is_displayed()] == ["Print"]
    browser.driver.execute_script(f"location.hash = '#/customers?open={order['customer']}'")
    browser.find(f"{DRAWER} .facts", "+254700000918")
    assert not browser.driver.find_elements("css selector", f"{DRAWER} form")
    browser.driver.execute_script("location.hash = '#/orders?open=new'")
    browser.find(DRAWER, "You can view but not create.")
    assert browser.accessibility() == []


def test_a_clerk_sells_and_leaves_opt_outs_to_managers(system: System, browser: Browser) -> None:
    opted_out = system.customer(phone_number="+254700000881", name="Njeri")
    system.call("PATCH", f"customers/{opted_out['id']}", {"sms_opted_out": True})
    sign_in_as(system, browser, "clerk")
    create_customer(browser, "+254700007922", "Barasa")
    browser.find(".check .hint", "only a manager can tick it again")
    create_order(browser, "tea leaves")
    browser.driver.execute_script(f"location.hash = '#/customers?open={opted_out['id']}'")
    browser.find(".check .hint", "The customer has opted out. Only a manager can change this.")
    assert not browser.find("#receives-texts").is_enabled()
    assert browser.accessibility() == []
    browser.fill(f"{DRAWER} [name=name]", "Njeri Mwangi")
    browser.click(f"{DRAWER} button[type=submit]", "Save")
    browser.find("#drawer-done", "Saved")
    # As after a change of the clerk's group: the page offers it, and the API refuses.
    browser.driver.execute_script("document.getElementById('receives-texts').disabled = false")
    browser.click("#receives-texts")
    browser.click(f"{DRAWER} button[type=submit]", "Save")
    browser.find(f"{DRAWER} [role=alert]", "You are not allowed to do this. Ask a manager.")
    current = system.call("GET", f"customers/{opted_out['id']}").body
    assert (current["name"], current["sms_opted_out"]) == ("Njeri Mwangi", True)


def test_a_person_without_a_group_is_told_whom_to_ask(system: System, browser: Browser) -> None:
    browser.open(system.url("/"))
    browser.find(".welcome button", "Sign in")
    attempt = {"state": "x", "scope": "openid profile sales:read", "view": ""}
    browser.driver.execute_script("sessionStorage.setItem('sign-in', arguments[0])", json.dumps(attempt))
    browser.open(system.url("/?state=x&error=access_denied&error_description=Policy+evaluation+failed"))
    browser.find(".welcome .error", "You have no access yet (Policy evaluation failed). Ask a manager for it.")


def test_after_a_change_of_person_the_page_asks_for_all_again(system: System, browser: Browser) -> None:
    sign_in_as(system, browser, "clerk")
    browser.intercept("/api/", answer_with(401))
    browser.find(".notice", "Your session has ended", seconds=30)
    browser.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    browser.click(".notice button", "Sign in again")
    requested_scopes(browser)
    with window(browser, other_window(browser)):
        browser.sign_in("demo")
    browser.find("#person", "Demo User")
    assert "sales:manage" in requested_scopes(browser)[-1]


def test_without_the_issuers_endpoints_nobody_is_sent_to_sign_in(system: System, browser: Browser) -> None:
    answer = "window.trueFetch('/console/config.json').then((answer) => answer.json())"
    without = ".then((given) => new Response(JSON.stringify({...given, token_endpoint: undefined})))"
    browser.run_on_each_page(served_without("token_endpoint") + fault("config.json", answer + without))
    browser.open(system.url("/"))
    browser.click(".welcome button", "Sign in")
    browser.find(
        ".welcome .error", f"The sign-in at http://127.0.0.1:{system.port + 1}/oauth2/default does not answer."
    )
    assert requested_scopes(browser) == []
    # The next attempt reads it again.
    browser.intercept("", "")
    browser.click(".welcome button", "Sign in")
    browser.find("input[name=username]")


CONSOLE = "sales-console"


@pytest.mark.parametrize(
    ("claims", "accepted"),
    [
        ({"aud": CONSOLE}, True),
        ({"aud": [CONSOLE]}, True),
        ({"aud": [CONSOLE, "other"], "azp": CONSOLE}, True),
        ({"aud": CONSOLE, "azp": CONSOLE}, True),
        ({"aud": "other"}, False),
        ({"aud": f"{CONSOLE}s"}, False),
        ({"aud": ["other"], "azp": CONSOLE}, False),
        ({"aud": [CONSOLE, "other"]}, False),
        ({"aud": [CONSOLE, "other"], "azp": "other"}, False),
        ({"aud": CONSOLE, "azp": "other"}, False),
        ({"iss": "https://other.example"}, False),
        ({"aud": None}, False),
    ],
)
def test_an_id_token_must_be_for_the_console(
    system: System, browser: Browser, claims: dict[str, Any], accepted: bool
) -> None:
    browser.run_on_each_page(
        f"""
        const real = window.fetch;
        window.fetch = async (url, ...rest) => {{
          const answer = await real(url, ...rest);
          if (!String(url).endsWith("/v1/token")) return answer;
          const tokens = await answer.json();
          const [head, body, signature] = tokens.id_token.split(".");
          const given = JSON.parse(atob(body.replaceAll("-", "+").replaceAll("_", "/")));
          const changed = btoa(JSON.stringify({{...given, ...{json.dumps(claims)}}}));
          return new Response(JSON.stringify({{...tokens, id_token: [head, changed, signature].join(".")}}));
        }};
        """
    )
    browser.open(system.url("/"))
    browser.click(".welcome button", "Sign in")
    browser.sign_in()
    if accepted:
        browser.find("h1", "Orders")
    else:
        browser.find(".welcome .error", "This sign-in is for another application. Sign in again.")
        assert browser.driver.execute_script("return sessionStorage.getItem('signed-in')") is None


def history(browser: Browser) -> str:
    """Return all addresses and titles that the tab went through."""
    return json.dumps(browser.driver.execute_cdp_cmd("Page.getNavigationHistory", {})["entries"])


def test_whom_a_person_looked_for_is_in_no_address_and_no_history(system: System, console: Browser) -> None:
    number = "+254700000923"
    customer = system.customer(phone_number=number, name="Naserian", email="naserian@example.com")
    other = system.customer(phone_number="+254700000924", name="Zawadi")
    system.order(customer)
    console.click("nav a", "Customers")
    console.find(".row", "Zawadi")
    console.traffic()
    for name, value in (("phone_number", number), ("email", customer["email"]), ("code", customer["code"])):
        console.fill(f".filters [name={name}]", value)
        console.click(".filters button", "Filter")
        console.find(".filtering summary", "on")
        console.find(".row", "Naserian")
        until(lambda: len(console.driver.find_elements("css selector", ".rows > li")) == 1)
        assert console.find(f".filters [name={name}]").get_attribute("value") == value
        console.click(".filters .clear")
        console.find(".row", "Zawadi")
    # The API is still asked by GET.
    assert any("phone_number=%2B254700000923" in url for url in console.traffic()[0])
    console.driver.back()
    console.find(".row", "Naserian")
    assert console.find(".filters [name=code]").get_attribute("value") == customer["code"]
    console.click(".row", "Naserian")
    console.click(f"{DRAWER} a", "All orders")
    console.find(".row", customer["code"])
    assert console.find(".filters [name=customer]").get_attribute("value") == customer["code"]
    console.click("nav a", "Customers")
    console.click(".row", "Naserian")
    console.click(f"{DRAWER} a", "New order")
    until(lambda: console.find(f"{DRAWER} [name=whom]").get_attribute("value") == "Naserian")
    # A reload signs in again by redirects, and forgets whom the list was about.
    console.driver.get(console.driver.current_url)
    console.driver.refresh()
    console.find("#drawer-title", "New order")
    console.find(".row", customer["code"])
    # A typed address works, and is tidied.
    console.driver.execute_script("location.hash = '#/customers?email=zawadi%40example.com'")
    console.find("h1", "Customers")
    assert console.find(".filters [name=email]").get_attribute("value") == "zawadi@example.com"
    until(lambda: "email" not in console.driver.current_url)
    for trace in (number, number[1:], "naserian", customer["code"], other["code"], "zawadi"):
        assert trace not in history(console)
        assert trace not in console.driver.execute_script("return JSON.stringify(sessionStorage)")
