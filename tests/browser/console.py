"""Steps in the console that several tests take."""

from collections.abc import Iterator
from contextlib import contextmanager

from selenium.webdriver.remote.webelement import WebElement

from tests.browser.chromium import Browser
from tests.support.system import System, until

DRAWER = "#drawer-body"
WHOM = f"{DRAWER} [name=whom]"
OPTION = "[role=option]"
CREATED = "#drawer-done"


def sign_in_as(system: System, browser: Browser, login: str) -> None:
    """Open the console and sign a person in."""
    browser.open(system.url("/"))
    browser.click(".welcome button", "Sign in")
    browser.sign_in(login)
    browser.find("h1", "Orders")


def sign_in_again(console: Browser, button: str, label: str) -> None:
    """Press this button of a notice, and wait until the second window has signed the person in and is closed."""
    console.click(button, label)
    until(lambda: not console.driver.find_elements("css selector", ".notice"))
    until(lambda: len(console.driver.window_handles) == 1)


def create_customer(console: Browser, number: str, name: str = "Amina Otieno") -> None:
    """Create a customer through the form, and leave the drawer open on it."""
    console.click("nav a", "Customers")
    console.click(".head a", "New customer")
    console.fill(f"{DRAWER} [name=name]", name)
    console.fill(f"{DRAWER} [name=phone_number]", number)
    console.fill(f"{DRAWER} [name=email]", "amina@example.com")
    console.click(f"{DRAWER} button[type=submit]")
    console.find("#drawer-title", name)


def create_order(console: Browser, item: str, amount: str = "1500") -> None:
    """Create an order for the customer in the drawer, and leave the drawer open on it."""
    console.click(f"{DRAWER} a", "New order")
    console.find("#drawer-title", "New order")
    console.fill(f"{DRAWER} [name=item]", item)
    console.fill(f"{DRAWER} [name=amount]", amount)
    console.click(f"{DRAWER} button[type=submit]")
    console.find("#drawer-title", item)


def new_order(console: Browser) -> None:
    """Open the form of a new order."""
    console.driver.execute_script("location.hash = '#/orders'")
    console.find("h1", "Orders")
    console.click(".head a", "New order")
    console.find(WHOM)


def describe(console: Browser, item: str = "sugar", amount: str = "1,500") -> None:
    console.fill(f"{DRAWER} [name=item]", item)
    console.fill(f"{DRAWER} [name=amount]", amount)


def create(console: Browser) -> None:
    console.click(f"{DRAWER} button[type=submit]", "Create order")


def options(console: Browser, part: str) -> list[str]:
    """Wait for an option with this text, and return the texts of all."""
    console.find(OPTION, part)
    return [option.text for option in console.driver.find_elements("css selector", OPTION)]


def focused(console: Browser) -> WebElement:
    element: WebElement = console.driver.switch_to.active_element
    return element


def value(console: Browser, name: str) -> str:
    return str(console.find(f"{DRAWER} [name={name}]").get_attribute("value"))


def orders_of(system: System, customer: dict[str, str]) -> list[dict[str, str]]:
    orders: list[dict[str, str]] = system.call("GET", f"orders?customer={customer['code']}").body["data"]
    return orders


def customers_with(system: System, number: str) -> list[dict[str, str]]:
    customers: list[dict[str, str]] = system.call("GET", f"customers?phone_number={number.replace('+', '%2B')}").body[
        "data"
    ]
    return customers


def timeline(console: Browser) -> list[str]:
    """Return the states in the timeline of the order in the drawer."""
    return [state.text for state in console.driver.find_elements("css selector", ".timeline strong")]


@contextmanager
def window(browser: Browser, handle: str) -> Iterator[None]:
    """Switch to another window for the duration of the block."""
    current = browser.driver.current_window_handle
    browser.driver.switch_to.window(handle)
    yield
    browser.driver.switch_to.window(current)


def other_window(browser: Browser) -> str:
    """Wait for a second window, and return its handle."""
    current = browser.driver.current_window_handle
    return until(lambda: next((handle for handle in browser.driver.window_handles if handle != current), None))


def served_without(endpoint: str) -> str:
    """Return JavaScript that takes an endpoint out of the configuration in the page, before any module reads it."""
    return f"""
        new MutationObserver((_, observer) => {{
          const config = document.getElementById("config");
          if (!config?.textContent) return;
          observer.disconnect();
          config.textContent = JSON.stringify({{...JSON.parse(config.textContent), {endpoint}: undefined}});
        }}).observe(document, {{childList: true, subtree: true}});
    """
