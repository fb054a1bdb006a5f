"""A hostile page in the same browser reads nothing of the local system and changes nothing in it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import Browser
from tests.support.system import BASE, System, request

PAGE = b"<!doctype html><title>Win a bicycle</title><body><p>Hello"
# The browser resolves these names as an attacker would: to the victim's own machine.
NAMES = "--host-resolver-rules=MAP evil.example 127.0.0.1, MAP evil.localhost 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
EVENT = {
    "body": '{"name": "mallory", "phone_number": "+254700000001", "email": "mallory@example.com"}',
    "rawPath": f"{BASE}/customers",
    "requestContext": {
        "http": {"method": "POST", "path": f"{BASE}/customers"},
        "authorizer": {"jwt": {"claims": {"cid": "mallory", "sub": "mallory"}, "scopes": ["sales:write"]}},
    },
}
# Everything that a page can send without and with a preflight, and what it could do with it.
REQUESTS = [
    (0, "GET", f"{BASE}/customers", None),
    (0, "GET", "/openapi.json", None),
    (0, "POST", f"{BASE}/customers", EVENT["body"]),
    (1, "GET", "/oauth2/default/.well-known/openid-configuration", None),
    (1, "GET", "/oauth2/default/v1/logout", None),
    (1, "POST", "/oauth2/default/v1/token", "grant_type=client_credentials&client_id=sales-service"),
    (2, "GET", "/_sandbox/messages", None),
    (2, "GET", "/_sandbox/phones", None),
    (2, "PUT", "/_sandbox/behaviour", '{"default": "http:429"}'),
    (2, "POST", "/_sandbox/outage", '{"ms": 600000}'),
    (2, "POST", "/_sandbox/optout", '{"phoneNumber": "+254704590344"}'),
    (4, "POST", "/2015-03-31/functions/create_customer/invocations", json.dumps(EVENT)),
    (4, "POST", "/secretsmanager", '{"SecretId": "sales/webhook-secret"}'),
]
FETCH = """
    const [requests, done] = arguments;
    const attempts = requests.flatMap((request) => ["cors", "no-cors"].map((mode) => ({...request, mode})));
    Promise.all(attempts.map(async ({url, method, body, mode}) => {
      try {
        const answer = await fetch(url, {method, body, mode, credentials: "include"});
        return [mode, method, url, answer.type, await answer.text()];
      } catch (error) {
        return [mode, method, url, "refused", ""];
      }
    })).then(done);
"""
EMBED = """
    const [urls, done] = arguments;
    Promise.all(urls.flatMap((url) => ["script", "img", "link", "iframe", "object"].map((kind) => new Promise((end) => {
      const element = document.createElement(kind);
      if (kind === "link") { element.rel = "stylesheet"; element.href = url; }
      else if (kind === "object") element.data = url;
      else element.src = url;
      element.onload = () => end([kind, url, kind === "iframe" ? "" : "loaded"]);
      element.onerror = () => end([kind, url, ""]);
      setTimeout(() => end([kind, url, ""]), 3000);
      document.body.append(element);
    })))).then(done);
"""
SUBMIT = """
    const [forms, done] = arguments;
    for (const {url, body} of forms) {
      const form = document.createElement("form");
      const frame = document.createElement("iframe");
      const field = document.createElement("input");
      frame.name = form.target = `frame${document.forms.length}`;
      Object.assign(form, {method: "POST", action: url, enctype: "text/plain"});
      // As text/plain, "name=value" can be made JSON.
      Object.assign(field, {name: body.slice(0, -1) + ', "', value: '": 1}'});
      form.append(field);
      document.body.append(frame, form);
      form.submit();
    }
    setTimeout(done, 1500);
"""


@pytest.fixture(scope="module")
def site() -> Iterator[int]:
    """The port of another site."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Referrer-Policy", "unsafe-url")
            self.end_headers()
            self.wfile.write(PAGE)

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Browser]:
    """A browser in which another site's page is open."""
    browser = Browser(tmp_path / "profile", NAMES)
    browser.driver.set_script_timeout(60)
    yield browser
    browser.close()


def held(system: System) -> dict[str, Any]:
    """Return what a hostile page might have changed."""
    return {
        "customers": system.call("GET", "customers?limit=100").body["data"],
        "texts": len(system.texts()),
        "behaviour": request("GET", system.sandbox("/_sandbox/behaviour")).body,
        "opted out": request("GET", system.sandbox("/_sandbox/optout")).body,
    }


def addresses(system: System, host: str) -> list[dict[str, Any]]:
    return [
        {"url": f"http://{host}:{system.port + offset}{path}", "method": method, "body": body}
        for offset, method, path, body in REQUESTS
    ]


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", "127.0.0.1"),
        ("http://evil.localhost", "localhost"),
        # Another program's page on this machine, which browsers take for the same site.
        ("http://127.0.0.1", "127.0.0.1"),
    ],
)
def test_a_page_of_another_site_reads_and_changes_nothing(
    victim: Browser, system: System, site: int, origin: str, host: str
) -> None:
    system.reaches(system.order(system.customer()), "delivered")
    before = held(system)
    victim.open(f"{origin}:{site}/")
    requests = addresses(system, host)
    answers = victim.driver.execute_async_script(FETCH, requests)
    assert len(answers) == 2 * len(requests)
    read = [answer for answer in answers if answer[3] not in {"refused", "opaque"} or answer[4]]
    assert read == []
    embedded = victim.driver.execute_async_script(EMBED, [entry["url"] for entry in requests if not entry["body"]])
    assert [entry for entry in embedded if entry[2]] == []
    victim.driver.execute_async_script(SUBMIT, [entry for entry in requests if str(entry["body"]).startswith("{")])
    assert held(system) == before


def test_a_rebound_name_leads_to_no_part_of_the_system(victim: Browser, system: System) -> None:
    system.reaches(system.order(system.customer()), "delivered")
    before = held(system)
    for part in (0, 1, 2, 4):
        # The page and what it asks for have the same origin: the browser itself holds nothing back.
        victim.open(f"http://evil.example:{system.port + part}/")
        asked = [{"url": path, "method": method, "body": body} for at, method, path, body in REQUESTS if at == part]
        answers = victim.driver.execute_async_script(FETCH, asked)
        # A browser sends no PUT without CORS, not even to the page's own origin.
        answers = [answer for answer in answers if answer[:2] != ["no-cors", "PUT"]]
        assert len(answers) >= len(asked)
        assert [answer for answer in answers if "This answers only on its own machine" not in answer[4]] == []
    assert held(system) == before


def test_the_systems_own_page_may_do_what_others_may_not(victim: Browser, system: System) -> None:
    victim.open(system.sandbox("/"))
    answers = victim.driver.execute_async_script(FETCH, [{"url": "/_sandbox/behaviour", "method": "GET"}])
    assert [json.loads(answer[4])["default"] for answer in answers] == ["accept", "accept"]


def test_a_link_on_another_site_opens_the_pages(victim: Browser, system: System, site: int) -> None:
    for offset, path, text in ((0, "/", "Sign in"), (0, "/docs", ""), (2, "/", "SMS sandbox")):
        victim.open(f"http://evil.example:{site}/")
        victim.driver.execute_script("location.href = arguments[0]", f"http://localhost:{system.port + offset}{path}")
        victim.find("body", text)
        assert "own machine" not in victim.driver.page_source
        assert "another site" not in victim.driver.page_source
        assert victim.driver.current_url.startswith(f"http://localhost:{system.port + offset}")
