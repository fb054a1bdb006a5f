"""Static files: which of a folder are served, and with which headers."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from sales.api.endpoint import Request, Response, endpoint
from sales.api.static.files import CONFIG, StaticFiles
from sales.runtime.settings import settings
from tests.support.events import Context, http_event
from tests.support.tokens import Issuer, running

pytestmark = pytest.mark.usefixtures("environment")
SCRIPT = "'use strict';\n" + "console.assert(1 === 1);\n" * 100


class Answer:
    """An answer as a browser sees it."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.status: int = raw["statusCode"]
        self.headers: dict[str, str] = raw["headers"]
        body: str = raw["body"]
        self.sent = base64.b64decode(body, validate=True) if raw.get("isBase64Encoded") else body.encode()

    @property
    def content(self) -> bytes:
        return gzip.decompress(self.sent) if self.headers.get("content-encoding") == "gzip" else self.sent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    (folder / "nested").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "nested" / "deep.js").write_text("deep")
    (folder / "index.html").write_text("<!doctype html><title>Grüße</title>")
    (folder / "page.js").write_text(SCRIPT)
    (folder / "icon.png").write_bytes(bytes(range(256)) * 8)
    (folder / "notes.md").write_text("not for browsers")
    return folder


def ask(files: StaticFiles, name: str, **headers: str) -> Answer:
    @endpoint(scope=None)
    def handler(request: Request) -> Response:
        return files.answer(request, name)

    given = {header.replace("_", "-"): value for header, value in headers.items()}
    return Answer(handler(http_event("GET", f"/{name}", headers=given, authorized=False), Context()))


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("index.html", "text/html; charset=utf-8"),
        ("page.js", "text/javascript; charset=utf-8"),
        ("icon.png", "image/png"),
        (CONFIG, "application/json"),
    ],
)
def test_each_file_has_its_media_type_and_forbids_sniffing(folder: Path, name: str, media_type: str) -> None:
    answer = ask(StaticFiles(folder), name)
    assert (answer.status, answer.headers["content-type"]) == (200, media_type)
    assert answer.headers["x-content-type-options"] == "nosniff"
    if name != CONFIG:
        assert answer.content == (folder / name).read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "../secret.txt",
        "..%2fsecret.txt",
        "..",
        ".",
        "",
        "nested",
        "nested/../page.js",
        "nested/../../secret.txt",
        "deep.js",
        "/etc/hostname",
        "notes.md",
        "PAGE.JS",
        "page.js\0",
        "page.js/",
    ],
)
def test_no_name_leads_out_of_the_folder(folder: Path, name: str) -> None:
    answer = ask(StaticFiles(folder), name)
    assert answer.status == 404
    assert json.loads(answer.content)["code"] == "not_found"


def test_a_file_may_only_use_its_own_scripts_origin_and_issuer(folder: Path) -> None:
    headers = ask(StaticFiles(folder), "index.html").headers
    policy = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"] == "'self' https://example.okta.com"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"


