"""Who may import whom, and what no module may do while it is imported."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SALES = sorted((ROOT / "shared" / "sales").glob("*.py"))
FUNCTIONS = sorted((ROOT / "functions").glob("*/*.py"))
LOCAL = sorted((ROOT / "local").rglob("*.py"))

# The one module that may import each of these.
ONLY = {
    "botocore": "store.py",
    "boto3": "store.py",
    "jose": "auth.py",
    "africastalking": "gateway.py",
    "pydantic": "inputs.py",
    "pydantic_core": "inputs.py",
    "aws_lambda_powertools": "log.py",
}
# Rules and models: nothing of AWS, the network or the environment.
PURE = {"customers.py", "orders.py", "messages.py", "money.py", "phones.py", "cursors.py", "errors.py", "inputs.py"}
PURE_MAY_NOT = {"store", "settings", "http", "sending", "gateway", "secrets", "log"}


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FUNCTIONS, ids=ids)
def test_a_function_imports_sales_and_the_standard_library_only(path: Path) -> None:
    import sys

    for name in imports(parse(path)):
        top = name.split(".")[0]
        assert top == "sales" or top in sys.stdlib_module_names, name


@pytest.mark.parametrize("path", FUNCTIONS, ids=ids)
def test_a_handler_has_at_most_40_lines_of_code(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.strip().startswith("#")]
    assert len(lines) <= 45, "a handler reads like its endpoint's specification"


@pytest.mark.parametrize("path", SALES, ids=ids)
def test_sales_imports_neither_functions_nor_local_and_each_library_in_one_place(path: Path) -> None:
    for name in imports(parse(path)):
        top = name.split(".")[0]
        assert top not in {"functions", "local", "tests"}, name
        assert ONLY.get(top, path.name) == path.name, f"{name} belongs in {ONLY.get(top)}"


@pytest.mark.parametrize("path", [path for path in SALES if path.name in PURE], ids=ids)
def test_rules_and_models_know_no_aws_and_no_settings(path: Path) -> None:
    for name in imports(parse(path)):
        parts = name.split(".")
        assert not (parts[0] == "sales" and len(parts) > 1 and parts[1] in PURE_MAY_NOT), name


@pytest.mark.parametrize("path", [*SALES, *FUNCTIONS], ids=ids)
def test_only_settings_reads_the_environment(path: Path) -> None:
    if path.name != "settings.py":
        assert "os" not in {name.split(".")[0] for name in imports(parse(path))}


@pytest.mark.parametrize("path", [*SALES, *FUNCTIONS], ids=ids)
def test_importing_a_module_makes_no_client_and_reads_no_clock_or_settings(path: Path) -> None:
    forbidden = {"now", "time", "monotonic", "settings", "store", "sender", "aws_client", "create_client", "Session"}
    for statement in parse(path).body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom):
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Call):
                function = node.func
                called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
                assert called not in forbidden, f"{called}() while importing"


@pytest.mark.parametrize("path", LOCAL, ids=ids)
def test_the_local_system_never_imports_functions(path: Path) -> None:
    assert "functions" not in {name.split(".")[0] for name in imports(parse(path))}
