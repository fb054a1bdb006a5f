"""The SMS sandbox's page in a real browser: the recipients' phones, and the buttons that make the provider misbehave."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from selenium.webdriver.remote.webelement import WebElement

from tests.browser.chromium import Browser, answer_with
from tests.support.system import System, request, until

pytestmark = pytest.mark.browser


@pytest.fixture
def page(system: System, browser: Browser) -> Iterator[Browser]:
    """Open the page, with the sandbox's default behaviour before and after."""
    system.behave()
    browser.open(system.sandbox("/"))
    browser.find("#connection", "Live")
    yield browser
    system.behave()


def phone(page: Browser, number: str) -> WebElement:
    """Wait for the phone with this number, and return it."""
    page.find(f"#phone-{number.lstrip('+')}")
    return page.find(f"section[aria-labelledby=phone-{number.lstrip('+')}]")


def choose(page: Browser, label: str, hint: str) -> None:
    """Choose a behaviour and wait until the sandbox has it."""
    page.click("#answers label", label)
    page.find("#answer-hint", hint)
    until(lambda: page.driver.execute_script("return waiting === 0"))


def test_a_text_appears_and_is_delivered_without_a_reload(system: System, page: Browser) -> None:
    system.behave(delivery_delay_ms=3000)
    # Record each state as it is shown: this test may be too slow to see it.
    page.driver.execute_script(
        """
        window.shownStates = [];
        new MutationObserver(() => {
          const state = document.querySelector("section[aria-labelledby=phone-254700000951] .label")?.textContent;
          if (state && state !== shownStates.at(-1)) shownStates.push(state);
        }).observe(document.body, {childList: true, subtree: true, characterData: true});
        """
    )
    order = system.order(system.customer(phone_number="+254700000951", name="Wanjiru"))
    shown = phone(page, "+254700000951")
    assert order["sms"]["text"] in shown.text
    assert "1 segment, GSM-7" in shown.text
    assert "KES 0.80\n" in shown.text
    until(lambda: "Delivered" in shown.text)
    states = page.driver.execute_script("return shownStates")
    assert states[0] in {"Accepted", "On its way"}
    assert states[-1] == "Delivered"
    assert page.errors() == []
    assert page.origins() == {system.sandbox("")}


def test_a_text_shows_its_segments_and_encoding(system: System, page: Browser) -> None:
    customer = system.customer(phone_number="+254700000952", name="Wanjiru")
    body = {"customer": customer["id"], "item": "ቡና ሻይ ስኳር ዳቦ ወተት ሩዝ ዘይት ጨው", "amount": "10"}
    sms = system.call("POST", "orders", body).body["sms"]
    shown = phone(page, "+254700000952")
    assert f"{sms['segments']} segments, UCS-2" in shown.text
    assert sms["segments"] > 1


def test_refused_texts_fail_and_reach_no_phone(system: System, page: Browser) -> None:
    choose(page, "Refused", "CouldNotRoute")
    order = system.order(system.customer(phone_number="+254700000953"))
    system.reaches(order, "failed")
    choose(page, "Accepted", "accepted immediately")
    assert "+254700000953" not in page.find("body").text
    assert all(text["to"] != "+254700000953" for text in system.texts())


def test_a_text_whose_answer_was_lost_appears_once(system: System, page: Browser) -> None:
    page.click("#delivery option[value=none]")
    until(lambda: page.driver.execute_script("return behaviour.delivery === 'none' && waiting === 0"))
    choose(page, "Dropped", "its answer is lost")
    order = system.order(system.customer(phone_number="+254700000954"))
    system.reaches(order, "unknown")
    shown = phone(page, "+254700000954")
    until(lambda: "its answer was lost" in shown.text)
    assert shown.text.count(order["sms"]["text"]) == 1


def test_a_delayed_text_counts_as_sent_after_its_answer(system: System, page: Browser) -> None:
    choose(page, "Delayed", "the answer takes 3 seconds")
    order = system.order(system.customer(phone_number="+254700000955"))
    system.reaches(order, "delivered")
    history = system.call("GET", f"orders/{order['id']}").body["sms"]["history"]
    at = {event["status"]: datetime.fromisoformat(event["at"]) for event in history}
    assert at["sent"] - at["sending"] >= timedelta(seconds=3)


def test_two_quick_choices_both_take_effect(system: System, page: Browser) -> None:
    page.driver.execute_script(
        """
        document.querySelector("input[value=refuse]").click();
        const delivery = document.querySelector("#delivery");
        delivery.value = "none";
        delivery.dispatchEvent(new Event("change"));
        document.querySelector("input[value=slow]").click();
        """
    )
    until(lambda: page.driver.execute_script("return waiting === 0"))
    behaviour = request("GET", system.sandbox("/_sandbox/behaviour")).body
    assert (behaviour["default"], behaviour["latency_ms"], behaviour["delivery"]) == ("accept", 3000, "none")
    assert page.find("#delivery").get_attribute("value") == "none"


