"""Lambda on this machine: real workers of made-up functions, invoked as the API gateway and the stream do."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from deployment.template import Function, Template
from local.aws import lambda_runtime as runtime
from local.aws.credentials import HEADER, session_token
from local.aws.lambda_runtime import Runtime, serve
from local.aws.pool import IDLE_SECONDS
from local.aws.secrets_manager import SecretsManager
from local.aws.worker import LARGEST_PAYLOAD
from local.config import Config
from local.system import pids
from tests.support.system import free_ports, until

FUNCTIONS = """
import json, os, time

def echo(event, context):
    return event

def pid(event, context):
    time.sleep(event.get("sleep", 0))
    return os.getpid()

def environment(event, context):
    return dict(os.environ)

def context(event, context):
    return [context.function_name, context.invoked_function_arn, context.get_remaining_time_in_millis()]

def fails(event, context):
    raise ValueError("no such order")

def exits(event, context):
    os._exit(event["status"])

def says(event, context):
    print("a line of its own", flush=True)

def writes(event, context):
    os.write(event["to"], "\\n".join(event["lines"]).encode())

def long(event, context):
    return "x" * event["length"]

def counts(event, context):
    with open(event["file"], "a") as file:
        file.write("x")
    time.sleep(event.get("sleep", 0))
"""


def function(name: str, timeout: int = 5, handler: str = "", **environment: str) -> Function:
    return Function(
        name, f"{name.title()}Function", f"sales-{name}", handler or f"made_up.{name}", timeout, 256, environment
    )


def with_runtime[Found](folder: Path, functions: list[Function], story: Callable[[Runtime], Awaitable[Found]]) -> Found:
    """Run the story with a runtime of these functions, and return its result."""
    (folder / "made_up.py").write_text(FUNCTIONS)
    (folder / "broken.py").write_text("import a_module_that_is_not_there\n")

    async def run() -> Found:
        config = Config(free_ports(), folder / "state", {}, root=folder)
        found = Runtime(Template(functions={each.name: each for each in functions}), config)
        try:
            return await asyncio.wait_for(story(found), 40)
        finally:
            await found.close()

    return asyncio.run(run())


async def asked(lambda_: Runtime, name: str, **event: Any) -> Any:
    """Return the function's JSON; it must not fail."""
    result = await lambda_.invoke(name, json.dumps(event).encode())
    assert not result.failed, result.payload
    return json.loads(result.payload)


async def error_of(lambda_: Runtime, name: str, **event: Any) -> dict[str, Any]:
    """Return the function's error."""
    result = await lambda_.invoke(name, json.dumps(event).encode())
    assert result.failed, result.payload
    found: dict[str, Any] = json.loads(result.payload)
    return found


