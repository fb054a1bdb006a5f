"""What a person does at the local sign-in, by its forms."""

import re
import subprocess
from html import unescape
from urllib.parse import urlsplit

import requests


def told(process: subprocess.Popen[str], pattern: str) -> str:
    """The first part of standard error that fits."""
    assert process.stderr
    seen = ""
    for line in process.stderr:
        seen += line
        if match := re.search(pattern, seen):
            return match[0]
    raise AssertionError(seen)


def fill_in(browser: requests.Session, page: requests.Response, **fields: str) -> requests.Response:
    """Sends the page's form as a browser does."""
    action = re.search(r'action="([^"]*)"', page.text)
    assert action, page.text
    hidden = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
    form = {name: unescape(value) for name, value in hidden} | fields
    parts = urlsplit(page.url)
    return browser.post(f"{parts.scheme}://{parts.netloc}{action[1]}", data=form, timeout=10)


def sign_in(address: str) -> requests.Response:
    """Opens the address and signs in; what the browser shows at the end."""
    browser = requests.Session()
    return fill_in(browser, browser.get(address, timeout=10), username="demo", password="demo")
