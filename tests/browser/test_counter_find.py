"""Situations at a counter: finding a customer or an order. `docs/console.md` lists them."""

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.chromium import Browser
from tests.browser.console import DRAWER, customers_with, focused, new_order, options, sign_in_as, value
from tests.support.system import System, until

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("typed", ["ng’ang’a wa o'brien", "NGANGA OBRIEN", "Ng'ang'a"])
def test_a_name_with_an_apostrophe_is_found_however_it_is_typed(system: System, console: Browser, typed: str) -> None:
    if not customers_with(system, "+254700007943"):
        system.customer(phone_number="+254700007943", name="Ng'ang'a wa O'Brien")
    console.fill("#find", typed)
    options(console, "Ng'ang'a wa O'Brien")
    focused(console).send_keys(Keys.ENTER)
    console.find(".blank h2", "No orders match")


def test_a_number_as_people_say_it_finds_the_customer(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700007944", name="Kiprono Rotich")
    console.click("nav a", "Customers")
    for typed in ("0700007944", "0700 007 944", "+254 700 007 944", "007944"):
        console.find("#find").send_keys(typed)
        options(console, "Kiprono Rotich")
        focused(console).send_keys(Keys.ENTER)
        console.find("#drawer-title", "Kiprono Rotich")
        console.click("#close")
        until(lambda: not console.driver.find_elements("css selector", "dialog[open]"))
    # A customer's code is as good.
    console.find("#find").send_keys(customer["code"].lower().replace("-", ""), Keys.ENTER)
    console.find("#drawer-title", "Kiprono Rotich")


def test_an_order_is_found_by_its_code_and_by_its_order_number(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700007945", name="Wekesa")
    body = {"customer": customer["id"], "item": "cement", "amount": "750", "reference": "INV-0945"}
    order = system.call("POST", "orders", body).body
    for typed in (order["code"], order["code"].replace("-", "").lower(), "INV-0945"):
        console.find("#find").send_keys(typed, Keys.ENTER)
        console.find("#drawer-title", "cement")
        console.click("#close")
        until(lambda: not console.driver.find_elements("css selector", "dialog[open]"))


def test_a_name_on_the_orders_list_leads_to_their_orders(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700007946", name="Barasa Wafula")
    system.order(customer)
    system.order(system.customer(phone_number="+254700007947", name="Chebet"))
    console.find("#find").send_keys("waf")
    options(console, "Barasa Wafula")
    focused(console).send_keys(Keys.ARROW_DOWN, Keys.ENTER)
    until(lambda: len(console.driver.find_elements("css selector", ".rows > li .customer")) == 1)
    console.find(".row", "Barasa Wafula")
    # A new order from here is theirs.
    console.click(".head a", "New order")
    until(lambda: value(console, "whom") == "Barasa Wafula")


def test_nothing_found_says_what_was_tried(system: System, console: Browser) -> None:
    console.find("#find").send_keys("zzyzx")
    console.find(".find .note", "Nothing found for “zzyzx”. We looked for a name or an order number.")
    assert console.accessibility() == []
    focused(console).send_keys(Keys.ESCAPE)
    focused(console).send_keys("zz34")
    console.find(".find .note", "“zz34”")
    console.network(offline=True)
    focused(console).send_keys("5")
    console.find(".find .note", "We can’t reach the server.")
    console.network(offline=False)
    focused(console).send_keys(Keys.ENTER)
    console.find(".find .note", "Nothing found for “zz345”.")


def test_the_number_of_hits_is_announced_and_a_late_answer_is_dropped(system: System, console: Browser) -> None:
    for number in ("+254700007948", "+254700007949"):
        system.customer(phone_number=number, name="Lokichar Ekai")
    late = "new Promise((answer) => { window.answerLate = () => answer(window.trueFetch(url, ...rest)); })"
    console.intercept("search=lok", late)
    console.find("#find").send_keys("lok")
    until(lambda: console.driver.execute_script("return Boolean(window.answerLate)"))
    console.intercept("", "")
    focused(console).send_keys(" zzyzx")
    console.find(".find .note", "Nothing found for “lok zzyzx”.")
    console.driver.execute_script("window.answerLate()")
    focused(console).send_keys(Keys.BACKSPACE * 9, "lokichar")
    assert len(options(console, "Lokichar Ekai")) == 2
    note = console.driver.find_element("css selector", ".find .note")
    assert (note.get_attribute("role"), note.get_attribute("textContent")) == ("status", "2 customers.")
    # Two people: Enter chooses neither of them.
    focused(console).send_keys(Keys.ENTER)
    assert console.find("#find").get_attribute("aria-expanded") == "true"
    focused(console).send_keys(Keys.ESCAPE)
    assert console.find("#find").get_attribute("aria-expanded") == "false"


def test_a_slash_is_a_slash_in_a_field(system: System, console: Browser) -> None:
    console.find(".filters [name=reference]").send_keys("a/b")
    assert console.find(".filters [name=reference]").get_attribute("value") == "a/b"
    new_order(console)
    console.find(f"{DRAWER} [name=item]").send_keys("1/2 kg rice")
    assert value(console, "item") == "1/2 kg rice"


def test_a_reader_finds_but_does_not_sell(system: System, browser: Browser) -> None:
    system.order(system.customer(phone_number="+254700007966", name="Mwende Kilonzo"), "beans")
    sign_in_as(system, browser, "viewer")
    browser.find("#find").send_keys("mwende kil")
    options(browser, "Mwende Kilonzo")
    focused(browser).send_keys(Keys.ENTER)
    browser.find(".row", "beans")
    assert not browser.driver.find_elements("css selector", ".primary")
    browser.click(".row", "beans")
    browser.find(f"{DRAWER} .facts", "Mwende Kilonzo")
    assert not browser.driver.find_elements("css selector", f"{DRAWER} form:not([hidden])")