def running(pid: int) -> bool:
    """Whether the process exists and is not a zombie."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, check=False).stdout.strip()
    return bool(shown) and not shown.startswith(b"Z")


def test_a_function_answers_its_event_unchanged(tmp_path: Path) -> None:
    event = {"text": "Ωμέγα \u0000 🎉", "numbers": [1, 2.5, None, True]}

    async def story(lambda_: Runtime) -> Any:
        return await asked(lambda_, "echo", **event)

    assert with_runtime(tmp_path, [function("echo")], story) == event


@pytest.mark.parametrize("name", ["echo", "sales-echo", "EchoFunction"])
def test_a_function_answers_to_folder_function_name_and_logical_id(tmp_path: Path, name: str) -> None:
    async def story(lambda_: Runtime) -> Any:
        return await asked(lambda_, name, a=1)

    assert with_runtime(tmp_path, [function("echo")], story) == {"a": 1}


def test_the_context_is_lambdas(tmp_path: Path) -> None:
    async def story(lambda_: Runtime) -> Any:
        return await asked(lambda_, "context")

    name, arn, left = with_runtime(tmp_path, [function("context", timeout=5)], story)
    assert (name, arn) == ("sales-context", "arn:aws:lambda:eu-west-1:000000000000:function:sales-context")
    assert 4000 < left <= 5000


def test_a_worker_gets_lambdas_environment_and_nothing_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "x")

    async def story(lambda_: Runtime) -> Any:
        return await asked(lambda_, "environment")

    found = with_runtime(tmp_path, [function("environment", LOG_LEVEL="INFO", SMS_ENDPOINT="")], story)
    ours = {name for name in found if not name.startswith(("AWS_", "LAMBDA_", "LC_", "_X_AMZN_"))}
    role = {"BOTOCORE_EXPERIMENTAL__PLUGINS", "LOCAL_PERMISSIONS"}
    assert ours == {"PATH", "LANG", "TZ", "PYTHONPATH", "LOG_LEVEL", "SMS_ENDPOINT", *role}
    assert found["SMS_ENDPOINT"].startswith("http://127.0.0.1:")
    assert found["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert "HOME" not in found


def test_a_functions_output_is_in_its_log(tmp_path: Path) -> None:
    async def story(lambda_: Runtime) -> None:
        await asked(lambda_, "says")

    with_runtime(tmp_path, [function("says")], story)
    assert "a line of its own" in (tmp_path / "state/logs/says.log").read_text()


SAID = {
    "trace": '{"level": "TRACE"}',
    "debug": '{"level": "DEBUG"}',
    "info": '{"level": "INFO"}',
    "metric": '{"_aws": {}, "OldestQueued": [0]}',
    "unknown": '{"level": "LOUD"}',
    "number": '{"level": 5}',
    "list": '["ERROR"]',
    "text": "an ERROR in words",
    "warn": '{"level": "WARN", "padding": "' + 200_000 * "x" + '"}',
    "error": '{"message": "x", "level":"ERROR"}',
    "fatal": '{"level": "FATAL"}',
}
AS_INFO = ["info", "metric", "unknown", "number", "list", "text"]


@pytest.mark.parametrize("descriptor", [1, 2])
@pytest.mark.parametrize(
    ("lowest", "kept"),
    [
        (None, list(SAID)),
        ("TRACE", list(SAID)),
        ("INFO", [*AS_INFO, "warn", "error", "fatal"]),
        ("WARN", ["warn", "error", "fatal"]),
        ("ERROR", ["error", "fatal"]),
    ],
)
def test_lines_below_the_functions_level_are_dropped(
    tmp_path: Path, descriptor: int, lowest: str | None, kept: list[str]
) -> None:
    logging = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": lowest} if lowest else {}

    async def story(lambda_: Runtime) -> None:
        await asked(lambda_, "writes", lines=list(SAID.values()), to=descriptor)

    with_runtime(tmp_path, [replace(function("writes"), logging=logging)], story)
    logged = (tmp_path / "state/logs/writes.log").read_text().splitlines()
    assert logged == [SAID[each] for each in kept]


def test_batches_and_sweep_parts_are_logged_before_they_run_and_when_lost(
    tmp_path: Path,
) -> None:
    keys = {"id": {"S": "an-order"}}

    async def story(lambda_: Runtime) -> int:
        await error_of(lambda_, "fails", Records=[{"dynamodb": {"Keys": keys, "NewImage": {"name": {"S": "private"}}}}])
        pid: int = await asked(lambda_, "pid", part=1, parts=2)
        await lambda_.invoke("exits", b'{"status": 1, "part": 0, "parts": 2}')
        for event in (
            b'{"requestContext": {}, "part": 1, "parts": 2}',
            b'{"Records": [1]}',
            b"[]",
            b"1",
            b'{"part": 1}',
        ):
            await lambda_.invoke("echo", event)
        return pid

    pid = with_runtime(tmp_path, [function(each) for each in ("fails", "pid", "exits", "echo")], story)
    noted = (tmp_path / "state/logs/invocations.log").read_text()
    first, second, third, its_end = map(json.loads, noted.splitlines())
    assert (first["worker"], first["keys"]) == ("worker-fails-1", [keys])
    assert (second["worker"], second["pid"], second["part"], second["parts"]) == ("worker-pid-1", pid, 1, 2)
    assert first["request_id"] != second["request_id"]
    assert (third["worker"], its_end["lost"]) == ("worker-exits-1", True)
    assert (its_end["pid"], its_end["request_id"]) == (third["pid"], third["request_id"])
    assert "private" not in noted


def test_an_exception_is_answered_as_by_lambda(tmp_path: Path) -> None:
    async def story(lambda_: Runtime) -> Any:
        return await error_of(lambda_, "fails")

    error = with_runtime(tmp_path, [function("fails")], story)
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no such order")
    assert error["stackTrace"]


def test_a_function_that_takes_too_long_is_killed_and_the_next_one_is_served(tmp_path: Path) -> None:
    async def story(lambda_: Runtime) -> tuple[int, dict[str, Any], int]:
        first = await asked(lambda_, "pid")
        return first, await error_of(lambda_, "pid", sleep=30), await asked(lambda_, "pid")

    first, error, second = with_runtime(tmp_path, [function("pid", timeout=1)], story)
    assert error["errorType"] == "Sandbox.Timedout"
    assert error["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert not running(first)
    assert second != first


def test_a_worker_that_is_being_killed_gets_no_event(tmp_path: Path) -> None:
    async def story(lambda_: Runtime) -> list[Any]:
        slow = [asyncio.create_task(error_of(lambda_, "pid", sleep=30)) for _ in range(runtime.WORKERS)]
        await asyncio.sleep(0.5)
        return await asyncio.gather(*(asked(lambda_, "pid") for _ in range(runtime.WORKERS)), *slow)

    found = with_runtime(tmp_path, [function("pid", timeout=1)], story)
    assert all(isinstance(each, int) for each in found[: runtime.WORKERS])


@pytest.mark.parametrize("status", [0, 3])
def test_a_worker_that_exits_midway_is_an_error_and_is_replaced(tmp_path: Path, status: int) -> None:
    async def story(lambda_: Runtime) -> list[dict[str, Any]]:
        return [await error_of(lambda_, "exits", status=status) for _ in range(2)]

    for error in with_runtime(tmp_path, [function("exits")], story):
        assert error["errorType"] == "Runtime.ExitError"
        assert error["errorMessage"].endswith(f"Runtime exited with error: exit status {status}")


def test_an_idle_worker_that_is_killed_is_noticed_and_replaced(tmp_path: Path) -> None:
    async def story(lambda_: Runtime) -> list[tuple[int, int]]:
        found = []
        for _ in range(5):
            before = await asked(lambda_, "pid")
            os.kill(before, signal.SIGKILL)
            while pids.read(tmp_path / "state").get("worker-pid-1") == before:
                await asyncio.sleep(0.005)
            found.append((before, await asked(lambda_, "pid")))
        return found

    assert all(before != after for before, after in with_runtime(tmp_path, [function("pid")], story))


def test_a_killed_busy_worker_is_answered_immediately(tmp_path: Path) -> None:
    async def story(lambda_: Runtime) -> tuple[dict[str, Any], float]:
        pid = await asked(lambda_, "pid")
        task = asyncio.create_task(error_of(lambda_, "pid", sleep=30))
        await asyncio.sleep(0.2)
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        return await task, time.monotonic() - began

    error, seconds = with_runtime(tmp_path, [function("pid", timeout=40)], story)
    assert error["errorType"] == "Runtime.ExitError"
    assert seconds < 1


def test_a_failed_import_answers_every_waiting_caller(tmp_path: Path) -> None:
    async def story(lambda_: Runtime) -> list[dict[str, Any]]:
        return await asyncio.gather(*(error_of(lambda_, "broken") for _ in range(3 * runtime.WORKERS)))

    for error in with_runtime(tmp_path, [function("broken", handler="broken.handler")], story):
        assert error["errorType"] == "Runtime.ImportModuleError"
        assert "a_module_that_is_not_there" in error["errorMessage"]


def test_workers_grow_up_to_the_limit_and_the_rest_queue_in_order(tmp_path: Path) -> None:
    async def story(lambda_: Runtime) -> tuple[list[int], list[int], dict[str, int]]:
        finished: list[int] = []

        async def one(number: int) -> int:
            pid: int = await asked(lambda_, "pid", sleep=0.3)
            finished.append(number)
            return pid

        found = await asyncio.gather(*(one(number) for number in range(3 * runtime.WORKERS)))
        return found, finished, pids.read(tmp_path / "state")

    found, finished, names = with_runtime(tmp_path, [function("pid", timeout=20)], story)
    assert len(set(found)) == runtime.WORKERS
    rounds = [set(finished[at : at + runtime.WORKERS]) for at in range(0, len(finished), runtime.WORKERS)]
    assert rounds == [set(range(at, at + runtime.WORKERS)) for at in range(0, len(finished), runtime.WORKERS)]
    assert names == {f"worker-pid-{number}": names[f"worker-pid-{number}"] for number in range(1, runtime.WORKERS + 1)}
    assert set(names.values()) == set(found)


def test_a_caller_that_gives_up_neither_stops_the_function_nor_delays_the_next(tmp_path: Path) -> None:
    file = tmp_path / "count"

    async def story(lambda_: Runtime) -> float:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asked(lambda_, "counts", file=str(file), sleep=2), 1)
        began = time.monotonic()
        await asked(lambda_, "counts", file=str(file))
        return time.monotonic() - began

    assert with_runtime(tmp_path, [function("counts", timeout=10)], story) < 1
    assert file.read_text() == "xx"


def test_a_caller_that_gives_up_withdraws_a_queued_event(tmp_path: Path) -> None:
    file = tmp_path / "count"

    async def story(lambda_: Runtime) -> None:
        busy = [
            asyncio.create_task(asked(lambda_, "counts", file=str(file), sleep=1.5)) for _ in range(runtime.WORKERS)
        ]
        await asyncio.sleep(0.7)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asked(lambda_, "counts", file=str(file)), 0.2)
        await asyncio.gather(*busy)
        await asked(lambda_, "counts", file=str(file))

    with_runtime(tmp_path, [function("counts", timeout=10)], story)
    assert len(file.read_text()) == runtime.WORKERS + 1


def test_no_worker_is_lost_when_callers_give_up(tmp_path: Path) -> None:
    async def story(lambda_: Runtime) -> set[int]:
        for wait in range(60):
            tasks = [asyncio.create_task(asked(lambda_, "pid")) for _ in range(2 * runtime.WORKERS)]
            await asyncio.sleep(wait / 5000)
            for task in tasks[::2]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return set(await asyncio.gather(*(asked(lambda_, "pid", sleep=0.3) for _ in range(runtime.WORKERS))))

    assert len(with_runtime(tmp_path, [function("pid")], story)) == runtime.WORKERS


def test_an_answer_above_lambdas_limit_is_an_error(tmp_path: Path) -> None:
    async def story(lambda_: Runtime) -> tuple[int, dict[str, Any], int]:
        large = len(await asked(lambda_, "long", length=5_000_000))
        return (
            large,
            await error_of(lambda_, "long", length=LARGEST_PAYLOAD),
            len(await asked(lambda_, "long", length=1)),
        )

    large, error, small = with_runtime(tmp_path, [function("long", timeout=10)], story)
    assert (large, small) == (5_000_000, 1)
    assert error["errorType"] == "Function.ResponseSizeTooLarge"


def test_all_but_one_of_the_long_idle_workers_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(lambda_: Runtime) -> dict[str, int]:
        await asyncio.gather(*(asked(lambda_, "pid", sleep=0.3) for _ in range(3)))
        pool = lambda_._pools["pid"]
        for worker in pool.idle:
            worker.idle_since -= IDLE_SECONDS + 1
        pool.end_idle()
        while pool.size > 1:
            await asyncio.sleep(0.01)
        return pids.read(tmp_path / "state")

    assert len(with_runtime(tmp_path, [function("pid")], story)) == 1


def test_idle_workers_make_room_for_other_functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "ALL_WORKERS", 2)

    async def story(lambda_: Runtime) -> int:
        for name in ("pid", "echo", "says", "pid"):
            await asked(lambda_, name)
        while (size := sum(pool.size for pool in lambda_._pools.values())) > 2:
            await asyncio.sleep(0.01)
        return size

    assert with_runtime(tmp_path, [function("pid"), function("echo"), function("says")], story) == 2


def test_no_worker_outlives_a_closed_runtime(tmp_path: Path) -> None:
    async def story(lambda_: Runtime) -> int:
        asyncio.create_task(lambda_.invoke("pid", b'{"sleep": 30}'))  # noqa: RUF006 - the runtime must end it
        pid: int = await asked(lambda_, "pid")
        return pid

    pid = with_runtime(tmp_path, [function("pid", timeout=60)], story)
    assert not running(pid)
    assert pids.read(tmp_path / "state") == {}


OWNER = """
import asyncio, sys
from pathlib import Path
from tests.local.aws.test_lambda_runtime import Config, Function, Runtime, Template, function

