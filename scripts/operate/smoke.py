"""Check that a deployed system works, without changing anything in it; `make smoke` runs it.

With a token in the environment variable TOKEN (`TOKEN=$(make -s token)`) it checks the store and scopes as well.

  python -m scripts.operate.smoke [--url https://... | --stack sales | --local]
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import requests
from botocore.session import Session

from local.config import Config
from scripts.operate.stack import add_target, describe, parser

BASE = "/api/v1/sales"
SECONDS = 30


@dataclass(frozen=True)
class Check:
    """One request, the status it must answer, and names its JSON must have."""

    title: str
    method: str
    path: str
    status: int
    names: tuple[str, ...] = ()
    token: bool = False
    body: dict[str, Any] | None = None


CHECKS = (
    Check("the API answers", "GET", "/healthz", 200),
    Check("the contract is served", "GET", "/openapi.json", 200, ("openapi", "paths")),
    Check("the console is served", "GET", "/", 200),
    Check("a request without a token is refused", "GET", f"{BASE}/orders", 401),
    Check("orders are listed", "GET", f"{BASE}/orders?limit=1", 200, ("data", "has_more"), token=True),
    Check("customers are listed", "GET", f"{BASE}/customers?limit=1", 200, ("data", "has_more"), token=True),
    Check(
        "a text is composed, not sent", "POST", f"{BASE}/sms/preview", 200, ("text", "segments"), token=True,
        body={"name": "john doe", "item": "macbook m2", "amount": "56000.68"},
    ),
)  # fmt: skip


def fault(check: Check, url: str, token: str) -> str:
    """Return what is wrong with the answer, or an empty string."""
    headers = {"Authorization": f"Bearer {token}"} if check.token else {}
    try:
        answer = requests.request(check.method, url + check.path, json=check.body, headers=headers, timeout=SECONDS)
    except requests.RequestException as error:
        return f"no answer ({type(error).__name__})"
    if answer.status_code != check.status:
        # API Gateway says in this header why it refuses a token.
        why = answer.headers.get("WWW-Authenticate") or answer.text[:200]
        return f"{answer.status_code} instead of {check.status}: {why}"
    try:
        missing = [name for name in check.names if name not in answer.json()]
    except ValueError:
        return "the body is not JSON"
    return f"the JSON lacks {' and '.join(missing)}" if missing else ""


def examine(url: str, token: str) -> Iterator[tuple[Check, str]]:
    """Yield every check that the token allows, each with its fault."""
    for check in CHECKS:
        if token or not check.token:
            yield check, fault(check, url, token)


def url_of(stack: str) -> str:
    """Return the address of a stack's API."""
    return describe(Session().create_client("cloudformation"), stack).outputs["ApiUrl"]


def main() -> int:
    """Check; 1 if something is wrong."""
    arguments = parser(__doc__)
    add_target(arguments, url=True)
    options = arguments.parse_args()
    url = options.url or (Config.of_running().api_url if options.local else url_of(options.stack))
    token = os.environ.get("TOKEN", "").strip()
    failed = 0
    for check, problem in examine(url.rstrip("/"), token):
        print(
            f"PROBLEM  {check.title}: {check.method} {check.path}: {problem}" if problem else f"ok       {check.title}"
        )
        failed += bool(problem)
    if not token:
        print("-        store and scopes not checked without TOKEN")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
