"""Look inside one function: what a start imports, where a warm request spends its time, and the cost of TLS.

  python -m bench.inside [--rounds 7] [--calls 300] [--dry]

- Imports by package, of the built create_order and of the same code as `sam build` leaves it (with bytecode): from
  `python -X importtime`, minus those of the runtime client; the least of the rounds, since it is not processor time.
- A warm create_order and a warm send_sms under cProfile, by package; and their processor time with logs and metrics
  switched off, which shows the cost of these.
- TLS: the first call of the store's client and nine more at the same time, which open nine connections, by the roots that
  the client trusts. The endpoint is a TLS server on this machine.
"""

import argparse
import json
import shutil
import ssl
import statistics
import subprocess
import tempfile
from collections import Counter, defaultdict
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bench import build
from bench.report import RESULTS, embed, machine, table
from bench.services import Provider, running_store, serving
from deployment.template import load
from local.config import Config
from scripts.build.layer import amazon_roots

PRODUCT = ("botocore", "aws-lambda-powertools", "pydantic", "python-jose[cryptography]", "requests", "africastalking")
BATCH = 10
IMPORTS = "import awslambdaric.bootstrap"
PROBE = Path(__file__).parent / "inside_probe.py"


def environment(path: tuple[Path, ...], **variables: str) -> dict[str, str]:
    """Return the environment of create_order with this path, as Lambda sets it."""
    config = Config(port=8000, state=build.BUILD, settings={})
    function = load(config.template, config.parameters).functions["create_order"].environment
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": ":".join(map(str, path)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        **function,
        **variables,
    }


