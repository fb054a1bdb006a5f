"""Fixtures for tests of all kinds."""

import logging
import os
import sys
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import TextIO

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from sales.runtime import secrets
from sales.runtime.settings import settings
from sales.services.sms import send as sending
from sales.store import store

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "CUSTOMERS_TABLE": "customers",
    "ORDERS_TABLE": "orders",
    "OKTA_ISSUER": "https://example.okta.com/oauth2/default",
    "OKTA_AUDIENCE": "api://default",
    # Nothing listens there: no test asks an issuer elsewhere.
    "DISCOVERY_URI": "http://127.0.0.1:1/discovery",
    "SMS_SECRET": "sales/africastalking-api-key",
    "WEBHOOK_SECRET": "sales/webhook-secret",
    "SMS_PRICES": '{"+254": "KES 0.80"}',
    "POWERTOOLS_SERVICE_NAME": "sales",
}

# How long an example takes depends on what else runs on the machine: no test fails for it.
hypothesis.settings.register_profile("sales", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("sales")


def may_skip(environment: Mapping[str, str], *, containers: bool) -> bool:
    """Return whether a test may be skipped if a tool is missing: everywhere except in CI, which has to prove everything.

    GitHub and .ci/run set CI=true. Tests that need containers may be skipped even there if WITHOUT_DOCKER says why
    Docker cannot start; .ci/run sets and prints it.
    """
    return environment.get("CI") != "true" or (containers and bool(environment.get("WITHOUT_DOCKER")))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail skipped tests in CI."""
    report = yield
    containers = item.get_closest_marker("samlocal") is not None
    if report.skipped and not hasattr(report, "wasxfail") and not may_skip(os.environ, containers=containers):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{why}\nIn CI nothing may be skipped: tests/conftest.py"
    return report


# Folders whose tests share results, or a system that only one test at a time may break.
_TOGETHER = {"attacks", "faults", "samlocal"}


class _Files(LoadScopeScheduling):
    """Gives each process whole files, and each of those folders as one, in the order of the command line."""

    def _split_scope(self, nodeid: str) -> str:
        path = Path(nodeid.partition("::")[0])
        return str(path.parent if path.parent.name in _TOGETHER else path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Distribute the tests of a parallel run (pytest -n 2)."""
    return _Files(config, log)


def pytest_xdist_auto_num_workers() -> int:
    """Use one process more than there are processors: tests of whole systems wait half of their time."""
    return (os.process_cpu_count() or 1) + 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print which tests this command leaves out (LEFT_OUT, set by the Makefile), and which command runs them."""
    if left_out := os.environ.get("LEFT_OUT"):
        terminalreporter.section("not run here")
        terminalreporter.write_line(left_out)


class _ToStdout(logging.StreamHandler[TextIO]):
    """Writes to the current standard output, not to that of the first test that logged."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record."""
        self.stream = sys.stdout
        super().emit(record)


def forget_process_state() -> None:
    """Forget everything that a Lambda environment keeps between invocations."""
    for cached in (settings, store, sending.sender, secrets._client):
        cached.cache_clear()
    secrets._kept.clear()
    for handler in logging.getLogger("sales").handlers:
        if type(handler) is logging.StreamHandler:
            handler.__class__ = _ToStdout


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Set the environment of a function, in a process as if it had just started."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    forget_process_state()
    yield monkeypatch
    forget_process_state()
