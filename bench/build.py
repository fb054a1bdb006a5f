"""Build the contestants as their users would: a folder with the code and its packages as pip unpacks them.

With bytecode (`unchecked-hash`, valid whatever the dates in the zip) or without, as plain `sam build` ships it.
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
# Part of Lambda itself.
RUNTIME = ("awslambdaric",)


class BuildError(Exception):
    """A contestant cannot be built; the text says what to do."""


@cache
def python() -> Path:
    """Return the interpreter of an environment without packages: a function brings its own, and Lambda has no others."""
    folder = BUILD / "python"
    venv.create(folder, clear=True)
    return folder / "bin" / "python"


def _installed() -> dict[str, Distribution]:
    packages = next((ROOT / ".venv-bench" / "lib").glob("python3.*")) / "site-packages"
    return {_plain(package.name): package for package in distributions(path=[str(packages)])}


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _closure(requirements: tuple[str, ...], installed: dict[str, Distribution]) -> list[Distribution]:
    """Return these packages and everything they require."""
    closure: dict[str, Distribution] = {}
    waiting = [Requirement(line) for line in requirements]
    while waiting:
        requirement = waiting.pop()
        package = closure[_plain(requirement.name)] = installed[_plain(requirement.name)]
        for line in package.requires or ():
            needed = Requirement(line)
            applies = needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in ("", *requirement.extras)
            )
            if applies and _plain(needed.name) not in closure:
                waiting.append(needed)
    return list(closure.values())


def build(name: str, requirements: tuple[str, ...], *, source: str = "", stored: str = "", bytecode: bool) -> Path:
    """Build the folder of a contestant and return it; its code imports `stored` as a module of that name."""
    folder = BUILD / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for package in _closure(requirements, _installed()):
        for file in package.files or ():
            if file.suffix == ".pyc" or ".." in file.parts:
                continue
            target = folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(str(package.locate_file(file))), target)
    if source:
        for module in (CONTESTANTS / source).glob("*.py"):
            shutil.copyfile(module, folder / module.name)
    if stored:
        (folder / "stored.py").write_text(stored)
    if bytecode:
        compile_folder(folder)
    return folder


def compile_folder(folder: Path) -> None:
    """Compile every module."""
    command = [sys.executable, "-m", "compileall", "-q", "-j0", "--invalidation-mode", "unchecked-hash", str(folder)]
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)  # Django has .py templates that are not Python


def sizes(*folders: Path) -> tuple[int, int]:
    """Return the bytes, zipped as `sam package` zips them, and unzipped."""
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


def ours(folder: Path = ROOT / ".aws-sam" / "build") -> tuple[Path, dict[str, Path]]:
    """Return what `make build` built: the layer's folder, and each function's folder by its logical id."""
    layer = folder / "SharedLayer" / "python"
    if not any(layer.glob("sales/__pycache__/*.pyc")):
        raise BuildError("no finished build: run `make build` first")
    return layer, {path.name: path for path in folder.iterdir() if (path / "functions").is_dir()}


def layers() -> dict[str, Path]:
    """Return our built layer for each instruction set that has a build."""
    own = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
    other = {"arm64": "x86_64", "x86_64": "arm64"}[own]
    built = {own: ROOT / ".aws-sam" / "build", other: BUILD / "other"}
    return {name: folder / "SharedLayer" for name, folder in built.items() if (folder / "SharedLayer").is_dir()}
