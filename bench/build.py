"""Builds what is compared, each as its users would: a folder with the code and the packages it asks for, as pip
unpacks them; with bytecode (`unchecked-hash`, valid whatever the zip's dates) or, as plain `sam build` ships it, without.
"""

import platform
import shutil
import subprocess
import sys
import venv
import zipfile
from functools import cache
from importlib.metadata import Distribution, distributions
from io import BytesIO
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / ".bench"
CONTESTANTS = Path(__file__).parent / "contestants"
# What Lambda itself brings.
RUNTIME = ("awslambdaric",)


class BuildError(Exception):
    """What is to be compared cannot be built; the text says what to do."""


@cache
def python() -> Path:
    """The interpreter in an environment without packages: a function brings its own, and Lambda has no other."""
    folder = BUILD / "python"
    venv.create(folder, clear=True)
    return folder / "bin" / "python"


def _installed() -> dict[str, Distribution]:
    packages = next((ROOT / ".venv-bench" / "lib").glob("python3.*")) / "site-packages"
    return {_plain(found.name): found for found in distributions(path=[str(packages)])}


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _closure(asked: tuple[str, ...], installed: dict[str, Distribution]) -> list[Distribution]:
    """These packages and all that they require."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(each) for each in asked]
    while waiting:
        requirement = waiting.pop()
        package = found[_plain(requirement.name)] = installed[_plain(requirement.name)]
        for line in package.requires or ():
            needed = Requirement(line)
            applies = needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in ("", *requirement.extras)
            )
            if applies and _plain(needed.name) not in found:
                waiting.append(needed)
    return list(found.values())


def build(name: str, requirements: tuple[str, ...], *, source: str = "", stored: str = "", bytecode: bool) -> Path:
    """The folder of a contestant, made anew; `stored` is a module that its code imports by that name."""
    folder = BUILD / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for package in _closure(requirements, _installed()):
        for file in package.files or ():
            if file.suffix == ".pyc" or ".." in file.parts:
                continue
            target = folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(package.locate_file(file), target)
    if source:
        for file in (CONTESTANTS / source).glob("*.py"):
            shutil.copyfile(file, folder / file.name)
    if stored:
        (folder / "stored.py").write_text(stored)
    if bytecode:
        compile_folder(folder)
    return folder


def compile_folder(folder: Path) -> None:
    """Bytecode beside every module."""
    command = [sys.executable, "-m", "compileall", "-q", "-j0", "--invalidation-mode", "unchecked-hash", str(folder)]
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)  # Django has templates that are no Python


def sizes(*folders: Path) -> tuple[int, int]:
    """Bytes, zipped as `sam package` zips them and unzipped."""
    zipped = unzipped = 0
    for folder in folders:
        archive = BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    file.write(path, path.relative_to(folder))
                    unzipped += path.stat().st_size
        zipped += archive.tell()
    return zipped, unzipped


def ours() -> tuple[Path, dict[str, Path]]:
    """What `make build` made: the layer's folder, and each function's by its logical id."""
    folder = ROOT / ".aws-sam" / "build"
    layer = folder / "SharedLayer" / "python"
    if not any(layer.glob("sales/__pycache__/*.pyc")):
        raise BuildError("there is no finished build: `make build` makes it")
    return layer, {path.name: path for path in folder.iterdir() if (path / "functions").is_dir()}


def layers() -> dict[str, Path]:
    """Our layer as it is deployed, by instruction set: what `make build` made, and what it made for the other one."""
    own = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
    other = {"arm64": "x86_64", "x86_64": "arm64"}[own]
    built = {own: ROOT / ".aws-sam" / "build", other: BUILD / "other"}
    return {name: folder / "SharedLayer" for name, folder in built.items() if (folder / "SharedLayer").is_dir()}
