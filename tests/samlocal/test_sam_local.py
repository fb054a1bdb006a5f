"""The README's requests against `sam local start-api`: the built functions, in Lambda containers."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from local.commands import sam_local as samlocal
from tests.attacks.hostile import CARRIED, TOKENS, insider
from tests.attacks.wire import send
from tests.browser.chromium import Browser
from tests.support.leak_check import PRIVATE, Used, found_in, leaks
from tests.support.readme import Requests
from tests.support.system import free_ports
from tests.support.tokens import Issuer
from tests.support.tokens import running as serving

ROOT = Path(__file__).parents[2]
START_SECONDS = 240
CUSTOMER = {"name": "john doe", "phone_number": "+254704590344", "email": "example@gmail.com"}
PATHS = [
    ("POST", "/ap1/v1/sales/create-customer/"),
    ("POST", "/ap1/v1/sales/create-order/"),
    ("GET", "/ap1/v1/sales/customers/"),
    ("GET", "/ap1/v1/sales/orders/"),
]

# The people and tokens of these tests, to look for in the output of all parts.
USED = Used()

pytestmark = [pytest.mark.samlocal, pytest.mark.slow]


@dataclass(frozen=True)
class Api:
    """The API in containers, and the local system around it."""

    port: int
    environment: dict[str, str]

    def url(self, path: str) -> str:
        """Return an address of the API."""
        return f"http://127.0.0.1:{self.environment['SAM_PORT']}{path}"

    def token(self, scope: str = "") -> str:
        """Return an access token from the local issuer, as `make -s token` prints it."""
        variables = {**self.environment, **({"SCOPE": scope} if scope else {})}
        result = subprocess.run(
            ["make", "-s", "token"], cwd=ROOT, env=variables, capture_output=True, text=True, check=True
        )
        USED.note_token(token := result.stdout.strip())
        return token

    def ask(self, method: str, path: str, token: str | None, body: Any = None) -> requests.Response:
        """Send a request; the first to a function waits for its container."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        USED.note(body)
        return requests.request(method, self.url(path), json=body, headers=headers, timeout=60)

    def texts(self) -> list[dict[str, Any]]:
        """Return every text that the sandbox accepted."""
        answer = requests.get(f"http://127.0.0.1:{self.port + 2}/_sandbox/messages", timeout=5)
        messages: list[dict[str, Any]] = answer.json()["messages"]
        return messages


@contextmanager
def serving_api(state: Path, **settings: str) -> Iterator[Api]:
    """Serve the API in containers with these settings, on ports of its own, and check what its parts print and log."""
    # Its own ports, so that it neither uses nor disturbs another running system.
    port = free_ports(6)
    environment = os.environ | {"PORT": str(port), "SAM_PORT": str(port + 5), "SALES_STATE": str(state)} | settings
    started = Api(port, environment)
    with (state / "output").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "local.commands.sam_local"],
            cwd=ROOT,
            env=started.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + START_SECONDS
        while True:
            assert process.poll() is None, (state / "output").read_text()
            try:
                if requests.get(started.url("/healthz"), timeout=30).ok:
                    break
            except requests.ConnectionError:
                pass
            assert time.monotonic() < end, (state / "output").read_text()
            time.sleep(0.2)
        # sam gives a container only seconds to start, and answers 502 if two of them start together on a busy machine.
        for method, path in PATHS:
            while started.ask(method, path, None).status_code == 502:
                assert time.monotonic() < end, (state / "output").read_text()
        yield started
        # Leave out sam's own lines about requests, which have the query with one of the tokens.
        said = re.sub(r"(?m)^.* - - \[.*HTTP/1\.1.*$", "", (state / "output").read_text())
        assert list(found_in(said, PRIVATE | {"what a test used": f"(?i:{USED.pattern})"})) == []
        assert leaks(state, USED) == []
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    problem = samlocal.missing_tools()
    if problem:
        pytest.skip(problem)
    with serving_api(tmp_path_factory.mktemp("samlocal")) as started:
        yield started


def test_the_four_requests_do_word_for_word_what_the_readme_says_and_the_text_goes_out_once(api: Api) -> None:
    requests_of_readme = Requests(f"http://localhost:{api.environment['SAM_PORT']}", ROOT, api.environment)
    requests_of_readme.follow(api.texts)
    (text,) = [message for message in api.texts() if message["to"] == CUSTOMER["phone_number"]]
    assert "macbook m2" in text["text"]


