"""Finishes what `sam build` left in .aws-sam/build: a smaller layer, and bytecode that Lambda can use.

1. What no function imports leaves the layer: packages (UNUSED_PACKAGES), tests, stubs, and all of botocore's data but
   the operations that shared/sales calls. botocore parses that data at every cold start, so this is time, not only size.
2. Everything is compiled with `unchecked-hash`. `sam build` ships no bytecode, /var/task and /opt are read-only, and
   the zip's dates (1980) make ordinary bytecode stale, so that every cold start would compile every module again:
   https://github.com/aws/aws-lambda-builders/issues/924

It must run under the Python of the functions' runtime. It may run twice: the second run changes nothing.
"""

import argparse
import ast
import io
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = (3, 13)

# What is installed because another package asks for it, and never imported by a function. Paths under python/.
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
    "pydantic/mypy.py": "a plugin of mypy",
    "dateutil/zoneinfo": "time zones of its own; all times here are UTC",
    "dateutil/rrule.py": "calendars' recurrences",
    "dateutil/easter.py": "only rrule uses it",
    "urllib3/contrib/emscripten": "urllib3 in browsers",
    "requirements.txt": "what pip installed from",
    "bin": "command line scripts of the packages",
}
# In the layer, for the store's client: reading all of certifi's roots takes a tenth of a start, again for each connection.
AMAZON_ROOTS = "amazon-roots.pem"
# Packages of which only the modules stay that an import statement leads to, starting at sales and the functions.
# Not for packages that import by a computed name, such as pydantic.
PRUNED = ("aws_lambda_powertools",)
# Late imports that no call of ours comes to, as the start of the imported name.
NOT_FOLLOWED = {
    "aws_lambda_powertools.event_handler": "its JSON encoder asks the resolver how to dump a model; none is ever logged",
}
# Within packages: tests, type stubs, sources of extension modules.
UNUSED_FILES = re.compile(r"(^|/)(tests?/|test_[^/]*\.py$|[^/]*\.(pyi|pyx|pxd|c|h)$|py\.typed$)")
# Modules that do at import what functions never need of them: what stands in their place, by path under python/.
# botocore imports its documentation writer for the docstrings of a client's methods (2 % of a start).
# certifi finds its file through importlib.resources, as if the layer could be a zip.
# pydantic reads the metadata of every package for plug-ins, with a library for it; of what is here none is one.
REPLACED = {
    "botocore/docs/__init__.py": "",
    "botocore/docs/docstring.py": """
class LazyLoadedDocstring(str):
    def __new__(cls, *args, **kwargs):
        return super().__new__(cls)


ClientMethodDocstring = PaginatorDocstring = WaiterDocstring = LazyLoadedDocstring
""",
    "pydantic/plugin/_loader.py": """
def get_plugins():
    return ()
""",
    "certifi/core.py": """
import os


def where():
    return os.path.join(os.path.dirname(__file__), "cacert.pem")


def contents():
    with open(where(), encoding="ascii") as file:
        return file.read()
""",
}
# Describes schemas in TypedDicts, whose fields type checkers read and nobody else: making them is 4 % of a start.
SCHEMA_TYPES = "pydantic_core/core_schema.py"
# Of botocore/docs only what the request handlers import.
KEPT_OF_DOCS = {"__init__", "docstring", "utils"}
# botocore's data besides the services' folders. sales.store reads no endpoint's rules, so partitions.json goes too.
DATA_FILES = {"_retry.json", "endpoints.json", "sdk-default-configuration.json"}


class BuildError(Exception):
    """The build cannot be finished; the message says what to do."""


def names_in(sources: Iterable[Path]) -> set[str]:
    """Every attribute, name and string constant in these Python files."""
    names = set()
    for source in sources:
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.Name):
                names.add(node.id)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                names.add(node.value)
    return names


def snake_case(operation: str) -> str:
    """The method of a botocore client for an operation: PutItem is put_item."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", operation).lower()


def read_data(path: Path) -> Any:
    """A file of botocore's data; `path` without the ending, as it may be compressed."""
    plain, compressed = path.with_name(path.name + ".json"), path.with_name(path.name + ".json.gz")
    if plain.exists():
        return json.loads(plain.read_text())
    import gzip

    return json.loads(gzip.decompress(compressed.read_bytes()))


def without_documentation(shape: dict[str, Any]) -> dict[str, Any]:
    """A shape, or a reference to one, without prose. A member that is itself called `documentation` stays."""
    kept = {}
    for key, value in shape.items():
        if key in {"documentation", "deprecatedMessage", "deprecatedSince"}:
            continue
        if key == "members":
            kept[key] = {name: without_documentation(member) for name, member in value.items()}
        else:
            kept[key] = without_documentation(value) if isinstance(value, dict) else value
    return kept


