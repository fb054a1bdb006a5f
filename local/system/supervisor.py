"""`make run`: starts every part, restarts what dies, and stops the parts in an order that loses nothing."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from deployment.template import Template, load
from local.aws import dynamodb
from local.aws.credentials import renew
from local.backoff import backoff
from local.config import PORTS, Config
from local.private_files import make_folder
from local.system import pids
from local.system.leftovers import end_leftovers
from local.system.parts import STOP_ORDER, Part, python_part
from local.system.state import LAYOUT, StartError, check_layout, hold
from sales.runtime.settings import Settings, SettingsError

__all__ = ["Supervisor", "check_settings", "load_template"]

# The first and the longest wait before a part that died is restarted. The first gives a person or a test that kills all
# parts the time to get them all; the longest keeps every restart within five seconds.
_RESTART_SECONDS = (0.3, 4.0)
# A part that ran for so long has not failed to start.
_STABLE_SECONDS = 60
_READY_SECONDS = 30.0
# How long the ports of leftovers may take to become free once their processes have ended.
_FREED_SECONDS = 5.0


class Supervisor:
    """One local system, from start to stop; without `http`, everything but the API's own port."""

    def __init__(self, config: Config, *, http: bool = True) -> None:
        self._config = config
        self._http = http
        self._stops = 0
        self._parts: list[Part] = []

    def run(self) -> None:
        """Start the system, say where it is, and keep it running until Ctrl-C. Raise StartError."""
        config, began = self._config, time.monotonic()
        make_folder(config.state)
        with hold(config.state):
            check_layout(config.state)
            (config.state / "version").write_text(LAYOUT + "\n")
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, self._stop)
            # The kernel frees a process's ports a moment after the process is gone.
            self._check_ports(patience=_FREED_SECONDS if end_leftovers(config) else 0.0)
            renew(config.state)
            pids.set_pid(config.state, "supervisor", os.getpid())
            config.port_file.write_text(f"{config.port}\n")
            try:
                database = self._start()
                if not self._stops:
                    self._say_where(database, time.monotonic() - began)
                self._watch()
            finally:
                self._end()

    def _check_ports(self, *, patience: float) -> None:
        elsewhere = {
            "API": not self._http,
            "database": bool(self._config.settings.get("DYNAMODB_ENDPOINT")),
            "issuer": not self._config.has_own_issuer,
        }
        give_up = time.monotonic() + patience
        for offset, title in enumerate(PORTS):
            if elsewhere.get(title):
                continue
            port = self._config.port + offset
            while not _is_free(port):
                if time.monotonic() >= give_up:
                    raise StartError(
                        f"Port {port} ({title}) is in use by another program. "
                        f"Stop that program, or choose other ports: PORT={_free_port()} make run"
                    )
                time.sleep(0.02)

    def _start(self) -> dynamodb.Database:
        """Start everything, and return when every part answers."""
        config = self._config
        try:
            database = dynamodb.choose(config)
            if database.command:
                (config.state / "store").mkdir(exist_ok=True)
                self._add(Part(("store",), database.command, dict(database.environment), (config.port + 3,)))
            if config.has_own_issuer:
                self._add(python_part(config, "identity", module="okta.server", offsets=(1,)))
            self._add(python_part(config, "sandbox", module="africastalking.server", offsets=(2,)))
            # Check .env now rather than when the first function starts.
            template = check_settings(config)
            client = dynamodb.DatabaseClient(config.database_url)
            if database.command:
                self._wait_until_ready(self._parts[0], config.port + 3)
            dynamodb.wait_until_ready(client)
            dynamodb.index_stream(config)
            for change in dynamodb.prepare_tables(client, template):
                _say(change)
        except (dynamodb.DatabaseError, SettingsError, ValueError) as error:
            raise StartError(str(error)) from None
        # Last, so that once the API answers, its tables exist and it can fetch the issuer's keys: without them it would
        # refuse every token for seconds.
        self._wait_until_all_ready()
        offsets = (0, 4) if self._http else (4,)
        self._add(python_part(config, "gateway", module="aws.api_gateway", offsets=offsets, http=self._http))
        self._add(python_part(config, "stream", "schedule", module="aws.event_sources"))
        self._wait_until_all_ready()
        return database

    def _wait_until_all_ready(self) -> None:
        for part in self._parts:
            for port in part.ports:
                self._wait_until_ready(part, port)

    def _add(self, part: Part) -> None:
        self._parts.append(part)
        part.start(self._config)

    def _wait_until_ready(self, part: Part, port: int) -> None:
        give_up = time.monotonic() + _READY_SECONDS
        while not self._stops:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            if part.ended() or time.monotonic() > give_up:
                log = self._config.logs / f"{part.name}.log"
                last = log.read_text(errors="replace").strip().splitlines()[-3:]
                lines = [f"The {part.title} did not start ({part.how()}). The end of {_short(log)}:", *last]
                raise StartError("\n  ".join(lines) + f"\n{_remedy(part)}".rstrip())
            time.sleep(0.02)

    def _watch(self) -> None:
        """Restart what ends, until told to stop."""
        while not self._stops:
            time.sleep(0.1)
            now = time.monotonic()
            for part in self._parts:
                if not part.ended():
                    continue
                if part.restart_at is None:
                    part.failures = 1 if now - part.started > _STABLE_SECONDS else part.failures + 1
                    part.restart_at = now + backoff(part.failures, *_RESTART_SECONDS)
                elif now >= part.restart_at and not self._stops:
                    how, part.restart_at = part.how(), None
                    part.start(self._config)
                    log = self._config.logs / f"{part.name}.log"
                    _say(f"{time.strftime('%H:%M:%S')} Restarted the {part.title} ({how}). Its log: {_short(log)}")

    def _stop(self, number: int, _: object) -> None:
        self._stops += 1

    def _end(self) -> None:
        """Stop everything in order; at a second Ctrl-C, kill what is left."""
        _say("Stopping.")
        for part in sorted(self._parts, key=lambda part: STOP_ORDER.index(part.name)):
            part.stop(kill=self._stops > 1)
            for name in part.names:
                pids.drop_pid(self._config.state, name)
        end_leftovers(self._config)
        pids.drop_pid(self._config.state, "supervisor")

    def _say_where(self, database: dynamodb.Database, seconds: float) -> None:
        config = self._config
        home = config.api_url
        lines = ["", f"Sales is running on this machine (ready in {seconds:.1f} s).", ""]
        if self._http:
            lines += [
                f"  Console        {home}/",
                f"  API            {home}/api/v1/sales",
                f"  Reference      {home}/docs",
            ]
        lines += [
            *_sign_in(config),
            f"  Phones         {config.sandbox_url}   the texts that customers get",
            f"  Database       {database.name} ({database.note}), in {_short(config.state)}",
            f"  Logs           {_short(config.logs)}",
        ]
        if self._http:
            lines += [
                "",
                "In another terminal:",
                "",
                "  TOKEN=$(make -s token)",
                f'  curl {home}/api/v1/sales/customers -H "Authorization: Bearer $TOKEN" \\',
                """    --json '{"name": "john doe", "phone_number": "+254704590344", "email": "example@gmail.com"}\'""",
                "",
                "`make demo` loads sample customers and orders. Press Ctrl-C to stop. `make reset` deletes all data.",
            ]
        _say("\n".join([*lines, ""]))


