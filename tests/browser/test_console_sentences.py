"""The console's sentences about texts while the provider misbehaves, its receipt, and its targets for a thumb."""

import base64
import re

import pytest

from tests.browser.chromium import Browser
from tests.browser.console import DRAWER, create_customer, create_order
from tests.support.system import System, until

pytestmark = pytest.mark.browser
MEANING = f"{DRAWER} .meaning"


def show(system: System, console: Browser, number: str) -> dict[str, object]:
    """Create an order and open it."""
    order = system.order(system.customer(phone_number=number))
    console.driver.execute_script(f"location.hash = '#/orders?open={order['id']}'")
    return order


@pytest.mark.parametrize(
    ("behaviour", "state", "meaning"),
    [
        ({}, "Delivered", "It is on the phone."),
        ({"delivery": "none"}, "Sent", "The phone has not confirmed it yet."),
        ({"delivery": "failed"}, "Not delivered", "The network could not deliver it."),
        ({"default": "status:403"}, "Failed", "It was not sent. The number is not valid."),
        ({"default": "status:407"}, "Failed", "It was not sent. The provider refused it."),
        ({"default": "drop_after", "delivery": "none"}, "Unknown", "We can’t tell whether it was sent."),
        (
            {"default": "http:429"},
            "Queued",
            "The provider did not take it. The provider had too much to do. We try again",
        ),
        ({"default": "status:405"}, "Queued", "The provider did not take it. No credit is left. We try again"),
    ],
)
def test_an_orders_sentence_follows_from_what_happened(
    system: System, console: Browser, behaviour: dict[str, str], state: str, meaning: str
) -> None:
    system.behave(**behaviour)
    show(system, console, "+254700000941")
    console.find("#sms-title .chip", state, seconds=60)
    console.find(MEANING, meaning, seconds=30)
    if "We try again" in meaning:
        until(lambda: re.search(r"We try again (at \d\d:\d\d|soon)\.", console.find(MEANING).text))
    assert console.accessibility() == []
    # No code of the provider outside the fold.
    assert not re.search(r"ATXid|http_|GSM-7|CouldNotRoute|InsufficientBalance", console.find("#drawer").text)


def test_while_texts_do_not_go_out_every_page_says_so(system: System, console: Browser) -> None:
    system.behave(default="bad_key", balance="KES 12.50")
    show(system, console, "+254700000942")
    console.find("dialog .notice", "Texts are not going out. The provider refuses our account settings.", seconds=60)
    assert re.search(r"Next try at \d\d:\d\d\.", console.find("dialog .notice").text)
    until(lambda: re.search(r"account settings.*We try again at \d\d:\d\d\.", console.find(MEANING).text), seconds=30)
    assert "in a moment" not in console.find("#drawer").text
    assert console.accessibility() == []
    console.click("#close")
    console.click("nav a", "Customers")
    console.find("body > .notices .notice", "Texts are not going out.")
    assert console.accessibility() == []
    system.behave()
    until(lambda: not console.driver.find_elements("css selector", ".notice"), seconds=90)


def test_confirmations_stay_while_the_text_moves_on(system: System, console: Browser) -> None:
    system.behave(delivery_delay_ms=0)
    create_customer(console, "+254700000943", "Nyambura")
    assert console.find("#drawer-done").text == "Customer created."
    create_order(console, "lantern")
    console.find("#sms-title .chip", "Delivered", seconds=60)
    assert console.find("#drawer-done").text == "Order created. It is on the phone. Another for the same customer"
    console.fill(f"{DRAWER} [name=reason]", "It was deleted")
    console.click(f"{DRAWER} button[type=submit]", "Send again")
    console.find("#drawer-done", "The text is queued again.")
    # The page replaces the history while it is read.
    story = "return document.querySelector('.timeline').textContent"
    until(lambda: console.driver.execute_script(story).count("Delivered") == 2, seconds=60)
    assert console.find("#drawer-done").text == "The text is queued again."
    console.click(".cancel button", "Cancel order")
    console.find(".cancel", "This cannot be undone. The customer is not told.")
    console.click(".cancel button", "Yes, cancel it")
    console.find("#drawer-done", "The order is cancelled.")
    console.find(MEANING, "The order was cancelled, and the customer was not told.")


