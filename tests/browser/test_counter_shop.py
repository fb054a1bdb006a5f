"""Situations at a counter: the wording of the shop's texts. `docs/console.md` lists them."""

from collections.abc import Iterator

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.chromium import Browser, answer_with
from tests.browser.console import sign_in_as
from tests.support.system import System, until

pytestmark = pytest.mark.browser
ENGLISH = "[name='created/en']"
SWAHILI = "[name='created/sw']"


def open_page(system: System, console: Browser, name: str, heading: str) -> None:
    console.driver.execute_script(f"location.hash = '#/{name}'")
    console.find("h1", heading)


@pytest.fixture
def wording(system: System, console: Browser) -> Iterator[Browser]:
    """The page of the wording, as it ships before and after."""
    shipped = {
        "default_language": "en",
        "created": {
            "en": "Dear {name}, your order {code} for {item} costing {currency} {amount} has been created. Thank you!",
            "sw": "Mpendwa {name}, oda yako {code} ya {item} ya {currency} {amount} imepokelewa. Asante!",
        },
    }

    def ship() -> None:
        etag = system.call("GET", "wording").headers["etag"]
        assert system.call("PUT", "wording", shipped, **{"If-Match": etag}).status == 200

    ship()
    open_page(system, console, "wording", "Wording of texts")
    console.find(ENGLISH)
    yield console
    ship()


def test_a_manager_writes_the_text_and_sees_what_it_costs(system: System, wording: Browser) -> None:
    wording.find(".wording-text .bubble", "Dear Mama Njeri, your order XXXX-XXXX for sugar, 2 kg")
    wording.find(".wording-text .facts", "1 segment")
    wording.find(".wording-text .facts", "about KES 0.80 for each text")
    assert wording.accessibility() == []
    wording.fill(ENGLISH, "Hello {name}! " + "Thank you for coming to our shop. " * 5 + "Order {code}.")
    wording.find(".told", "2 segments")
    wording.find(".told", "Remove ")
    wording.find(".told", "about KES 1.60 for each text")
    until(lambda: "Hello Mama Njeri!" in wording.find(".wording-text .bubble").text)
    assert wording.accessibility() == []
    assert wording.overflowing() == []
    wording.fill(ENGLISH, "Hello {name}, order {code}: ")
    wording.click(".wording-text button", "{amount}")
    assert wording.find(ENGLISH).get_attribute("value").endswith("{amount}")
    wording.click(".shop form > .buttons button", "Save")
    wording.find(".news", "Saved. New orders have this wording.")
    assert wording.accessibility() == []
    order = system.order(system.customer(phone_number="+254700000851", name="Wanjiru"))
    assert system.sms(order)["text"] == f"Hello Wanjiru, order {order['code']}: 56,000.68"
    assert wording.errors() == []


def test_the_number_of_characters_to_remove_is_right(system: System, wording: Browser) -> None:
    start = "Hi {name}: "
    wording.fill(ENGLISH, start + "x" * (163 - len("Hi Mama Njeri: ")))
    wording.find(".told", "Remove 3 characters to save a segment.")
    wording.find(ENGLISH).send_keys(Keys.END, Keys.BACKSPACE * 3)
    until(lambda: "1 segment" in wording.find(".wording-text .told").text)
    assert "Remove" not in wording.find(".wording-text .told").text


@pytest.mark.parametrize(
    ("template", "advice"),
    [("Hi {nme}", "{nme} is not known."), ("Hi {name", "A { or } is missing or left over."), ("", "Write a text.")],
)
def test_a_text_that_cannot_be_sent_says_why_at_its_field(
    system: System, wording: Browser, template: str, advice: str
) -> None:
    before = system.call("GET", "wording").body
    wording.find(ENGLISH).send_keys(Keys.CONTROL, "a")
    wording.find(ENGLISH).send_keys(template or Keys.BACKSPACE)
    wording.click(".shop form > .buttons button", "Save")
    wording.find(".wording-text .error", advice)
    assert wording.driver.switch_to.active_element.get_attribute("name") == "created/en"
    assert wording.accessibility() == []
    assert system.call("GET", "wording").body == before