def trim_model(model: dict[str, Any], names: set[str]) -> dict[str, Any] | None:
    """A service's model with the operations among `names`, and the shapes they reach; None if there are none."""
    operations = {
        name: without_documentation({key: value for key, value in operation.items() if key != "examples"})
        for name, operation in model["operations"].items()
        if name in names or snake_case(name) in names
    }
    if not operations:
        return None
    shapes: dict[str, Any] = {}

    def keep(reference: Any) -> None:
        if isinstance(reference, list):
            for item in reference:
                keep(item)
        elif isinstance(reference, dict):
            name = reference.get("shape")
            if isinstance(name, str) and name in model["shapes"] and name not in shapes:
                shapes[name] = without_documentation(model["shapes"][name])
                keep(shapes[name])
            for value in reference.values():
                keep(value)

    keep(list(operations.values()))
    trimmed = {key: value for key, value in model.items() if key not in {"documentation", "examples"}}
    return {**trimmed, "operations": operations, "shapes": dict(sorted(shapes.items()))}


def write_json(path: Path, data: Any) -> None:
    """Writes JSON as short as it can be."""
    path.write_text(json.dumps(data, separators=(",", ":")))


def trim_botocore(data: Path, names: set[str]) -> dict[str, list[str]]:
    """Cuts botocore's data down to what `names` use of it. Returns the operations kept, by service."""
    kept: dict[str, list[str]] = {}
    for service in sorted(path for path in data.iterdir() if path.is_dir()):
        newest = max(service.iterdir(), key=lambda version: version.name)
        model = trim_model(read_data(newest / "service-2"), names) if service.name in names else None
        if model is None:
            shutil.rmtree(service)
            continue
        kept[service.name] = sorted(model["operations"])
        shutil.rmtree(service)
        newest.mkdir(parents=True)
        write_json(newest / "service-2.json", model)
    if not kept:
        raise BuildError("shared/sales names no operation of any service: botocore's data would be empty")
    prefixes = {read_data(next((data / name).iterdir()) / "service-2")["metadata"]["endpointPrefix"] for name in kept}
    endpoints = read_data(data / "endpoints")
    for partition in endpoints["partitions"]:
        partition["services"] = {name: value for name, value in partition["services"].items() if name in prefixes}
    for name in DATA_FILES:
        content = endpoints if name == "endpoints.json" else read_data(data / name.removesuffix(".json"))
        for compressed in data.glob(name + ".gz"):
            compressed.unlink()
        write_json(data / name, content)
    for path in data.iterdir():
        if path.is_file() and path.name not in DATA_FILES:
            path.unlink()
    return kept


def imports_of(source: Path, package: list[str]) -> Iterator[str]:
    """The modules that a file names in its import statements, also the late ones; those for type checkers excepted."""
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
    """The files under `python` that import statements lead to, starting at these files."""
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
    """Removes a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def strip_symbols(library: Path) -> None:
    """Drops the symbol table for debuggers from an extension module, of whatever architecture.

    The dynamic loader reads program headers only; what the section headers lead to after the last loaded byte goes.
    Layout: https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.pheader.html
    """
    content = bytearray(library.read_bytes())
    if content[:6] != b"\x7fELF\x02\x01":  # 64 bits, little-endian: both of Lambda's architectures
        return
    (headers,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    end = headers + size * count
    for number in range(count):
        offset, _, _, length = struct.unpack_from("<4Q", content, headers + number * size + 8)
        end = max(end, offset + length)
    struct.pack_into("<Q", content, 40, 0)  # where the section headers are,
    struct.pack_into("<HH", content, 60, 0, 0)  # how many, and which one names them
    library.write_bytes(content[:end])


def remove_unused(python: Path) -> None:
    """Removes what is listed as unused, and what served only installers, type checkers, compilers and tests."""
    for name in UNUSED:
        remove(python / name)
        for metadata in python.glob(f"{name}-*.dist-info"):
            remove(metadata)
    for metadata in (*python.glob("pyyaml-*.dist-info"), *python.glob("*.data")):
        remove(metadata)
    for path in sorted(python.rglob("*"), reverse=True):
        name = path.relative_to(python).as_posix()
        if path.is_dir():
            if path.name == "__pycache__" or not any(path.iterdir()):
                shutil.rmtree(path)
        elif ".dist-info/" in name:
            # Versions stay readable to importlib.metadata, licences to people; the read-me within METADATA goes.
            if path.name == "METADATA":
                path.write_text(path.read_text().partition("\n\n")[0].rstrip() + "\n")
            elif path.name != "entry_points.txt" and "licen" not in name.lower():
                path.unlink()
        elif UNUSED_FILES.search(name):
            path.unlink()


def replace_modules(python: Path) -> None:
    """Puts the short modules of REPLACED in the long ones' place, and empties the types that describe schemas."""
    docs = python / "botocore" / "docs"
    for path in docs.iterdir():
        if path.stem not in KEPT_OF_DOCS:
            remove(path)
    for name in (*REPLACED, SCHEMA_TYPES):
        module = python / name
        if module.with_suffix(".pyc").is_file():
            continue  # the second run
        if not module.is_file():
            raise BuildError(f"{name} is gone: look whether scripts/build/layer.py must still replace it")
        module.write_text(REPLACED[name] if name in REPLACED else without_fields(module.read_text()))


