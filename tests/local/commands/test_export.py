"""`make export`: all pages of a list in one file."""

import csv
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from local.commands import export_lists
from local.commands.export_lists import write_list
from local.commands.remote_api import Api, ApiError

PAGES = {"": 'id,name\r\n1,"a\r\nb"\r\n2,\'=1\r\n', "two": "id,name\r\n3,é\r\n", "none": "id,name\r\n"}
NEXT = {"": "two", "two": "none"}

type Answers = Callable[[str], tuple[int, dict[str, str], bytes]]


@contextmanager
def api(answers: Answers, waits: tuple[int, ...] = (0, 0)) -> Iterator[Api]:
    """Serve these answers, by path and query, and return the API."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.headers["Accept"] == "text/csv"
            assert self.headers["Authorization"] == "Bearer token"
            status, headers, body = answers(self.path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield Api(f"http://127.0.0.1:{server.server_port}", "token", waits=waits)
    finally:
        server.shutdown()
        server.server_close()


def three_pages(path: str) -> tuple[int, dict[str, str], bytes]:
    assert path.startswith("/api/v1/sales/customers?limit=100&email=a%40b.c")
    cursor = path.partition("cursor=")[2]
    headers = {"Content-Type": "text/csv; charset=utf-8"}
    if cursor in NEXT:
        headers["Link"] = f'</api/v1/sales/customers?limit=100&email=a%40b.c&cursor={NEXT[cursor]}>; rel="next"'
    return 200, headers, PAGES[cursor].encode()


def test_all_pages_are_one_file_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    with api(three_pages) as system:
        assert write_list(system, "customers", {"email": "a@b.c"}, path) == 3
    assert path.read_bytes().startswith(b"\xef\xbb\xbfid,name\r\n")
    with path.open(newline="", encoding="utf-8-sig") as file:
        assert list(csv.reader(file)) == [["id", "name"], ["1", "a\r\nb"], ["2", "'=1"], ["3", "é"]]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["customers.csv"]


def test_a_busy_system_is_asked_again(tmp_path: Path) -> None:
    asked: list[str] = []

    def busy(path: str) -> tuple[int, dict[str, str], bytes]:
        asked.append(path)
        return (503, {}, b"") if len(asked) % 2 else three_pages(path)

    with api(busy) as system:
        assert write_list(system, "customers", {"email": "a@b.c"}, tmp_path / "customers.csv") == 3
    assert len(asked) == 6


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((503, {}, b""), r"\(503\)"),
        ((302, {"Location": "http://127.0.0.1:9/"}, b""), r"\(302\)"),
        ((200, {"Content-Type": "application/json"}, b"{}"), "not a CSV file"),
        (
            (400, {"Content-Type": "application/problem+json"}, b'{"detail":"Invalid.","errors":[{"pointer":"?x","detail":"y"}]}'),
            r"Invalid. \(400\).\n  x: y",
        ),
        ((200, {"Content-Type": "text/csv", "Link": '<http://127.0.0.1:9/>; rel="next"'}, b"id\r\n"), "another system"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_leaves_the_old_file(
    answer: tuple[int, dict[str, str], bytes], why: str, tmp_path: Path
) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("old")
    with api(lambda _: answer) as system, pytest.raises(ApiError, match=why):
        write_list(system, "orders", {}, path)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["orders.csv"]


def test_filters_and_a_file_belong_to_one_list(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["export", "--query", "sms_status=failed"])
    assert export_lists.main() == 1
    assert "LIST=" in capsys.readouterr().err


def test_a_deployed_system_needs_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URL", "https://example.com")
    monkeypatch.delenv("TOKEN", raising=False)
    with pytest.raises(ApiError, match="TOKEN"):
        Api.of_environment("sales:read")
