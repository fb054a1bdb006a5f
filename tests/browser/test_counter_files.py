"""Situations at a counter: files with customers and orders, in and out. `docs/console.md` lists them."""

import csv
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from tests.browser.chromium import NO_NETWORK, Browser
from tests.browser.console import sign_in_as
from tests.support.system import System, until

pytestmark = pytest.mark.browser
HEADER = "name,phone_number,email\n"


def open_page(console: Browser, name: str, heading: str, downloads: Path) -> None:
    console.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)})
    console.driver.execute_script(f"location.hash = '#/{name}'")
    console.find("h1", heading)


def choose(console: Browser, path: Path, content: str | bytes) -> None:
    """Choose a file with this content."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    console.driver.find_element(By.ID, "import-file").send_keys(str(path))


def saved(folder: Path, pattern: str) -> str:
    """Wait for a download, and return its text."""
    return until(lambda: next(iter(folder.glob(pattern)), None)).read_text(encoding="utf-8-sig")


def test_refused_rows_come_back_to_be_corrected(system: System, console: Browser, tmp_path: Path) -> None:
    downloads = tmp_path / "downloads"
    open_page(console, "import", "Import", downloads)
    assert console.accessibility() == []
    choose(
        console,
        tmp_path / "notebook.csv",
        f"{HEADER}Mary Wanjiku,0700000981,mary@example.com\nJohn Kamau,07,john@example.com\n",
    )
    console.find(".told", "notebook.csv has 2 rows.")
    assert console.driver.switch_to.active_element.text == "Import 2 customers"
    console.click("button", "Import 2 customers")
    console.find(".results h2", "Some rows were refused")
    assert [row.text for row in console.driver.find_elements(By.CSS_SELECTOR, ".results .facts div")] == [
        "Created\n1",
        "Already there\n0",
        "Refused\n1",
    ]
    console.find(".refused td", "John Kamau")
    assert console.accessibility() == []
    assert console.overflowing() == []
    console.screenshot("console-import-1280-light")
    console.click("button", "Download 1 refused row")
    refused = saved(downloads, "refused-notebook.csv")
    assert "John Kamau" in refused
    assert "Mary" not in refused
    choose(console, tmp_path / "corrected.csv", refused.replace(",07,", ",0700000982,"))
    console.click("button", "Import 1 customer")
    console.find(".results h2", "All rows are in")
    assert console.accessibility() == []
    found = system.call("GET", "customers?phone_number=%2B254700000982").body["data"]
    assert [customer["name"] for customer in found] == ["John Kamau"]


def test_a_long_file_goes_in_parts_and_goes_on_after_a_failure(
    system: System, console: Browser, tmp_path: Path
) -> None:
    open_page(console, "import", "Import", tmp_path)
    # The API ignores the last column, which makes the file too large for one part.
    filler = "x" * 100_000
    rows = "".join(f"Row {number},0700000983,row{number}@example.com,{filler}\n" for number in range(10))
    choose(console, tmp_path / "long.csv", f"name,phone_number,email,created_by\n{rows}")
    console.find(".told", "long.csv has 10 rows.")
    console.driver.execute_script(
        """
        window.trueFetch = window.fetch;
        let parts = 0;
        window.fetch = (url, ...rest) => String(url).includes("/import") && ++parts === 2 ? Promise.reject(new TypeError("lost")) : window.trueFetch(url, ...rest);
        """
    )
    console.click("button", "Import 10 customers")
    console.find(".import .error", "The import stopped before rows 9 to 10.")
    console.find(".results h2", "Part of the file is in")
    assert console.accessibility() == []
    console.click("button", "Go on")
    console.find(".results h2", "All rows are in")
    console.find(".results .facts", "10")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04workbook", "This file cannot be read."),
        (b"name;phone\xe9\n", "This file cannot be read."),
        (b"", "This file has no rows."),
        (HEADER.encode(), "This file has no rows."),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(
    system: System, console: Browser, tmp_path: Path, content: bytes, says: str
) -> None:
    open_page(console, "import", "Import", tmp_path)
    choose(console, tmp_path / "file.csv", content)
    console.find(".told .error", says)
    assert console.accessibility() == []


def test_an_unknown_column_is_named_and_nothing_is_stored(system: System, console: Browser, tmp_path: Path) -> None:
    open_page(console, "import", "Import", tmp_path)
    choose(console, tmp_path / "wrong.csv", "name,phone_number,e_mail\nMary,0700000984,mary@example.com\n")
    console.click("button", "Import 1 customer")
    error = console.find(".import .error", "e_mail is not a column of this file.").text
    assert "email is missing." in error
    assert console.accessibility() == []
    assert system.call("GET", "customers?phone_number=%2B254700000984").body["data"] == []


def test_an_export_can_be_imported_again(system: System, console: Browser, tmp_path: Path) -> None:
    customer = system.customer(phone_number="+254700000985", name="Zawadi, Ltd")
    # More than a page has.
    rows = "".join(f"EXPORTED-{row},{customer['code']},=1+{row},5.50\n" for row in range(120))
    system.call("POST", "orders/import", f"reference,customer,item,amount\n{rows}", content_type="text/csv")
    downloads = tmp_path / "downloads"
    open_page(console, "export", "Export", downloads)
    assert console.accessibility() == []
    console.screenshot("console-export-1280-light")
    console.click("button", "Export customers")
    console.find(".export:nth-of-type(1) .hint", "The file is saved.", seconds=120)
    customers = saved(downloads, "customers-*.csv")
    [exported] = [row for row in csv.DictReader(customers.splitlines()) if row["code"] == customer["code"]]
    assert (exported["name"], exported["phone_number"]) == ("Zawadi, Ltd", "'+254700000985")
    console.click("button", "Export orders")
    console.find(".export:nth-of-type(2) .hint", "The file is saved.", seconds=120)
    orders = {row["reference"]: row for row in csv.DictReader(saved(downloads, "orders-*.csv").splitlines())}
    for number in range(120):
        order = orders[f"EXPORTED-{number}"]
        assert (order["item"], order["amount"]) == (f"'=1+{number}", "5.50")
        assert order["customer_phone_number"] == "'+254700000985"
    assert console.accessibility() == []
    line = next(line for line in customers.splitlines() if "Zawadi" in line)
    console.driver.execute_script("location.hash = '#/import'")
    console.find("h1", "Import")
    choose(console, tmp_path / "again.csv", f"{customers.splitlines()[0]}\n{line}\n")
    console.click("button", "Import 1 customer")
    console.find(".results h2", "All rows are in")
    assert console.driver.find_elements(By.CSS_SELECTOR, ".results .facts div")[1].text == "Already there\n1"


def test_an_export_without_a_network_says_so(system: System, console: Browser, tmp_path: Path) -> None:
    open_page(console, "export", "Export", tmp_path)
    console.intercept("/customers", NO_NETWORK)
    console.click("button", "Export customers")
    console.find(".export .hint", "We can’t reach the server.")
    console.find("button", "Export customers")


@pytest.mark.parametrize("name", ["import", "export"])
def test_files_on_a_phone_in_the_dark(system: System, console: Browser, tmp_path: Path, name: str) -> None:
    console.emulate_screen(360, 740, "dark")
    open_page(console, name, name.capitalize(), tmp_path)
    assert console.overflowing() == []
    assert console.accessibility() == []
    console.screenshot(f"console-{name}-360-dark")


@pytest.mark.parametrize("login", ["clerk", "viewer"])
def test_only_managers_import_and_export(system: System, browser: Browser, login: str) -> None:
    sign_in_as(system, browser, login)
    for name in ("import", "export"):
        browser.driver.execute_script(f"location.hash = '#/{name}'")
        browser.find("h1", "Orders")
    assert not any("/shop/" in url for url in browser.traffic()[0])
