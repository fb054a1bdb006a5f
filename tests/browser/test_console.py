"""The console, in a real browser and as a person uses it."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser.chromium import NEVER, NO_NETWORK, Browser, fault, says
from tests.support.system import ROOT, System, running, until

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


@contextmanager
def window(browser: Browser, handle: str) -> Iterator[None]:
    """Another window, for as long as this lasts."""
    here = browser.driver.current_window_handle
    browser.driver.switch_to.window(handle)
    yield
    browser.driver.switch_to.window(here)


def other_window(browser: Browser) -> str:
    """The second window, as soon as there is one."""
    here = browser.driver.current_window_handle
    return until(lambda: next((each for each in browser.driver.window_handles if each != here), None))


def last_wait(console: Browser, part: str) -> float:
    """How long the page last waited before it asked for this again, in ms."""
    asked = console.moments(part)
    return asked[-1] - asked[-2] if len(asked) > 1 else 0


def test_a_person_follows_an_order_from_its_creation_to_the_phone_and_sends_it_again_when_it_fails(
    system: System, browser: Browser
) -> None:
    system.behave(delivery_delay_ms=1500)
    browser.open(system.url("/"))
    here = browser.driver.current_window_handle
    browser.driver.switch_to.new_window("window")
    browser.open(system.sandbox("/"))
    phones = browser.driver.current_window_handle
    browser.driver.switch_to.window(here)

    def behave(label: str, hint: str) -> None:
        with window(browser, phones):
            browser.click("#answers label", label)
            browser.find("#answer-hint", hint)
            until(lambda: browser.driver.execute_script("return waiting === 0"))

    browser.click(".welcome button", "Sign in")
    browser.sign_in()
    browser.find("h1", "Orders")
    browser.driver.execute_script("window.neverReloaded = true")

    behave("Put off", "tried again later")
    create_customer(browser, "+254700000901")
    create_order(browser, "solar lamp")
    browser.find("#sms-title .chip", "Queued", seconds=60)
    behave("Accepted", "taken and answered at once")
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

    behave("Refused", "refused for good")
    browser.click("nav a", "Customers")
    browser.click(".row", "Amina Otieno")
    create_order(browser, "water tank")
    browser.find("#sms-title .chip", "Failed", seconds=60)
    with window(browser, phones):
        assert "water tank" not in browser.find(".phone", "+254700000901").text
    behave("Accepted", "taken and answered at once")
    browser.fill(f"{DRAWER} [name=reason]", "The network was down")
    browser.click(f"{DRAWER} .actions button[type=submit]")
    browser.find("#sms-title .chip", "Delivered", seconds=60)
    assert timeline(browser) == ["Queued", "Sending", "Failed", "Queued", "Sending", "Sent", "Delivered"]
    said = browser.find(".timeline").text
    for sentence in (
        "The order was created", "Handing it to the gateway · attempt 1", "refused it for good",
        "Asked for again · “The network was down”", "attempt 2", "The network reports it delivered",
    ):  # fmt: skip
        assert sentence in said
    with window(browser, phones):
        assert browser.find(".phone", "+254700000901").text.count("water tank") == 1

    assert browser.driver.execute_script("return window.neverReloaded")
    browser.click("#close")
    browser.click("#sign-out")
    browser.find(".welcome button", "Sign in")
    assert browser.errors() == []


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


@pytest.mark.parametrize("section", ["orders", "customers"])
def test_what_is_opened_without_a_network_says_so_where_it_is_read_and_comes_by_itself(
    system: System, console: Browser, section: str
) -> None:
    order = system.order(system.customer(phone_number="+254700000913", name="Wanjiku"))
    console.show_as(360, 740, "light")
    console.network(offline=True)
    identity = order["id"] if section == "orders" else order["customer"]
    console.driver.execute_script(f"location.hash = '#/{section}?open={identity}'")
    console.find(f"{DRAWER} .blank h2", "cannot be shown")
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
        (NO_NETWORK, "The API does not answer"),
        (says(403, '{"message": "Forbidden"}'), "Your sign-in does not allow this"),
        (says(503, "<html>"), "The API is not available"),
    ],
)
def test_a_list_that_cannot_be_loaded_says_why_and_is_tried_again(
    system: System, console: Browser, outcome: str, sentence: str
) -> None:
    system.customer(phone_number="+254700000920", name="Barasa")
    console.answers("/api/", outcome)
    console.click("nav a", "Customers")
    console.find(".list .blank h2", "Customers cannot be shown")
    assert sentence in console.find(".list .blank").text
    assert not console.driver.find_elements("css selector", ".skeleton, .list[aria-busy]")
    console.answers("/api/", "")
    console.click(".list .blank button", "Try again now")
    console.find(".row", "Barasa")
    assert not console.driver.find_element("css selector", ".list .blank").is_displayed()
    assert not console.driver.find_elements("css selector", ".notice")


def test_an_order_that_is_sent_again_is_looked_at_at_once(system: System, console: Browser) -> None:
    order = system.order(system.customer(phone_number="+254700000914"))
    system.reaches(order, "delivered")
    console.open(system.url(f"/#/orders?open={order['id']}"))
    console.find("#sms-title .chip", "Delivered")
    console.fill(f"{DRAWER} [name=reason]", "It did not come")
    # By now it looks rarely: the next time would be in more than six seconds.
    until(lambda: last_wait(console, order["id"]) > 4000, seconds=40)
    before = len(console.moments(order["id"]))
    console.click(f"{DRAWER} .actions button[type=submit]")
    asked = until(lambda: (found := console.moments(order["id"])[before:])[1:] and found)
    assert asked[1] - asked[0] < 4000
    console.find("#sms-title .chip", "Delivered", seconds=60)


def test_rows_of_every_page_are_kept_up_to_date(system: System, console: Browser) -> None:
    system.behave(delivery_delay_ms=0)
    customer = system.customer(phone_number="+254700000915")
    made = [system.order(customer) for _ in range(110)]
    for order in made:
        system.reaches(order, "delivered")
    console.open(system.url(f"/#/orders?customer={customer['code']}"))
    for shown in (25, 50, 75, 100):
        until(lambda: len(console.driver.find_elements("css selector", ".rows .row")) == shown)  # noqa: B023 - at once
        console.click(".more", "Show more")
    until(lambda: len(console.driver.find_elements("css selector", ".rows .row")) == 110)
    oldest = console.driver.find_elements("css selector", ".rows .row")[-1]
    assert made[0]["id"] in (oldest.get_attribute("href") or "")
    system.call("POST", f"orders/{made[0]['id']}/cancel")
    until(lambda: "Cancelled" in oldest.text, seconds=60)
    assert len(console.driver.find_elements("css selector", ".rows .row")) == 110


def test_an_order_that_nothing_is_reported_on_is_soon_looked_at_rarely(system: System, console: Browser) -> None:
    system.behave(delivery="none")
    order = system.order(system.customer(phone_number="+254700000916"))
    console.open(system.url(f"/#/orders?customer={order['customer_code']}"))
    console.find(".row .chip", "Sent", seconds=60)
    console.driver.execute_script("const now = Date.now; Date.now = () => now() + 6 * 60 * 1000")
    until(lambda: last_wait(console, f"customer={order['customer_code']}") > 4000, seconds=60)
    assert system.sms(order)["status"] == "sent"


def test_times_have_their_day_and_costs_no_empty_digits(system: System, console: Browser) -> None:
    shown = console.driver.execute_async_script(
        """
        const done = arguments[arguments.length - 1];
        const year = new Date().getFullYear();
        import("/console/dom.js").then(({time, cost}) => done([
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


def test_days_to_filter_by_are_those_of_the_place_and_both_included(system: System, console: Browser) -> None:
    console.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "Africa/Nairobi"})
    console.open(system.url("/#/orders?order_date_from=2026-02-03&order_date_to=2026-02-03"))
    console.find(".blank h2", "No orders match")
    console.find(".filters label", "From (included)")
    console.find(".filters label", "To (included)")
    assert console.find("[name=order_date_to]").get_attribute("value") == "2026-02-03"
    (asked, *_) = (parse_qs(urlsplit(url).query) for url in console.traffic()[0] if "order_date_to" in url)
    assert asked["order_date_from"] == ["2026-02-02T21:00:00.000Z"]
    assert asked["order_date_to"] == ["2026-02-03T21:00:00.000Z"]


def draft(console: Browser) -> None:
    """An order that is half typed."""
    console.click(".head a", "New order")
    console.fill(f"{DRAWER} [name=item]", "half a sentence")


def drafted(console: Browser) -> str:
    """What is typed of the order."""
    return str(console.find(f"{DRAWER} [name=item]").get_attribute("value"))


def test_only_a_click_beside_the_drawer_closes_it_and_not_over_what_is_typed(system: System, console: Browser) -> None:
    console.click("nav a", "Customers")
    console.click(".head a", "New customer")
    drawer, field = console.find("dialog"), console.find(f"{DRAWER} [name=name]")
    console.still()
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
        for each in path[1:]:
            pointer.move_to_location(*each)
        pointer.pointer_up()
        actions.perform()

    inside = field.location["x"] + 30, field.location["y"] + 10
    press((x, y))
    press(inside, (100, 500))
    press((100, 500), (x, y))
    assert drawer.get_attribute("open") is not None
    field.send_keys("Ami")
    press((100, 500))
    console.find("#drawer-news", "not saved")
    assert drawer.get_attribute("open") is not None
    assert field.get_attribute("value") == "Ami"
    console.click("#close")
    console.click(".head a", "New customer")
    assert console.find(f"{DRAWER} [name=name]").get_attribute("value") == ""
    console.still()
    press((100, 500))
    until(lambda: drawer.get_attribute("open") is None)


def test_a_session_that_has_ended_is_begun_again_beside_what_is_typed(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700000917")
    draft(console)
    console.fill(f"{DRAWER} [name=customer]", customer["code"])
    console.answers("/api/", says(401))
    console.find("dialog .notice", "Your session has ended", seconds=30)
    console.answers("/api/", "")
    console.fill(f"{DRAWER} [name=amount]", "12")
    console.click(f"{DRAWER} button[type=submit]")
    console.find(f"{DRAWER} [role=alert]", "Your session has ended")

    # The issuer's own session is over, too.
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


def test_a_session_is_prolonged_before_it_ends_and_nothing_is_asked_of_whom_the_issuer_knows(
    system: System, console: Browser
) -> None:
    # The warning comes two minutes before the hour is over; here at once, the first time.
    console.on_each_page(
        """
        const wait = window.setTimeout;
        let warned = false;
        window.setTimeout = (act, ms, ...rest) => {
          const early = !warned && ms > 3_000_000 && ms < 3_590_000;
          warned ||= early;
          return wait(act, early ? 500 : ms, ...rest);
        };
        """
    )
    console.driver.refresh()
    console.find(".notice", "Your session ends in two minutes")
    draft(console)
    console.click("dialog .notice button", "Stay signed in")
    until(lambda: not console.driver.find_elements("css selector", ".notice"))
    until(lambda: len(console.driver.window_handles) == 1)
    assert drafted(console) == "half a sentence"


def test_where_the_browser_opens_no_window_the_sign_in_can_be_done_here(system: System, console: Browser) -> None:
    console.click("nav a", "Customers")
    console.find("h1", "Customers")
    console.answers("/api/", says(401))
    console.find(".notice", "Your session has ended", seconds=30)
    console.driver.execute_script("window.open = () => null")
    console.click(".notice button", "Sign in again")
    console.find(".notice", "Allow this page to open windows")
    console.click(".notice button", "Sign in here")
    console.find("h1", "Customers")
    assert not console.driver.find_elements("css selector", ".notice")


@pytest.fixture
def strict_issuer(system: System) -> Iterator[str]:
    """The address of an issuer that grants nobody sales:write, and refuses as Okta does who asks for it."""

    class Gate(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            target = f"http://127.0.0.1:{system.port + 1}/oauth2/default/v1/authorize?{urlencode(asked)}"
            if "sales:write" in asked["scope"]:
                refusal = {"error": "access_denied", "error_description": "Policy evaluation failed for this request"}
                target = f"{asked['redirect_uri']}?{urlencode(refusal | {'state': asked['state']})}"
            self.send_response(302)
            self.send_header("Location", target)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Gate)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def test_who_may_only_read_signs_in_and_is_offered_nothing_else(
    system: System, browser: Browser, strict_issuer: str
) -> None:
    order = system.order(system.customer(phone_number="+254700000918"))
    system.reaches(order, "delivered")
    discovery = f"{{...given, authorization_endpoint: {strict_issuer!r}}}"
    browser.on_each_page(
        f"""
        const real = window.fetch;
        window.fetch = async (url, ...rest) => {{
          const answer = await real(url, ...rest);
          if (!String(url).includes("openid-configuration")) return answer;
          const given = await answer.json();
          return new Response(JSON.stringify({discovery}));
        }};
        """
    )
    browser.open(system.url("/"))
    browser.click(".welcome button", "Sign in")
    browser.sign_in()
    browser.find(".row", order["customer_code"])
    browser.driver.refresh()
    browser.find(".row", order["customer_code"])
    assert not browser.driver.find_elements("css selector", ".primary")
    browser.driver.execute_script(f"location.hash = '#/orders?open={order['id']}'")
    browser.find("#sms-title .chip", "Delivered")
    assert not [
        each for each in browser.driver.find_elements("css selector", f"{DRAWER} button") if each.is_displayed()
    ]
    browser.driver.execute_script(f"location.hash = '#/customers?open={order['customer']}'")
    browser.find(f"{DRAWER} .facts", "+254700000918")
    assert not browser.driver.find_elements("css selector", f"{DRAWER} form")
    browser.driver.execute_script("location.hash = '#/orders?open=new'")
    browser.find(DRAWER, "allows to read")
    assert browser.accessibility() == []


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [(NO_NETWORK, "/v1/token does not answer."), (says(502, "<html>"), "/v1/token does not answer as it should (502)")],
)
def test_a_sign_in_that_cannot_be_ended_says_who_does_not_answer(
    system: System, browser: Browser, outcome: str, sentence: str
) -> None:
    browser.on_each_page(fault("/v1/token", outcome))
    browser.open(system.url("/"))
    browser.click(".welcome button", "Sign in")
    browser.sign_in()
    browser.find(".welcome .error", sentence)


def test_the_keyboard_is_enough(system: System, console: Browser) -> None:
    order = system.order(system.customer(phone_number="+254700000910"))
    system.reaches(order, "delivered")
    console.driver.refresh()
    console.find(".row", order["customer_code"]).send_keys(Keys.ENTER)
    console.find("#drawer-title", "macbook")
    assert console.driver.switch_to.active_element.get_attribute("id") == "drawer-title"
    console.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    until(lambda: not console.driver.find_elements("css selector", "dialog[open]"))
    assert order["id"] in (console.driver.switch_to.active_element.get_attribute("href") or "")


def test_who_closes_an_order_is_back_at_its_row_whatever_happened_to_it_meanwhile(
    system: System, console: Browser
) -> None:
    system.behave(default="http:429")
    order = system.order(system.customer(phone_number="+254700000912"))
    row = console.find(".row", order["customer_code"], seconds=30)
    row.send_keys(Keys.ENTER)
    console.find("#drawer-title", "macbook")
    system.behave()
    until(lambda: "Delivered" in row.text, seconds=60)
    console.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    until(lambda: order["id"] in (console.driver.switch_to.active_element.get_attribute("href") or ""))


def test_the_first_look_costs_less_than_100_kb_and_one_request_for_data(system: System, browser: Browser) -> None:
    system.order(system.customer(phone_number="+254700000911"))
    browser.on_each_page(
        """
        new MutationObserver((_, observer) => {
          if (!document.querySelector(".row")) return;
          window.firstRow = performance.now();
          observer.disconnect();
        }).observe(document, {childList: true, subtree: true});
        """
    )
    browser.open(system.url("/"))
    browser.click(".welcome button", "Sign in")
    browser.sign_in()
    browser.find(".row")
    first = browser.driver.execute_script("return window.firstRow")
    # Until the first row was there; it may look again before this test does.
    assert len([moment for moment in browser.moments("/api/") if moment <= first]) == 1
    asked, received = browser.traffic()
    assert {url for url in asked if "/api/" in url} == {system.url("/api/v1/sales/orders?limit=25")}
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


SCREENS = [(width, height, scheme) for width, height in ((360, 740), (1280, 800)) for scheme in ("light", "dark")]


def test_an_empty_shop_is_told_what_to_do_first(browser: Browser) -> None:
    with running() as fresh:
        browser.open(fresh.url("/"))
        browser.click(".welcome button", "Sign in")
        browser.sign_in()
        browser.find(".blank h2", "No orders yet")
        for screen in SCREENS:
            browser.show_as(*screen)
            browser.driver.refresh()
            browser.find(".blank h2", "No orders yet")
            look(browser, "empty", *screen)
        browser.click(".blank a", "New customer")
        browser.find("#drawer-title", "New customer")


def look(console: Browser, name: str, width: int, height: int, scheme: str) -> None:
    """What is shown can be read by everyone on such a screen; its picture is kept."""
    console.show_as(width, height, scheme)
    console.still()
    assert console.sticks_out() == [], name
    assert console.accessibility() == [], name
    console.screenshot(f"console-{name}-{width}-{scheme}")


@pytest.mark.parametrize(("width", "height", "scheme"), SCREENS)
def test_every_state_of_the_page_is_designed(
    system: System, browser: Browser, width: int, height: int, scheme: str
) -> None:
    order = system.order(system.customer(phone_number="+254700000919"))
    screen = (width, height, scheme)
    browser.show_as(*screen)
    browser.open(system.url("/"))
    browser.click(".welcome button", "Sign in", seconds=30)
    browser.sign_in()
    browser.find(".row")

    browser.answers("/api/", NEVER)
    browser.click("nav a", "Customers")
    browser.find(".skeleton")
    look(browser, "loading", *screen)
    browser.answers("/api/", NO_NETWORK)
    browser.click("nav a", "Orders")
    browser.find(".list .blank h2", "Orders cannot be shown")
    browser.find(".notice", "No connection")
    look(browser, "offline", *screen)
    browser.driver.execute_script(f"location.hash = '#/orders?open={order['id']}'")
    browser.find(f"{DRAWER} .blank h2", "The order cannot be shown")
    look(browser, "offline-order", *screen)
    browser.click("#close")
    browser.answers("/api/", "")
    browser.driver.execute_script("location.hash = '#/orders?reference=none'")
    browser.find(".blank h2", "No orders match")
    until(lambda: not browser.driver.find_elements("css selector", ".notice"))
    look(browser, "no-match", *screen)
    draft(browser)
    browser.answers("/api/", says(401))
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


def test_the_page_has_one_left_edge_and_does_not_move_under_the_drawer(system: System, console: Browser) -> None:
    console.show_as(1280, 800, "light")
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
    console.still()
    assert console.driver.execute_script(place) == before
    for field in console.driver.find_elements("css selector", ".filters .field"):
        control = field.find_element("css selector", "input, select")
        assert control.rect["x"] + control.rect["width"] <= field.rect["x"] + field.rect["width"] + 1


@pytest.fixture(scope="module")
def shop() -> Iterator[System]:
    """A system with what `make demo` loads, and nothing else."""
    with running() as found:
        command = [sys.executable, "-m", "local.commands.demo"]
        subprocess.run(command, cwd=ROOT, env=found.environ(), check=True, timeout=120, capture_output=True)
        until(lambda: "sent" not in {order["sms"]["status"] for order in found.orders()}, seconds=60)
        yield found


@pytest.mark.parametrize(("width", "height", "scheme"), SCREENS)
def test_it_can_be_read_and_used_on_every_screen(
    shop: System, browser: Browser, width: int, height: int, scheme: str
) -> None:
    browser.show_as(width, height, scheme)
    browser.open(shop.url("/"))
    browser.click(".welcome button", "Sign in")
    browser.sign_in()
    browser.find(".row")
    newest = shop.call("GET", "orders?limit=1").body["data"][0]["id"]
    for name, address, there in (
        ("orders", "/#/orders", ".row"),
        ("customers", "/#/customers", ".row"),
        ("new-customer", "/#/customers?open=new", f"{DRAWER} form"),
        ("order", f"/#/orders?open={newest}", ".timeline"),
    ):
        browser.open(shop.url(address))
        browser.find(there)
        wanted = height
        if name == "order":
            # All of it on a large screen, and all of its text on a small one.
            wanted = browser.bottom(".actions") + 60 if width > 360 else 820
            browser.show_as(width, wanted, scheme)
            if width == 360:
                browser.driver.execute_script("document.querySelector('#sms-title').scrollIntoView()")
        look(browser, name, width, wanted, scheme)
        browser.show_as(width, height, scheme)
    assert browser.errors() == []
    browser.open(shop.sandbox("/"))
    browser.find(".phone .state", "Delivered")
    assert browser.sticks_out() == []
    assert browser.accessibility() == []
    # No phone of the first row is cut.
    browser.show_as(width, browser.bottom(f".phone:nth-child(-n+{3 if width > 360 else 1})") + 12, scheme)
    browser.screenshot(f"phones-{width}-{scheme}")
