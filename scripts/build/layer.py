"""Finish what `sam build` left in .aws-sam/build: a smaller layer, and bytecode that Lambda can use.

1. Files that no function imports leave the layer: packages (UNUSED), tests, stubs, and the data of botocore for services
   and operations that shared/sales does not call (service_models.py).
2. Every file that stays must be the one that its wheel was published with, service models excepted (published.py).
3. Amazon's root certificates come in, and everything is compiled (bytecode.py).

It must run under the Python of the functions' runtime. A second run changes nothing.
"""

import argparse
import ast
import io
import re
import shutil
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from scripts.build import bytecode, published, service_models
from scripts.build.errors import BuildError

ROOT = Path(__file__).resolve().parents[2]

# Paths under python/ that pip installs because another package asks for them, and that no function imports.
UNUSED = {
    "boto3": "shared/sales uses botocore",
    "s3transfer": "only boto3 uses it",
    "responses": "africastalking names its test library as a requirement",
    "yaml": "only responses uses it",
    "_yaml": "only responses uses it",
    "ecdsa": "python-jose uses cryptography where that is installed (and ecdsa has CVE-2024-23342, which stays)",
    "rsa": "as ecdsa",
    "pyasn1": "only rsa uses it",
    "cffi": "builds extension modules; cryptography needs only the compiled _cffi_backend",
    "pycparser": "only cffi uses it",
    "pydantic/v1": "pydantic's previous major version",
    "pydantic/mypy.py": "a plug-in of mypy",
    "dateutil/zoneinfo": "the package's copy of the time zones; all times here are UTC",
    "dateutil/rrule.py": "calendars' recurrences",
    "dateutil/easter.py": "only rrule uses it",
    "urllib3/contrib/emscripten": "urllib3 in browsers",
    "requirements.in": "the list that requirements.txt is made from",
    "requirements.txt": "the list that pip installed from",
    "bin": "command line scripts of the packages",
}
# The store's client reads these instead of all of certifi's roots, which take a tenth of a start, and again for each
# connection.
AMAZON_ROOTS = "amazon-roots.pem"
# The names under python/ that come from us, not from a wheel.
OURS = frozenset({"sales", AMAZON_ROOTS})
# Keep only those modules of these packages that import statements lead to, starting at sales and the functions.
# Not for packages that import by a computed name, such as pydantic.
PRUNED = ("aws_lambda_powertools",)
# Late imports that our calls never reach, as the start of the imported name.
NOT_FOLLOWED = {
    "aws_lambda_powertools.event_handler": "its JSON encoder asks the resolver how to dump a model; none is ever logged",
}
# Within packages: tests, type stubs, sources of extension modules, and libphonenumber's data of short numbers (emergency
# calls, premium texts), which it loads when it is asked about one.
UNUSED_FILES = re.compile(
    r"(^|/)(tests?/|test_[^/]*\.py$|[^/]*\.(pyi|pyx|pxd|c|h)$|py\.typed$|phonenumbers/shortdata/region_[^/]*$)"
)


def imports_of(source: Path, package: list[str]) -> Iterator[str]:
    """Yield the modules that a file imports, late or not, except those that only type checkers import."""
    nodes: list[ast.AST] = [ast.parse(source.read_text())]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            nodes.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = [*base, *filter(None, (node.module or "").split("."))]
            modules = [".".join([*origin, alias.name]) for alias in node.names]
        else:
            modules = []
        yield from (module for module in modules if not module.startswith(tuple(NOT_FOLLOWED)))
        nodes.extend(ast.iter_child_nodes(node))


def reached(python: Path, starts: Iterable[Path]) -> set[Path]:
    """Return the files under `python` that import statements lead to, starting at these files."""
    found: set[Path] = set()
    waiting = list(starts)
    while waiting:
        source = waiting.pop()
        inside = source.is_relative_to(python)
        for module in imports_of(source, list(source.parent.relative_to(python).parts) if inside else []):
            parts = module.split(".")
            for length in range(1, len(parts) + 1):
                path = python.joinpath(*parts[:length])
                for candidate in (path.with_name(path.name + ".py"), path / "__init__.py"):
                    if candidate.is_file() and candidate not in found:
                        found.add(candidate)
                        waiting.append(candidate)
    return found