def run(path: tuple[Path, ...], *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in that environment."""
    command = [str(build.python()), *arguments]
    return subprocess.run(command, env=environment(path, **variables), capture_output=True, text=True, check=True)


# ---- Imports


def import_times(path: tuple[Path, ...], code: str) -> Counter[str]:
    """Return the microseconds of each module's own import."""
    times: Counter[str] = Counter()
    for line in run(path, "-X", "importtime", "-c", code).stderr.splitlines():
        if line.startswith("import time:") and "self" not in line:
            own, _, name = line.removeprefix("import time:").split("|")
            times[name.strip()] += int(own)
    return times


def by_package(path: tuple[Path, ...], function: str) -> dict[str, float]:
    """Return the milliseconds by package, without modules that the runtime client has imported already."""
    already = import_times(path, IMPORTS)
    packages: dict[str, float] = defaultdict(float)
    for name, took in import_times(path, f"{IMPORTS}; import functions.{function}.app").items():
        if name not in already:
            packages["objects created at the start" if name.startswith("functions") else group(name)] += took / 1000
    return packages


def group(name: str) -> str:
    """Return the package that a module counts for."""
    top = name.partition(".")[0]
    known = {"sales", "botocore", "pydantic", "pydantic_core", "aws_lambda_powertools", "urllib3", "requests"}
    return top.replace("pydantic_core", "pydantic") if top in known else "standard library and the rest"


def imports(ours: tuple[Path, ...], before: tuple[Path, ...], rounds: int) -> dict[str, dict[str, float]]:
    """Return the least milliseconds by package of each side."""
    sides = {"before": (before, "create_order"), "after": (ours, "create_order"), "list_orders": (ours, "list_orders")}
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, (path, function) in sides.items():
            measured[name].append(by_package(path, function))
    return {
        name: {package: min(times[package] for times in each) for package in {*each[0], *each[-1]}}
        for name, each in measured.items()
    }


def as_sam_leaves_it(task: Path) -> tuple[Path, ...]:
    """Build our code with its packages as they were published, with bytecode."""
    folder = build.build("before", PRODUCT, bytecode=False)
    shutil.copytree(build.ROOT / "shared" / "sales", folder / "sales", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(task / "functions", folder / "functions", ignore=shutil.ignore_patterns("__pycache__"))
    build.compile_folder(folder)
    return (folder,)


# ---- TLS


def certificate(folder: Path) -> Path:
    """Write a certificate for 127.0.0.1 that is its own root, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "own.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + private)
    return path


def tls(ours: tuple[Path, ...], folder: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Return the milliseconds of the store client's first call, and of nine more at the same time."""
    own = certificate(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(own)
    whole = Path(certifi.where()).read_text()
    trusted = {"all roots": whole, "Amazon's roots": amazon_roots(whole)}
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in trusted}
    with serving(Provider, context) as address:
        for _ in range(rounds):
            for name, roots in trusted.items():
                bundle = folder / "roots.pem"
                bundle.write_text(roots + own.read_text())
                variables = {"DYNAMODB_ENDPOINT": address, "ROOTS": str(bundle)}
                measured[name].append(json.loads(run(ours, str(PROBE), "tls", **variables).stdout))
    return {
        name: {kind: statistics.median(figures[kind] for figures in each) for kind in each[0]}
        for name, each in measured.items()
    }


# ---- Report


def report(found: dict[str, Any]) -> str:
    """Return the part of bench/README.md."""
    sides = found["imports"]
    packages = sorted({*sides["before"], *sides["after"]}, key=lambda name: -sides["before"].get(name, 0))
    rows = [[name, *(f"{side.get(name, 0):.1f}" for side in sides.values())] for name in packages]
    rows.append(["**all**", *(f"**{sum(side.values()):.1f}**" for side in sides.values())])
    head = [
        "ms",
        "create_order as `sam build` leaves it, with bytecode",
        "as `make build` leaves it",
        "list_orders as `make build` leaves it",
    ]
    parts = [f"Measured {found['date']}, {found['machine']}.", "Imports and objects created at the start, by cost:"]
    parts.append(table(head, rows))
    parts.append(
        "A warm request under the profiler, ms by package; then processor time without it, with logs and metrics on and off:"
    )
    names = list(found["warm"])
    spent = {name: found["warm"][name]["packages"] for name in names}
    order = sorted({each for side in spent.values() for each in side}, key=lambda each: -spent[names[0]].get(each, 0))
    rows = [[each, *(f"{spent[name].get(each, 0):.2f}" for name in names)] for each in order]
    for kind, title in (("on", "processor time"), ("off", "the same without logs and metrics")):
        rows.append([f"**{title}**", *(f"**{found['warm'][name][kind]:.2f}**" for name in names)])
    parts.append(table(["", *names], rows))
    parts.append("TLS, ms of processor time of the store's client, by the roots it trusts:")
    rows = [[name, f"{each['first']:.1f}", f"{each['nine']:.1f}"] for name, each in found["tls"].items()]
    parts.append(table(["", "first call", f"{BATCH - 1} more connections"], rows))
    return "\n\n".join(parts)


def main() -> None:
    """Measure, and write bench/results/inside.json and the part of bench/README.md."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--dry", action="store_true", help="print only, write nothing")
    options = parser.parse_args()
    layer, folders = build.ours()
    runtime = build.build("runtime", build.RUNTIME, bytecode=True)
    tasks = [folders[f"{name}Function"] for name in ("CreateOrder", "CreateCustomer", "ListOrders", "SendSms")]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sales-bench-")))
        # All functions in one folder, as one package.
        whole = folder / "functions"
        for task in tasks:
            shutil.copytree(task / "functions", whole, dirs_exist_ok=True)
        ours: tuple[Path, ...] = (folder, layer, runtime)
        found: dict[str, Any] = {"date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "machine": machine()}
        print("imports", flush=True)
        found["imports"] = imports(ours, (*as_sam_leaves_it(tasks[0]), runtime), options.rounds)
        print("warm requests", flush=True)
        store = stack.enter_context(running_store(folder / "state"))
        provider = stack.enter_context(serving(Provider))
        variables = {"DYNAMODB_ENDPOINT": store.url, "SMS_ENDPOINT": provider, "SECRETS_ENDPOINT": provider}
        variables["SMS_SECRET"] = "key"  # noqa: S105 - the name of a secret
        arguments = ("warm", str(options.calls), str(BATCH))
        # The tree comes last on the path: only the tests' events are from there.
        output = run((*ours, build.ROOT), str(PROBE), *arguments, **variables).stdout
        found["warm"] = json.loads(output.splitlines()[-1])
        print("TLS", flush=True)
        found["tls"] = tls(ours, folder, options.rounds)
    print(report(found))
    if not options.dry:
        (RESULTS / "inside.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
        embed("inside", report(found))


if __name__ == "__main__":
    main()
