"""The functions in Lambda containers: `sam local start-api` with what lives outside the functions around it.

`python -m local.samlocal` builds the functions if the sources are newer than the last build, starts store, sign-in,
SMS sandbox, stream and schedule (or uses those of a running `make run`), and serves the API on SAM_PORT (3000).

`sam local` has no JWT authorizer: the functions verify the token themselves, against the local sign-in's keys.
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
# Asks for an interface's IPv4 address: netdevice(7).
SIOCGIFADDR = 0x8915
START_SECONDS = 60.0
STOP_SECONDS = 20.0
# What the containers get: sources and settings of a build; a change of any of them asks for another one.
SOURCES = ("template.yaml", "functions", "shared", "scripts/build/layer.py")


class SamLocalError(Exception):
    """`sam local` cannot be started; the message says why and what to do."""


def sam() -> str | None:
    """The sam command: of the project's own environment for it, else from the PATH."""
    own = ROOT / ".venv-sam" / "bin" / "sam"
    return str(own) if own.exists() else shutil.which("sam")


def missing_tools() -> str | None:
    """What keeps `sam local` from running on this machine; None if nothing does."""
    if sam() is None:
        return "sam is not installed: `make build` installs it"
    return missing_docker()


def missing_docker() -> str | None:
    """What keeps containers from running on this machine; None if nothing does."""
    if shutil.which("docker") is None:
        return "docker is not on the PATH"
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        return "the docker daemon does not answer"
    return None


def architecture() -> str:
    """This machine's instruction set as Lambda calls it, so that containers run without emulation."""
    return "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"


def environment() -> dict[str, str]:
    """The environment of sam: no telemetry, no look for credentials, this Python first for the build."""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "SAM_CLI_TELEMETRY": "0",
        "AWS_EC2_METADATA_DISABLED": "true",
        # sam hands the credentials it finds to the containers: these, never anyone's own.
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
    }


def files_under(paths: Iterable[Path]) -> Iterator[Path]:
    """Every file of these files and folders."""
    for path in paths:
        yield from (entry for entry in (path.rglob("*") if path.is_dir() else [path]) if entry.is_file())


def is_stale(build: Path, root: Path = ROOT) -> bool:
    """Whether a source is newer than the finished build, or there is none."""
    done = build / "finished"
    if not done.exists():
        return True
    sources = files_under(root / name for name in SOURCES)
    newest = max(path.stat().st_mtime for path in sources if "__pycache__" not in path.parts)
    return newest > done.stat().st_mtime


def build(folder: Path) -> None:
    """Builds functions and layer for this machine as `make build` does for Lambda, apart from what is deployed."""
    command = [sam() or "sam", "build", "--template", str(ROOT / "template.yaml"), "--build-dir", str(folder)]
    command += [
        "--cache-dir",
        str(folder.with_name("cache")),
        "--parameter-overrides",
        f"Architecture={architecture()}",
    ]
    result = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    if result.returncode:
        raise SamLocalError(f"sam build failed:\n{result.stderr}")
    finish = [sys.executable, "-m", "scripts.build.layer", str(folder)]
    result = subprocess.run(finish, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SamLocalError(f"the build could not be finished:\n{result.stderr}")
    (folder / "finished").touch()


def from_container(value: str) -> str:
    """An address of this machine's loopback as a container reaches it; any other value as it is."""
    try:
        parts = urlsplit(value)
        loopback = parts.scheme in {"http", "https"} and parts.hostname in {"127.0.0.1", "localhost", "::1"}
    except ValueError:
        return value
    if not loopback:
        return value
    return urlunsplit(parts._replace(netloc=f"{HOST_IN_CONTAINER}:{parts.port or 80}"))


def variables(config: Config) -> dict[str, str]:
    """The environment of the functions in containers: the local system's, with its services as containers see them.

    OKTA_ISSUER stays as it is: it is compared with what the token says, never connected to, as JWKS_URI is given.
    """
    loaded = template.load(config.template, config.parameters, cache=config.state)
    values = {name: value for function in loaded.functions.values() for name, value in function.environment.items()}
    values |= config.overrides | {"JWKS_URI": f"{config.issuer}/v1/keys"}
    return {name: value if name == "OKTA_ISSUER" else from_container(value) for name, value in values.items()}


def bridge_address() -> str | None:
    """Where containers look for this machine; None where Docker itself leads them to the loopback (Docker Desktop)."""
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
            raise SamLocalError(f"docker's bridge {interface} has no address: {error.strerror}") from error
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
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_copy(reader, there_writer), _copy(there_reader, writer))
    for end in (writer, there_writer):
        end.close()


