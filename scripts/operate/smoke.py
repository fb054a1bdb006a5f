"""Asks a deployed system whether it works, and changes nothing in it; `make smoke` runs it.

With a token in the environment variable TOKEN (`TOKEN=$(make -s token)`) store and scopes are asked as well.

  python -m scripts.operate.smoke [--url https://... | --stack sales | --local]
"""

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import requests
from botocore.session import Session

from local.config import Config

BASE = "/api/v1/sales"
SECONDS = 30


@dataclass(frozen=True)
class Check:
    """One request, the status it must have, and names that must be in its JSON."""

    says: str
    method: str
    path: str
    status: int
    names: tuple[str, ...] = ()
    token: bool = False
    body: dict[str, Any] | None = None


CHECKS = (
    Check("the API answers", "GET", "/healthz", 200),
    Check("the contract is there", "GET", "/openapi.json", 200, ("openapi", "paths")),
    Check("the console is there", "GET", "/", 200),
    Check("without a token nobody gets in", "GET", f"{BASE}/orders", 401),
    Check("orders are listed", "GET", f"{BASE}/orders?limit=1", 200, ("data", "has_more"), token=True),
    Check("customers are listed", "GET", f"{BASE}/customers?limit=1", 200, ("data", "has_more"), token=True),
    Check(
        "a text is written, not sent", "POST", f"{BASE}/sms/preview", 200, ("text", "segments"), token=True,
        body={"name": "john doe", "item": "macbook m2", "amount": "56000.68"},
    ),
)  # fmt: skip


def fault(check: Check, url: str, token: str) -> str:
    """What is wrong with the answer; empty for nothing."""
    headers = {"Authorization": f"Bearer {token}"} if check.token else {}
    try:
        answer = requests.request(check.method, url + check.path, json=check.body, headers=headers, timeout=SECONDS)
    except requests.RequestException as error:
        return f"no answer ({type(error).__name__})"
    if answer.status_code != check.status:
        # A gateway says in this header what it has against a token.
        why = answer.headers.get("WWW-Authenticate") or answer.text[:200]
        return f"{answer.status_code} instead of {check.status}: {why}"
    try:
        missing = [name for name in check.names if name not in answer.json()]
    except ValueError:
        return "no JSON"
    return f"without {' and '.join(missing)}" if missing else ""


def examine(url: str, token: str) -> Iterator[tuple[Check, str]]:
    """Every check that can be made, each with its fault."""
    for check in CHECKS:
        if token or not check.token:
            yield check, fault(check, url, token)


def url_of(stack: str) -> str:
    """The address of a stack's API."""
    [found] = Session().create_client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return next(str(each["OutputValue"]) for each in found["Outputs"] if each["OutputKey"] == "ApiUrl")


def main() -> int:
    """Asks; 1 if something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--url")
    where.add_argument("--stack", default="sales")
    where.add_argument("--local", action="store_true", help="the system that `make run` has started")
    options = parser.parse_args()
    url = options.url or (Config.of_running().api_url if options.local else url_of(options.stack))
    token = os.environ.get("TOKEN", "").strip()
    failed = 0
    for check, found in examine(url.rstrip("/"), token):
        print(f"PROBLEM  {check.says}: {check.method} {check.path}: {found}" if found else f"ok       {check.says}")
        failed += bool(found)
    if not token:
        print("-        without TOKEN, store and scopes were not asked")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