async def main():
    folder = Path(sys.argv[1])
    config = Config(20000, folder / "state", {}, root=folder)
    lambda_ = Runtime(Template(functions={"pid": function("pid", timeout=60)}), config)
    await lambda_.invoke("pid", b"{}")
    await asyncio.gather(lambda_.invoke("pid", b'{"sleep": 60}'), lambda_.invoke("pid", b'{"sleep": 60}'))

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a busy worker ends when it has answered")
def test_workers_end_with_their_killed_runtime_even_midway(tmp_path: Path) -> None:
    (tmp_path / "made_up.py").write_text(FUNCTIONS)
    environment = dict(os.environ)
    with subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], env=environment) as owner:
        state = tmp_path / "state"
        found = until(lambda: names if len(names := pids.read(state)) == 2 else None)
        assert all(running(pid) for pid in found.values())
        owner.kill()
    until(lambda: not any(running(pid) for pid in found.values()), seconds=2)


def with_invoke_api[Found](folder: Path, story: Callable[[ClientSession, str], Awaitable[Found]]) -> Found:
    """Run the story with a client of the Invoke API, and return its result."""

    async def run(lambda_: Runtime) -> Found:
        config = Config(free_ports(), folder / "state", {}, root=folder)
        server = await serve(lambda_, config, SecretsManager(config))
        async with ClientSession(headers={HEADER: session_token(config.state)}) as client:
            found = await story(client, config.runtime_url)
        server.close()
        return found

    return with_runtime(folder, [function("echo"), function("fails"), function("counts")], run)


