"""Situations at a counter: a person's session from signing in to signing out, and the issuer's session behind it. `docs/console.md` lists them."""

import pytest

from tests.browser.chromium import Browser, answer_with
from tests.browser.console import other_window, served_without, sign_in_again, sign_in_as, window
from tests.support.system import System

pytestmark = pytest.mark.browser


def end_session(console: Browser) -> None:
    """Let the API refuse the token, as it does once it has expired."""
    console.intercept("/api/", answer_with(401))
    console.find(".notice", "Your session has ended", seconds=30)
    console.intercept("/api/", "")


def asks_for_a_password(console: Browser) -> bool:
    """Whether the issuer has no session, so that a new sign-in needs a password."""
    console.click(".welcome button", "Sign in")
    return console.find("input[name=password]").is_displayed()


def test_a_day_at_the_till_ends_with_no_session_anywhere(system: System, browser: Browser) -> None:
    sign_in_as(system, browser, "demo")
    # A reload, and the end of a session, need no password as long as the issuer knows the person.
    browser.driver.refresh()
    browser.find("h1", "Orders")
    end_session(browser)
    sign_in_again(browser, ".notice button", "Sign in again")
    browser.driver.switch_to.new_window("tab")
    browser.open(system.url("/"))
    browser.find("#person", "Demo User")
    browser.click("#sign-out")
    assert asks_for_a_password(browser)
    with window(browser, other_window(browser)):
        browser.find(".welcome button", "Sign in")
        assert not browser.driver.find_elements("css selector", ".row")
        assert asks_for_a_password(browser)


def test_signing_out_after_the_session_ended_ends_the_issuers_session(system: System, console: Browser) -> None:
    end_session(console)
    console.click("#sign-out")
    assert asks_for_a_password(console)
    console.sign_in("clerk")
    console.find("#person", "Demo Clerk")


def test_signing_out_after_a_reload_ends_the_issuers_session(system: System, console: Browser) -> None:
    console.driver.refresh()
    console.find("h1", "Orders")
    console.click("#sign-out")
    console.find(".welcome button", "Sign in")
    console.driver.refresh()
    assert asks_for_a_password(console)


def test_a_tab_does_not_keep_showing_what_another_person_saw(system: System, console: Browser) -> None:
    end_session(console)
    console.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    console.driver.switch_to.new_window("tab")
    sign_in_as(system, console, "viewer")
    with window(console, other_window(console)):
        console.find("#person", "Demo Viewer")
    console.click("#sign-out")
    with window(console, other_window(console)):
        console.find(".welcome button", "Sign in")
    assert asks_for_a_password(console)


def test_a_page_that_cannot_sign_out_at_the_issuer_says_so(system: System, browser: Browser) -> None:
    browser.run_on_each_page(served_without("end_session_endpoint"))
    sign_in_as(system, browser, "demo")
    browser.click("#sign-out")
    browser.find(".welcome .error", "your sign-in service may still know you")
    assert browser.driver.current_url == system.url("/")
    assert browser.driver.execute_script("return sessionStorage.getItem('signed-in')") is None