def remove(path: Path) -> None:
    """Remove a file or a folder, if it exists."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_unused(python: Path) -> None:
    """Remove what UNUSED lists, and the files that only installers, type checkers, compilers and tests read."""
    for name in UNUSED:
        remove(python / name)
    for scripts in python.glob("*.data"):
        remove(scripts)
    for path in sorted(python.rglob("*"), reverse=True):
        if path.is_dir():
            if path.name == "__pycache__" or not any(path.iterdir()):
                shutil.rmtree(path)
        elif UNUSED_FILES.search(path.relative_to(python).as_posix()):
            path.unlink()


def trim_layer(python: Path, functions: Iterable[Path]) -> dict[str, list[str]]:
    """Remove from a layer's python/ what no function imports. Return the operations kept of botocore's data.

    Raise BuildError if a file that stays differs from its wheel's.
    """
    remove_unused(python)
    sources = [*(python / "sales").rglob("*.py"), *(path for function in functions for path in function.rglob("*.py"))]
    used = reached(python, sources)
    for package in PRUNED:
        for path in (python / package).rglob("*.py"):
            if path not in used:
                path.unlink()
    names = service_models.names_in((python / "sales").rglob("*.py"))
    kept = service_models.trim(python / "botocore" / "data", names)
    published.trim_metadata(python)
    published.verify(python, OURS)
    return kept


def amazon_roots(bundle: str) -> str:
    """Return those roots of a bundle like certifi's that AWS's endpoints have their certificates from.

    Raise BuildError if one is missing. https://www.amazontrust.com/repository/
    """
    found = re.findall(
        r'# Label: "(?:Amazon Root CA \d+|Starfield Services Root Certificate Authority - G2)"\n'
        r"(?:#.*\n)*(-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n)",
        bundle,
    )
    if len(found) < 5:
        raise BuildError(f"certifi's bundle has {len(found)} of Amazon's roots: look at amazontrust.com/repository")
    return "".join(found)


def sizes(folder: Path) -> tuple[int, int]:
    """Return the bytes of a folder: zipped as `sam package` zips it, and unzipped."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in files:
            file.writestr(path.relative_to(folder).as_posix(), path.read_bytes())
    return archive.tell(), sum(path.stat().st_size for path in files)


def finish(build: Path) -> list[tuple[str, int, int]]:
    """Finish a build in place. Return name, zipped and unzipped bytes of each artefact."""
    bytecode.check_runtime()
    layers = sorted(path.parent for path in build.glob("*/python") if path.is_dir())
    functions = sorted(path.parent for path in build.glob("*/functions") if path.is_dir())
    if not layers or not functions:
        raise BuildError(f"{build} holds no layer or no function: run `sam build` first")
    for layer in layers:
        python = layer / "python"
        for service, operations in trim_layer(python, functions).items():
            print(f"botocore data of {service}: {', '.join(operations)}")
        (python / AMAZON_ROOTS).write_text(amazon_roots((python / "certifi" / "cacert.pem").read_text()))
        bytecode.compile_layer(python)
    for function in functions:
        bytecode.compile_tree(function, "/var/task", [function])
    return [(folder.name, *sizes(folder)) for folder in [*layers, *functions]]


def main() -> None:
    """Finish the build and print the sizes of what it made."""
    parser = argparse.ArgumentParser(description="Finish what `sam build` built: trim the layer, add bytecode.")
    parser.add_argument("build", nargs="?", type=Path, default=ROOT / ".aws-sam" / "build")
    try:
        artefacts = finish(parser.parse_args().build)
    except BuildError as error:
        sys.exit(f"build: {error}")
    print(f"{'artefact':<32} {'zipped':>12} {'unzipped':>12}")
    for name, zipped, unzipped in artefacts:
        print(f"{name:<32} {zipped / 1000:>9,.1f} kB {unzipped / 1000:>9,.1f} kB")


if __name__ == "__main__":
    main()
