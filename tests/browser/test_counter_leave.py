"""Situations at a counter: leaving and coming back. Back leads where a person was, and what they typed is kept. `docs/console.md` lists them."""

from collections.abc import Callable

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.chromium import Browser, answer_with
from tests.browser.console import DRAWER, create_order, other_window, sign_in_as, window
from tests.support.system import System, until

pytestmark = pytest.mark.browser


def type_a_customer(console: Browser, name: str = "Wambui") -> None:
    """Start typing a new customer."""
    console.click("nav a", "Customers")
    console.click(".head a", "New customer")
    console.fill(f"{DRAWER} [name=name]", name)


def is_closed(console: Browser) -> bool:
    return not console.driver.find_elements("css selector", "dialog[open]")


def click_outside(console: Browser) -> None:
    console.wait_for_animations()
    console.driver.execute_script(
        """
        const drawer = document.getElementById("drawer");
        const there = {bubbles: true, clientX: 20, clientY: 500};
        drawer.dispatchEvent(new PointerEvent("pointerdown", there));
        drawer.dispatchEvent(new MouseEvent("click", there));
        """
    )


EXITS: dict[str, Callable[[Browser], None]] = {
    "escape": lambda console: console.find(f"{DRAWER} [name=name]").send_keys(Keys.ESCAPE),
    "close": lambda console: console.click("#close"),
    "outside": click_outside,
    "back": lambda console: console.driver.back(),
    "link": lambda console: console.driver.execute_script("location.hash = '#/orders'"),
}


@pytest.mark.parametrize("way", EXITS)
def test_what_was_typed_can_be_had_back_however_the_drawer_closed(system: System, console: Browser, way: str) -> None:
    type_a_customer(console)
    EXITS[way](console)
    until(lambda: is_closed(console))
    console.find(".notice", "What you typed was discarded.")
    assert console.accessibility() == []
    console.click(".notice button", "Undo")
    until(lambda: console.find(f"{DRAWER} [name=name]").get_attribute("value") == "Wambui")
    assert not console.driver.find_elements("css selector", ".notice")


def test_closing_an_unchanged_form_says_nothing(system: System, console: Browser) -> None:
    type_a_customer(console)
    console.find(f"{DRAWER} [name=name]").send_keys(Keys.BACKSPACE * 6)
    console.click("#close")
    until(lambda: is_closed(console))
    assert not console.driver.find_elements("css selector", ".notice")


def test_an_undone_change_keeps_what_someone_else_changed_since(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700000931", name="Naliaka")
    console.open(system.url(f"/#/customers?open={customer['id']}"))
    console.fill(f"{DRAWER} [name=email]", "naliaka@example.com")
    console.click("#close")
    system.call("PATCH", f"customers/{customer['id']}", {"name": "Naliaka Wekesa"})
    console.click(".notice button", "Undo")
    until(lambda: console.find(f"{DRAWER} [name=email]").get_attribute("value") == "naliaka@example.com")
    assert console.find(f"{DRAWER} [name=name]").get_attribute("value") == "Naliaka Wekesa"
    console.click(f"{DRAWER} button[type=submit]", "Save")
    console.find("#drawer-done", "Saved.")
    current = system.call("GET", f"customers/{customer['id']}").body
    assert (current["name"], current["email"]) == ("Naliaka Wekesa", "naliaka@example.com")


def asks_before_leaving(console: Browser) -> bool:
    """Whether the browser would ask before it leaves the page."""
    script = "const leaving = new Event('beforeunload', {cancelable: true}); dispatchEvent(leaving); return leaving.defaultPrevented"
    return bool(console.driver.execute_script(script))


def test_leaving_the_page_asks_only_with_something_typed(system: System, console: Browser) -> None:
    assert not asks_before_leaving(console)
    type_a_customer(console)
    assert asks_before_leaving(console)
    console.click("#close")
    until(lambda: is_closed(console))
    assert not asks_before_leaving(console)


def test_back_after_creating_an_order_leads_to_no_empty_form(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700000932", name="Achieng")
    console.driver.execute_script(f"location.hash = '#/customers?open={customer['id']}'")
    console.find("#drawer-title", "Achieng")
    create_order(console, "kettle")
    console.find("#drawer-done", "Order created.")
    console.driver.back()
    console.find("#drawer-title", "Achieng")
    console.driver.forward()
    console.find("#drawer-title", "kettle")
    console.click("#close")
    console.find("h1", "Orders")
    # Closing led to the list that the order is in.
    console.driver.back()
    console.find("#drawer-title", "Achieng")


def test_closing_the_drawer_leaves_no_entry_in_the_history(system: System, console: Browser) -> None:
    system.order(system.customer(phone_number="+254700000933", name="Cherono"))
    console.click("nav a", "Customers")
    for _ in range(2):
        console.click(".row", "Cherono")
        console.find("#drawer-title", "Cherono")
        console.click("#close")
        until(lambda: is_closed(console))
    until(lambda: console.driver.current_url == system.url("/#/customers"))
    console.driver.back()
    console.find("h1", "Orders")


def test_back_leads_to_the_same_rows_of_a_long_list(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700000934")
    for _ in range(30):
        system.order(customer)
    console.driver.execute_script(f"location.hash = '#/orders?customer={customer['code']}'")
    console.click(".more", "Show more")
    until(lambda: len(console.driver.find_elements("css selector", ".rows .row")) == 30)
    console.driver.execute_script("scrollTo(0, 900)")
    console.driver.execute_script("location.hash = '#/customers'")
    console.find("h1", "Customers")
    console.driver.back()
    until(lambda: len(console.driver.find_elements("css selector", ".rows .row")) == 30)
    until(lambda: console.driver.execute_script("return scrollY") > 800)


def test_a_reload_leaves_the_history_as_it_was(system: System, console: Browser) -> None:
    console.click("nav a", "Customers")
    console.find("h1", "Customers")
    before = console.driver.execute_script("return history.length")
    console.driver.refresh()
    console.find("h1", "Customers")
    assert console.driver.execute_script("return history.length") == before
    console.driver.back()
    console.find("h1", "Orders")


def test_a_second_tab_needs_no_sign_in_and_hears_of_the_sign_out(system: System, console: Browser) -> None:
    console.driver.switch_to.new_window("tab")
    console.open(system.url("/#/customers"))
    console.find("h1", "Customers")
    console.find("#person", "Demo User")
    kept = console.driver.execute_script("return JSON.stringify([{...sessionStorage}, {...localStorage}])")
    assert "eyJ" not in kept
    with window(console, other_window(console)):
        console.click("#sign-out")
        console.find(".welcome button", "Sign in")
    console.find(".welcome button", "Sign in")
    assert not console.driver.find_elements("css selector", ".row")


def test_signing_in_in_one_tab_continues_the_others(system: System, browser: Browser) -> None:
    browser.open(system.url("/"))
    browser.find(".welcome button", "Sign in")
    browser.driver.switch_to.new_window("tab")
    sign_in_as(system, browser, "demo")
    with window(browser, other_window(browser)):
        browser.find("h1", "Orders")
    # Both sessions end; signing in in one tab is enough.
    browser.intercept("/api/", answer_with(401))
    browser.find(".notice", "Your session has ended", seconds=30)
    browser.intercept("/api/", "")
    browser.click(".notice button", "Sign in again")
    until(lambda: not browser.driver.find_elements("css selector", ".notice"))