def test_the_config_names_issuer_and_client(folder: Path, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CONSOLE_CLIENT_ID", "0oaconsole")
    answer = ask(StaticFiles(folder), CONFIG)
    assert json.loads(answer.content) == {
        "issuer": "https://example.okta.com/oauth2/default",
        "client_id": "0oaconsole",
        "currency": "KES",
        "utc_offset": "+03:00",
    }


def test_the_config_has_the_issuers_endpoints_and_pages_may_call_its_token_endpoint(
    folder: Path, environment: pytest.MonkeyPatch
) -> None:
    files = StaticFiles(folder)
    with running(Issuer()) as issuer:
        issuer.discovery = {
            "token_endpoint": "https://tokens.example/token",
            "end_session_endpoint": f"{issuer.url}/v1/logout",
        }
        for name, value in (
            ("OKTA_ISSUER", issuer.url),
            ("DISCOVERY_URI", "http://127.0.0.1:1/"),
            ("CONSOLE_CLIENT_ID", "0oa"),
        ):
            environment.setenv(name, value)
        settings.cache_clear()
        assert json.loads(ask(files, CONFIG).content) == {
            "issuer": issuer.url,
            "client_id": "0oa",
            "currency": "KES",
            "utc_offset": "+03:00",
        }
        # The issuer answers later: neither the file nor its policy was kept.
        environment.setenv("DISCOVERY_URI", "")
        settings.cache_clear()
        assert json.loads(ask(files, CONFIG).content) == {
            "issuer": issuer.url,
            "client_id": "0oa",
            "currency": "KES",
            "utc_offset": "+03:00",
            "authorization_endpoint": f"{issuer.url}/v1/authorize",
            "token_endpoint": "https://tokens.example/token",
            "end_session_endpoint": f"{issuer.url}/v1/logout",
        }
        policy = ask(files, "index.html").headers["content-security-policy"]
        assert "connect-src 'self' https://tokens.example;" in policy
        # A script has no policy that counts, and does not wait for the issuer.
        fetches = issuer.fetches
        ask(files, "page.js")
        assert issuer.fetches == fetches


def test_an_unchanged_file_is_not_sent_again(folder: Path) -> None:
    first = ask(StaticFiles(folder), "page.js")
    assert first.headers["cache-control"] == "no-cache"
    second = ask(StaticFiles(folder), "page.js", if_none_match=first.headers["etag"])
    assert (second.status, second.sent) == (304, b"")
    assert second.headers["etag"] == first.headers["etag"]
    (folder / "page.js").write_text(SCRIPT + "changed();")
    assert ask(StaticFiles(folder), "page.js", if_none_match=first.headers["etag"]).status == 200


@pytest.mark.parametrize(
    ("accepted", "gzipped"),
    [
        ("gzip, deflate, br", True),
        ("br;q=1, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("deflate", False),
        ("", False),
        ("*", True),
        ("*;q=0, gzip", True),
        ("gzip;q=0, *", False),
    ],
)
def test_text_is_compressed_if_the_client_accepts_gzip(folder: Path, accepted: str, gzipped: bool) -> None:
    answer = ask(StaticFiles(folder), "page.js", accept_encoding=accepted)
    assert (answer.headers.get("content-encoding") == "gzip") is gzipped
    assert (len(answer.sent) < len(SCRIPT)) is gzipped
    assert answer.content.decode() == SCRIPT
    assert answer.headers["vary"] == "accept-encoding"


@pytest.mark.parametrize("accepted", ["gzip", "*", None])
def test_a_file_that_is_stored_compressed_is_sent_as_it_is(folder: Path, accepted: str | None) -> None:
    packed = gzip.compress(SCRIPT.encode())
    (folder / "viewer.js.gz").write_bytes(packed)
    files = StaticFiles(folder)
    answer = ask(files, "viewer.js", **({"accept_encoding": accepted} if accepted else {}))
    assert (answer.status, answer.sent, answer.content.decode()) == (200, packed, SCRIPT)
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert ask(files, "viewer.js", if_none_match=answer.headers["etag"]).status == 304
    assert ask(files, "viewer.js.gz").status == 404


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "*;q=0"])
def test_a_client_that_refuses_gzip_gets_406_where_nothing_else_exists(folder: Path, accepted: str) -> None:
    (folder / "viewer.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    answer = ask(StaticFiles(folder), "viewer.js", accept_encoding=accepted)
    assert (answer.status, json.loads(answer.content)["code"]) == (406, "not_acceptable")
    assert answer.headers["vary"] == "accept-encoding"


def test_pictures_and_small_files_are_not_compressed(folder: Path) -> None:
    for name in ("icon.png", "index.html"):
        assert "content-encoding" not in ask(StaticFiles(folder), name, accept_encoding="gzip").headers


def test_each_encoding_has_a_stable_etag_of_its_own(folder: Path) -> None:
    plain, packed, again = (
        ask(StaticFiles(folder), "page.js", accept_encoding=coding).headers["etag"] for coding in ("", "gzip", "gzip")
    )
    assert plain != packed == again


def test_the_first_of_two_folders_wins(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "page.js").write_text("own")
    files = StaticFiles(own, folder, tmp_path / "absent")
    assert ask(files, "page.js").content == b"own"
    assert ask(files, "icon.png").status == 200


def test_a_file_below_a_folder_has_its_path_as_its_name(folder: Path) -> None:
    assert ask(StaticFiles(folder), "nested/deep.js").content == b"deep"


def test_a_file_that_is_named_with_its_version_is_kept_for_ever(folder: Path) -> None:
    files = StaticFiles(folder)
    kept = ask(files, f"{files.version}/nested/deep.js")
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert kept.content == b"deep"
    # The page and the configuration may change without the files.
    for name in ("index.html", CONFIG):
        assert ask(files, f"{files.version}/{name}").headers["cache-control"] == "no-cache"


def test_a_file_of_another_version_is_asked_for_again(folder: Path) -> None:
    answer = ask(StaticFiles(folder), "0123456789ab/nested/deep.js")
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-cache")
    assert ask(StaticFiles(folder), "0123456789ab/0123456789ab/page.js").status == 404


def test_every_change_of_a_file_changes_the_version_and_none_of_a_page_does(folder: Path) -> None:
    versions = {StaticFiles(folder).version}
    (folder / "index.html").write_text("another page")
    assert StaticFiles(folder).version in versions
    (folder / "nested" / "deep.js").write_text("deeper")
    versions.add(StaticFiles(folder).version)
    (folder / "nested" / "deep.js").rename(folder / "nested" / "deeper.js")
    versions.add(StaticFiles(folder).version)
    assert len(versions) == 3
