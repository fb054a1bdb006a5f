"""The console in a real browser, as a person uses it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser.chromium import NEVER, NO_NETWORK, Browser, answer_with, fault
from tests.browser.console import (
    DRAWER,
    create_customer,
    create_order,
    other_window,
    sign_in_again,
    sign_in_as,
    timeline,
    window,
)
from tests.support.numbers import mobile
from tests.support.system import ROOT, System, running, until

pytestmark = pytest.mark.browser


def last_wait(console: Browser, part: str) -> float:
    """Return the ms between the last two requests to an address containing `part`, or 0."""
    times = console.request_times(part)
    return times[-1] - times[-2] if len(times) > 1 else 0


def test_an_order_reaches_the_phone_and_a_failed_one_is_resent(system: System, browser: Browser) -> None:
    system.behave(delivery_delay_ms=1500)
    browser.open(system.url("/"))
    console = browser.driver.current_window_handle
    browser.driver.switch_to.new_window("window")
    browser.open(system.sandbox("/"))
    phones = browser.driver.current_window_handle
    browser.driver.switch_to.window(console)

    def behave(label: str, hint: str) -> None:
        with window(browser, phones):
            browser.click("#answers label", label)
            browser.find("#answer-hint", hint)
            until(lambda: browser.driver.execute_script("return waiting === 0"))

    browser.click(".welcome button", "Sign in")
    browser.sign_in()
    browser.find("h1", "Orders")
    browser.driver.execute_script("window.neverReloaded = true")

    behave("Put off", "we try again later")
    create_customer(browser, "+254700000901")
    create_order(browser, "solar lamp")
    browser.find("#sms-title .chip", "Queued", seconds=60)
    behave("Accepted", "accepted immediately")
    browser.find("#sms-title .chip", "Delivered", seconds=60)
    assert timeline(browser)[0] == "Queued"
    assert timeline(browser)[-2:] == ["Sent", "Delivered"]
    browser.click("#close")
    row = browser.find(".row", "solar lamp")
    assert "Amina Otieno" in row.text
    assert "KES 1,500.00" in row.text
    until(lambda: "Delivered" in row.text)
    with window(browser, phones):
        assert browser.find(".phone", "+254700000901").text.count("solar lamp") == 1

    behave("Refused", "refused permanently")
    browser.click("nav a", "Customers")
    browser.click(".row", "Amina Otieno")
    create_order(browser, "water tank")
    browser.find("#sms-title .chip", "Failed", seconds=60)
    with window(browser, phones):
        assert "water tank" not in browser.find(".phone", "+254700000901").text
    behave("Accepted", "accepted immediately")
    browser.fill(f"{DRAWER} [name=reason]", "The network was down")
    browser.click(f"{DRAWER} .actions button[type=submit]")
    browser.find("#sms-title .chip", "Delivered", seconds=60)
    assert timeline(browser) == ["Queued", "Sending", "Failed", "Queued", "Sending", "Sent", "Delivered"]
    story = browser.find(".timeline").text
    for sentence in (
        "The order was created", "Handing it to the provider · attempt 1", "The provider refused it",
        "Requested again · “The network was down”", "attempt 2", "The network confirmed delivery",
    ):  # fmt: skip
        assert sentence in story
    browser.click(".technical summary")
    assert "CouldNotRoute" in browser.find(".technical").text
    with window(browser, phones):
        assert browser.find(".phone", "+254700000901").text.count("water tank") == 1

    assert browser.driver.execute_script("return window.neverReloaded")
    browser.click("#close")
    browser.click("#sign-out")
    browser.find(".welcome button", "Sign in")
    assert browser.errors() == []


def test_a_reload_needs_no_password_and_stores_no_token(system: System, console: Browser) -> None:
    kept = console.driver.execute_script("return JSON.stringify([{...sessionStorage}, {...localStorage}])")
    assert "eyJ" not in kept
    console.driver.refresh()
    console.find("h1", "Orders")
    assert console.driver.current_url == system.url("/")


def test_a_list_shows_new_orders_without_a_reload(system: System, console: Browser) -> None:
    order = system.order(system.customer(phone_number="+254700000902", name="Wanjiru Kamau"))
    console.find(".row", order["customer_code"], seconds=30)


def test_each_error_appears_at_its_field(system: System, console: Browser) -> None:
    before = len(list(system.orders()))
    console.click(".head a", "New order")
    console.fill(f"{DRAWER} [name=whom]", "XXXXXXXX")
    console.fill(f"{DRAWER} [name=amount]", "1.500,00")
    console.click(f"{DRAWER} button[type=submit]")

    def has_errors(*errors: tuple[str, str]) -> None:
        for name, sentence in errors:
            field = console.find(f".field:has([name={name}][aria-invalid])")
            assert sentence in field.find_element("css selector", ".error").text
        focused: Any = console.driver.switch_to.active_element
        assert focused.get_attribute("name") == errors[0][0]
        assert len(console.driver.find_elements("css selector", f"{DRAWER} [aria-invalid]")) == len(errors)
        assert console.accessibility() == []

    has_errors(
        ("whom", "Pick the customer from the list"),
        ("item", "Enter what the customer ordered."),
        ("amount", "Did you mean KES 1,500.00?"),
    )
    # A corrected field is not wrong any more.
    console.fill(f"{DRAWER} [name=item]", "green tea")
    console.fill(f"{DRAWER} [name=amount]", "1500")
    console.fill(f"{DRAWER} [name=whom]", "YYYYYYYY")
    assert not console.driver.find_elements("css selector", f"{DRAWER} [aria-invalid]")
    console.click(f"{DRAWER} button[type=submit]")
    has_errors(("whom", "Pick the customer from the list"))
    assert len(list(system.orders())) == before


def test_a_form_that_did_not_load_says_so_and_loads_later(system: System, browser: Browser) -> None:
    def block(*names: str) -> None:
        browser.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": [f"*/{name}" for name in names]})

    browser.driver.execute_cdp_cmd("Network.enable", {})
    block("new_order.js")
    sign_in_as(system, browser, "demo")
    block("new_order.js", "arrival.js")
    browser.click(".head a", "New order")
    browser.find(f"{DRAWER} .blank h2", "New order did not load")
    assert browser.accessibility() == []
    block()
    browser.find(f"{DRAWER} [name=whom]")


def test_a_browser_that_remembers_failed_modules_loads_the_page_again_once(system: System, browser: Browser) -> None:
    # As Chromium 150 does: a module that did not load fails until the page is loaded again.
    browser.driver.execute_cdp_cmd("Network.enable", {})
    browser.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/new_order.js"]})
    sign_in_as(system, browser, "demo")
    browser.driver.execute_script("window.first = true")
    browser.click(".head a", "New order")
    until(lambda: not browser.driver.execute_script("return window.first"))
    browser.find(f"{DRAWER} .blank h2", "New order did not load")
    browser.driver.execute_script("window.second = true")
    # Longer than the next two attempts take.
    time.sleep(6)
    assert browser.driver.execute_script("return window.second")


def test_typing_previews_the_text_with_size_and_price(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700000903")
    before = len(system.texts())
    console.click(".head a", "New order")
    console.fill(f"{DRAWER} [name=whom]", customer["code"])
    console.fill(f"{DRAWER} [name=item]", "green tea")
    console.fill(f"{DRAWER} [name=amount]", "250")
    console.find(".preview .bubble", "green tea")
    assert "1 segment\n" in console.find(".preview").text
    assert "at least KES 0.80" in console.find(".preview").text
    console.click(".preview summary", "Technical details")
    assert "GSM-7" in console.find(".preview .technical").text
    console.fill(f"{DRAWER} [name=item]", "green tea 茶")
    console.find(".preview", "UCS-2")
    assert "“茶”" in console.find(".preview").text
    assert len(system.texts()) == before


def test_a_preview_and_an_order_say_that_a_number_gets_no_texts(system: System, console: Browser) -> None:
    customer = system.customer(phone_number=mobile("UG"))
    console.click(".head a", "New order")
    console.fill(f"{DRAWER} [name=whom]", customer["code"])
    console.fill(f"{DRAWER} [name=item]", "green tea")
    console.fill(f"{DRAWER} [name=amount]", "250")
    console.find(".preview .hint", "No text will be sent. The shop’s settings allow no texts to this number.")
    order = system.order(customer)
    console.open(system.url(f"/#/orders?open={order['id']}"))
    console.find("#sms-title .chip", "No text")
    console.find("#sms-title + .hint", "The shop’s settings allow no texts to this number.")


def test_an_order_is_found_by_the_code_that_lists_drawer_and_text_show(system: System, console: Browser) -> None:
    order = system.order(system.customer(phone_number="+254700000921"))
    console.find(".row .item", order["code"], seconds=30)
    console.find("#find").send_keys(order["code"].replace("-", "").lower(), Keys.ENTER)
    console.find("#drawer-title", order["item"])
    console.find(f"{DRAWER} .facts", order["code"])
    console.find(f"{DRAWER} .bubble", f"your order {order['code']} for")
    console.click(".cancel button", "Cancel order")
    console.click(".cancel button", "Yes, cancel it")
    console.find(".total .chip", "Cancelled")


def test_an_order_may_be_created_without_a_text_which_a_person_sends_later(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700000922")
    console.click(".head a", "New order")
    console.fill(f"{DRAWER} [name=whom]", customer["code"])
    console.fill(f"{DRAWER} [name=item]", "green tea")
    console.fill(f"{DRAWER} [name=amount]", "250")
    console.find(".preview .bubble", "your order XXXX-XXXX for green tea")
    console.click("#texts-customer")
    console.find(".preview .hint", "No text will be sent. You switched it off.")
    console.click(f"{DRAWER} button[type=submit]", "Create order")
    console.find("#sms-title + .hint", "No text was asked for.", seconds=30)
    console.find(f"{DRAWER} .hint", "There is no text yet.")
    [order] = system.call("GET", f"orders?customer={customer['code']}").body["data"]
    assert (order["sms"]["status"], order["sms"]["reason"]) == ("suppressed", "not_asked")
    console.find(f"{DRAWER} form label", "Why are you sending it now?")
    console.fill(f"{DRAWER} [name=reason]", "the customer wants it after all")
    console.click(f"{DRAWER} button[type=submit]", "Send the text")
    console.find(f"{DRAWER} .bubble", f"your order {order['code']} for green tea")
    system.reaches(order, "delivered")


def test_cancelling_an_order_asks_for_confirmation(system: System, console: Browser) -> None:
    system.behave(default="http:429")
    order = system.order(system.customer(phone_number="+254700000904"))
    console.open(system.url(f"/#/orders?open={order['id']}"))
    console.click(".cancel button", "Cancel order")
    console.click(".cancel button", "Yes, cancel it")
    console.find(".total .chip", "Cancelled")
    console.find("#sms-title .chip", "No text")
    console.find("#sms-title + .hint", "The order was cancelled.")
    assert system.call("GET", f"orders/{order['id']}").body["status"] == "cancelled"


def test_an_opt_out_is_shown_and_lifted_on_the_customer(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700000905", name="Njeri")
    system.call("PATCH", f"customers/{customer['id']}", {"sms_opted_out": True})
    console.open(system.url(f"/#/customers?open={customer['code']}"))
    console.find(".check .hint", "has opted out")
    console.click("#receives-texts")
    console.fill(f"{DRAWER} [name=name]", "Njeri Mwangi")
    console.click(f"{DRAWER} button[type=submit]", "Save")
    console.find("#drawer-done", "Saved")
    changed = system.call("GET", f"customers/{customer['id']}").body
    assert (changed["name"], changed["sms_opted_out"]) == ("Njeri Mwangi", False)


def test_a_change_does_not_overwrite_a_newer_one(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700000906", name="Njeri")
    console.open(system.url(f"/#/customers?open={customer['code']}"))
    console.find("#drawer-title", "Njeri")
    system.call("PATCH", f"customers/{customer['id']}", {"name": "Njeri Mwangi"})
    console.click(f"{DRAWER} button[type=submit]", "Save")
    console.find(f"{DRAWER} [role=alert]", "Someone else changed this.")
    assert system.call("GET", f"customers/{customer['id']}").body["name"] == "Njeri Mwangi"


def test_filters_narrow_a_list_and_report_no_match(system: System, console: Browser) -> None:
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


def test_show_more_loads_each_older_row_once(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700000909")
    ids = {system.order(customer)["id"] for _ in range(30)}
    console.open(system.url(f"/#/orders?customer={customer['code']}"))
    console.click(".more", "Show more")
    until(lambda: len(console.driver.find_elements("css selector", ".rows > li")) == 30)
    links = [link.get_attribute("href") for link in console.driver.find_elements("css selector", ".rows a")]
    assert sorted(link.rpartition("=")[2] for link in links if link) == sorted(ids)


def test_the_page_reports_a_lost_network_and_recovers(system: System, console: Browser) -> None:
    console.find(".list:not([aria-busy])")
    console.network(offline=True)
    console.find(".notice", "No connection", seconds=30)
    console.network(offline=False)
    until(lambda: not console.driver.find_elements("css selector", ".notice"), seconds=30)


@pytest.mark.parametrize("section", ["orders", "customers"])
def test_a_drawer_opened_offline_says_so_and_recovers(system: System, console: Browser, section: str) -> None:
    order = system.order(system.customer(phone_number="+254700000913", name="Wanjiku"))
    console.emulate_screen(360, 740, "light")
    console.network(offline=True)
    item_id = order["id"] if section == "orders" else order["customer"]
    console.driver.execute_script(f"location.hash = '#/{section}?open={item_id}'")
    console.find(f"{DRAWER} .blank h2", "did not load")
    notice = console.find("dialog .notice", "No connection")
    assert console.driver.execute_script(
        """
        const {x, y} = arguments[0].getBoundingClientRect();
        return arguments[0].contains(document.elementFromPoint(x + 20, y + 10)) && arguments[0].closest("[role=status]") !== null;
        """,
        notice,
    )
    console.network(offline=False)
    console.find("#drawer-title", "macbook" if section == "orders" else "Wanjiku", seconds=30)
    until(lambda: not console.driver.find_elements("css selector", ".notice"))


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        (NO_NETWORK, "We can’t reach the server."),
        (answer_with(403, '{"message": "Forbidden"}'), "You are not allowed to do this."),
        (answer_with(503, "<html>"), "The server is not available."),
    ],
)
def test_a_list_that_does_not_load_says_why_and_retries(
    system: System, console: Browser, outcome: str, sentence: str
) -> None:
    system.customer(phone_number="+254700000920", name="Barasa")
    console.intercept("/api/", outcome)
    console.click("nav a", "Customers")
    console.find(".list .blank h2", "Customers did not load")
    assert sentence in console.find(".list .blank").text
    assert not console.driver.find_elements("css selector", ".skeleton, .list[aria-busy]")
    console.intercept("/api/", "")
    console.click(".list .blank button", "Try again now")
    console.find(".row", "Barasa")
    assert not console.driver.find_element("css selector", ".list .blank").is_displayed()
    assert not console.driver.find_elements("css selector", ".notice")


def test_sending_again_refreshes_the_order_immediately(system: System, console: Browser) -> None:
    order = system.order(system.customer(phone_number="+254700000914"))
    system.reaches(order, "delivered")
    console.open(system.url(f"/#/orders?open={order['id']}"))
    console.find("#sms-title .chip", "Delivered")
    console.fill(f"{DRAWER} [name=reason]", "It did not come")
    # By now the page polls so rarely that the next request would come after more than six seconds.
    until(lambda: last_wait(console, order["id"]) > 4000, seconds=40)
    before = len(console.request_times(order["id"]))
    console.click(f"{DRAWER} .actions button[type=submit]")
    times = until(lambda: (later := console.request_times(order["id"])[before:])[1:] and later)
    assert times[1] - times[0] < 4000
    console.find("#sms-title .chip", "Delivered", seconds=60)


def test_rows_of_every_page_stay_up_to_date(system: System, console: Browser) -> None:
    system.behave(delivery_delay_ms=0)
    customer = system.customer(phone_number="+254700000915")
    orders = [system.order(customer) for _ in range(110)]
    for order in orders:
        system.reaches(order, "delivered")
    console.open(system.url(f"/#/orders?customer={customer['code']}"))
    for shown in (25, 50, 75, 100):
        until(lambda: len(console.driver.find_elements("css selector", ".rows .row")) == shown)  # noqa: B023 - called before the loop goes on
        console.click(".more", "Show more")
    until(lambda: len(console.driver.find_elements("css selector", ".rows .row")) == 110)
    oldest = console.driver.find_elements("css selector", ".rows .row")[-1]
    assert orders[0]["id"] in (oldest.get_attribute("href") or "")
    system.call("POST", f"orders/{orders[0]['id']}/cancel")
    until(lambda: "Cancelled" in oldest.text, seconds=60)
    assert len(console.driver.find_elements("css selector", ".rows .row")) == 110


def test_an_order_without_reports_is_soon_polled_rarely(system: System, console: Browser) -> None:
    system.behave(delivery="none")
    order = system.order(system.customer(phone_number="+254700000916"))
    console.open(system.url(f"/#/orders?customer={order['customer_code']}"))
    console.find(".row .chip", "Sent", seconds=60)
    console.driver.execute_script("const now = Date.now; Date.now = () => now() + 6 * 60 * 1000")
    until(lambda: last_wait(console, f"customer={order['customer_code']}") > 4000, seconds=60)
    assert system.sms(order)["status"] == "sent"


def test_times_show_the_day_and_costs_no_needless_zeros(system: System, console: Browser) -> None:
    shown = console.driver.execute_async_script(
        """
        const done = arguments[arguments.length - 1];
        const year = new Date().getFullYear();
        Promise.all(["page/dom.js", "values/formats.js"].map((name) => import(`/console/${name}`))).then(([{time}, {cost}]) => done([
          time(`${year}-02-03T12:00:00`),
          time(`${year - 1}-02-03T12:00:00`),
          time(`${year}-02-03T12:00:00`, {exact: true}),
          time(`${year}-02-03T12:00:05`, {exact: true, after: `${year}-02-03T12:00:00`}),
          time(`${year}-02-04T12:00:05`, {exact: true, after: `${year}-02-03T12:00:00`}),
        ].map((element) => element.textContent).concat(["KES 0.8000", "KES 1.6050", "USD 0.0079", null].map((text) => cost(text)))));
        """
    )
    assert [part.replace("\u202f", " ") for part in shown[:1]] == ["Feb 3, 12:00"]
    assert shown[1].startswith("Feb 3, 20")
    assert shown[2:5] == ["Feb 3, 12:00:00", "12:00:05", "Feb 4, 12:00:05"]
    assert shown[5:] == ["KES 0.80", "KES 1.605", "USD 0.0079", None]


def test_date_filters_are_the_shops_days_and_inclusive(system: System, console: Browser) -> None:
    # Wherever the person is.
    console.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "America/New_York"})
    console.open(system.url("/#/orders?order_date_from=2026-02-03&order_date_to=2026-02-03"))
    console.find(".blank h2", "No orders match")
    labels = [label.text for label in console.driver.find_elements("css selector", ".filters label")]
    assert labels[-2:] == ["From", "To"]
    assert console.find("[name=order_date_to]").get_attribute("value") == "2026-02-03"
    (query, *_) = (parse_qs(urlsplit(url).query) for url in console.traffic()[0] if "order_date_to" in url)
    assert query["order_date_from"] == ["2026-02-02T21:00:00.000Z"]
    assert query["order_date_to"] == ["2026-02-03T21:00:00.000Z"]


def draft(console: Browser) -> None:
    """Start typing a new order."""
    console.click(".head a", "New order")
    console.fill(f"{DRAWER} [name=item]", "half a sentence")


def drafted(console: Browser) -> str:
    """Return the item typed so far."""
    return str(console.find(f"{DRAWER} [name=item]").get_attribute("value"))


def test_only_a_click_that_is_outside_closes_the_drawer(system: System, console: Browser) -> None:
    console.click("nav a", "Customers")
    console.click(".head a", "New customer")
    drawer, field = console.find("dialog"), console.find(f"{DRAWER} [name=name]")
    console.wait_for_animations()
    x, y = console.driver.execute_script("return [innerWidth - 60, innerHeight - 20]")
    assert (
        console.driver.execute_script("return document.elementFromPoint(arguments[0], arguments[1]).tagName", x, y)
        == "DIALOG"
    )

    def press(*path: tuple[int, int]) -> None:
        actions = ActionChains(console.driver, duration=20)
        pointer = actions.w3c_actions.pointer_action
        pointer.move_to_location(*path[0])
        pointer.pointer_down()
        for point in path[1:]:
            pointer.move_to_location(*point)
        pointer.pointer_up()
        actions.perform()

    inside = field.location["x"] + 30, field.location["y"] + 10
    press((x, y))
    press(inside, (100, 500))
    press((100, 500), (x, y))
    assert drawer.get_attribute("open") is not None
    press((100, 500))
    until(lambda: drawer.get_attribute("open") is None)


def test_signing_in_again_keeps_what_was_typed(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700000917")
    draft(console)
    console.fill(f"{DRAWER} [name=whom]", customer["code"])
    console.intercept("/api/", answer_with(401))
    console.find("dialog .notice", "Your session has ended", seconds=30)
    console.intercept("/api/", "")
    console.fill(f"{DRAWER} [name=amount]", "12")
    console.click(f"{DRAWER} button[type=submit]")
    console.find(f"{DRAWER} [role=alert]", "Your session has ended")

    # End the issuer's session too.
    console.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    console.click("dialog .notice button", "Sign in again")
    with window(console, other_window(console)):
        console.sign_in()
    until(lambda: len(console.driver.window_handles) == 1)
    until(lambda: not console.driver.find_elements("css selector", ".notice"))
    assert drafted(console) == "half a sentence"
    kept = console.driver.execute_script("return JSON.stringify([{...sessionStorage}, {...localStorage}])")
    assert "eyJ" not in kept
    assert "half a sentence" not in kept
    console.click(f"{DRAWER} button[type=submit]")
    console.find("#drawer-title", "half a sentence")
    console.find(".row", "half a sentence", seconds=30)


# The warning comes two minutes before the token expires; here the first one comes after half a second.
SOON_OVER = """
    const wait = window.setTimeout;
    let warned = false;
    window.setTimeout = (act, ms, ...rest) => {
      const early = !warned && ms > 3_000_000 && ms < 3_590_000;
      warned ||= early;
      return wait(act, early ? 500 : ms, ...rest);
    };
