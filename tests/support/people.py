"""A person's actions at the local issuer, through its forms."""

import re
import subprocess
from html import unescape
from urllib.parse import urlsplit

import requests


def read_until(process: subprocess.Popen[str], pattern: str) -> str:
    """Read standard error until it matches; return the match."""
    assert process.stderr
    output = ""
    for line in process.stderr:
        output += line
        if match := re.search(pattern, output):
            return match[0]
    raise AssertionError(output)


def fill_in(browser: requests.Session, page: requests.Response, **fields: str) -> requests.Response:
    """Send the page's form as a browser does."""
    action = re.search(r'action="([^"]*)"', page.text)
    assert action, page.text
    hidden = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
    form = {name: unescape(value) for name, value in hidden} | fields
    parts = urlsplit(page.url)
    return browser.post(f"{parts.scheme}://{parts.netloc}{action[1]}", data=form, timeout=10)


def sign_in(address: str) -> requests.Response:
    """Open the address, sign in, and return the last page."""
    browser = requests.Session()
    return fill_in(browser, browser.get(address, timeout=10), username="demo", password="demo")