def test_a_change_by_someone_else_is_shown_and_nothing_is_lost(system: System, wording: Browser) -> None:
    current = system.call("GET", "wording")
    wording.fill(ENGLISH, "Mine for {name}, {code}")
    theirs = {
        "default_language": "en",
        "created": {"en": "Theirs for {name}, {code}", "sw": "Yao {name}", "fr": "Bonjour {name}"},
    }
    assert system.call("PUT", "wording", theirs, **{"If-Match": current.headers["etag"]}).status == 200
    wording.click(".shop form > .buttons button", "Save")
    wording.find(".shop form > .error", "Someone else changed the wording while you were writing.")
    wording.find(".theirs", "Theirs for {name}, {code}")
    assert wording.find(ENGLISH).get_attribute("value") == "Mine for {name}, {code}"
    assert wording.find("[name='created/fr']").get_attribute("value") == "Bonjour {name}"
    assert wording.accessibility() == []
    wording.click(".theirs button", "Use theirs")
    assert wording.find(ENGLISH).get_attribute("value") == "Theirs for {name}, {code}"
    wording.fill(ENGLISH, "Ours for {name}, {code}")
    wording.click(".shop form > .buttons button", "Save")
    wording.find(".news", "Saved.")
    assert system.call("GET", "wording").body["created"]["en"] == "Ours for {name}, {code}"
    assert system.call("GET", "wording").body["created"]["fr"] == "Bonjour {name}"


def test_a_language_is_added_and_removed(system: System, wording: Browser) -> None:
    wording.driver.execute_script("document.getElementById('other-language').value = 'fr'")
    wording.click(".add-language button", "Add")
    assert wording.driver.switch_to.active_element.get_attribute("name") == "created/fr"
    wording.fill("[name='created/fr']", "Bonjour {name}, commande {code}")
    wording.find(".bubble", "Bonjour Mama Njeri")
    wording.click(".wording-text button", "Remove Swahili")
    wording.find(".news", "Swahili is removed once you save.")
    wording.click(".shop form > .buttons button", "Save")
    wording.find(".news", "Saved.")
    assert set(system.call("GET", "wording").body["created"]) == {"en", "fr"}


def test_what_was_typed_is_still_there_after_another_page(system: System, wording: Browser) -> None:
    wording.fill(ENGLISH, "Half a sentence for {name}")
    wording.click("nav a", "Orders")
    wording.find("h1", "Orders")
    wording.click("nav a", "Shop")
    wording.find(".news", "What you wrote is still here.")
    assert wording.find(ENGLISH).get_attribute("value") == "Half a sentence for {name}"
    wording.click(".shop button", "Discard what I wrote")
    until(lambda: "Half a sentence" not in wording.find(ENGLISH).get_attribute("value"))


def test_a_wording_that_does_not_load_can_be_tried_again(system: System, console: Browser) -> None:
    console.intercept("/wording", answer_with(503))
    open_page(system, console, "wording", "Wording of texts")
    console.find(".blank", "The wording did not load")
    assert console.accessibility() == []
    console.intercept("/wording", "")
    console.click(".blank button", "Try again now")
    console.find(ENGLISH)


@pytest.mark.parametrize("login", ["clerk", "viewer"])
def test_only_managers_see_the_shops_pages(system: System, browser: Browser, login: str) -> None:
    sign_in_as(system, browser, login)
    entries = [entry.text for entry in browser.driver.find_elements("css selector", "#sections a")]
    assert entries == ["Orders", "Customers"]
    browser.driver.execute_script("location.hash = '#/wording'")
    browser.find("h1", "Orders")
    assert not any("/console/" in url and "/shop/" in url for url in browser.traffic()[0])


def test_the_wording_on_a_phone_in_the_dark(system: System, wording: Browser) -> None:
    wording.emulate_screen(360, 740, "dark")
    wording.find(".wording-text .bubble", "Dear Mama Njeri")
    assert wording.overflowing() == []
    assert wording.accessibility() == []
    wording.screenshot("shop-wording-phone-dark")
