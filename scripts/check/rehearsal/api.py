"""Requests to the rehearsed API: one for each function that has routes."""

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from scripts.check.rehearsal.emulator import RehearsalError

__all__ = ["DELIVERY", "OPT_OUT", "Api"]

BASE = "/api/v1/sales"
SECONDS = 40
OPT_OUT = "/webhooks/africastalking/optout"
DELIVERY = "/webhooks/africastalking/delivery"


class Api:
    """The API at this address, with a token of all scopes."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._token = token

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        status: int,
        form: Mapping[str, str] | None = None,
        if_match: str | None = None,
        file: str = "",
    ) -> Any:
        """Send a request and return the JSON of its answer. Raise RehearsalError for another status."""
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": secrets.token_hex(8)}
        if if_match is not None:
            headers["If-Match"] = if_match
        if file:
            headers["Content-Type"] = "text/csv"
        answer = requests.request(
            method, self.url + path, json=body, data=file or form, headers=headers, timeout=SECONDS
        )
        if answer.status_code != status:
            route = f"{method} {urlsplit(path).path}"
            raise RehearsalError(f"{route} answers {answer.status_code} instead of {status}: {answer.text[:400]}")
        is_json = "json" in answer.headers.get("Content-Type", "")
        return answer.json() if is_json else answer.text

    def customer(self, number: str, *, status: int = 201) -> dict[str, Any]:
        """Create a customer with this phone number."""
        body = {"name": "Wanjiru Kamau", "phone_number": number, "email": "wanjiru@example.com"}
        customer: dict[str, Any] = self.call("POST", f"{BASE}/customers", body, status=status)
        return customer

    def order(self, customer: Mapping[str, Any]) -> dict[str, Any]:
        """Create an order."""
        body = {"customer": customer["id"], "item": "maize flour", "amount": "1500.00"}
        order: dict[str, Any] = self.call("POST", f"{BASE}/orders", body, status=201)
        return order

    def sms(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Return an order's text."""
        sms: dict[str, Any] = self.call("GET", f"{BASE}/orders/{order['id']}", status=200)["sms"]
        return sms

    def accepts_secret(self, number: str, secret: str) -> bool:
        """Send an opt-out as the provider does, and return whether it was accepted."""
        return requests.post(f"{self.url}{OPT_OUT}/{secret}", data={"phoneNumber": number}, timeout=SECONDS).ok

    def send_files(self, customer: Mapping[str, Any]) -> None:
        """Import a customer and an order, each from a file with one row. Raise RehearsalError unless both are created."""
        for kind, file in (
            ("customers", "name,phone_number,email\nAchieng Otieno,+254700000099,achieng@example.com\n"),
            ("orders", f"reference,customer,item,amount\nrehearsal,{customer['code']},rice,1\n"),
        ):
            answer = self.call("POST", f"{BASE}/{kind}/import", file=file, status=200)
            if ",created," not in answer:
                raise RehearsalError(f"the import of {kind} answers {answer[:400]}")

    def use_every_route(self, number: str, order: Mapping[str, Any], webhook_secret: str) -> None:
        """Send a request to each function that has a route; the order's text must have been sent.

        The sandbox calls the webhook of delivery reports, and both webhooks refuse a wrong secret.
        """
        customer = self.customer(number)
        named = f"{BASE}/customers/{customer['id']}"
        self.call("GET", named, status=200)
        self.call("PATCH", named, {"name": "Wanjiru Otieno"}, status=200)
        self.call("GET", f"{BASE}/customers?phone_number={number.replace('+', '%2B')}", status=200)
        self.call("GET", f"{named}/export", status=200)
        self.call(
            "POST", f"{BASE}/sms/preview", {"customer": customer["id"], "item": "rice", "amount": "1"}, status=200
        )
        self.call("GET", f"{BASE}/sms/status", status=200)
        wording = self.call("GET", f"{BASE}/wording", status=200)
        version = wording.pop("version")
        self.call("PUT", f"{BASE}/wording", wording, status=200, if_match=f'"{version}"')
        self.call("GET", f"{BASE}/days", status=200)
        self.call("POST", f"{BASE}/orders/{order['id']}/sms", {"reason": "the customer asked"}, status=202)
        other = self.order(customer)
        for query in ("", f"?customer={customer['id']}", "?sms_status=queued", "?reference=none"):
            self.call("GET", f"{BASE}/orders{query}", status=200)
        self.call("POST", f"{BASE}/orders/{other['code']}/cancel", status=200)
        self.send_files(customer)
        for path in (OPT_OUT, DELIVERY):
            self.call("POST", f"{path}/wrong", form={"phoneNumber": number}, status=404)
        self.call("POST", f"{OPT_OUT}/{webhook_secret}", form={"phoneNumber": number}, status=200)
        self.call("POST", f"{named}/erase", status=200)
        for path in ("/healthz", "/openapi.json", "/docs", "/"):
            self.call("GET", path, status=200)
        self.call("GET", f"{BASE}/customers/", status=200)
        self.call("GET", "/nothing", status=404)
