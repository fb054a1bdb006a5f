"""The import contracts of pyproject.toml seen to fail, and what no tool checks: a pure domain, imports without effects."""

import ast
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SALES = sorted((ROOT / "shared" / "sales").rglob("*.py"))
FUNCTIONS = sorted((ROOT / "functions").rglob("*.py"))
# Calls that create a client, read a clock, or read the settings.
AT_USE_ONLY = {
    "now", "today", "utcnow", "time", "time_ns", "monotonic", "settings", "store", "sender", "aws_client", "create_client",
    "Session", "getenv",
}  # fmt: skip
# Imports that break a contract, directly and through another module: (contract, file, its import).
PLANTED = [
    ("Layers", "sales/ore.py", "import boto3"),
    ("Layers", "sales/domain/planted_up.py", "from sales.services.sms import send"),
    ("Layers", "sales/store/planted_up.py", "import sales.api.endpoint"),
    ("The house", "contract/planted.py", "import local.config"),
    ("sales imports neither", "sales/services/planted_down.py", "import functions.create_order.app"),
    ("sales imports neither", "sales/api/planted_down.py", "from local import config"),
    ("No tool imports a function", "local/planted.py", "import functions.send_sms.app"),
    ("No tool imports a function", "scripts/build/planted_indirect.py", "import local.planted"),
    ("Functions import sales only", "functions/get_order/planted.py", "import requests"),
    ("Rules are pure", "sales/domain/planted_os.py", "import os"),
    ("Rules are pure", "sales/domain/planted_indirect.py", "from bench import planted_aws"),
    ("Rules are pure", "bench/planted_aws.py", "import boto3"),
    ("Only store and runtime", "sales/services/planted_aws.py", "from botocore.session import Session"),
    ("Bodies and the provider", "sales/africastalking/planted_aws.py", "from sales.runtime import aws"),
    ("Within sales only africastalking", "sales/api/planted_requests.py", "import requests"),
    ("Within sales only africastalking", "sales/store/planted_sdk.py", "from africastalking.SMS import SMSService"),
    ("Only schemas", "sales/services/planted_model.py", "import pydantic"),
    ("Only schemas", "sales/domain/planted_reader.py", "import phonenumbers"),
    (
        "Only functions that read numbers",
        "functions/create_order/planted.py",
        "from sales.schemas import phone_numbers",
    ),
    ("Only runtime", "sales/store/planted_os.py", "import os"),
    ("Only api.tokens", "sales/store/planted_jose.py", "from jose import jws"),
    ("Only api.tokens", "sales/services/planted_jose.py", "from sales.store import planted_jose"),
    ("Only functions that compose", "functions/list_orders/planted.py", "from sales.services.sms import content"),
    ("Senders load neither", "functions/send_sms/planted.py", "from sales.services import planted_verifier"),
    ("Senders load neither", "sales/services/planted_verifier.py", "from sales.api import tokens"),
]


# More is more than a stranger can take in.
MOST_MODULES, MOST_LINES = 15, 400
FOLDERS = ("bench", "contract", "deployment", "functions", "local", "scripts", "shared/sales")
HOUSE = sorted(path for name in FOLDERS for path in (ROOT / name).rglob("*.py"))


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    command = [
        str(Path(sys.executable).with_name("lint-imports")),
        "--config",
        str(tree / "pyproject.toml"),
        "--no-cache",
    ]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the output of lint-imports on a copy of the tree with all of PLANTED in it."""
    tree = tmp_path_factory.mktemp("planted")
    shutil.copy(ROOT / "pyproject.toml", tree)
    for package in ("shared/sales", "functions", "deployment", "contract", "local", "scripts", "bench"):
        python_only = shutil.ignore_patterns("__pycache__", "static", "swagger-ui", "page", "results")
        shutil.copytree(ROOT / package, tree / Path(package).name, ignore=python_only)
    for _, file, line in PLANTED:
        (tree / file).write_text(f"{line}\n")
    done = lint_imports(tree)
    assert done.returncode == 1, done.stdout + done.stderr
    return re.sub(r"\s+", " ", done.stdout)


@pytest.mark.parametrize(("contract", "file", "line"), PLANTED, ids=[f"{file}: {line}" for _, file, line in PLANTED])
def test_a_planted_import_breaks_its_contract(report: str, contract: str, file: str, line: str) -> None:
    verdicts = re.findall(rf"({contract}[^.]*?) (KEPT|BROKEN)", report)
    assert [verdict for _, verdict in verdicts] == ["BROKEN"]
    assert file.removesuffix(".py").replace("/", ".") in report


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported, also late, by its full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: an import names the whole path, as everywhere else"
            yield str(node.module)


def runs_at_import(node: ast.AST) -> Iterator[ast.AST]:
    """All that the interpreter evaluates while it imports: everything but the bodies of functions."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        children: list[ast.AST] = [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]
    elif isinstance(node, ast.Lambda):
        children = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
    else:
        children = list(ast.iter_child_nodes(node))
    yield node
    for child in children:
        yield from runs_at_import(child)


