"""The API reference at /docs in a real browser: it loads nothing from elsewhere, signs in, and sends real requests."""

import pytest

from tests.browser.chromium import Browser
from tests.support.system import ROOT, System, until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (ROOT / "functions" / "serve_docs" / "swagger-ui").is_dir(),
        reason="Swagger UI is not installed: scripts/setup.sh docs",
    ),
]
CREATE = "#operations-Customers-create_customer"


def test_the_reference_loads_nothing_from_elsewhere(system: System, browser: Browser) -> None:
    browser.open(system.url("/docs"))
    browser.find("h2.title, h1.title", "Sales")
    browser.find(".opblock-summary-path", "/customers")
    browser.screenshot("docs")
    assert browser.origins() == {system.url("")}
    assert browser.errors() == []


def test_authorize_and_try_it_out_create_a_customer(system: System, browser: Browser) -> None:
    # The README says localhost; the other tests use the address that `make run` prints.
    home = f"http://localhost:{system.port}"
    before = {customer["id"] for customer in system.call("GET", "customers?limit=100").body["data"]}
    browser.open(f"{home}/docs")
    browser.click("button.authorize")
    browser.screenshot("docs-authorize")
    page = browser.driver.current_window_handle
    browser.click(".auth-container button.authorize", "Authorize")
    until(lambda: len(browser.driver.window_handles) == 2)
    popup = next(handle for handle in browser.driver.window_handles if handle != page)
    browser.driver.switch_to.window(popup)
    browser.sign_in()
    until(lambda: len(browser.driver.window_handles) == 1)
    browser.driver.switch_to.window(page)
    browser.find(".auth-container button", "Logout")
    browser.click(".auth-container button.btn-done", "Close")

    browser.click(f"{CREATE} .opblock-summary-control")
    browser.click(f"{CREATE} .try-out__btn")
    browser.click(f"{CREATE} button.execute")
    browser.find(f"{CREATE} .live-responses-table .response-col_status", "201")
    browser.screenshot("docs-created")
    created = [c for c in system.call("GET", "customers?limit=100").body["data"] if c["id"] not in before]
    assert [customer["name"] for customer in created] == ["john doe"]
    assert browser.origins() == {home, f"http://127.0.0.1:{system.port + 1}"}
    assert browser.errors() == []


def test_the_reference_is_accessible(system: System, browser: Browser) -> None:
    browser.open(system.url("/docs"))
    browser.find(".opblock-summary-path", "/customers")
    assert browser.accessibility() == []
    browser.click(f"{CREATE} .opblock-summary-control")
    browser.find(f"{CREATE} .try-out__btn")
    assert browser.driver.current_url.endswith("#/Customers/create_customer")
