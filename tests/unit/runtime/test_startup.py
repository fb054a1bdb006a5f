"""A function's start, and that importing it elsewhere starts nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))
SETTINGS = {
    "CUSTOMERS_TABLE": "customers",
    "ORDERS_TABLE": "orders",
    "OKTA_ISSUER": "https://example.okta.com/oauth2/default",
    "OKTA_AUDIENCE": "api://default",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


def run(code: str, environment: dict[str, str]) -> str:
    """Return what a new interpreter prints."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.defpath} | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_after_its_start_a_function_collects_garbage_but_not_its_modules_and_runs_late_ones_later(name: str) -> None:
    code = f"""
import gc, sys, types
sys.modules["awslambdaric"] = types.ModuleType("awslambdaric")
import functions.{name}.app
from sales.runtime.late_modules import LATE
print(gc.isenabled(), gc.get_freeze_count() > 10000, [late for late in LATE if "__getattr__" not in vars(sys.modules[late])])
"""
    assert run(code, SETTINGS | {"PYDANTIC_DISABLE_PLUGINS": "__all__"}) == "True True []"


def test_a_start_creates_the_client() -> None:
    code = """
import sys, types
sys.modules["awslambdaric"] = types.ModuleType("awslambdaric")
import functions.create_order.app, sales.store
print(sales.store.store.cache_info().currsize)
"""
    assert run(code, SETTINGS) == "1"


@pytest.mark.parametrize("name", ["create_customer", "list_customers"])
def test_a_function_about_customers_loads_nothing_about_orders(name: str) -> None:
    code = f"""
import sys, types
sys.modules["awslambdaric"] = types.ModuleType("awslambdaric")
import functions.{name}.app
print([module for module in sys.modules if module.startswith("sales.") and "orders" in module])
"""
    assert run(code, SETTINGS) == "[]"


def loads(name: str, module: str) -> bool:
    """Tell whether the function has loaded this module when it has started."""
    code = f"""
import sys, types
sys.modules["awslambdaric"] = types.ModuleType("awslambdaric")
import functions.{name}.app
print("{module}" in sys.modules)
"""
    return {"True": True, "False": False}[run(code, SETTINGS)]


@pytest.mark.parametrize("name", ["cancel_order", "create_order", "get_order", "list_orders", "send_sms", "sweep_sms"])
def test_a_function_about_orders_loads_all_the_store_needs_for_them_when_it_starts(name: str) -> None:
    assert loads(name, "sales.store.orders")


@pytest.mark.parametrize(("name", "composes"), [("create_order", True), ("resend_sms", True), ("get_order", False)])
def test_only_a_function_that_composes_texts_loads_the_wording_when_it_starts(name: str, composes: bool) -> None:
    assert loads(name, "sales.store.wordings") is composes


def test_importing_a_function_elsewhere_creates_nothing() -> None:
    code = """
import gc
import functions.create_order.app, functions.send_sms.app, sales.store, sales.runtime.secrets
print(gc.isenabled(), gc.get_freeze_count(), sales.store.store.cache_info().currsize, sales.runtime.secrets._client.cache_info().currsize)
"""
    assert run(code, SETTINGS) == "True 0 0 0"


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            {"SMS_TEXT": "Dear {nobody}"},
            "SMS_TEXT: the SMS text may only have {amount}, {code}, {currency}, {item}, {name}",
        ),
        ({"SMS_ENDPOINT": "http://example.com"}, "SMS_ENDPOINT: the SMS endpoint must be https"),
    ],
)
def test_an_invalid_setting_fails_the_start_and_is_named(name: str, wrong: dict[str, str], sentence: str) -> None:
    code = f"""
import sys, types
sys.modules["awslambdaric"] = types.ModuleType("awslambdaric")
import functions.{name}.app
"""
    with pytest.raises(subprocess.CalledProcessError) as failed:
        run(code, SETTINGS | wrong)
    assert f"SettingsError: {sentence}" in failed.value.stderr


def test_a_client_that_cannot_be_created_fails_the_first_request() -> None:
    code = """
import json, sys, types
sys.modules["awslambdaric"] = types.ModuleType("awslambdaric")
from functions.get_order.app import handler
from tests.support.events import http_event
answer = handler(http_event("GET", "/api/v1/sales/orders/x", parameters={"order": "00000000-0000-8000-8000-000000000000"}), None)
print(answer["statusCode"], json.loads(answer["body"])["code"])
"""
    without_region = {name: value for name, value in SETTINGS.items() if not name.startswith("AWS")}
    assert run(code, without_region).splitlines()[-1] == "500 unexpected"


# AWS's own client and hooks, in their order: the handler first, then the hooks around the snapshot.
RESTORED = """
import random, sys
import awslambdaric.bootstrap
import functions.create_order.app
before = "snapshot_restore_py" in sys.modules
from awslambdaric import lambda_runtime_hooks_runner
random.seed(1)
first = random.random()
random.seed(1)
lambda_runtime_hooks_runner.run_after_restore()
print(before, random.random() != first)
"""


def test_environments_from_one_snapshot_wait_different_random_times() -> None:
    assert run(RESTORED, SETTINGS | {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}) == "True True"


def test_without_a_snapshot_no_hook_is_registered() -> None:
    assert run(RESTORED, SETTINGS | {"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}) == "False False"