def test_the_invoke_api_answers_with_the_functions_json_and_says_whether_it_failed(tmp_path: Path) -> None:
    async def story(client: ClientSession, url: str) -> list[Any]:
        found = []
        for name, event in (("sales-echo", b'{"a": 1}'), ("fails", b"{}"), ("echo", b"")):
            async with client.post(f"{url}/2015-03-31/functions/{name}/invocations", data=event) as answer:
                found.append((answer.status, answer.headers.get("X-Amz-Function-Error"), await answer.json()))
        return found

    echo, fails, empty = with_invoke_api(tmp_path, story)
    assert echo == (200, None, {"a": 1})
    assert fails[:2] == (200, "Unhandled")
    assert empty == (200, None, {})


def test_the_invoke_api_accepts_a_whole_arn(tmp_path: Path) -> None:
    async def story(client: ClientSession, url: str) -> Any:
        arn = "arn:aws:lambda:eu-west-1:000000000000:function:sales-echo"
        async with client.post(f"{url}/2015-03-31/functions/{arn}/invocations", data=b"[]") as answer:
            return await answer.json()

    assert with_invoke_api(tmp_path, story) == []


def test_an_asynchronous_invocation_is_accepted_immediately_and_runs(tmp_path: Path) -> None:
    file = tmp_path / "count"

    async def story(client: ClientSession, url: str) -> tuple[int, bytes]:
        event = json.dumps({"file": str(file)}).encode()
        headers = {"X-Amz-Invocation-Type": "Event"}
        url = f"{url}/2015-03-31/functions/counts/invocations"
        async with client.post(url, data=event, headers=headers) as answer:
            found = answer.status, await answer.read()
        while not file.exists():
            await asyncio.sleep(0.01)
        return found

    assert with_invoke_api(tmp_path, story) == (202, b"")


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("functions/nobody/invocations", 404, "ResourceNotFoundException"),
        ("functions/echo", 404, "UnknownOperationException"),
    ],
)
def test_an_unknown_operation_is_an_error_of_lambda(tmp_path: Path, path: str, status: int, kind: str) -> None:
    async def story(client: ClientSession, url: str) -> Any:
        async with client.post(f"{url}/2015-03-31/{path}", data=b"{}") as answer:
            return answer.status, answer.headers["x-amzn-errortype"]

    assert with_invoke_api(tmp_path, story) == (status, kind)


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 413)])
def test_an_event_may_have_six_megabytes_and_no_more(tmp_path: Path, more: int, status: int) -> None:
    async def story(client: ClientSession, url: str) -> int:
        event = b'"' + b"x" * (LARGEST_PAYLOAD - 2 + more) + b'"'
        async with client.post(f"{url}/2015-03-31/functions/echo/invocations", data=event) as answer:
            return answer.status

    assert with_invoke_api(tmp_path, story) == status


