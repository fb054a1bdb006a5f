"""The console, in a real browser and as a person uses it."""

import subprocess
import sys
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.chromium import Browser
from tests.local.system import ROOT, System, running, until

pytestmark = pytest.mark.browser
DRAWER = "#drawer-body"


@pytest.fixture
def console(system: System, browser: Browser) -> Browser:
    """A browser in which somebody has signed in to the console."""
    system.behave()
    browser.open(system.url("/"))
    browser.click(".welcome button", "Sign in")
    browser.sign_in()
    browser.find("h1", "Orders")
    return browser


def create_customer(console: Browser, number: str, name: str = "Amina Otieno") -> None:
    """Through the form, which is left with the new customer shown."""
    console.click("nav a", "Customers")
    console.click(".head a", "New customer")
    console.fill(f"{DRAWER} [name=name]", name)
    console.fill(f"{DRAWER} [name=phone_number]", number)
    console.fill(f"{DRAWER} [name=email]", "amina@example.com")
    console.click(f"{DRAWER} button[type=submit]")
    console.find("#drawer-title", name)


def create_order(console: Browser, item: str, amount: str = "1500") -> None:
    """For the customer who is shown; left with the new order shown."""
    console.click(f"{DRAWER} a", "New order")
    console.find("#drawer-title", "New order")
    console.fill(f"{DRAWER} [name=item]", item)
    console.fill(f"{DRAWER} [name=amount]", amount)
    console.click(f"{DRAWER} button[type=submit]")
    console.find("#drawer-title", item)


def timeline(console: Browser) -> list[str]:
    """The states of the order that is shown, as its timeline tells them."""
    return [each.text for each in console.driver.find_elements("css selector", ".timeline strong")]


def test_a_person_follows_an_order_from_its_creation_to_the_phone_and_sends_it_again_when_it_fails(
    system: System, console: Browser
) -> None:
    create_customer(console, "+254700000901")
    create_order(console, "solar lamp")
    console.find("#sms-title .chip", "Delivered")
    assert timeline(console)[0] == "Queued"
    assert timeline(console)[-1] == "Delivered"
    console.click("#close")
    row = console.find(".row", "solar lamp")
    assert "Amina Otieno" in row.text
    assert "KES 1,500.00" in row.text
    console.find(".row .chip", "Delivered")

    system.behave(default="status:407")
    console.click("nav a", "Customers")
    console.click(".row", "Amina Otieno")
    create_order(console, "water tank")
    console.find("#sms-title .chip", "Failed")
    system.behave()
    console.fill(f"{DRAWER} [name=reason]", "The network was down")
    console.click(f"{DRAWER} .actions button[type=submit]")
    console.find("#sms-title .chip", "Delivered")
    assert [state for state in timeline(console) if state != "Sending"] == [
        "Queued", "Failed", "Queued", "Sent", "Delivered",
    ]  # fmt: skip
    assert "The network was down" in console.find(".timeline").text
    assert console.errors() == []

    console.open(system.sandbox("/"))
    phone = console.find(".phone", "+254700000901").text
    assert phone.count("solar lamp") == 1
    assert phone.count("water tank") == 1


def test_signing_out_ends_the_session_at_the_issuer_too(system: System, console: Browser) -> None:
    console.click("#sign-out")
    console.find(".welcome button", "Sign in")
    console.driver.refresh()
    console.click(".welcome button", "Sign in")
    console.find("input[name=password]")


def test_after_a_reload_nobody_has_to_type_a_password_again_and_no_token_was_kept(
    system: System, console: Browser
) -> None:
    kept = console.driver.execute_script("return JSON.stringify([{...sessionStorage}, {...localStorage}])")
    assert "eyJ" not in kept
    console.driver.refresh()
    console.find("h1", "Orders")
    assert console.driver.current_url == system.url("/")


def test_a_list_shows_what_others_create_without_a_reload(system: System, console: Browser) -> None:
    order = system.order(system.customer(phone_number="+254700000902", name="Wanjiru Kamau"))
    console.find(".row", order["customer_code"], seconds=30)


def test_every_error_is_shown_at_its_field_and_nothing_is_created(system: System, console: Browser) -> None:
    before = len(list(system.orders()))
    console.click(".head a", "New order")
    console.fill(f"{DRAWER} [name=customer]", "XXXXXXXX")
    console.fill(f"{DRAWER} [name=amount]", "12x")
    console.click(f"{DRAWER} button[type=submit]")
    for name, sentence in (("customer", "no such customer"), ("item", "given"), ("amount", "decimal")):
        field = console.find(f".field:has([name={name}][aria-invalid])")
        assert sentence in field.find_element("css selector", ".error").text.lower()
    focused: Any = console.driver.switch_to.active_element
    assert focused.get_attribute("name") == "customer"
    assert console.accessibility() == []
    assert len(list(system.orders())) == before


