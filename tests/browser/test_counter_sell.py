"""Situations at a counter: selling. `docs/console.md` lists them."""

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.chromium import NEVER, NO_NETWORK, Browser, fault
from tests.browser.console import (
    CREATED,
    DRAWER,
    OPTION,
    WHOM,
    create,
    create_customer,
    customers_with,
    describe,
    focused,
    new_order,
    options,
    orders_of,
    sign_in_as,
    value,
)
from tests.support.numbers import mobile
from tests.support.system import System, running, until

pytestmark = pytest.mark.browser


def test_a_name_an_item_and_an_amount_are_enough_by_keyboard_alone(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700007941", name="Mama Njeri Waithera")
    before = len(system.texts())
    keyboard = console.driver.switch_to
    keyboard.active_element.send_keys("/")
    assert focused(console).get_attribute("id") == "find"
    focused(console).send_keys(Keys.TAB)
    assert focused(console).text == "New order"
    focused(console).send_keys(Keys.ENTER)
    until(lambda: focused(console).get_attribute("name") == "whom")
    assert focused(console).accessible_name == "Customer"
    focused(console).send_keys("mama njeri wai")
    assert [option.splitlines()[0] for option in options(console, "Waithera")] == [
        "Mama Njeri Waithera",
        "New customer: mama njeri wai",
    ]
    focused(console).send_keys(Keys.ARROW_DOWN)
    active = focused(console).get_attribute("aria-activedescendant")
    assert console.find(f"#{active}").get_attribute("aria-selected") == "true"
    assert console.accessibility() == []
    focused(console).send_keys(Keys.ENTER)
    console.find(f"{DRAWER} .field", "+254700007941")
    assert value(console, "whom") == "Mama Njeri Waithera"
    names = []
    for typed in ("", "sugar", "1,500"):
        focused(console).send_keys(typed, Keys.TAB)
        names.append(focused(console).accessible_name)
    assert names == ["Item", "Amount", "Currency"]
    console.find(".preview .bubble", "sugar costing KES 1,500.00")
    console.find(".preview", "The customer gets this text once the order is created.")
    assert console.accessibility() == []
    focused(console).send_keys(Keys.SHIFT, Keys.TAB)
    focused(console).send_keys(Keys.ENTER)
    console.find("#drawer-title", "sugar")
    console.find(CREATED, "Order created.")
    console.find("#sms-title .chip", "Delivered", seconds=60)
    console.find(CREATED, "Order created. It is on the phone.")
    assert console.accessibility() == []
    [text] = system.texts()[before:]
    assert "Dear Mama Njeri Waithera" in text["text"]
    assert len(orders_of(system, customer)) == 1


def test_another_order_for_the_same_customer_is_one_link_away(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700007942", name="Achieng Odhiambo")
    new_order(console)
    console.fill(WHOM, "0700 007 942")
    describe(console, "tea")
    create(console)
    console.click(f"{CREATED} a", "Another for the same customer")
    until(lambda: value(console, "whom") == "Achieng Odhiambo")
    console.find(f"{DRAWER} .field", "Last order: tea, KES 1,500.00")
    assert focused(console).get_attribute("name") == "item"
    describe(console, "milk", "60")
    create(console)
    console.find("#drawer-title", "milk")
    assert [order["item"] for order in orders_of(system, customer)] == ["milk", "tea"]
    # Back leads to no form that was sent.
    console.driver.back()
    console.find("#drawer-title", "tea")


def test_a_shared_phone_is_one_choice_more(system: System, console: Browser) -> None:
    mother = system.customer(phone_number="+254700007950", name="Wanjiku Kamau")
    daughter = system.customer(phone_number="+254700007950", name="Nyambura Kamau")
    new_order(console)
    console.fill(WHOM, "0700007950")
    assert len(options(console, "Nyambura Kamau")) == 3
    # Neither Enter nor leaving the field chooses one of two.
    focused(console).send_keys(Keys.ENTER, Keys.TAB)
    describe(console)
    create(console)
    console.find(f"{DRAWER} .error", "Pick the customer from the list")
    console.click(WHOM)
    console.find(WHOM).send_keys(Keys.ARROW_DOWN)
    console.click(OPTION, "Nyambura Kamau")
    create(console)
    console.find("#drawer-title", "sugar")
    assert (len(orders_of(system, mother)), len(orders_of(system, daughter))) == (0, 1)


def test_a_new_customer_is_described_in_the_order_form(system: System, console: Browser) -> None:
    new_order(console)
    console.fill(WHOM, "Mutiso Ndunda")
    options(console, "New customer: Mutiso Ndunda")
    focused(console).send_keys(Keys.ARROW_UP, Keys.ENTER)
    assert value(console, "name") == "Mutiso Ndunda"
    assert focused(console).get_attribute("name") == "phone_number"
    focused(console).send_keys("0700 007 951", Keys.TAB, "mutiso@example.com")
    describe(console)
    console.find(".preview .bubble", "Dear Mutiso Ndunda")
    console.find(".preview", "The customer gets this text once the order is created.")
    assert console.accessibility() == []
    focused(console).send_keys(Keys.ENTER)
    console.find("#drawer-title", "sugar")
    [customer] = customers_with(system, "+254700007951")
    assert customer["name"] == "Mutiso Ndunda"
    [order] = orders_of(system, customer)
    system.reaches(order, "delivered")


def test_a_faulty_new_customer_is_corrected_in_place(system: System, console: Browser) -> None:
    new_order(console)
    console.fill(WHOM, "0700 007 952 1")
    options(console, "New customer")
    focused(console).send_keys(Keys.ARROW_UP, Keys.ENTER)
    assert value(console, "phone_number") == "0700 007 952 1"
    describe(console)
    create(console)
    console.find(f"{DRAWER} .error", "Enter a name.")
    console.fill(f"{DRAWER} [name=name]", "Syombua")
    console.fill(f"{DRAWER} [name=email]", "syombua@example.com")
    create(console)
    until(lambda: focused(console).get_attribute("name") == "phone_number")
    assert console.accessibility() == []
    console.fill(f"{DRAWER} [name=phone_number]", "0700 007 952")
    create(console)
    console.find("#drawer-title", "sugar")
    assert len(customers_with(system, "+254700007952")) == 1


def test_a_known_number_is_offered_instead_of_a_second_customer(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700007953", name="Mama Atieno")
    new_order(console)
    console.fill(WHOM, "Atieno Mama")
    options(console, "New customer")
    focused(console).send_keys(Keys.ARROW_UP, Keys.ENTER)
    focused(console).send_keys("0700 007 953", Keys.TAB)
    console.find(".duplicates", "Mama Atieno has this number.")
    assert console.accessibility() == []
    console.click(".duplicates button", "Use Mama Atieno")
    assert value(console, "whom") == "Mama Atieno"
    describe(console)
    create(console)
    console.find("#drawer-title", "sugar")
    assert len(customers_with(system, "+254700007953")) == 1
    assert len(orders_of(system, customer)) == 1


def test_two_people_may_share_a_number_if_the_clerk_says_so(system: System, console: Browser) -> None:
    system.customer(phone_number="+254700007954", name="Mama Otieno")
    console.click("nav a", "Customers")
    console.click(".head a", "New customer")
    console.fill(f"{DRAWER} [name=name]", "Otieno Junior")
    console.fill(f"{DRAWER} [name=email]", "junior@example.com")
    # Enter right after the number: the question comes before the customer is created.
    console.fill(f"{DRAWER} [name=phone_number]", "+254 700 007 954")
    focused(console).send_keys(Keys.ENTER)
    console.find(".duplicates", "Mama Otieno has this number.")
    until(lambda: focused(console).text == "Open Mama Otieno")
    assert len(customers_with(system, "+254700007954")) == 1
    console.click(".duplicates button", "Make another customer")
    focused(console).send_keys(Keys.ENTER)
    console.find("#drawer-title", "Otieno Junior")
    console.find(CREATED, "Customer created.")
    assert len(customers_with(system, "+254700007954")) == 2


def test_a_duplicate_in_the_customer_form_is_opened_instead(system: System, console: Browser) -> None:
    system.customer(phone_number="+254700007955", name="Mama Auma")
    console.click("nav a", "Customers")
    console.click(".head a", "New customer")
    console.fill(f"{DRAWER} [name=phone_number]", "0700007955")
    focused(console).send_keys(Keys.TAB)
    console.click(".duplicates button", "Open Mama Auma")
    console.find("#drawer-title", "Mama Auma")
    assert not console.driver.find_elements("css selector", ".notice")


def test_a_customer_who_opted_out_is_sold_to_without_a_text(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700007956", name="Kamau Githinji")
    system.call("PATCH", f"customers/{customer['id']}", {"sms_opted_out": True})
    before = len(system.texts())
    new_order(console)
    console.fill(WHOM, "kamau gith")
    assert "Opted out" in options(console, "Kamau Githinji")[0]
    focused(console).send_keys(Keys.ENTER)
    console.find(f"{DRAWER} .field .chip", "Opted out")
    describe(console)
    console.find(".preview", "No text will be sent. The customer has opted out.")
    assert "KES 0" not in console.find(".preview").text
    create(console)
    console.find(CREATED, "Order created. The customer has opted out.")
    assert len(system.texts()) == before


def test_a_blocked_number_is_said_before_and_after(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700007957", name="Jepkosgei")
    system.behave(script=["status:406"])
    system.reaches(system.order(customer), "failed", "suppressed")
    system.behave()
    new_order(console)
    console.fill(WHOM, "jepkosgei")
    assert "Blocked" in options(console, "Jepkosgei")[0]
    focused(console).send_keys(Keys.ENTER)
    describe(console)
    console.find(".preview", "No text will be sent. The network refuses our sender id for this number.")
    create(console)
    console.find(CREATED, "Order created. The network refuses our sender id for this number.")


def test_a_number_abroad_gets_an_order_and_no_text(system: System, console: Browser) -> None:
    system.customer(phone_number=mobile("UG"), name="Namukasa Ugandan")
    new_order(console)
    console.fill(WHOM, "namukasa")
    options(console, "Namukasa")
    focused(console).send_keys(Keys.ENTER)
    describe(console)
    console.find(".preview", "No text will be sent. The shop’s settings allow no texts to this number.")


def test_a_new_customers_number_decides_before_they_are_one(system: System, console: Browser) -> None:
    new_order(console)
    console.fill(WHOM, "Apio Grace")
    options(console, "New customer")
    focused(console).send_keys(Keys.ARROW_UP, Keys.ENTER)
    describe(console)
    console.find(".preview", "The new customer gets this text if the shop texts their number.")
    console.fill(f"{DRAWER} [name=phone_number]", mobile("UG"))
    console.find(".preview", "No text will be sent. The shop’s settings allow no texts to this number.")


def test_a_text_that_is_switched_off_stays_off(system: System, console: Browser) -> None:
    customer = system.customer(phone_number="+254700007958", name="Muthoni")
    new_order(console)
    console.fill(WHOM, "0700007958")
    describe(console)
    console.find(".preview .bubble")
    switch = console.driver.find_element("css selector", "[name=texts]")
    assert (switch.aria_role, switch.accessible_name) == ("switch", "Send a text")
    switch.send_keys(Keys.SPACE)
    console.find(".preview", "No text will be sent. You switched it off.")
    create(console)
    console.find(CREATED, "Order created. No text was asked for.")
    [order] = orders_of(system, customer)
    assert system.sms(order)["reason"] == "not_asked"


def test_a_wrong_key_is_said_where_the_order_was_created(system: System, console: Browser) -> None:
    system.customer(phone_number="+254700007959", name="Cheptoo")
    system.behave(default="bad_key")
    new_order(console)
    console.fill(WHOM, "0700007959")
    describe(console)
    create(console)
    console.find(CREATED, "Order created. It waits. The provider refuses our account settings.", seconds=60)
    # The next order is told so beforehand.
    console.click(f"{CREATED} a", "Another for the same customer")
    describe(console, "salt", "30")
    console.find(".preview", "It waits. The provider refuses our account settings.")
    system.behave()
    create(console)
    console.find("#sms-title .chip", "Delivered", seconds=60)
    console.find(CREATED, "Order created. It is on the phone.")


def test_an_empty_balance_is_said_where_the_order_was_created(system: System, console: Browser) -> None:
    system.customer(phone_number="+254700007960", name="Kemunto")
    system.behave(default="status:405")
    new_order(console)
    console.fill(WHOM, "0700007960")
    describe(console)
    create(console)
    console.find(CREATED, "No credit is left.", seconds=60)
    assert "on its way" not in console.find(CREATED).text
    system.behave()


def test_a_text_above_the_limit_waits_and_says_so(browser: Browser) -> None:
    with running(SMS_PER_NUMBER_DAY="1") as limited:
        customer = limited.customer(phone_number="+254700007961", name="Moraa")
        limited.reaches(limited.order(customer), "delivered")
        sign_in_as(limited, browser, "clerk")
        new_order(browser)
        browser.fill(WHOM, "0700007961")
        describe(browser)
        browser.find(".preview", "The limit of texts is reached. It goes out on a later day")
        create(browser)
        browser.find(CREATED, "The limit of texts", seconds=60)


def test_a_network_lost_in_the_form_creates_nothing_twice(system: System, console: Browser) -> None:
    new_order(console)
    console.fill(WHOM, "Wairimu Lost")
    options(console, "New customer")
    focused(console).send_keys(Keys.ARROW_UP, Keys.ENTER)
    focused(console).send_keys("0700 007 962", Keys.TAB, "wairimu@example.com")
    describe(console)
    console.find(".preview .bubble", "Wairimu Lost")
    stored = "window.trueFetch(url, ...rest).then(() => Promise.reject(new TypeError('Failed to fetch')))"
    # The answer about the customer is lost, then that about the order, each after it was stored.
    for part in ("/sales/customers", "/sales/orders"):
        console.driver.execute_script(
            fault(part, stored).replace("(url, ...rest) => (", "(url, ...rest) => (rest[0]?.method === 'POST' && ")
        )
        create(console)
        console.find(f"{DRAWER} [role=alert]", "We can’t reach the server.")
        until(lambda: console.find(f"{DRAWER} button[type=submit]").is_enabled())
        assert console.accessibility() == []
    console.intercept("", "")
    create(console)
    console.find("#drawer-title", "sugar")
    [customer] = customers_with(system, "+254700007962")
    assert len(orders_of(system, customer)) == 1


def test_a_half_typed_order_comes_back_with_its_customer(system: System, console: Browser) -> None:
    system.customer(phone_number="+254700007963", name="Nafula Simiyu")
    new_order(console)
    console.fill(WHOM, "0700007963")
    describe(console)
    until(lambda: value(console, "whom") == "Nafula Simiyu")
    console.click("#close")
    console.click(".notice button", "Undo")
    until(lambda: value(console, "whom") == "Nafula Simiyu")
    console.find(f"{DRAWER} .field", "+254700007963")
    create(console)
    console.find("#drawer-title", "sugar")


def test_a_half_typed_new_customer_comes_back_too(system: System, console: Browser) -> None:
    new_order(console)
    console.fill(WHOM, "Khadija Hassan")
    options(console, "New customer")
    focused(console).send_keys(Keys.ARROW_UP, Keys.ENTER)
    console.click("#close")
    console.click(".notice button", "Undo")
    until(lambda: value(console, "name") == "Khadija Hassan")
    # A clerk who changes their mind finds a customer instead.
    console.click(f"{DRAWER} fieldset button", "Find a customer instead")
    assert focused(console).get_attribute("name") == "whom"
    assert not console.driver.find_element("css selector", f"{DRAWER} [name=name]").is_displayed()


def test_a_search_without_an_answer_leaves_the_form_usable(system: System, console: Browser) -> None:
    system.customer(phone_number="+254700007964", name="Jelagat")
    new_order(console)
    console.intercept("search=", NO_NETWORK)
    console.find(WHOM).send_keys("jelag")
    console.find(f"{DRAWER} .note", "We can’t reach the server.")
    console.intercept("search=", NEVER)
    focused(console).send_keys("a")
    console.intercept("", "")
    focused(console).send_keys("t")
    options(console, "Jelagat")
    focused(console).send_keys(Keys.ENTER)
    assert value(console, "whom") == "Jelagat"


def test_a_phone_of_360_pixels_is_enough_to_find_and_sell(system: System, console: Browser) -> None:
    name = "Nyokabi wa Gathoni Wanjohi wa Karanja"
    system.customer(phone_number="+254700007965", name=name)
    console.emulate_screen(360, 740, "light")
    console.find("#find").send_keys("nyok")
    options(console, name)
    assert console.overflowing() == []
    assert console.accessibility() == []
    console.screenshot("console-find-360-light")
    focused(console).send_keys(Keys.ESCAPE)
    new_order(console)
    console.fill(WHOM, "nyok")
    console.click(OPTION, name)
    describe(console)
    console.find(".preview .bubble", "Nyokabi")
    assert console.overflowing() == []
    assert console.accessibility() == []
    console.screenshot("console-sell-360-light")
    create(console)
    console.find(CREATED, "Order created.")
    assert console.overflowing() == []
    assert console.accessibility() == []


def test_a_clerk_sells_and_sees_nothing_of_managers(system: System, browser: Browser) -> None:
    sign_in_as(system, browser, "clerk")
    create_customer(browser, "+254700007967", "Mumbua")
    browser.find(CREATED, "Customer created.")
    new_order(browser)
    browser.fill(WHOM, "mumbua")
    options(browser, "Mumbua")
    focused(browser).send_keys(Keys.ENTER)
    describe(browser)
    create(browser)
    browser.find(CREATED, "Order created.")
    assert [link.text for link in browser.driver.find_elements("css selector", "#sections a")] == [
        "Orders",
        "Customers",
    ]
