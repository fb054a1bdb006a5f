"""`make sam-local`: the functions in Lambda containers behind `sam local start-api`, with everything else around them.

It builds the functions if a source is newer than the last build, starts database, issuer, SMS sandbox, stream and schedule
(or uses those of a running `make run`), and serves the API on SAM_PORT (3000).

`sam local` has no JWT authorizer, so the functions verify tokens themselves, with the local issuer's keys.
https://github.com/aws/aws-sam-cli/issues/6550
"""

import asyncio
import contextlib
import fcntl
import functools
import json
import os
import platform
import shutil
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from deployment import REGION, template
from local.commands.cli import run
from local.config import Config, sam_port

ROOT = Path(__file__).resolve().parents[2]
HOST_IN_CONTAINER = "host.docker.internal"
# Requests an interface's IPv4 address: netdevice(7).
SIOCGIFADDR = 0x8915
START_SECONDS = 60.0
STOP_SECONDS = 20.0
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
    result = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    if result.returncode:
        raise SamLocalError(f"The build failed:\n{result.stderr}")
    finish = [sys.executable, "-m", "scripts.build.layer", str(folder)]
    result = subprocess.run(finish, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SamLocalError(f"The build of the layer failed:\n{result.stderr}")
    (folder / "finished").touch()


def from_container(value: str) -> str:
    """Return a loopback address as a container reaches it, and any other value unchanged."""
    try:
        parts = urlsplit(value)
        loopback = parts.scheme in {"http", "https"} and parts.hostname in {"127.0.0.1", "localhost", "::1"}
    except ValueError:
        return value
    if not loopback:
        return value
    return urlunsplit(parts._replace(netloc=f"{HOST_IN_CONTAINER}:{parts.port or 80}"))


def variables(config: Config) -> dict[str, str]:
    """Return the environment of the functions in containers: the local system's, with addresses that containers reach.

    OKTA_ISSUER stays unchanged: the functions compare it with the token and, given JWKS_URI, never connect to it.
    """
    loaded = template.load(config.template, config.parameters, cache=config.state)
    values = {name: value for function in loaded.functions.values() for name, value in function.environment.items()}
    values |= config.overrides | {"JWKS_URI": f"{config.issuer}/v1/keys"}
    return {name: value if name == "OKTA_ISSUER" else from_container(value) for name, value in values.items()}


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


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while content := await source.read(65536):
            target.write(content)
            await target.drain()
    with contextlib.suppress(ConnectionError, RuntimeError):
        if target.can_write_eof():
            target.write_eof()


async def _forward(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        target_reader, target_writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_copy(reader, target_writer), _copy(target_reader, writer))
    for end in (writer, target_writer):
        end.close()


@contextlib.asynccontextmanager
async def forwarding(address: str | None, ports: Iterable[int]) -> AsyncIterator[None]:
    """Forward connections to `address` to the same ports of the loopback, where all services listen.

    The address belongs to Docker's bridge: containers reach it, other machines do not.
    """
    async with contextlib.AsyncExitStack() as servers:
        for port in ports if address else ():
            server = await asyncio.start_server(functools.partial(_forward, port), address, port)
            servers.callback(server.close)
        yield


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
    return [config.issuer_url, config.sandbox_url, config.database_url, config.runtime_url]


async def start_api(folder: Path, port: int, settings: Path) -> asyncio.subprocess.Process:
    """Start `sam local start-api` on a finished build."""
    command = [sam() or "sam", "local", "start-api", "--template", str(folder / "template.yaml"), "--port", str(port)]
    command += ["--skip-pull-image", "--warm-containers", "LAZY", "--env-vars", str(settings)]
    command += ["--add-host", f"{HOST_IN_CONTAINER}:host-gateway"]
    command += ["--parameter-overrides", f"Architecture={architecture()}"]
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment(), start_new_session=True)


async def serve(config: Config, port: int) -> None:
    """Serve until Ctrl-C or SIGTERM. Raise SamLocalError if a part cannot start or ends unexpectedly."""
    if await answers(port, within=0.0):
        raise SamLocalError(
            f"Port {port} is in use by another program. "
            f"Stop that program, or choose another port: SAM_PORT={port + 1} make sam-local"
        )
    folder = config.state / "sam" / "build"
    if is_stale(folder):
        print("Building the functions.", flush=True)
        await asyncio.to_thread(build, folder)
    settings = config.state / "sam" / "environment.json"
    settings.write_text(json.dumps({"Parameters": variables(config)}, indent=2))
    ports = [urlsplit(url).port or 0 for url in services(config)]
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with forwarding(bridge_address(), ports), local_system(config, port, stopping) as system:
        api = await start_api(folder, port, settings)
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
        if problem := missing_tools():
            raise SamLocalError(problem)
        asyncio.run(serve(Config.from_environ(), sam_port()))
    except (SamLocalError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    run(main)
