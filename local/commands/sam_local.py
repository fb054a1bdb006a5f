"""`make sam-local`: the functions in Lambda containers behind `sam local start-api`, with everything else around them.

It builds the functions if a source is newer than the last build, starts database, issuer, SMS sandbox, stream and schedule
(or uses those of a running `make run`), and serves the API on SAM_PORT (3000).

`sam local` has no JWT authorizer, so the functions verify tokens themselves, with the issuer's keys.
https://github.com/aws/aws-sam-cli/issues/6550
"""

import asyncio
import contextlib
import fcntl
import json
import os
import platform
import shutil
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from deployment import REGION, template
from local.aws.container_doors import HOST_IN_CONTAINER, doors_of, is_loopback, opened
from local.aws.credentials import session_token
from local.commands.cli import run
from local.config import Config, sam_port
from local.private_files import make_folder, write_private
from sales.api.issuers import discovery_address
from sales.api.jwks import fetch_json

ROOT = Path(__file__).resolve().parents[2]
# Requests an interface's IPv4 address: netdevice(7).
SIOCGIFADDR = 0x8915
START_SECONDS = 60.0
STOP_SECONDS = 20.0
# The build has no secrets, and containers may run it as another user.
READABLE = 0o022
# The sources of a build: a change to any of them requires another build.
SOURCES = ("template.yaml", "functions", "shared", "scripts/build")


class SamLocalError(Exception):
    """`sam local` cannot start; the message says why and what to do."""


def sam() -> str | None:
    """Return the sam command, from the project's own environment or else from the PATH."""
    own = ROOT / ".venv-sam" / "bin" / "sam"
    return str(own) if own.exists() else shutil.which("sam")


def missing_tools() -> str | None:
    """Say why `sam local` cannot run on this machine, or return None if it can."""
    if sam() is None:
        return "sam is not installed. Run `make build` to install it."
    return missing_docker()


def missing_docker() -> str | None:
    """Say why containers cannot run on this machine, or return None if they can."""
    if shutil.which("docker") is None:
        return "Docker is not on the PATH. Install it, then try again."
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        return "The Docker daemon does not answer. Start it, then try again."
    return None


def architecture() -> str:
    """Return Lambda's name for this machine's instruction set: containers then run without emulation."""
    return "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"


def environment() -> dict[str, str]:
    """Return the environment of sam: no telemetry, no search for credentials, and this Python first for the build."""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "SAM_CLI_TELEMETRY": "0",
        "AWS_EC2_METADATA_DISABLED": "true",
        # sam passes the credentials that it finds to the containers, so give it these rather than a person's own.
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
    }