@pytest.mark.parametrize(
    ("typed", "shown", "stored"),
    [
        ("1,500", "KES 1,500", "1500.00"),
        ("KES 1500", "KES 1,500", "1500.00"),
        ("1 500.5", "KES 1,500.5", "1500.50"),
        ("1500/=", "KES 1,500", "1500.00"),
    ],
)
def test_an_amount_may_be_typed_as_people_write_it(
    system: System, console: Browser, typed: str, shown: str, stored: str
) -> None:
    customer = system.customer(phone_number="+254700000944")
    console.click(".head a", "New order")
    console.fill(f"{DRAWER} [name=whom]", customer["code"])
    console.fill(f"{DRAWER} [name=item]", "sugar")
    console.fill(f"{DRAWER} [name=amount]", typed)
    assert shown in console.find(".field:has([name=amount]) .hint").text
    console.click(f"{DRAWER} button[type=submit]")
    console.find("#drawer-title", "sugar")
    [order] = system.call("GET", f"orders?customer={customer['code']}").body["data"]
    assert (order["amount"], order["currency"]) == (stored, "KES")


def test_a_currency_is_chosen_or_typed_with_the_amount(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700000945")
    console.click(".head a", "New order")
    assert console.find(f"{DRAWER} [name=currency]").get_attribute("value") == "KES"
    console.click(f"{DRAWER} [name=currency] option[value=UGX]")
    console.fill(f"{DRAWER} [name=whom]", customer["code"])
    console.fill(f"{DRAWER} [name=item]", "matoke")
    console.fill(f"{DRAWER} [name=amount]", "15,000.50")
    console.click(f"{DRAWER} button[type=submit]")
    console.find(".field:has([name=amount]) .error", "UGX has no decimals.")
    console.fill(f"{DRAWER} [name=amount]", "USD 20")
    console.click(f"{DRAWER} button[type=submit]")
    console.find("#drawer-title", "matoke")
    [order] = system.call("GET", f"orders?customer={customer['code']}").body["data"]
    assert (order["amount"], order["currency"]) == ("20.00", "USD")


def test_a_name_that_is_too_long_is_not_cut_but_said(system: System, console: Browser) -> None:
    console.click("nav a", "Customers")
    console.click(".head a", "New customer")
    console.fill(f"{DRAWER} [name=name]", "n" * 151)
    console.find(".field:has([name=name]) .error", "At most 150 characters; this has 151.")
    assert len(console.find(f"{DRAWER} [name=name]").get_attribute("value") or "") == 151


def test_days_that_are_swapped_are_said_at_their_field(system: System, console: Browser) -> None:
    console.driver.execute_script("location.hash = '#/orders?order_date_from=2026-02-04&order_date_to=2026-02-03'")
    console.find(".blank h2", "Check the highlighted filter")
    console.find(".field:has([name=order_date_to]) .error", "From is later than To.")
    assert console.accessibility() == []


def test_an_order_prints_as_a_receipt_of_80_mm(system: System, console: Browser) -> None:
    order = show(system, console, "+254700000946")
    console.find("#sms-title .chip", "Delivered", seconds=60)
    console.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    console.wait_for_animations()
    shown = console.find("dialog")
    assert shown.size["width"] <= 80 / 25.4 * 96
    printed = console.find("body").text
    for words in ("macbook", "KES", str(order["customer_name"]), str(order["code"])):
        assert words in printed
    for words in ("Orders\n", "Cancel order", "What happened", "Technical details", "Print", "Send again", "Sign out"):
        assert words not in printed
    paper = {"paperWidth": 80 / 25.4, "paperHeight": 200 / 25.4, "marginLeft": 0.1, "marginRight": 0.1}
    pdf = base64.b64decode(console.driver.execute_cdp_cmd("Page.printToPDF", paper)["data"])
    assert pdf.count(b"/Type /Page\n") == 1


SMALL = """
    const inline = (element) => getComputedStyle(element).display === "inline" && element.closest("p:not(.buttons), dd, dt");
    return [...document.querySelectorAll("a, button, input, select, summary")].filter((element) => {
      if (!element.checkVisibility() || element.closest(".skip, .visually-hidden") || inline(element)) return false;
      const {width, height} = (element.type === "checkbox" ? element.closest(".check") : element).getBoundingClientRect();
      return width < 24 || height < 24;
    }).map((element) => `${element.outerHTML.slice(0, 80)} ${element.getBoundingClientRect().height}`);
"""


def test_every_target_is_large_enough_for_a_thumb(system: System, console: Browser) -> None:
    order = system.order(system.customer(phone_number="+254700000947"))
    system.reaches(order, "delivered")
    console.emulate_screen(360, 740, "light")
    for address in ("orders", "customers", "orders?open=new", "customers?open=new", f"orders?open={order['id']}"):
        console.driver.execute_script(f"location.hash = '#/{address}'")
        console.find(f"{DRAWER} form" if "open" in address else ".row")
        assert console.driver.execute_script(SMALL) == [], address
