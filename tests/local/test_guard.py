"""Every listener of the local system refuses the pages of other sites, and no one else."""

import http.client
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.guard import Guard, any_path, no_path
from tests.attacks.wire import send
from tests.support.system import ROOT, System, free_ports, until

OTHER_NAME = "This answers only on its own machine"
OTHER_SITE = "A page of another site"
PASSES = ""


@dataclass(frozen=True)
class Listener:
    """A port, a path there, and whether a link on another site may lead to it."""

    port: int
    path: str
    is_page: bool


LISTENERS = {
    "API": (0, "/", True),
    "API, a route with a token": (0, "/api/v1/sales/customers", True),
    "issuer": (1, "/oauth2/default/.well-known/openid-configuration", True),
    "SMS sandbox": (2, "/_sandbox/messages", False),
    "phones": (2, "/", True),
    "functions": (4, "/2015-03-31/functions/create_customer/invocations", False),
    "secrets": (4, "/secretsmanager", False),
}


@pytest.fixture(scope="session")
def worker(system: System) -> int:
    """The port of a worker's own Runtime API."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("this system does not show a process's environment")
    system.call("GET", "customers")
    pid = next(pid for name, pid in system.pids().items() if name.startswith("worker-list_customers-"))
    variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    address = next(line for line in variables if line.startswith(b"AWS_LAMBDA_RUNTIME_API="))
    return int(address.partition(b":")[2].partition(b"/")[0])


@pytest.fixture(scope="session")
def login(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port on which `make login` waits for the redirect."""
    port = free_ports()
    environment = system.environ() | {"LOGIN_PORT": str(port), "BROWSER": "true"}
    log = (tmp_path_factory.mktemp("login") / "log").open("w")
    command = [sys.executable, "-m", "local.commands.login"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        until(lambda: _listens(port))
        yield port
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.connect()
    except OSError:
        return False
    connection.close()
    return True


@pytest.fixture
def listener(request: pytest.FixtureRequest, system: System) -> Listener:
    if request.param == "worker":
        return Listener(request.getfixturevalue("worker"), "/2018-06-01/runtime/invocation/next", is_page=False)
    if request.param == "login":
        return Listener(request.getfixturevalue("login"), "/callback?state=x", is_page=True)
    offset, path, is_page = LISTENERS[request.param]
    return Listener(system.port + offset, path, is_page)


@dataclass(frozen=True)
class Case:
    """A request: its lines with PORT, BASE (the system's first port) and PATH, and what comes of it."""

    lines: tuple[str, ...]
    elsewhere: str
    at_pages: str | None = None

    def expected(self, listener: Listener) -> str:
        """Return the beginning of the guard's sentence, or nothing where the request passes."""
        return self.at_pages if listener.is_page and self.at_pages is not None else self.elsewhere


GET, HOST = "GET PATH HTTP/1.1", "Host: localhost:PORT"
CROSS, NAVIGATES, TAB = "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"
EVIL = "Origin: http://evil.example"
CASES = {
    # Names
    "localhost": Case((GET, HOST), PASSES),
    "127.0.0.1": Case((GET, "Host: 127.0.0.1:PORT"), PASSES),
    "IPv6 loopback": Case((GET, "Host: [::1]:PORT"), PASSES),
    "uppercase": Case((GET, "Host: LOCALHOST:PORT"), PASSES),
    "a rebound name": Case((GET, "Host: evil.example:PORT"), OTHER_NAME),
    "a rebound name with its own Origin": Case(
        (GET, "Host: evil.example:PORT", "Origin: http://evil.example:PORT", "Sec-Fetch-Site: same-origin"), OTHER_NAME
    ),
    "a rebound name, in a tab": Case((GET, "Host: evil.example:PORT", NAVIGATES, TAB), OTHER_NAME),
    "a name below localhost": Case((GET, "Host: evil.localhost:PORT"), OTHER_NAME),
    "a name that begins as ours": Case((GET, "Host: localhost:PORT.evil.example"), OTHER_NAME),
    "a trailing dot": Case((GET, "Host: localhost.:PORT"), OTHER_NAME),
    "no port": Case((GET, "Host: localhost"), OTHER_NAME),
    "another port": Case((GET, "Host: localhost:80"), OTHER_NAME),
    "another loopback address": Case((GET, "Host: 127.0.0.2:PORT"), OTHER_NAME),
    "all addresses": Case((GET, "Host: 0.0.0.0:PORT"), OTHER_NAME),
    "IPv6 in full": Case((GET, "Host: [0:0:0:0:0:0:0:1]:PORT"), OTHER_NAME),
    "IPv6 without brackets": Case((GET, "Host: ::1:PORT"), OTHER_NAME),
    "IPv4 in IPv6": Case((GET, "Host: [::ffff:127.0.0.1]:PORT"), OTHER_NAME),
    "Docker's name": Case((GET, "Host: host.docker.internal:PORT"), OTHER_NAME),
    "two names": Case((GET, HOST, "Host: evil.example"), OTHER_NAME),
    "our name twice in one": Case((GET, "Host: localhost:PORT, localhost:PORT"), OTHER_NAME),
    "a user in the name": Case((GET, "Host: localhost:PORT@evil.example"), OTHER_NAME),
    "an empty name": Case((GET, "Host:"), OTHER_NAME),
    "no name": Case((GET,), OTHER_NAME),
    "no name, in HTTP/1.0": Case(("GET PATH HTTP/1.0",), OTHER_NAME),
    "our name, in HTTP/1.0": Case(("GET PATH HTTP/1.0", HOST), PASSES),
    "an absolute target": Case(("GET http://127.0.0.1:PORTPATH HTTP/1.1", HOST), PASSES),
    "a foreign absolute target": Case(("GET http://evil.examplePATH HTTP/1.1", HOST), OTHER_NAME),
    "our absolute target, a foreign name": Case(
        ("GET http://localhost:PORTPATH HTTP/1.1", "Host: evil.example"), OTHER_NAME
    ),
    "a user in an absolute target": Case(("GET http://localhost:PORT@evil.examplePATH HTTP/1.1", HOST), OTHER_NAME),
    # Origins
    "a foreign origin": Case((GET, HOST, EVIL), OTHER_SITE),
    "no origin's origin": Case((GET, HOST, "Origin: null"), OTHER_SITE),
    "an empty origin": Case((GET, HOST, "Origin:"), OTHER_SITE),
    "a page of a program on another port": Case((GET, HOST, "Origin: http://localhost:1"), OTHER_SITE),
    "our origin by https": Case((GET, HOST, "Origin: https://localhost:PORT"), OTHER_SITE),
    "our origin below localhost": Case((GET, HOST, "Origin: http://evil.localhost:BASE"), OTHER_SITE),
    "two origins": Case((GET, HOST, "Origin: http://localhost:BASE", EVIL), OTHER_SITE),
    "an IPv6 origin": Case((GET, HOST, "Origin: http://[::1]:PORT"), OTHER_SITE),
    "a post by a foreign page": Case(
        ("POST PATH HTTP/1.1", HOST, EVIL, CROSS, "Sec-Fetch-Mode: no-cors", "Content-Type: text/plain"), OTHER_SITE
    ),
    "a form of a foreign page": Case(("POST PATH HTTP/1.1", HOST, EVIL, CROSS, NAVIGATES, TAB), OTHER_SITE),
    "a form of a page without origin": Case(
        ("POST PATH HTTP/1.1", HOST, "Origin: null", CROSS, NAVIGATES, TAB), OTHER_SITE
    ),
    "a foreign preflight": Case(
        ("OPTIONS PATH HTTP/1.1", HOST, EVIL, "Access-Control-Request-Method: PUT", CROSS), OTHER_SITE
    ),
    "a foreign WebSocket": Case(
        (GET, HOST, EVIL, "Connection: Upgrade", "Upgrade: websocket", "Sec-Fetch-Mode: websocket", CROSS), OTHER_SITE
    ),
    # Fetch metadata
    "a foreign image": Case((GET, HOST, CROSS, "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"), OTHER_SITE),
    "a script for another port": Case(
        (GET, HOST, "Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: script"), OTHER_SITE
    ),
    "a frame of this machine's pages": Case(
        (GET, HOST, "Sec-Fetch-Site: same-site", NAVIGATES, "Sec-Fetch-Dest: iframe"), OTHER_SITE, at_pages=PASSES
    ),
    "a foreign frame": Case((GET, HOST, CROSS, NAVIGATES, "Sec-Fetch-Dest: iframe"), OTHER_SITE),
    "an unknown site": Case((GET, HOST, "Sec-Fetch-Site: elsewhere"), OTHER_SITE),
    "two sites": Case((GET, HOST, "Sec-Fetch-Site: same-origin", CROSS), OTHER_SITE),
    "a person's own doing": Case((GET, HOST, "Sec-Fetch-Site: none", NAVIGATES, TAB), PASSES),
    "a page's own request": Case((GET, HOST, "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors"), PASSES),
    # Links
    "a link on another site": Case((GET, HOST, CROSS, NAVIGATES, TAB), OTHER_SITE, at_pages=PASSES),
    "a link to another port": Case(
        (GET, HOST, "Sec-Fetch-Site: same-site", NAVIGATES, TAB), OTHER_SITE, at_pages=PASSES
    ),
    "a link from an app": Case((GET, HOST, CROSS, NAVIGATES), OTHER_SITE, at_pages=PASSES),
    "a link with an origin": Case(
        (GET, HOST, "Origin: null", CROSS, NAVIGATES, TAB), OTHER_SITE, at_pages=PASSES
    ),
    "a link with two modes": Case((GET, HOST, CROSS, NAVIGATES, "Sec-Fetch-Mode: cors", TAB), OTHER_SITE),
}  # fmt: skip
OURS = [f"Origin: http://{host}:{port}" for host in ("localhost", "127.0.0.1") for port in ("BASE", "PORT")]
CASES |= {f"our {line}": Case((GET, HOST, line, CROSS), PASSES) for line in OURS}
ALL = [*LISTENERS, "worker", "login"]
# HTTP servers refuse some requests themselves: with no name or two, or with a method that no handler has.
UNREAD = {400, 501}
WITHOUT_SYSTEM = {"our Origin: http://localhost:BASE", "our Origin: http://127.0.0.1:BASE"}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("listener", ALL, indirect=True)
def test_a_listener_judges_a_request_by_its_name_and_origin(listener: Listener, name: str, system: System) -> None:
    case = CASES[name]
    own_ports_only = listener.port not in range(system.port, system.port + 5)
    expected = OTHER_SITE if own_ports_only and name in WITHOUT_SYSTEM else case.expected(listener)
    values = {"PORT": str(listener.port), "BASE": str(system.port), "PATH": listener.path}
    text = "\r\n".join([*case.lines, "Connection: close", "Content-Length: 0", "", ""])
    for word, value in values.items():
        text = text.replace(word, value)
    reply = send(listener.port, text.encode(), seconds=10)
    refused = [sentence for sentence in (OTHER_NAME, OTHER_SITE) if sentence.encode() in reply.raw]
    assert not expected or b"access-control" not in reply.raw.lower()
    if reply.status in UNREAD and expected:
        return
    assert refused == ([expected] if expected else []), reply
    assert reply.status == 403 if expected else reply.status > 0


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_console_gets_tokens_from_the_issuers_port_and_other_pages_do_not(system: System, host: str) -> None:
    path = "/oauth2/default/v1/token"
    for origin, status in ((f"http://{host}:{system.port}", 204), ("http://evil.example", 403)):
        connection = http.client.HTTPConnection(host, system.port + 1, timeout=10)
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST", "Sec-Fetch-Site": "same-site"}
        connection.request("OPTIONS", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
        assert answer.getheader("Access-Control-Allow-Origin") == (origin if status == 204 else None)


# The rule itself


def passes(guard: Guard, method: str = "GET", target: str = "/", **headers: str) -> bool:
    values = {name.replace("_", "-"): [value] for name, value in headers.items()}
    return not guard.refusal(8000, method, target, lambda name: values.get(name, []))


@given(st.text())
def test_no_other_name_than_the_loopbacks_passes(host: str) -> None:
    expected = host.lower() in {"localhost:8000", "127.0.0.1:8000", "[::1]:8000"}
    assert passes(Guard(), Host=host) == expected


@given(st.text())
def test_no_other_origin_than_the_systems_passes(origin: str) -> None:
    expected = origin in {"http://localhost:8000", "http://127.0.0.1:8000", "http://localhost:1", "http://127.0.0.1:1"}
    assert passes(Guard({1}), Host="localhost:8000", Origin=origin) == expected


@given(st.text(alphabet=st.characters(exclude_characters="/")))
def test_no_target_with_another_authority_passes(target: str) -> None:
    expected = target in {"*", "localhost:8000", "127.0.0.1:8000", "[::1]:8000"}
    assert passes(Guard(), target=target, Host="localhost:8000") == expected


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "get"])
def test_only_get_leads_a_tab_to_a_page(method: str) -> None:
    headers = {"Host": "localhost:8000", "Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    assert passes(Guard((), any_path), **headers)
    assert not passes(Guard((), any_path), method, **headers)
    assert not passes(Guard((), no_path), **headers)


def test_the_path_of_an_absolute_target_decides_whether_it_is_a_page() -> None:
    guard = Guard((), lambda path: path == "/page")
    headers = {"Host": "localhost:8000", "Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    assert passes(guard, target="http://localhost:8000/page?a=/b", **headers)
    assert not passes(guard, target="http://localhost:8000/other?a=/page", **headers)