def calls_at_import(tree: ast.AST) -> set[str]:
    called = set()
    for node in runs_at_import(tree):
        if isinstance(node, ast.Call):
            function = node.func
            called.add(function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", ""))
    return called


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FUNCTIONS, ids=name_of)
def test_a_handler_has_at_most_40_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 40, "a handler reads like its endpoint's specification"


def test_no_folder_has_more_modules_and_no_module_more_lines_than_a_stranger_can_take_in() -> None:
    assert len(HOUSE) > 200
    # A bench is a module, and there is one folder of them.
    modules = Counter(path.parent for path in HOUSE if path.name != "__init__.py" and path.parent.name != "bench")
    assert [name_of(folder) for folder, count in modules.items() if count > MOST_MODULES] == []
    assert [name_of(path) for path in HOUSE if len(path.read_text(encoding="utf-8").splitlines()) > MOST_LINES] == []


@pytest.mark.parametrize("path", [*SALES, *FUNCTIONS], ids=name_of)
def test_rules_and_handlers_import_sales_and_the_standard_library_only(path: Path) -> None:
    if "domain" in path.parts or path in FUNCTIONS:
        for name in imports(parse(path)):
            top = name.split(".")[0]
            assert top == "sales" or top in sys.stdlib_module_names, name


@pytest.mark.parametrize("path", [*SALES, *FUNCTIONS], ids=name_of)
def test_importing_a_module_creates_no_client_and_reads_no_clock_or_settings(path: Path) -> None:
    assert not calls_at_import(parse(path)) & AT_USE_ONLY


FUNCTION_NAMES = {path.parent.name for path in FUNCTIONS if path.name == "app.py"}
# Lists and exports share the code that reads filters: they load the library once a filter has a number.
READ_EACH_NUMBER = {
    "create_customer", "import_customers", "import_orders", "record_delivery_report", "record_opt_out", "update_customer",
}  # fmt: skip


@pytest.mark.parametrize("names", [FUNCTION_NAMES - READ_EACH_NUMBER, *({name} for name in READ_EACH_NUMBER)], ids=len)
def test_functions_load_libphonenumber_only_to_read_numbers_each_time(names: set[str]) -> None:
    code = f"import importlib, sys\nfor name in {names!r}: importlib.import_module(f'functions.{{name}}.app')\n"
    command = [sys.executable, "-c", f"{code}print('phonenumbers' in sys.modules)"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(names <= READ_EACH_NUMBER)


RULES = sorted((ROOT / "shared" / "sales" / "domain").rglob("*.py"))


@pytest.mark.parametrize("path", RULES, ids=name_of)
def test_importing_a_rule_compiles_no_pattern(path: Path) -> None:
    assert "compile" not in calls_at_import(parse(path))


@pytest.mark.parametrize(
    "source",
    [
        "client = create_client('dynamodb')",
        "def wait(until=time.time()): ...",
        "class A:\n    started = datetime.now()",
        "if True:\n    settings()",
        "@cached(store())\ndef f(): ...",
    ],
)
def test_the_law_sees_what_runs_at_import(source: str) -> None:
    assert calls_at_import(ast.parse(source)) & AT_USE_ONLY


def test_the_law_lets_functions_do_at_call_what_imports_may_not() -> None:
    source = "def f():\n    return time.time()\ng = lambda: settings()\nasync def h():\n    store()"
    assert not calls_at_import(ast.parse(source)) & AT_USE_ONLY
