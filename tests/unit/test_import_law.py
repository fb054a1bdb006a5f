"""Who may import whom, and what no module may do while it is imported."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SALES = sorted((ROOT / "shared" / "sales").rglob("*.py"))
FUNCTIONS = sorted((ROOT / "functions").rglob("*.py"))
LOCAL = sorted((ROOT / "local").rglob("*.py"))

# Request bodies.
INPUTS = ("inputs.py", "customer_inputs.py", "order_inputs.py", "sms_inputs.py")
# The modules that may import each of these.
ONLY: dict[str, str | tuple[str, ...]] = {
    "botocore": "store.py",
    "boto3": "store.py",
    "jose": "auth.py",
    "africastalking": "gateway.py",
    "pydantic": INPUTS,
    "pydantic_core": INPUTS,
    "aws_lambda_powertools": "log.py and metrics.py",
    "os": "settings.py",
}
# Rules and models: nothing of AWS, the network or the environment.
PURE = {
    "customers.py",
    "orders.py",
    "messages.py",
    "money.py",
    "phones.py",
    "cursors.py",
    "errors.py",
    "group_commit.py",
    *INPUTS,
}
PURE_MAY_NOT = {"store", "settings", "http", "auth", "sending", "gateway", "secrets", "log", "sweep", "routing"}
NETWORK = {"requests", "urllib3", "urllib", "http", "socket"}
# Calls that make a client, read a clock, or read the settings.
AT_USE_ONLY = {
    "now", "today", "utcnow", "time", "time_ns", "monotonic", "settings", "store", "sender", "aws_client", "create_client",
    "Session", "getenv",
}  # fmt: skip


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module or name that is imported, also late, by its full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: an import names the whole path, as it is everywhere"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def runs_at_import(node: ast.AST) -> Iterator[ast.AST]:
    """What the interpreter evaluates while it imports: all but the bodies of functions."""
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


def ids(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FUNCTIONS, ids=ids)
def test_a_function_imports_sales_and_the_standard_library_only(path: Path) -> None:
    for name in imports(parse(path)):
        top = name.split(".")[0]
        assert top == "sales" or top in sys.stdlib_module_names, name


@pytest.mark.parametrize("path", FUNCTIONS, ids=ids)
def test_a_handler_has_at_most_40_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 40, "a handler reads like its endpoint's specification"


@pytest.mark.parametrize("path", SALES, ids=ids)
def test_sales_imports_neither_functions_nor_local(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(parse(path))} & {
        "functions",
        "local",
        "tests",
        "scripts",
        "bench",
    }


@pytest.mark.parametrize("path", SALES, ids=ids)
def test_each_library_and_the_environment_have_one_importer(path: Path) -> None:
    for name in imports(parse(path)):
        top = name.split(".")[0]
        assert path.name in ONLY.get(top, path.name), f"{name} belongs in {ONLY.get(top)}"


@pytest.mark.parametrize("path", FUNCTIONS, ids=ids)
def test_no_function_reads_the_environment(path: Path) -> None:
    assert "os" not in {name.split(".")[0] for name in imports(parse(path))}


@pytest.mark.parametrize("path", [path for path in SALES if path.name in PURE], ids=ids)
def test_rules_and_models_know_no_aws_no_network_and_no_settings(path: Path) -> None:
    for name in imports(parse(path)):
        top, _, rest = name.partition(".")
        assert top not in NETWORK, name
        assert top != "sales" or rest.split(".")[0] not in PURE_MAY_NOT, name


@pytest.mark.parametrize("path", [*SALES, *FUNCTIONS], ids=ids)
def test_importing_a_module_makes_no_client_and_reads_no_clock_or_settings(path: Path) -> None:
    assert not calls_at_import(parse(path)) & AT_USE_ONLY


@pytest.mark.parametrize("path", LOCAL, ids=ids)
def test_the_local_system_never_imports_functions(path: Path) -> None:
    assert "functions" not in {name.split(".")[0] for name in imports(parse(path))}


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