def test_the_text_is_previewed_with_size_and_price_while_it_is_typed(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700000903")
    before = len(system.texts())
    console.click(".head a", "New order")
    console.fill(f"{DRAWER} [name=customer]", customer["code"])
    console.fill(f"{DRAWER} [name=item]", "green tea")
    console.fill(f"{DRAWER} [name=amount]", "250")
    console.find(".preview .bubble", "green tea")
    assert "1 segment, GSM-7" in console.find(".preview").text
    assert "KES 0.80" in console.find(".preview").text
    console.fill(f"{DRAWER} [name=item]", "green tea 茶")
    console.find(".preview", "UCS-2")
    assert "“茶”" in console.find(".preview").text
    assert len(system.texts()) == before


def test_an_order_is_cancelled_after_a_second_look(system: System, console: Browser) -> None:
    system.behave(default="http:429")
    order = system.order(system.customer(phone_number="+254700000904"))
    console.open(system.url(f"/#/orders?open={order['id']}"))
    console.click(".cancel button", "Cancel the order")
    console.click(".cancel button", "Yes, cancel it")
    console.find(".total .chip", "Cancelled")
    console.find("#sms-title .chip", "Not to be sent")
    assert system.call("GET", f"orders/{order['id']}").body["status"] == "cancelled"


def test_an_opt_out_is_seen_and_taken_back_where_the_customer_is_changed(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700000905", name="Njeri")
    system.call("PATCH", f"customers/{customer['id']}", {"sms_opted_out": True})
    console.open(system.url(f"/#/customers?open={customer['code']}"))
    console.find(".check .hint", "asked for no texts")
    console.click("#takes-texts")
    console.fill(f"{DRAWER} [name=name]", "Njeri Mwangi")
    console.click(f"{DRAWER} button[type=submit]", "Save")
    console.find("#drawer-news", "Saved")
    changed = system.call("GET", f"customers/{customer['id']}").body
    assert (changed["name"], changed["sms_opted_out"]) == ("Njeri Mwangi", False)


def test_a_change_that_another_has_overtaken_is_not_saved(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700000906", name="Njeri")
    console.open(system.url(f"/#/customers?open={customer['code']}"))
    console.find("#drawer-title", "Njeri")
    system.call("PATCH", f"customers/{customer['id']}", {"name": "Njeri Mwangi"})
    console.click(f"{DRAWER} button[type=submit]", "Save")
    console.find(f"{DRAWER} [role=alert]", "changed")
    assert system.call("GET", f"customers/{customer['id']}").body["name"] == "Njeri Mwangi"


def test_filters_are_in_the_address_and_say_so_when_nothing_matches(system: System, console: Browser) -> None:
    order = system.order(system.customer(phone_number="+254700000907", name="Barasa"))
    system.order(system.customer(phone_number="+254700000908", name="Chebet"))
    console.fill(".filters [name=customer]", order["customer_code"])
    console.click(".filters button", "Filter")
    console.find(".filtering summary", "on")
    console.find(".row", "Barasa")
    assert len(console.driver.find_elements("css selector", ".rows > li")) == 1
    console.open(system.url("/#/orders?reference=no-such-reference"))
    console.find(".blank h2", "No orders match")
    console.click(".blank a")
    console.find(".row", "Chebet")


def test_older_rows_come_by_cursor_and_none_twice(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700000909")
    made = {system.order(customer)["id"] for _ in range(30)}
    console.open(system.url(f"/#/orders?customer={customer['code']}"))
    console.click(".more", "Show more")
    until(lambda: len(console.driver.find_elements("css selector", ".rows > li")) == 30)
    links = [each.get_attribute("href") for each in console.driver.find_elements("css selector", ".rows a")]
    assert sorted(link.rpartition("=")[2] for link in links if link) == sorted(made)


def test_without_a_network_the_page_says_so_and_recovers_by_itself(system: System, console: Browser) -> None:
    console.find(".list:not([aria-busy])")
    console.network(offline=True)
    console.find(".notice", "No connection", seconds=30)
    console.network(offline=False)
    until(lambda: not console.driver.find_elements("css selector", ".notice"), seconds=30)


def test_a_session_that_has_ended_says_so_and_begins_again_where_it_was(system: System, console: Browser) -> None:
    console.click("nav a", "Customers")
    console.find("h1", "Customers")
    console.driver.execute_cdp_cmd("Network.enable", {})
    console.driver.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": {"Authorization": "Bearer expired"}})
    console.find(".notice", "Your session has ended", seconds=30)
    console.driver.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": {}})
    console.click(".notice button", "Sign in again")
    console.find("h1", "Customers")
    assert not console.driver.find_elements("css selector", ".notice")


def test_the_keyboard_is_enough(system: System, console: Browser) -> None:
    order = system.order(system.customer(phone_number="+254700000910"))
    console.driver.refresh()
    link = console.find(".row", order["customer_code"])
    link.send_keys(Keys.ENTER)
    console.find("#drawer-title", "macbook")
    assert console.driver.switch_to.active_element.get_attribute("id") == "drawer-title"
    console.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    until(lambda: not console.driver.find_elements("css selector", "dialog[open]"))
    assert order["id"] in (console.driver.switch_to.active_element.get_attribute("href") or "")


def test_the_first_look_costs_less_than_100_kb_and_one_request_for_data(system: System, browser: Browser) -> None:
    system.order(system.customer(phone_number="+254700000911"))
    browser.open(system.url("/"))
    browser.click(".welcome button", "Sign in")
    browser.sign_in()
    browser.find(".row")
    asked, received = browser.traffic()
    assert [url for url in asked if "/api/" in url] == [system.url("/api/v1/sales/orders?limit=25")]
    assert received < 100_000
    assert {url.split("/")[2] for url in asked} <= {
        f"127.0.0.1:{system.port}", f"127.0.0.1:{system.port + 1}",
    }  # fmt: skip


def test_nothing_inline_and_nothing_foreign_may_run(system: System) -> None:
    for path in ("/", "/console/console.js", "/console/config.json"):
        policy = system.call("GET", path, token="").headers["content-security-policy"]
        assert "unsafe-inline" not in policy
        assert "script-src 'self';" in policy
        assert "default-src 'none'" in policy


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(360, 740), (1280, 800)])
def test_the_sign_in_page_can_be_read_on_every_screen_and_says_what_was_wrong(
    system: System, browser: Browser, width: int, height: int, scheme: str
) -> None:
    browser.show_as(width, height, scheme)
    browser.open(system.url("/"))
    browser.click(".welcome button", "Sign in")
    browser.fill("input[name=username]", "demo")
    browser.fill("input[name=password]", "wrong")
    browser.click("button[type=submit]")
    browser.find(".bad")
    assert browser.sticks_out() == []
    assert browser.accessibility() == []
    browser.screenshot(f"sign-in-{width}-{scheme}")
    browser.sign_in()
    browser.find("h1", "Orders")


def test_an_empty_shop_is_told_what_to_do_first(browser: Browser) -> None:
    with running() as fresh:
        browser.open(fresh.url("/"))
        browser.click(".welcome button", "Sign in")
        browser.sign_in()
        browser.find(".blank h2", "No orders yet")
        assert browser.accessibility() == []
        browser.screenshot("console-empty")
        browser.click(".blank a", "New customer")
        browser.find("#drawer-title", "New customer")


@pytest.fixture(scope="module")
def shop(system: System) -> str:
    """A shop with something in it; the newest order's id."""
    system.behave()
    command = [sys.executable, "-m", "local.demo"]
    subprocess.run(command, cwd=ROOT, env=system.environ(), check=True, timeout=60, capture_output=True)
    newest = system.call("GET", "orders?limit=1").body["data"][0]
    system.reaches(newest, "delivered")
    found: str = newest["id"]
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(360, 740), (1280, 800)])
def test_it_can_be_read_and_used_on_every_screen(
    system: System, shop: str, console: Browser, width: int, height: int, scheme: str
) -> None:
    console.show_as(width, height, scheme)
    console.driver.refresh()
    for name, address, there in (
        ("orders", "/#/orders", ".row"),
        ("customers", "/#/customers", ".row"),
        ("new-customer", "/#/customers?open=new", f"{DRAWER} form"),
        ("order", f"/#/orders?open={shop}", ".timeline"),
    ):
        console.open(system.url(address))
        console.find(there)
        console.still()
        assert console.sticks_out() == [], name
        assert console.accessibility() == [], name
        console.screenshot(f"console-{name}-{width}-{scheme}")
    assert console.errors() == []
    console.open(system.sandbox("/"))
    console.find(".phone .state", "Delivered")
    assert console.sticks_out() == []
    assert console.accessibility() == []
    console.screenshot(f"phones-{width}-{scheme}")
