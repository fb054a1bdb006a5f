"""Situations at a counter: the day. Tabs over the orders, what needs attention, today's figures, all days. `docs/console.md` lists them."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.browser.chromium import NO_NETWORK, Browser
from tests.browser.console import DRAWER, sign_in_as
from tests.support.system import System, until

pytestmark = pytest.mark.browser


def counted(console: Browser) -> int:
    """Return how many orders the tab says need attention."""
    return int(console.driver.find_element("css selector", ".tabs .count").text.rstrip("+") or 0)


def items(console: Browser) -> list[str]:
    """Return the items in the list."""
    return [cell.text.split(" ")[0] for cell in console.driver.find_elements("css selector", ".row.orders .item")]


def test_what_needs_attention_is_a_tab_with_a_count(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700000971", name="Moraa")
    system.reaches(system.order(customer, item="arrived"), "delivered")
    system.behave(default="status:403")
    failed = system.order(customer, item="refused")
    system.reaches(failed, "failed")
    system.behave()
    console.driver.refresh()
    console.find("h1", "Orders")
    until(lambda: counted(console) >= 1)
    count = counted(console)
    assert console.driver.title == f"({count}) Orders · Sales"
    console.click(".tabs a", "Needs attention")
    console.find(".row", "refused")
    assert "arrived" not in items(console)
    assert console.find(".tabs a[aria-current]").text.startswith("Needs attention")
    assert not console.driver.find_elements("css selector", "[name=sms_status]")
    assert console.accessibility() == []
    # After it is sent again, it needs no attention.
    console.click(".row", "refused")
    console.fill(f"{DRAWER} [name=reason]", "the number works again")
    console.click(f"{DRAWER} button[type=submit]", "Send again")
    console.find("#sms-title .chip", "Delivered")
    console.click("#close")
    until(lambda: "refused" not in items(console))
    until(lambda: counted(console) == count - 1)


def test_a_text_that_waits_needs_attention_after_ten_minutes(system: System, console: Browser) -> None:
    system.behave(default="http:429")
    order = system.order(system.customer(phone_number="+254700000972", name="Wekesa"), item="stuck")
    console.click(".tabs a", "Needs attention")
    console.find(".tabs a[aria-current]", "Needs attention")
    assert "stuck" not in items(console)
    # The person's clock, eleven minutes later.
    console.run_on_each_page("const real = Date.now; Date.now = () => real() + 11 * 60000;")
    console.driver.refresh()
    console.find(".row", "stuck")
    system.behave()
    system.reaches(order, "delivered")


def test_cancelled_orders_have_a_tab(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700000973", name="Naserian")
    system.order(customer, item="kept")
    cancelled = system.order(customer, item="dropped")
    system.call("POST", f"orders/{cancelled['id']}/cancel")
    console.click(".tabs a", "Cancelled")
    console.find(".row", "dropped")
    assert "kept" not in items(console)
    assert console.accessibility() == []
    # A filter keeps the tab, and clearing it too.
    console.click(".shortcuts a", "Yesterday")
    console.find(".blank h2", "No orders match")
    assert "tab=cancelled" in console.driver.current_url
    console.click(".clear", "Clear")
    console.find(".row", "dropped")


def test_presets_are_the_shops_own_days(system: System, console: Browser) -> None:
    # A person in New York looks at a shop in Nairobi.
    console.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "America/New_York"})
    console.driver.refresh()
    console.click(".shortcuts a", "Yesterday")
    yesterday = (datetime.now(UTC) + timedelta(hours=3, days=-1)).date().isoformat()
    until(lambda: f"order_date_from={yesterday}&order_date_to={yesterday}" in console.driver.current_url)
    assert console.find("[name=order_date_from]").get_attribute("value") == yesterday


def test_a_manager_sees_the_day_and_saves_its_figures(system: System, console: Browser, tmp_path: Path) -> None:
    console.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    order = system.order(system.customer(phone_number="+254700000974", name="Halima"))
    system.reaches(order, "delivered")
    console.driver.refresh()
    console.find(".strip", "Money")
    shown = "return [...document.querySelectorAll('.strip dd')].map((figure) => figure.innerText)"
    names = ("orders", "money", "delivered", "attention", "cost")
    # The strip is made again when its figures come.
    figures = dict(zip(names, until(lambda: console.driver.execute_script(shown)), strict=True))
    day = system.call("GET", "days").body["data"][0]
    assert figures["orders"] == str(day["orders"] - day["cancelled"])
    assert figures["money"].replace(",", "").startswith("KES ")
    assert figures["delivered"] == str(day["states"]["delivered"])
    assert figures["cost"].startswith("KES ")
    assert console.accessibility() == []
    console.click(".strip a", "All days")
    console.find("h1", "Days")
    console.find(".days td", str(day["orders"]))
    assert console.accessibility() == []
    console.click("button", "Download as CSV")
    file = until(lambda: next(iter(tmp_path.glob("days-*.csv")), None))
    first = next(csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines()))
    # Orders of other tests may be in more currencies: there are more columns then.
    shown_day = {"date": day["date"], "orders": str(day["orders"]), "cancelled": str(day["cancelled"])}
    assert first.items() >= (shown_day | {"amount KES": day["amounts"]["KES"]}).items()
    assert {"texts", "segments", "cost KES"} <= set(first)
    console.click(".shortcuts a", "Yesterday")
    console.find(".blank h2", "No orders in these days")
    console.driver.execute_script("location.hash = '#/days?from=2026-02-02&to=2026-02-01'")
    console.find(".days .error", "From is later than To.")
    assert console.accessibility() == []
    for width, scheme in ((360, "dark"), (1280, "light")):
        console.emulate_screen(width, 800, scheme)
        console.driver.execute_script("location.hash = '#/days'")
        console.find(".days td")
        assert console.overflowing() == []
        assert console.accessibility() == []
        console.screenshot(f"console-days-{width}-{scheme}")
        console.driver.execute_script("location.hash = '#/orders'")
        console.find(".strip", "Money")
        assert console.overflowing() == []
        console.screenshot(f"console-today-{width}-{scheme}")


def test_days_that_do_not_load_can_be_tried_again(system: System, console: Browser) -> None:
    console.intercept("/days", NO_NETWORK)
    console.driver.execute_script("location.hash = '#/days'")
    console.find(".blank", "The figures did not load")
    console.intercept("/days", "")
    console.click(".blank button", "Try again now")
    console.find(".days table")


@pytest.mark.parametrize("login", ["clerk", "viewer"])
def test_only_managers_see_money_and_days(system: System, browser: Browser, login: str) -> None:
    sign_in_as(system, browser, login)
    browser.find(".tabs a", "Needs attention")
    assert not browser.driver.find_elements("css selector", ".strip-place")
    browser.driver.execute_script("location.hash = '#/days'")
    browser.find("h1", "Orders")
    urls, _ = browser.traffic()
    assert not any(
        "/sales/days" in url or "today.js" in url or "days.js" in url for url in urls if "shop_days" not in url
    )
