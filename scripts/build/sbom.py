"""Write the SBOM of a build and docs/licences.md: what others made and we deploy; `make build` runs it.

The SBOM, `.aws-sam/sbom.cdx.json`, is CycloneDX 1.6 (ECMA-424) and does not change unless the build does. Python packages
come from the metadata in the built layer, with the licences they name; the reference's viewer from package-lock.json.

  python -m scripts.build.sbom [--licences] [BUILD]
"""

import argparse
import json
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parents[2]
LICENCES = ROOT / "docs" / "licences.md"
VIEWER = "swagger-ui-dist"
# SPDX expressions for licences that older metadata (before PEP 639) words differently.
SPDX = {"Dual License": "Apache-2.0 OR BSD-3-Clause"}


def _licence(package: Distribution) -> str:
    """Return the package's licence as an SPDX expression. Raise ValueError if it names none."""
    licence = package.metadata.get("License-Expression") or package.metadata.get("License")
    if not licence:
        raise ValueError(f"{package.metadata['Name']} names no licence")
    return SPDX.get(licence, licence)


def packages(build: Path) -> Iterator[tuple[str, str, str, str]]:
    """Yield kind, name, version and licence of each package of a build. Raise ValueError if it has no layer."""
    installed = list(distributions(path=[str(build / "SharedLayer" / "python")]))
    if not installed:
        raise ValueError(f"{build} has no layer: run `make build` first")
    for package in sorted(installed, key=lambda package: package.metadata["Name"].lower()):
        yield "pypi", package.metadata["Name"], package.version, _licence(package)
    viewer = json.loads((ROOT / "package-lock.json").read_text())["packages"][f"node_modules/{VIEWER}"]
    yield "npm", VIEWER, viewer["version"], viewer["license"]


def bom(build: Path) -> str:
    """Return the SBOM as JSON."""
    licences = LicenseFactory()
    components = [
        Component(
            type=ComponentType.LIBRARY, name=name, version=version, licenses=[licences.make_from_string(licence)],
            purl=(purl := PackageURL(kind, None, name.lower(), version)), bom_ref=str(purl),
        )
        for kind, name, version, licence in packages(build)
    ]  # fmt: skip
    document: dict[str, object] = json.loads(JsonV1Dot6(Bom(components=components)).output_as_string())
    # These two differ at every run of the same build.
    del document["serialNumber"], document["metadata"]
    return json.dumps(document, indent=2) + "\n"


def page(build: Path) -> str:
    """Return the list of licences as Markdown."""
    lines = [
        "# Licences",
        "",
        "The packages that `make deploy` deploys, as `python -m scripts.build.sbom --licences` finds them in the build.",
        "`make build` writes their versions to `.aws-sam/sbom.cdx.json`. Python itself and its runtime client come from AWS.",
        "",
        "| Package | Licence |",
        "|---|---|",
        *(f"| {name} | {licence} |" for _, name, _, licence in packages(build)),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the SBOM next to the build."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("build", nargs="?", type=Path, default=ROOT / ".aws-sam" / "build")
    parser.add_argument("--licences", action="store_true", help="write docs/licences.md too")
    options = parser.parse_args()
    try:
        (options.build.parent / "sbom.cdx.json").write_text(bom(options.build))
        if options.licences:
            LICENCES.write_text(page(options.build))
    except ValueError as error:
        sys.exit(f"sbom: {error}")


if __name__ == "__main__":
    main()
