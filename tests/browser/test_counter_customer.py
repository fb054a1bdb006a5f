"""Situations at a counter: a customer's page, their history and language, and what they may ask of the shop. `docs/console.md` lists them."""

import json
from pathlib import Path

import pytest
from selenium.webdriver.support.select import Select

from tests.browser.chromium import Browser, answer_with
from tests.browser.console import DRAWER, sign_in_as
from tests.support.system import System, until

pytestmark = pytest.mark.browser


def open_customer(browser: Browser, customer: dict[str, object]) -> None:
    browser.driver.execute_script(f"location.hash = '#/customers?open={customer['id']}'")
    browser.find("#drawer-title", str(customer["name"]))


def test_a_customers_page_says_what_they_ordered_and_spent(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700000861", name="Otieno")
    first, second = system.order(customer), system.order(customer, item="kettle")
    for order in (first, second):
        system.reaches(order, "delivered")
    system.call("POST", f"orders/{second['id']}/cancel")
    open_customer(console, customer)
    history = console.find(f"{DRAWER} .history", "1 of them cancelled").text
    assert "2, 1 of them cancelled" in history
    assert "KES 56,000.68" in history
    assert "2 delivered" in history
    assert [row.text.split("\n")[0] for row in console.driver.find_elements("css selector", ".history .row")] == [
        "kettle",
        "macbook m2",
    ]
    assert console.accessibility() == []
    console.screenshot("console-customer-1280-light")
    console.click(".history .row", "kettle")
    console.find("#drawer-title", "kettle")
    console.driver.back()
    console.find("#drawer-title", "Otieno")


def test_a_customer_who_reads_swahili_gets_swahili(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700000862", name="Barasa")
    open_customer(console, customer)
    assert console.find(f"{DRAWER} [name=language]").text.startswith("The shop’s (English)")
    console.driver.execute_script("document.querySelector('[name=language]').value = 'sw'")
    console.click(f"{DRAWER} button[type=submit]", "Save")
    console.find("#drawer-done", "Saved.")
    assert system.call("GET", f"customers/{customer['id']}").body["language"] == "sw"
    assert system.sms(system.order(customer))["language"] == "sw"
    # And back to the shop's own.
    console.driver.execute_script("document.querySelector('[name=language]').value = ''")
    console.click(f"{DRAWER} button[type=submit]", "Save")
    until(lambda: system.call("GET", f"customers/{customer['id']}").body["language"] is None)


def test_a_new_customers_language_is_chosen_in_their_form(system: System, console: Browser) -> None:
    console.click("nav a", "Customers")
    console.click(".head a", "New customer")
    console.fill(f"{DRAWER} [name=name]", "Zawadi")
    console.fill(f"{DRAWER} [name=phone_number]", "+254700000847")
    console.fill(f"{DRAWER} [name=email]", "zawadi@example.com")
    Select(console.find(f"{DRAWER} [name=language]", "The shop’s (English)")).select_by_visible_text("Swahili")
    console.click(f"{DRAWER} button[type=submit]")
    console.find("#drawer-title", "Zawadi")
    [customer] = system.call("GET", "customers?phone_number=%2B254700000847").body["data"]
    assert customer["language"] == "sw"


def test_a_manager_exports_what_we_hold_and_erases_it(system: System, console: Browser, tmp_path: Path) -> None:
    downloads = {"behavior": "allow", "downloadPath": str(tmp_path)}
    console.driver.execute_cdp_cmd("Browser.setDownloadBehavior", downloads)
    customer = system.customer(phone_number="+254700000863", name="Ng’ang’a Mwangi")
    order = system.order(customer)
    system.reaches(order, "delivered")
    open_customer(console, customer)
    console.click(f"{DRAWER} button", "Download their data")
    console.find(".privacy .hint", "The file is saved. It has 1 order.")
    file = until(lambda: next((path for path in tmp_path.glob("*.json")), None))
    held = json.loads(file.read_text())
    assert file.name == f"customer-{customer['code']}.json"
    assert held["customer"]["phone_number"] == held["orders"][0]["sms"]["to"] == "+254700000863"
    console.click(f"{DRAWER} button", "Erase this customer…")
    console.find(".sure", "It cannot be undone")
    assert console.driver.switch_to.active_element.get_attribute("name") == "confirm_name"
    assert console.accessibility() == []
    console.click(f"{DRAWER} button", "Erase for ever")
    console.find(".sure .error", "This is not the customer’s name.")
    assert system.call("GET", f"customers/{customer['id']}").body["name"] == customer["name"]
    console.fill("[name=confirm_name]", "ng’ang’a  mwangi ")
    console.click(f"{DRAWER} button", "Erase for ever")
    console.find("#drawer-done", "The customer’s personal data was erased.")
    console.find("#drawer-title", "Erased customer")
    assert console.accessibility() == []
    assert system.call("GET", f"customers/{customer['id']}").body["phone_number"] is None
    assert not console.driver.find_elements("css selector", f"{DRAWER} form")


def test_an_erasure_can_be_thought_better_of(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700000864", name="Akinyi")
    open_customer(console, customer)
    console.click(f"{DRAWER} button", "Erase this customer…")
    console.click(f"{DRAWER} button", "Keep this customer")
    assert console.driver.switch_to.active_element.text == "Erase this customer…"
    # Someone else changes the customer in the meantime: what is erased is not what was seen.
    system.call("PATCH", f"customers/{customer['id']}", {"name": "Akinyi Odhiambo"})
    console.click(f"{DRAWER} button", "Erase this customer…")
    console.fill("[name=confirm_name]", "Akinyi")
    console.click(f"{DRAWER} button", "Erase for ever")
    console.find(".sure .error", "Someone else changed this.")
    assert system.call("GET", f"customers/{customer['id']}").body["name"] == "Akinyi Odhiambo"


def test_a_clerk_and_a_viewer_see_nothing_of_a_managers(system: System, browser: Browser) -> None:
    customer = system.customer(phone_number="+254700000865", name="Chebet")
    sign_in_as(system, browser, "clerk")
    open_customer(browser, customer)
    browser.find(f"{DRAWER} .history", "No orders yet.")
    browser.find(f"{DRAWER} [name=language]")
    assert not browser.driver.find_elements("css selector", ".privacy")
    assert not any("privacy" in url for url in browser.traffic()[0])
    assert [tab.text for tab in browser.driver.find_elements("css selector", "#sections a")] == ["Orders", "Customers"]


def test_history_that_does_not_load_leaves_the_rest(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700000866", name="Kiptoo")
    console.intercept("customer=", answer_with(503))
    open_customer(console, customer)
    console.find(".history", "The orders did not load.")
    console.find(f"{DRAWER} [name=name]")
    assert console.accessibility() == []