@pytest.mark.parametrize("path", ["/healthz", "/ap1/v1/sales/orders/", "/api/v1/sales/orders"])
def test_head_is_get_without_its_body(api: Api, path: str) -> None:
    token = None if path == "/healthz" else api.token()
    get, head = (api.ask(method, path, token) for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.status_code == 200
    assert path == "/healthz" or api.ask("HEAD", path, None).status_code == 401


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize("token", [None, "garbage", "a.b.c"])
def test_without_a_good_token_every_request_is_refused(api: Api, method: str, path: str, token: str | None) -> None:
    answer = api.ask(method, path, token, CUSTOMER if method == "POST" else None)
    assert answer.status_code == 401, answer.text
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_a_token_that_may_only_read_creates_nothing(api: Api, method: str, path: str) -> None:
    answer = api.ask(method, path, api.token("sales:read"), CUSTOMER if method == "POST" else None)
    assert answer.status_code == (403 if method == "POST" else 200), answer.text


def test_a_clerks_token_neither_exports_nor_erases_nor_lifts_an_opt_out(api: Api) -> None:
    customer = api.ask("POST", "/api/v1/sales/customers", api.token(), CUSTOMER).json()
    clerk = api.token("sales:read sales:write")
    path = f"/api/v1/sales/customers/{customer['id']}"
    lifted = {"sms_opted_out": False}
    for method, each, body in (
        ("GET", f"{path}/export", None),
        ("POST", f"{path}/erase", None),
        ("PATCH", path, lifted),
    ):
        answer = api.ask(method, each, clerk, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope"), answer.text
        assert answer.headers["WWW-Authenticate"].endswith('scope="sales:manage"')
    assert api.ask("PATCH", path, api.token(), lifted).status_code == 200


def test_a_path_without_a_route_is_a_problem_of_our_own(api: Api) -> None:
    answer = api.ask("GET", "/api/v1/sales/nothing", None)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("application/problem+json")


def test_the_reference_comes_out_of_its_container_as_it_went_in(api: Api) -> None:
    contract = api.ask("GET", "/openapi.json", None)
    assert (contract.status_code, contract.json()["openapi"][:3]) == (200, "3.1")
    # Browsers must be sent to the issuer as they reach it, not as containers do.
    assert f"http://127.0.0.1:{api.port + 1}/oauth2/default" in contract.text
    for name in ("swagger-ui.css", "favicon-32x32.png"):
        file = ROOT / "node_modules" / "swagger-ui-dist" / name
        if not file.is_file():
            pytest.skip("the reference's viewer is not installed: scripts/setup.sh docs")
        answer = api.ask("GET", f"/docs/{name}", None)
        assert (answer.status_code, answer.content) == (200, file.read_bytes())
        etag = {"If-None-Match": answer.headers["ETag"]}
        again = requests.get(api.url(f"/docs/{name}"), headers=etag, timeout=60)
        assert (again.status_code, again.content) == (304, b"")


def test_a_person_signs_in_to_the_console_sees_the_orders_and_makes_one(api: Api, tmp_path: Path) -> None:
    token = api.token()
    customer = api.ask("POST", "/api/v1/sales/customers", token, CUSTOMER | {"name": "Amina"}).json()
    order = api.ask("POST", "/api/v1/sales/orders", token, {"customer": customer["id"], "item": "lamp", "amount": "1"})
    assert order.status_code == 201, order.text
    page = api.ask("GET", "/", None)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    browser = Browser(tmp_path / "profile")
    try:
        browser.open(api.url("/"))
        browser.click(".welcome button", "Sign in", seconds=60)
        browser.sign_in()
        browser.find(".row", customer["code"], seconds=60)
        browser.find(".row", "lamp", seconds=60)
        browser.click(".head a", "New order", seconds=60)
        browser.fill("#drawer-body [name=whom]", customer["code"])
        browser.fill("#drawer-body [name=item]", "solar lamp")
        browser.fill("#drawer-body [name=amount]", "1500")
        browser.click("#drawer-body button[type=submit]")
        browser.find("#drawer-title", "solar lamp", seconds=60)
        browser.find("#sms-title .chip", "Delivered", seconds=120)
        assert browser.errors() == []
    finally:
        browser.close()


def test_no_hostile_token_and_no_token_in_the_wrong_place_is_let_in(api: Api) -> None:
    body = json.dumps(CUSTOMER).encode()

    def post(*lines: bytes, query: str = "") -> int:
        head = [f"POST /api/v1/sales/customers{query} HTTP/1.1".encode(), b"Host: x", b"Content-Type: application/json"]
        rest = [*lines, b"Connection: close", b"Content-Length: %d" % len(body)]
        return send(int(api.environment["SAM_PORT"]), b"\r\n".join([*head, *rest, b"", body]), seconds=60).status

    let_in = {}
    with insider(Path(api.environment["SALES_STATE"]), api.port + 1) as issuer:
        good = issuer.token()
        assert post(b"Authorization: Bearer " + good.encode()) == 201
        for name, make in TOKENS.items():
            let_in[name] = post(b"Authorization: Bearer " + make(issuer).encode())
        for name, (lines, query) in CARRIED.items():
            let_in[name] = post(
                *(line.replace(b"%s", good.encode()) for line in lines), query=query.replace("%s", good)
            )
        assert issuer.attacker
        assert issuer.attacker.fetches == 0
    # sam's own server refuses an invalid header.
    assert {name: status for name, status in let_in.items() if status not in {400, 401, 431}} == {}


def test_with_another_issuer_the_four_requests_work_with_its_tokens_only(api: Api, tmp_path: Path) -> None:
    # The functions are the same: build them once.
    shutil.copytree(Path(api.environment["SALES_STATE"]) / "sam", tmp_path / "sam")
    with serving(Issuer(form="keycloak")) as issuer:
        settings = {"OKTA_ISSUER": issuer.url, "OKTA_CLIENT_ID": "machine", "OKTA_CLIENT_SECRET": "its-secret"}
        issuer.grants = (200, {"access_token": issuer.token(sub="sales-service")})
        with serving_api(tmp_path, **settings) as trusting:
            requests_of_readme = Requests(
                f"http://localhost:{trusting.environment['SAM_PORT']}", ROOT, trusting.environment
            )
            requests_of_readme.follow(trusting.texts)
            for method, path in PATHS:
                assert trusting.ask(method, path, api.token(), CUSTOMER).status_code == 401
                assert api.ask(method, path, trusting.token(), CUSTOMER).status_code == 401