def files_under(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield every file of these files and folders."""
    for path in paths:
        yield from (entry for entry in (path.rglob("*") if path.is_dir() else [path]) if entry.is_file())


def is_stale(build: Path, root: Path = ROOT) -> bool:
    """Whether a source is newer than the finished build, or nothing was built."""
    finished = build / "finished"
    if not finished.exists():
        return True
    sources = files_under(root / name for name in SOURCES)
    newest = max(path.stat().st_mtime for path in sources if "__pycache__" not in path.parts)
    return newest > finished.stat().st_mtime


def build(folder: Path) -> None:
    """Build functions and layer for this machine as `make build` does for Lambda, in a separate folder."""
    command = [sam() or "sam", "build", "--template", str(ROOT / "template.yaml"), "--build-dir", str(folder)]
    command += [
        "--cache-dir",
        str(folder.with_name("cache")),
        "--parameter-overrides",
        f"Architecture={architecture()}",
    ]
    result = subprocess.run(
        command, cwd=ROOT, env=environment(), umask=READABLE, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise SamLocalError(f"The build failed:\n{result.stderr}")
    finish = [sys.executable, "-m", "scripts.build.layer", str(folder)]
    result = subprocess.run(finish, umask=READABLE, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SamLocalError(f"The build of the layer failed:\n{result.stderr}")
    add_head(folder / "template.yaml")
    (folder / "finished").touch()


def add_head(built: Path) -> None:
    """Give each GET route of a built template one for HEAD.

    On AWS `$default` answers HEAD. sam's server matches HEAD with the route of GET, and then knows no function for it.
    """
    # The translator is slow to import.
    from samtranslator.yaml_helper import yaml_parse

    document = yaml_parse(built.read_text())
    for resource in document["Resources"].values():
        events = resource.get("Properties", {}).get("Events", {})
        for name, event in list(events.items()):
            if event["Type"] == "HttpApi" and event["Properties"].get("Method", "").upper() == "GET":
                head = "Head" + name.removeprefix("Get")
                events.setdefault(head, event | {"Properties": event["Properties"] | {"Method": "HEAD"}})
    # JSON is YAML.
    built.write_text(json.dumps(document, indent=1, default=str))


def from_container(value: str, doors: Mapping[int, int]) -> str:
    """Return a loopback address as a container reaches it, through our doors' ports; any other value unchanged."""
    if not is_loopback(value):
        return value
    parts = urlsplit(value)
    port = parts.port or 80
    return urlunsplit(parts._replace(netloc=f"{HOST_IN_CONTAINER}:{doors.get(port, port)}"))


def issuer_documents(config: Config) -> dict[str, str]:
    """Return where the trusted issuer publishes itself and its keys, by the functions' settings. Raise SamLocalError."""
    discovery = discovery_address(config.issuer)
    keys = (fetch_json(discovery) or {}).get("jwks_uri")
    if not isinstance(keys, str):
        raise SamLocalError(f"{discovery} names no keys. Check OKTA_ISSUER with `make doctor`.")
    return {"DISCOVERY_URI": discovery, "JWKS_URI": keys}


def variables(config: Config, documents: Mapping[str, str], doors: Mapping[int, int]) -> dict[str, str]:
    """Return the environment of the functions in containers: the local system's, with addresses that containers reach.

    OKTA_ISSUER and API_URL stay unchanged, because functions never connect to them: they compare the issuer with the token's
    (`documents` has the addresses of its keys), and name the API's address to callers.
    """
    loaded = template.load(config.template, config.parameters, cache=config.state)
    values = {name: value for function in loaded.functions.values() for name, value in function.environment.items()}
    values |= config.overrides | dict(documents)
    unchanged = {"OKTA_ISSUER", "API_URL"}
    return {name: value if name in unchanged else from_container(value, doors) for name, value in values.items()}


def bridge_address() -> str | None:
    """Return the address at which containers find this machine; None if Docker Desktop leads them to the loopback."""
    if sys.platform != "linux":
        return None
    system = subprocess.run(
        ["docker", "info", "--format", "{{.OperatingSystem}}"], capture_output=True, text=True, check=False
    )
    if "Docker Desktop" in system.stdout:
        return None
    query = ["docker", "network", "inspect", "bridge", "--format"]
    query.append('{{index .Options "com.docker.network.bridge.name"}}')
    result = subprocess.run(query, capture_output=True, text=True, check=False)
    interface = result.stdout.strip() or "docker0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            answer = fcntl.ioctl(probe.fileno(), SIOCGIFADDR, struct.pack("256s", interface.encode()[:15]))
        except OSError as error:
            raise SamLocalError(f"Docker's bridge {interface} has no address: {error.strerror}") from error
    return socket.inet_ntoa(answer[20:24])


async def answers(port: int, *, within: float, unless: Callable[[], object] = lambda: None) -> bool:
    """Whether something accepts connections on this loopback port before the time is up or `unless` is true."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return True
        if loop.time() >= end or unless():
            return False
        await asyncio.sleep(0.1)


async def stop(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send a process this signal, and kill it if it does not end."""
    if process.returncode is not None:
        return
    process.send_signal(number)
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


async def wait_for(title: str, process: asyncio.subprocess.Process, port: int, stopping: asyncio.Event) -> None:
    """Return when the process answers, or at Ctrl-C. Raise SamLocalError if it ends or takes too long."""
    if await answers(port, within=START_SECONDS, unless=lambda: process.returncode is not None or stopping.is_set()):
        return
    if process.returncode is not None:
        raise SamLocalError(f"{title} ended unexpectedly (exit status {process.returncode}). Its output is above.")
    if not stopping.is_set():
        raise SamLocalError(f"{title} did not start: nothing answers on port {port}.")


@contextlib.asynccontextmanager
async def local_system(
    config: Config, api_port: int, stopping: asyncio.Event
) -> AsyncIterator[asyncio.subprocess.Process | None]:
    """Start database, issuer, sandbox, runtime, stream and schedule, unless a running `make run` has them."""
    ports = [urlsplit(url).port or 0 for url in services(config)]
    if all([await answers(port, within=0.0) for port in ports]):
        print("Using the local system that is already running.")
        yield None
        return
    command = [sys.executable, "-m", "local.commands.run", "--without", "gateway"]
    # The sandbox posts delivery reports to the API.
    variables = {**os.environ, "API_URL": f"http://127.0.0.1:{api_port}"}
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=variables, start_new_session=True)
    try:
        for port in ports:
            await wait_for("The local system", process, port, stopping)
        yield process
    finally:
        await stop(process, signal.SIGINT)