@contextlib.asynccontextmanager
async def forwarding(address: str | None, ports: Iterable[int]) -> AsyncIterator[None]:
    """Takes connections at `address` to the same ports of the loopback, where all services listen.

    The address belongs to docker's bridge: containers reach it, other machines do not.
    """
    async with contextlib.AsyncExitStack() as servers:
        for port in ports if address else ():
            server = await asyncio.start_server(functools.partial(_forward, port), address, port)
            servers.callback(server.close)
        yield


async def answers(port: int, *, within: float, unless: Callable[[], object] = lambda: None) -> bool:
    """Whether something takes connections on this port of the loopback before the time is up, or `unless` holds."""
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
    """Asks a process to end, and ends it if it does not."""
    if process.returncode is not None:
        return
    process.send_signal(number)
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


async def wait_for(what: str, process: asyncio.subprocess.Process, port: int, stopping: asyncio.Event) -> None:
    """Returns when the process answers, or Ctrl-C came. Raises SamLocalError if it ends or takes too long."""
    if await answers(port, within=START_SECONDS, unless=lambda: process.returncode is not None or stopping.is_set()):
        return
    if process.returncode is not None:
        raise SamLocalError(f"{what} ended by itself (exit status {process.returncode}); what it said is above")
    if not stopping.is_set():
        raise SamLocalError(f"{what} did not start: nothing answers on port {port}")


@contextlib.asynccontextmanager
async def local_system(
    config: Config, api_port: int, stopping: asyncio.Event
) -> AsyncIterator[asyncio.subprocess.Process | None]:
    """Store, sign-in, sandbox, runtime, stream and schedule: those of a running `make run`, else started here."""
    ports = [urlsplit(url).port or 0 for url in services(config)]
    if all([await answers(port, within=0.0) for port in ports]):
        print("using the local system that is running already")
        yield None
        return
    command = [sys.executable, "-m", "local.commands.run", "--without", "gateway"]
    # Delivery reports go where the API is.
    given = {**os.environ, "API_URL": f"http://127.0.0.1:{api_port}"}
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=given, start_new_session=True)
    try:
        for port in ports:
            await wait_for("the local system", process, port, stopping)
        yield process
    finally:
        await stop(process, signal.SIGINT)


def services(config: Config) -> list[str]:
    """What containers and sign-in need of the local system."""
    return [config.issuer_url, config.sandbox_url, config.database_url, config.runtime_url]


async def start_api(folder: Path, port: int, settings: Path) -> asyncio.subprocess.Process:
    """Starts `sam local start-api` on a finished build."""
    command = [sam() or "sam", "local", "start-api", "--template", str(folder / "template.yaml"), "--port", str(port)]
    command += ["--skip-pull-image", "--warm-containers", "LAZY", "--env-vars", str(settings)]
    command += ["--add-host", f"{HOST_IN_CONTAINER}:host-gateway"]
    command += ["--parameter-overrides", f"Architecture={architecture()}"]
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment(), start_new_session=True)


async def serve(config: Config, port: int) -> None:
    """Runs until Ctrl-C or SIGTERM. Raises SamLocalError if a part cannot be started or ends by itself."""
    if await answers(port, within=0.0):
        raise SamLocalError(
            f"port {port} is in use by another program. End that one, or take another port: SAM_PORT={port + 1}"
        )
    folder = config.state / "sam" / "build"
    if is_stale(folder):
        print("building the functions")
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
                    f"\nAPI in Lambda containers: http://127.0.0.1:{port}   token: make -s token   stop: Ctrl-C\n",
                    flush=True,
                )
            ends = {asyncio.ensure_future(process.wait()) for process in (api, system) if process}
            stopped = asyncio.ensure_future(stopping.wait())
            await asyncio.wait({stopped, *ends}, return_when=asyncio.FIRST_COMPLETED)
            for waiting in (stopped, *ends):
                waiting.cancel()
            if not stopping.is_set():
                raise SamLocalError("a part ended by itself; what it said is above")
        finally:
            await stop(api, signal.SIGINT)


def main() -> int:
    """Serves the API in containers until Ctrl-C."""
    try:
        if problem := missing_tools():
            raise SamLocalError(problem)
        asyncio.run(serve(Config.from_environ(), sam_port()))
    except (SamLocalError, ValueError) as error:
        print(f"sam-local: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    run(main)