def without_fields(source: str) -> str:
    """The module with its TypedDicts empty: at run time they are dictionaries, whatever fields they name."""
    tree = ast.parse(source)
    typed = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and "TypedDict" in {ast.unparse(base) for base in node.bases}
    ]
    if not typed:
        raise BuildError(f"{SCHEMA_TYPES} has no TypedDict: look whether scripts/build/layer.py must still empty it")
    for node in typed:
        node.body = [ast.Pass()]
    return ast.unparse(tree)


def trim_layer(python: Path, functions: Iterable[Path]) -> dict[str, list[str]]:
    """Removes from a layer's python/ what no function imports. Returns the operations kept of botocore's data."""
    remove_unused(python)
    sources = [*(python / "sales").rglob("*.py"), *(path for function in functions for path in function.rglob("*.py"))]
    used = reached(python, sources)
    for package in PRUNED:
        for path in (python / package).rglob("*.py"):
            if path not in used:
                path.unlink()
    replace_modules(python)
    for library in python.rglob("*.so*"):
        strip_symbols(library)
    names = names_in((python / "sales").rglob("*.py"))
    return trim_botocore(python / "botocore" / "data", names)


def amazon_roots(bundle: str) -> str:
    """Of a bundle like certifi's the roots that AWS's own endpoints have their certificates from. Raises BuildError.

    https://www.amazontrust.com/repository/
    """
    found = re.findall(
        r'# Label: "(?:Amazon Root CA \d+|Starfield Services Root Certificate Authority - G2)"\n'
        r"(?:#.*\n)*(-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n)",
        bundle,
    )
    if len(found) < 5:
        raise BuildError(f"certifi's bundle has {len(found)} of Amazon's roots: look at amazontrust.com/repository")
    return "".join(found)


def compile_tree(root: Path, mounted: str, paths: Iterable[Path], *options: str) -> None:
    """Writes bytecode for every module of `paths`, with the names that tracebacks show once `root` is `mounted`."""
    command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", *options]
    # A fixed hash seed: sets in the code are written in their order of iteration, and equal sources make equal zips.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    result = subprocess.run([*command, "-s", root, "-p", mounted, *sorted(paths)], env=environment, check=False)
    if result.returncode:
        raise BuildError(f"some modules under {root} do not compile")


def compile_layer(python: Path) -> None:
    """Bytecode beside the sources of sales, and instead of the sources of everything else (1.3 MB of the zip).

    A traceback through a library shows file and line, without the line's text.
    """
    own = python / "sales"
    libraries = [path for path in python.iterdir() if path != own and (path.is_dir() or path.suffix == ".py")]
    compile_tree(python, "/opt/python", libraries, "-b")
    for library in libraries:
        for source in [library] if library.is_file() else library.rglob("*.py"):
            source.unlink()
    compile_tree(python, "/opt/python", [own])


def files_in(folder: Path) -> Iterator[Path]:
    """Every file of a folder, always in the same order."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def sizes(folder: Path) -> tuple[int, int]:
    """Bytes of a folder: zipped as `sam package` zips it, and unzipped."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in files_in(folder):
            file.writestr(path.relative_to(folder).as_posix(), path.read_bytes())
    return archive.tell(), sum(path.stat().st_size for path in files_in(folder))


def finish(build: Path) -> list[tuple[str, int, int]]:
    """Finishes a build in place. Returns name, zipped and unzipped bytes of each artefact."""
    if sys.version_info[:2] != RUNTIME:
        raise BuildError(
            f"bytecode for Lambda needs Python {RUNTIME[0]}.{RUNTIME[1]}, this is {sys.version.split()[0]}"
        )
    layers = sorted(path.parent for path in build.glob("*/python") if path.is_dir())
    functions = sorted(path.parent for path in build.glob("*/functions") if path.is_dir())
    if not layers or not functions:
        raise BuildError(f"{build} holds no layer or no function: run `sam build` first")
    for layer in layers:
        for service, operations in trim_layer(layer / "python", functions).items():
            print(f"botocore data of {service}: {', '.join(operations)}")
        bundle = layer / "python" / "certifi" / "cacert.pem"
        (layer / "python" / AMAZON_ROOTS).write_text(amazon_roots(bundle.read_text()))
        compile_layer(layer / "python")
    for function in functions:
        compile_tree(function, "/var/task", [function])
    return [(folder.name, *sizes(folder)) for folder in [*layers, *functions]]


def main() -> None:
    """Finishes the build and prints the sizes of what it made."""
    parser = argparse.ArgumentParser(description="Finish what `sam build` built: trim the layer, add bytecode.")
    parser.add_argument("build", nargs="?", type=Path, default=ROOT / ".aws-sam" / "build")
    try:
        artefacts = finish(parser.parse_args().build)
    except BuildError as error:
        sys.exit(f"build_artefacts: {error}")
    print(f"{'artefact':<32} {'zipped':>12} {'unzipped':>12}")
    for name, zipped, unzipped in artefacts:
        print(f"{name:<32} {zipped / 1000:>9,.1f} kB {unzipped / 1000:>9,.1f} kB")


if __name__ == "__main__":
    main()