def services(config: Config) -> list[str]:
    """Return the addresses of the local system that containers use."""
    own_issuer = [config.issuer_url] if config.has_own_issuer else []
    return [*own_issuer, *(door.url for door in doors_of(config, ()))]


async def start_api(folder: Path, port: int, settings: Path, token: str) -> asyncio.subprocess.Process:
    """Start `sam local start-api` on a finished build. Containers get the session token with sam's own credentials."""
    command = [sam() or "sam", "local", "start-api", "--template", str(folder / "template.yaml"), "--port", str(port)]
    command += ["--skip-pull-image", "--warm-containers", "LAZY", "--env-vars", str(settings)]
    command += ["--add-host", f"{HOST_IN_CONTAINER}:host-gateway"]
    command += ["--parameter-overrides", f"Architecture={architecture()}"]
    variables = environment() | {"AWS_SESSION_TOKEN": token}
    return await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=variables, umask=READABLE, start_new_session=True
    )


async def serve(config: Config, port: int) -> None:
    """Serve until Ctrl-C or SIGTERM. Raise SamLocalError if a part cannot start or ends unexpectedly."""
    if await answers(port, within=0.0):
        raise SamLocalError(
            f"Port {port} is in use by another program. "
            f"Stop that program, or choose another port: SAM_PORT={port + 1} make sam-local"
        )
    make_folder(config.state)
    folder = config.state / "sam" / "build"
    if is_stale(folder):
        print("Building the functions.", flush=True)
        await asyncio.to_thread(build, folder)
    settings = config.state / "sam" / "environment.json"
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with contextlib.AsyncExitStack() as stack:
        system = await stack.enter_async_context(local_system(config, port, stopping))
        documents = await asyncio.to_thread(issuer_documents, config)
        # Docker Desktop leads containers to the loopback.
        address = bridge_address() or "127.0.0.1"
        doors = await stack.enter_async_context(opened(doors_of(config, documents.values()), config, address))
        values = variables(config, documents, doors) | {"API_URL": f"http://127.0.0.1:{port}"}
        write_private(settings, json.dumps({"Parameters": values}, indent=2))
        api = await start_api(folder, port, settings, session_token(config.state))
        try:
            await wait_for("sam local", api, port, stopping)
            if not stopping.is_set():
                print(
                    f"\nAPI in Lambda containers: http://127.0.0.1:{port}. Token: `make -s token`. Press Ctrl-C to stop.\n",
                    flush=True,
                )
            ends = {asyncio.ensure_future(process.wait()) for process in (api, system) if process}
            stopped = asyncio.ensure_future(stopping.wait())
            await asyncio.wait({stopped, *ends}, return_when=asyncio.FIRST_COMPLETED)
            for waiter in (stopped, *ends):
                waiter.cancel()
            if not stopping.is_set():
                raise SamLocalError("A part ended unexpectedly. Its output is above.")
        finally:
            await stop(api, signal.SIGINT)


def main() -> int:
    """Serve the API in containers until Ctrl-C."""
    try:
        config = Config.from_environ()
        if problem := missing_tools():
            raise SamLocalError(problem)
        asyncio.run(serve(config, sam_port()))
    except (SamLocalError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    run(main)
