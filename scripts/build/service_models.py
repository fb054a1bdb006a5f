"""Cut botocore's data down to the operations that we call.

botocore parses a service's whole model at each cold start, so this saves time as well as space. Only service models
are written; every other file stays as it was published, or goes.
"""

import ast
import gzip
import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scripts.build.errors import BuildError

# The data that botocore reads next to the services' folders. endpoints.json is not among it: parsing its 1.2 MB takes a
# tenth of a start, and our clients work endpoints out from partitions.json.
KEPT = {"_retry.json", "partitions.json", "sdk-default-configuration.json"}


def names_in(sources: Iterable[Path]) -> set[str]:
    """Return every attribute, name and string constant in these Python files."""
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
    """Return the method of a botocore client for an operation: PutItem is put_item."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", operation).lower()


def read_model(version: Path) -> Any:
    """Return the service model in a folder of botocore's data, compressed or not."""
    plain = version / "service-2.json"
    return json.loads(plain.read_bytes() if plain.exists() else gzip.decompress(Path(f"{plain}.gz").read_bytes()))


def without_documentation(shape: dict[str, Any]) -> dict[str, Any]:
    """Return a shape, or a reference to one, without prose. A member called `documentation` stays."""
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
    """Return a service model with the operations among `names` and the shapes they reach, or None without any."""
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


def trim(data: Path, names: set[str]) -> dict[str, list[str]]:
    """Leave in botocore's data only the services and operations among `names`. Return the operations by service."""
    kept: dict[str, list[str]] = {}
    for path in sorted(data.iterdir()):
        if path.is_file():
            if path.name not in KEPT:
                path.unlink()
            continue
        newest = max(path.iterdir(), key=lambda version: version.name)
        model = trim_model(read_model(newest), names) if path.name in names else None
        shutil.rmtree(path)
        if model is not None:
            newest.mkdir(parents=True)
            (newest / "service-2.json").write_text(json.dumps(model, separators=(",", ":")))
            kept[path.name] = sorted(model["operations"])
    if not kept:
        raise BuildError("shared/sales names no operation of any service: botocore's data would be empty")
    return kept
