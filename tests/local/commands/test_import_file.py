"""`make import`: files of any length, with the result of each row next to them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from local.commands import remote_api
from local.commands.import_file import File, ImportFileError, import_file, result_path, send
from local.commands.remote_api import Api
from tests.support.system import ROOT, System

pytestmark = pytest.mark.local
HEAD = "name,phone_number,email\n"


def rows(first: int, count: int) -> str:
    return "".join(f"jane {number},0700{number:06d},j{number}@example.com\n" for number in range(first, first + count))


class Answers(Api):
    """An API that creates every row, and notes the parts it got."""

    def __init__(self, refused: str = "never") -> None:
        super().__init__("http://127.0.0.1:9", "token")
        self.parts: list[tuple[str, str, str]] = []
        self._refused = refused

    def send(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> requests.Response:
        text, media_type = (body or b"").decode(), headers["Content-Type"]
        self.parts.append((path.split("/")[-2], media_type, text))
        answer = requests.Response()
        answer.status_code, answer._content = 200, self._created(media_type, text).encode()
        return answer

    def _created(self, media_type: str, text: str) -> str:
        if media_type.endswith("ndjson"):
            return "".join(f"{json.dumps(json.loads(line) | {'result': 'created'})}\n" for line in text.splitlines())
        head, *lines = text.splitlines()
        results = [
            f"{line},refused,,,name: is wrong" if self._refused in line else f"{line},created,id,code,"
            for line in lines
        ]
        return "\n".join([f"{head},result,id,code,error", *results, ""])


def test_a_long_file_goes_in_parts_and_comes_back_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "customers.csv"
    path.write_text("\ufeff" + HEAD + rows(0, 2300))
    api = Answers(refused="jane 1200,")
    assert import_file(path, api) == 1
    assert [(kind, text.count("\n") - 1) for kind, _, text in api.parts] == [
        ("customers", 1000), ("customers", 1000), ("customers", 300),
    ]  # fmt: skip
    assert all(text.startswith("\ufeff" + HEAD) for _, _, text in api.parts)
    written = result_path(path).read_text()
    assert written.count("result,id,code,error") == written.count("\ufeff") == 1
    assert len(written.splitlines()) == 2301
    assert result_path(path).stat().st_mode & 0o777 == 0o600
    said = capsys.readouterr().out
    assert "customers.csv: 2,300 of 2,300 rows: 2,299 created, 0 unchanged, 1 refused" in said
    assert "row 1,201: name: is wrong" in said


def test_a_part_has_no_more_bytes_than_the_api_takes(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(HEAD + "".join(f"{'é' * 1000},0700{number:06d},j@example.com\n" for number in range(900)))
    parts = File.read(path).parts
    assert len(parts) == 2
    assert sum(part.rows for part in parts) == 900
    assert all(len(part.text.encode()) <= 1_000_000 for part in parts)
    assert [part.first for part in parts] == [1, parts[0].rows + 1]


def test_json_lines_go_in_parts_too(tmp_path: Path) -> None:
    path = tmp_path / "orders.ndjson"
    path.write_text("".join(f'{{"item": "tea", "n": {number}}}\n' for number in range(1500)))
    api = Answers()
    assert import_file(path, api) == 0
    assert [(kind, media_type) for kind, media_type, _ in api.parts] == [("orders", "application/x-ndjson")] * 2
    assert len(result_path(path).read_text().splitlines()) == 1500


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "x,y\n1,2\n", "TYPE=customers or TYPE=orders"),
        ("a.csv", "item,email\n1,2\n", "TYPE=customers or TYPE=orders"),
        ("a.csv", 'name,email\n"a,b\n', "line 2"),
        ("a.csv", b"\xff\xfen\x00", "UTF-16"),
        ("a.xlsx", b"PK\x03\x04", "workbook"),
        ("a.ndjson", "[]", "must be a JSON object"),
    ],
)
def test_a_file_that_cannot_be_sent_says_why(name: str, content: str | bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ImportFileError, match=said):
        import_file(path, Answers())
    assert list(tmp_path.iterdir()) == [path]


def run(system: System, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local.commands.import_file", *arguments],
        cwd=ROOT, env=system.environ() | environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_files_are_imported_into_the_running_system_and_again(system: System, tmp_path: Path) -> None:
    customers, orders = tmp_path / "customers.csv", tmp_path / "orders.csv"
    customers.write_text(HEAD + rows(0, 3))
    orders.write_text("reference;customer;item;amount\nR-1;0700000001;tea;5,50\nR-2;nobody;tea;5\n")
    for result in ("created", "unchanged"):
        answer = run(system, str(customers))
        assert (answer.returncode, answer.stderr) == (0, "")
        assert f"3 {result}" in answer.stdout
        answer = run(system, str(orders))
        assert answer.returncode == 1
        assert f"1 {result}" in answer.stdout
        assert "row 2: customer: no customer has this id, code or number" in answer.stdout
    assert ";unchanged;" in result_path(orders).read_text()
    # The file with the results is a file to import.
    assert "3 unchanged" in run(system, str(result_path(customers))).stdout
    assert [order["amount"] for order in system.orders(reference="R-1")] == ["5.50"]


def test_another_systems_address_needs_a_token(system: System, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(HEAD + rows(10, 1))
    answer = run(system, str(path), URL=system.url(""))
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "Set TOKEN too" in answer.stderr
    assert "1 created" in run(system, str(path), URL=system.url(""), TOKEN=system.token()).stdout
    answer = run(system, str(path), URL=system.url(""), TOKEN=system.token("sales:read"))
    assert answer.returncode == 1
    assert "(403)" in answer.stderr


def test_columns_that_the_api_refuses_are_named(system: System, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text("name,phone_number,telephone\n")
    answer = run(system, str(path))
    assert answer.returncode == 1
    assert "telephone: is not a column of this file" in answer.stderr
    assert "email: is missing" in answer.stderr
    assert not result_path(path).exists()


def test_a_system_that_does_not_answer_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(remote_api.time, "sleep", waits.append)
    with pytest.raises(ImportFileError, match=r"does not answer .* nothing is stored twice"):
        send(Api("http://127.0.0.1:9", "token"), "customers", "text/csv", HEAD)
    assert waits == list(remote_api._WAITS)
