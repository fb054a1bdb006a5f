"""The console's page: what the browser needs is in it."""

import json
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from deployment import ROOT
from sales.api.issuers import Endpoints
from sales.api.static.console import ConsoleFiles
from sales.api.static.files import config_json
from sales.runtime.settings import settings

pytestmark = pytest.mark.usefixtures("environment")
STATIC = ROOT / "functions" / "serve_console" / "static"


@pytest.fixture
def page() -> str:
    return ConsoleFiles(STATIC).content("index.html").decode()


def test_the_page_names_every_file_with_the_version(page: str) -> None:
    version = ConsoleFiles(STATIC).version
    named = re.findall(r'(?:href|src)="/console/([^/"]+)/([^"]+)"', page)
    assert {given for given, _ in named} == {version}
    assert all((STATIC / name).is_file() for _, name in named)
    assert not re.search(r"\{\w+\}", page)


def test_the_page_preloads_all_modules_and_those_for_signing_in_first(page: str) -> None:
    preloaded = re.findall(r'rel="modulepreload" href="/console/[^/]+/([^"]+)"', page)
    modules = {path.relative_to(STATIC).as_posix(): path.read_text() for path in STATIC.rglob("*.js")}

    def imported(pattern: str, names: Iterable[str]) -> set[str]:
        return {
            posixpath.normpath(f"{name}/../{other}") for name in names for other in re.findall(pattern, modules[name])
        }

    late = imported(r'\bimport\("(\.[^"]+)"\)', modules)
    while not (more := imported(r'\bfrom "(\.[^"]+)";', late)) <= late:
        late |= more
    # A late module may import what the page has from its start.
    assert set(modules) - set(preloaded) == late - imported(r'\bfrom "(\.[^"]+)";', preloaded)
    assert len(set(preloaded)) == len(preloaded)
    before = preloaded[: preloaded.index("console.js")]
    assert {"session/begin.js", "session/session.js", "session/issuer.js", "words/session.js"} <= set(before)
    assert len(before) < 16


def test_a_module_that_is_imported_late_is_not_preloaded(tmp_path: Path) -> None:
    (tmp_path / "session").mkdir()
    (tmp_path / "session" / "begin.js").write_text("export const started = 1;\n")
    (tmp_path / "console.js").write_text(
        'import {\n  a,\n} from "./a.js";\nimport("./late.js");\nexport * from "./b.js";\n'
    )
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\n')
    for name in ("b.js", "late.js"):
        (tmp_path / name).write_text("")
    assert list(ConsoleFiles(tmp_path).modules()) == ["session/begin.js", "console.js", "a.js", "b.js"]


def test_the_configuration_in_the_page_cannot_end_its_script(environment: pytest.MonkeyPatch, page: str) -> None:
    environment.setenv("CONSOLE_CLIENT_ID", "</script><script>alert(1)</script>{version}{modules}")
    settings.cache_clear()
    hostile = ConsoleFiles(STATIC).content("index.html").decode()
    assert hostile.count("<script") == page.count("<script")
    [data] = re.findall(r'<script type="application/json" id="config">(.*)</script>', hostile)
    assert json.loads(data) == json.loads(config_json())


def test_only_the_page_itself_may_show_it_in_a_frame_for_signing_in() -> None:
    known = Endpoints("https://sign-in.example/authorize", "https://tokens.example/token", "")
    policy = dict(rule.split(" ", 1) for rule in ConsoleFiles(STATIC).policy(known).split("; "))
    assert policy["frame-ancestors"] == "'self'"
    assert policy["frame-src"] == "'self' https://sign-in.example"
    assert policy["default-src"] == policy["form-action"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    unknown = dict(rule.split(" ", 1) for rule in ConsoleFiles(STATIC).policy(None).split("; "))
    assert unknown["frame-src"] == "'self'"


def test_a_module_is_served_without_its_comments(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("// Says a.\nexport const a = {\n  // why\n  url: 'https://b', // kept\n};\n")
    assert ConsoleFiles(tmp_path).content("a.js") == b"export const a = {\nurl: 'https://b', // kept\n};\n"
    (tmp_path / "a.css").write_text("  a { }\n")
    assert ConsoleFiles(tmp_path).content("a.css") == b"  a { }\n"
