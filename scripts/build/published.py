"""Hold the layer's files against the wheels they came from.

A wheel lists each of its files, with its hash, in RECORD:
https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file
"""

import base64
import csv
import hashlib
import re
import shutil
from pathlib import Path

from scripts.build.errors import BuildError

# The only files of a library that the build writes: it cuts them to the operations that we call.
SERVICE_MODEL = re.compile(r"botocore/data/[^/]+/[^/]+/service-2\.json")


def recorded(metadata: Path) -> dict[str, str]:
    """Return the hashes in a wheel's RECORD, by path under python/; its own entry has an empty one."""
    with (metadata / "RECORD").open(newline="") as file:
        return {path: digest for path, digest, _ in csv.reader(file)}


def wheels(python: Path) -> dict[Path, dict[str, str]]:
    """Return what `recorded` returns for each wheel in the layer, by the folder of its metadata."""
    return {record.parent: recorded(record.parent) for record in sorted(python.glob("*.dist-info/RECORD"))}


def is_compiled(module: Path) -> bool:
    """Return whether bytecode has replaced this module's source, as it has once a build is finished."""
    return module.suffix == ".py" and not module.exists() and module.with_suffix(".pyc").is_file()


def trim_metadata(python: Path) -> None:
    """Remove from each RECORD the files that are not in the layer, and the metadata of wheels that have none there.

    A RECORD lists what is installed; botocore's lists the data of 400 services.
    """
    for metadata in wheels(python):
        with (metadata / "RECORD").open(newline="") as file:
            lines = [line for line in csv.reader(file) if (python / line[0]).is_file() or is_compiled(python / line[0])]
        if all(path.startswith(f"{metadata.name}/") for path, _, _ in lines):
            shutil.rmtree(metadata)
            continue
        with (metadata / "RECORD").open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(lines)


def _hash(content: bytes, algorithm: str) -> str:
    digest = hashlib.new(algorithm, content).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def verify(python: Path, own: frozenset[str]) -> None:
    """Raise BuildError unless every file of the layer is as its wheel has it.

    Exempt are service models, what lies under the names in `own`, and bytecode in place of a module of a wheel.
    """
    hashes = {path: digest for files in wheels(python).values() for path, digest in files.items()}
    compiled = {f"{path}c" for path in hashes if is_compiled(python / path)}
    changed = []
    for file in sorted(path for path in python.rglob("*") if path.is_file()):
        path = file.relative_to(python).as_posix()
        if path.partition("/")[0] in own or SERVICE_MODEL.fullmatch(path) or path in compiled:
            continue
        expected = hashes.get(path)
        if expected is None:
            changed.append(f"{path} is in no wheel")
        elif expected and _hash(file.read_bytes(), expected.partition("=")[0]) != expected:
            changed.append(f"{path} differs from its wheel")
        elif not expected and not path.endswith(".dist-info/RECORD"):
            changed.append(f"{path} has no hash in its wheel")
    if changed:
        raise BuildError(f"libraries are shipped as published, but {', '.join(changed)}")