def test_a_choice_that_the_sandbox_refuses_is_not_shown(system: System, page: Browser) -> None:
    page.intercept("/_sandbox/behaviour", answer_with(400, '{"detail": "The body must be JSON."}'))
    page.click("#answers label", "Refused")
    page.find("#refused", "refused this change: The body must be JSON.")
    page.find("#answer-hint", "accepted immediately")
    page.intercept("/_sandbox/behaviour", "")
    choose(page, "Refused", "CouldNotRoute")
    assert page.driver.find_element("css selector", "#refused").text == ""


def test_a_deferred_text_arrives_once_the_provider_recovers(system: System, page: Browser) -> None:
    choose(page, "Put off", "we try again later")
    order = system.order(system.customer(phone_number="+254700000956"))
    until(lambda: system.call("GET", f"orders/{order['id']}").body["sms"]["attempts"] >= 1)
    assert "+254700000956" not in page.find("body").text
    choose(page, "Accepted", "accepted immediately")
    assert order["sms"]["text"] in phone(page, "+254700000956").text
    system.reaches(order, "delivered")


def test_a_wrong_key_pauses_sending_until_it_is_corrected(system: System, page: Browser) -> None:
    choose(page, "Wrong key", "sending pauses")
    order = system.order(system.customer(phone_number="+254700000958"))
    held = until(lambda: (now := system.call("GET", f"orders/{order['id']}").body["sms"])["reason"] and now)
    assert (held["status"], held["reason"], held["attempts"]) == ("queued", "bad_key", 0)
    assert "+254700000958" not in page.find("body").text
    choose(page, "Accepted", "accepted immediately")
    system.reaches(order, "delivered", seconds=60)
    assert phone(page, "+254700000958").text.count(order["sms"]["text"]) == 1


def test_replying_stop_opts_out_until_it_is_undone(system: System, page: Browser) -> None:
    customer = system.customer(phone_number="+254700000957")
    system.order(customer)
    shown = phone(page, "+254700000957")
    button = shown.find_element("css selector", ".reply")
    assert button.text == "Reply STOP"
    button.click()
    until(lambda: "Opted out" in shown.text)
    until(lambda: system.call("GET", f"customers/{customer['id']}").body["sms_opted_out"])
    system.reaches(system.order(customer), "suppressed")
    assert "1 text\n" in shown.text
    until(lambda: button.text == "Undo STOP")
    button.click()
    until(lambda: "Opted out" not in shown.text)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(360, 740), (1280, 800)])
def test_every_state_is_accessible(system: System, page: Browser, width: int, height: int, scheme: str) -> None:
    page.emulate_screen(width, height, scheme)
    page.driver.refresh()
    for number, behaviour in (
        ("+254700000961", {"delivery": "failed"}),
        ("+254700000962", {"default": "drop_after", "delivery": "none"}),
        ("+254700000963", {}),
    ):
        system.behave(**behaviour)
        settled = system.reaches(
            system.order(system.customer(phone_number=number)), "undelivered", "unknown", "delivered"
        )
        assert settled["status"] == {"failed": "undelivered", "none": "unknown"}.get(
            behaviour.get("delivery", ""), "delivered"
        )
        phone(page, number)
    page.find(".phone .state", "Not delivered")
    # On a small screen the phones come first.
    assert page.driver.find_element("css selector", "#answers").is_displayed() == (width > 360)
    if width == 360:
        page.click("#all-controls > summary")
    page.click(".magic > summary")
    page.click(".text details > summary")
    assert page.accessibility() == []
    assert page.overflowing() == []
    right = "return arguments[0].getBoundingClientRect().right"
    table, around = page.find(".controls table"), page.find(".controls .magic")
    assert page.driver.execute_script(right, table) <= page.driver.execute_script(right, around)
    page.screenshot(f"phones-states-{width}-{scheme}")
    assert page.errors() == []


def test_a_phone_has_the_name_that_its_texts_greet_and_is_found_by_it(system: System, page: Browser) -> None:
    system.order(system.customer(phone_number="+254700000969", name="Zipporah Tuwei"))
    system.order(system.customer(phone_number="+254700000962", name="Barasa"))
    assert "Zipporah Tuwei" in phone(page, "+254700000969").find_element("css selector", "h3").text
    phone(page, "+254700000962")

    def found(wanted: str) -> list[str]:
        page.fill("#search", wanted)
        phones = page.driver.find_elements("css selector", ".phone h3")
        return sorted(name.text.split()[-1] for name in phones if name.is_displayed())

    for wanted in ("zipporah", "0700 000 969", "+254700000969", "tuwei, your order"):
        assert found(wanted) == ["+254700000969"], wanted
    assert "+254700000962" in found("macbook")
    assert found("nobody has this") == []
    page.find("#none", "No phone here has that.")
    assert page.accessibility() == []