def _sign_in(config: Config) -> list[str]:
    """Say whose tokens the system trusts."""
    if config.has_own_issuer:
        return [f"  Sign-in        {config.issuer_url}   users demo, clerk and viewer; each name is its password"]
    lines = [f"  Sign-in        {config.issuer} (OKTA_ISSUER), for {config.audience}; `make doctor` checks it"]
    if not config.console_client_id:
        lines.append("                 Set CONSOLE_CLIENT_ID to sign in to the console and the reference.")
    return lines


def _say(text: str) -> None:
    # The parts are stopped in order even if the terminal is gone.
    with contextlib.suppress(OSError):
        print(text, flush=True)


def _remedy(part: Part) -> str:
    """Say what to do about a part that does not start; empty where only its log can tell."""
    if part.name != "store":
        return ""
    return (
        "Reinstall it with `make clean` and `make run`, or use the other database: `LOCAL_STORE=ministack make run`. "
        "If its data is damaged, `make reset` deletes it."
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


def _free_port() -> int:
    """Return the first of five ports in a row that are free now."""
    for first in range(9000, 20000, 100):
        if all(_is_free(port) for port in range(first, first + len(PORTS))):
            return first
    return 9000


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def check_settings(config: Config) -> Template:
    """Return the template, with settings that every function can use. Raise SettingsError or ValueError."""
    template = _template(config)
    for function in template.functions.values():
        Settings.from_environ({**function.environment, **config.overrides})
    return template


def _template(config: Config) -> Template:
    """Return the template, from the cache that all parts read."""
    if not any(config.state.glob("template-*.json")):
        # In a separate process: SAM's translator would stay in this one's memory.
        code = "from local.system import supervisor as s; s.load_template(s.Config.from_environ())"
        variables = {"PORT": str(config.port), "SALES_STATE": str(config.state)}
        subprocess.run([sys.executable, "-c", code], cwd=config.root, env=os.environ | variables, check=False)
    return load_template(config)


def load_template(config: Config) -> Template:
    """Return the template with this system's parameters."""
    return load(config.template, config.parameters, cache=config.state)