async def secret(client: ClientSession, url: str, body: Any, target: str = "GetSecretValue") -> tuple[int, Any]:
    headers = {"X-Amz-Target": f"secretsmanager.{target}", "Content-Type": "application/x-amz-json-1.1"}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with client.post(f"{url}/secretsmanager/", data=data, headers=headers) as answer:
        return answer.status, json.loads(await answer.read())


def test_a_secret_is_created_once_for_its_owner_and_read_at_every_call(tmp_path: Path) -> None:
    file = tmp_path / "state/webhook-secret"

    async def story(client: ClientSession, url: str) -> list[str]:
        found = []
        for change in (None, None, "another"):
            if change:
                file.write_text(f"{change}\n")
            status, answer = await secret(client, url, {"SecretId": "sales/webhook-secret"})
            assert (status, answer["VersionStages"]) == (200, ["AWSCURRENT"])
            found.append(answer["SecretString"])
        assert file.stat().st_mode & 0o777 == 0o600
        return found

    first, second, third = with_invoke_api(tmp_path, story)
    assert first == second
    assert len(first) >= 32
    assert third == "another"


def test_the_previous_secret_exists_only_after_a_change(tmp_path: Path) -> None:
    async def story(client: ClientSession, url: str) -> list[tuple[int, Any]]:
        asked_for = {"SecretId": "sales/webhook-secret", "VersionStage": "AWSPREVIOUS"}
        none = await secret(client, url, asked_for)
        (tmp_path / "state").mkdir(exist_ok=True)
        (tmp_path / "state/webhook-secret.previous").write_text("the one before\n")
        return [none, await secret(client, url, asked_for)]

    none, one = with_invoke_api(tmp_path, story)
    assert none[0] == 400
    assert none[1]["__type"] == "ResourceNotFoundException"
    assert none[1]["message"].endswith("for staging label: AWSPREVIOUS")
    assert (one[0], one[1]["SecretString"]) == (200, "the one before")


@pytest.mark.parametrize(
    ("body", "target", "kind"),
    [
        ({"SecretId": "another"}, "GetSecretValue", "ResourceNotFoundException"),
        ({"SecretId": "../identity.pem"}, "GetSecretValue", "ResourceNotFoundException"),
        ({"SecretId": ["sales/webhook-secret"]}, "GetSecretValue", "InvalidParameterException"),
        ({}, "GetSecretValue", "InvalidParameterException"),
        ([], "GetSecretValue", "SerializationException"),
        (b"{", "GetSecretValue", "SerializationException"),
        ({"SecretId": "sales/webhook-secret"}, "DeleteSecret", "UnknownOperationException"),
    ],
)
def test_an_unknown_secret_is_an_error_of_secrets_manager(tmp_path: Path, body: Any, target: str, kind: str) -> None:
    async def story(client: ClientSession, url: str) -> tuple[int, Any]:
        return await secret(client, url, body, target)

    status, answer = with_invoke_api(tmp_path, story)
    assert (status, answer["__type"]) == (400, kind)