"""
# As an issuer or a browser that lets no other page show the sign-in.
NO_FRAMES = "Object.defineProperty(HTMLIFrameElement.prototype, 'src', {set() {}});"


def test_a_session_is_extended_without_a_password(system: System, console: Browser) -> None:
    console.run_on_each_page(SOON_OVER + NO_FRAMES)
    console.driver.refresh()
    console.find(".notice", "Your session ends in two minutes")
    draft(console)
    sign_in_again(console, "dialog .notice button", "Stay signed in")
    assert drafted(console) == "half a sentence"


def test_a_session_in_use_is_extended_without_a_word(system: System, console: Browser) -> None:
    console.run_on_each_page(SOON_OVER)
    console.driver.refresh()
    console.find("h1", "Orders")
    console.traffic()
    draft(console)
    until(lambda: any(url.endswith("/v1/token") for url in console.traffic()[0]))
    assert drafted(console) == "half a sentence"
    assert not console.driver.find_elements("css selector", ".notice")
    assert console.driver.find_elements("css selector", "iframe") == []


def test_a_reload_signs_in_where_no_frame_may(system: System, console: Browser) -> None:
    console.run_on_each_page(NO_FRAMES)
    for _ in range(2):
        console.driver.refresh()
        console.find("h1", "Orders")
        assert console.driver.current_url == system.url("/")
    console.traffic()
    console.driver.refresh()
    console.find("h1", "Orders")
    # From now on the page does not try: the redirect is its first request after the page itself.
    requests = [url for url in console.traffic()[0] if "/console/" not in url]
    assert "/v1/authorize" in requests[requests.index(system.url("/")) + 1]


def test_signing_in_again_works_where_pop_ups_are_blocked(system: System, console: Browser) -> None:
    console.click("nav a", "Customers")
    console.find("h1", "Customers")
    console.intercept("/api/", answer_with(401))
    console.find(".notice", "Your session has ended", seconds=30)
    console.driver.execute_script("window.open = () => null")
    console.click(".notice button", "Sign in again")
    console.find(".notice", "Allow pop-ups for this page")
    console.click(".notice button", "Sign in here")
    console.find("h1", "Customers")
    assert not console.driver.find_elements("css selector", ".notice")


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        (NO_NETWORK, "/v1/token does not answer."),
        (answer_with(502, "<html>"), "/v1/token gave an unexpected answer (502)."),
    ],
)
def test_a_failed_sign_in_names_the_address_that_failed(
    system: System, browser: Browser, outcome: str, sentence: str
) -> None:
    browser.run_on_each_page(fault("/v1/token", outcome))
    browser.open(system.url("/"))
    browser.click(".welcome button", "Sign in")
    browser.sign_in()
    browser.find(".welcome .error", sentence)


def test_a_sign_in_survives_one_lost_request(system: System, browser: Browser) -> None:
    browser.run_on_each_page(
        fault("/v1/token", f"(window.lost ??= 0)++ ? window.trueFetch(url, ...rest) : {NO_NETWORK}")
    )
    browser.open(system.url("/"))
    browser.click(".welcome button", "Sign in")
    browser.sign_in()
    browser.find("h1", "Orders")


def test_an_order_opens_and_closes_by_keyboard(system: System, console: Browser) -> None:
    order = system.order(system.customer(phone_number="+254700000910"))
    system.reaches(order, "delivered")
    console.driver.refresh()
    console.find(".row", order["customer_code"]).send_keys(Keys.ENTER)
    console.find("#drawer-title", "macbook")
    assert console.driver.switch_to.active_element.get_attribute("id") == "drawer-title"
    console.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    until(lambda: not console.driver.find_elements("css selector", "dialog[open]"))
    assert order["id"] in (console.driver.switch_to.active_element.get_attribute("href") or "")


def test_closing_an_order_returns_to_its_row_after_a_change(system: System, console: Browser) -> None:
    system.behave(default="http:429")
    order = system.order(system.customer(phone_number="+254700000912"))
    row = console.find(".row", order["customer_code"], seconds=30)
    row.send_keys(Keys.ENTER)
    console.find("#drawer-title", "macbook")
    system.behave()
    until(lambda: "Delivered" in row.text, seconds=60)
    console.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    until(lambda: order["id"] in (console.driver.switch_to.active_element.get_attribute("href") or ""))


def test_the_first_list_takes_one_api_request_and_100_kb_and_moves_nothing(system: System, browser: Browser) -> None:
    system.order(system.customer(phone_number="+254700000911"))
    browser.run_on_each_page(
        """
        new MutationObserver((_, observer) => {
          if (!document.querySelector(".row")) return;
          window.firstRow = performance.now();
          observer.disconnect();
        }).observe(document, {childList: true, subtree: true});
        window.shifted = 0;
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
        }).observe({type: "layout-shift", buffered: true});
        """
    )
    # More rows than the window shows.
    browser.driver.set_window_size(1280, 500)
    browser.open(system.url("/"))
    browser.click(".welcome button", "Sign in")
    browser.sign_in()
    browser.find(".row")
    assert browser.driver.execute_script("return window.shifted") <= 0.01
    first = browser.driver.execute_script("return window.firstRow")
    # Count only requests before the first row: the page may have polled again since.
    assert len([moment for moment in browser.request_times("/api/v1/") if moment <= first]) == 1
    urls, received = browser.traffic("/api/v1/sales/orders?limit=25")
    # The page asks later, and rarely, whether texts go out, what needs attention, and what the day came to.
    later = ("/sms/status", "sms_status=", "/days?")
    calls = {url for url in urls if "/api/v1/" in url and not any(part in url for part in later)}
    assert calls == {system.url("/api/v1/sales/orders?limit=25")}
    assert received < 100_000
    assert {url.split("/")[2] for url in urls} <= {
        f"127.0.0.1:{system.port}", f"127.0.0.1:{system.port + 1}",
    }  # fmt: skip


def test_the_csp_allows_only_our_own_scripts(system: System) -> None:
    for path in ("/", "/console/console.js", "/console/config.json"):
        policy = system.call("GET", path, token="").headers["content-security-policy"]
        assert "unsafe-inline" not in policy
        assert "script-src 'self';" in policy
        assert "default-src 'none'" in policy


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(360, 740), (1280, 800)])
def test_the_sign_in_page_is_accessible_on_every_screen(
    system: System, browser: Browser, width: int, height: int, scheme: str
) -> None:
    browser.emulate_screen(width, height, scheme)
    browser.open(system.url("/"))
    browser.click(".welcome button", "Sign in")
    browser.fill("input[name=username]", "demo")
    browser.fill("input[name=password]", "wrong")
    browser.click("button[type=submit]")
    browser.find(".bad")
    assert browser.overflowing() == []
    assert browser.accessibility() == []
    browser.screenshot(f"sign-in-{width}-{scheme}")
    browser.sign_in()
    browser.find("h1", "Orders")


SCREENS = [(width, height, scheme) for width, height in ((360, 740), (1280, 800)) for scheme in ("light", "dark")]


def test_an_empty_shop_shows_what_to_do_first(browser: Browser) -> None:
    with running() as fresh:
        browser.open(fresh.url("/"))
        browser.click(".welcome button", "Sign in")
        browser.sign_in()
        browser.find(".blank h2", "No orders yet")
        for screen in SCREENS:
            browser.emulate_screen(*screen)
            browser.driver.refresh()
            browser.find(".blank h2", "No orders yet")
            look(browser, "empty", *screen)
        browser.click(".blank a", "New customer")
        browser.find("#drawer-title", "New customer")


def look(console: Browser, name: str, width: int, height: int, scheme: str) -> None:
    """Check that the page is accessible on this screen, and keep a screenshot."""
    console.emulate_screen(width, height, scheme)
    console.wait_for_animations()
    assert console.overflowing() == [], name
    assert console.accessibility() == [], name
    console.screenshot(f"console-{name}-{width}-{scheme}")


@pytest.mark.parametrize(("width", "height", "scheme"), SCREENS)
def test_every_state_of_the_page_is_accessible(
    system: System, browser: Browser, width: int, height: int, scheme: str
) -> None:
    order = system.order(system.customer(phone_number="+254700000919"))
    screen = (width, height, scheme)
    browser.emulate_screen(*screen)
    browser.open(system.url("/"))
    browser.click(".welcome button", "Sign in", seconds=30)
    browser.sign_in()
    browser.find(".row")

    browser.intercept("/api/", NEVER)
    browser.click("nav a", "Customers")
    browser.find(".skeleton")
    look(browser, "loading", *screen)
    browser.intercept("/api/", NO_NETWORK)
    browser.click("nav a", "Orders")
    browser.find(".list .blank h2", "Orders did not load")
    browser.find(".notice", "No connection")
    look(browser, "offline", *screen)
    browser.driver.execute_script(f"location.hash = '#/orders?open={order['id']}'")
    browser.find(f"{DRAWER} .blank h2", "The order did not load")
    look(browser, "offline-order", *screen)
    browser.click("#close")
    browser.intercept("/api/", "")
    browser.driver.execute_script("location.hash = '#/orders?reference=none'")
    browser.find(".blank h2", "No orders match")
    until(lambda: not browser.driver.find_elements("css selector", ".notice"))
    look(browser, "no-match", *screen)
    draft(browser)
    browser.intercept("/api/", answer_with(401))
    browser.find("dialog .notice", "Your session has ended", seconds=30)
    look(browser, "session-ended-draft", *screen)
    browser.click("#close")
    browser.find(".notice", "Your session has ended")
    look(browser, "session-ended", *screen)
    browser.driver.execute_script("sessionStorage.clear()")
    browser.driver.refresh()
    browser.find(".welcome button", "Sign in")
    look(browser, "signed-out", *screen)
    assert browser.errors() == []


def test_the_page_does_not_move_behind_the_drawer(system: System, console: Browser) -> None:
    console.emulate_screen(1280, 800, "light")
    for number in range(15):
        system.order(system.customer(phone_number=f"+2547000008{number:02}"))
    console.find(".rows > li:nth-child(15) .row")
    place = """
        const boxes = [".brand", "h1", ".filtering", ".list"].map((name) => document.querySelector(name).getBoundingClientRect());
        return boxes.map(({left, right}) => [left, right]);
    """
    before = console.driver.execute_script(place)
    assert len({round(left) for left, _ in before}) == 1
    assert console.driver.execute_script("return document.documentElement.clientWidth < innerWidth")
    console.click(".head a", "New order")
    console.wait_for_animations()
    assert console.driver.execute_script(place) == before
    for field in console.driver.find_elements("css selector", ".filters .field"):
        control = field.find_element("css selector", "input, select")
        assert control.rect["x"] + control.rect["width"] <= field.rect["x"] + field.rect["width"] + 1


@pytest.fixture(scope="module")
def shop() -> Iterator[System]:
    """A running system with the data of `make demo`."""
    with running() as system:
        command = [sys.executable, "-m", "local.commands.demo"]
        subprocess.run(command, cwd=ROOT, env=system.environ(), check=True, timeout=120, capture_output=True)
        until(lambda: "sent" not in {order["sms"]["status"] for order in system.orders()}, seconds=60)
        yield system


@pytest.mark.parametrize(("width", "height", "scheme"), SCREENS)
def test_the_demo_shop_is_accessible_on_every_screen(
    shop: System, browser: Browser, width: int, height: int, scheme: str
) -> None:
    browser.emulate_screen(width, height, scheme)
    browser.open(shop.url("/"))
    browser.click(".welcome button", "Sign in")
    browser.sign_in()
    browser.find(".row")
    newest = shop.call("GET", "orders?limit=1").body["data"][0]["id"]
    buyer = shop.call("GET", "customers?search=wanjiru").body["data"][0]["code"]
    for name, address, selector in (
        ("orders", "/#/orders", ".row"),
        ("customers", "/#/customers", ".row"),
        ("new-customer", "/#/customers?open=new", f"{DRAWER} form"),
        ("order", f"/#/orders?open={newest}", ".timeline"),
        ("days", "/#/days", ".days td"),
        # Last: what was typed is offered again on the next page.
        ("sell", f"/#/orders?open=new&for={buyer}", f"{DRAWER} form"),
    ):
        browser.open(shop.url(address))
        browser.find(selector)
        wanted = height
        if name == "sell":
            browser.fill(f"{DRAWER} [name=item]", "Solar lamp")
            browser.fill(f"{DRAWER} [name=amount]", "3,450")
            browser.find(".preview .bubble", "Solar lamp")
            wanted = browser.bottom(f"{DRAWER} button[type=submit]") + 30
            browser.emulate_screen(width, wanted, scheme)
        if name == "order":
            # Show the whole order on a large screen, and the whole text on a small one.
            wanted = browser.bottom(".actions") + 60 if width > 360 else 820
            browser.emulate_screen(width, wanted, scheme)
            if width == 360:
                browser.driver.execute_script("document.querySelector('#sms-title').scrollIntoView()")
        look(browser, name, width, wanted, scheme)
        browser.emulate_screen(width, height, scheme)
    assert browser.errors() == []
    browser.open(shop.sandbox("/"))
    browser.find(".phone .state", "Delivered")
    assert browser.overflowing() == []
    assert browser.accessibility() == []
    # Make the screen tall enough for the first row of phones.
    browser.emulate_screen(width, browser.bottom(f".phone:nth-child(-n+{3 if width > 360 else 1})") + 12, scheme)
    browser.screenshot(f"phones-{width}-{scheme}")
