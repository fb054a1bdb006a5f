"""`make login`: an access token for a person, from .env's issuer or the running system's.

It signs in through the browser, with authorization code, PKCE and a loopback redirect (RFC 8252, 7.3) or, on a machine
without a browser, with a code that the person types on another device (RFC 8628). Standard output gets the token only.
"""

import argparse
import base64
import hashlib
import queue
import secrets
import sys
import threading
import time
import webbrowser
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode

from local.commands.cli import run
from local.commands.token import Issuer, NotNowError, NoTokenError, fewer_scopes, wanted_scope
from local.config import REDIRECT_PATH, Config, redirect_address, redirect_port
from local.guard import Guard, any_path

__all__ = ["Attempt", "by_browser", "by_device"]

WAIT_SECONDS = 300
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<body><h1>{title}</h1><p>{text}</p></body></html>"""


@dataclass(frozen=True)
class Attempt:
    """One sign-in: `state` must come back with the code, and `verifier` redeems it."""

    state: str
    verifier: str

    @classmethod
    def new(cls) -> "Attempt":
        """Return an attempt with values that cannot be guessed."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        """The verifier's S256 challenge (RFC 7636, 4.2)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def by_browser(issuer: Issuer, scope: str, port: int, *, wait: float = WAIT_SECONDS) -> str:
    """Open a browser and return a token for the person who signs in there. Raise NoTokenError."""
    attempt = Attempt.new()
    redirect = redirect_address(port)
    address = f"{issuer.endpoint('authorization_endpoint')}?" + urlencode(
        {
            "client_id": issuer.client_id,
            "response_type": "code",
            "redirect_uri": redirect,
            "scope": scope,
            "state": attempt.state,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
    )
    answer = _redirected(port, address, attempt.state, wait)
    if "error" in answer:
        raise NoTokenError(_refusal(answer, scope))
    if "code" not in answer:
        raise NoTokenError("The issuer sent back neither a code nor an error (RFC 6749, 4.1.2). Try again.")
    return issuer.token(
        grant_type="authorization_code", code=answer["code"], redirect_uri=redirect, code_verifier=attempt.verifier
    )


def by_device(issuer: Issuer, scope: str, *, wait: float = WAIT_SECONDS) -> str:
    """Return a token for the person who types the displayed code, on any device. Raise NoTokenError.

    Polling goes on, more slowly, when the network or the issuer fails (RFC 8628, 3.5).
    """
    device = issuer.post(issuer.endpoint("device_authorization_endpoint"), scope=scope)
    for name in ("device_code", "user_code", "verification_uri"):
        if not isinstance(device.get(name), str):
            raise NoTokenError(f"The issuer offers no code to type: its answer has no {name} (RFC 8628, 3.2).")
    address = device.get("verification_uri_complete") or device["verification_uri"]
    _say(f"Open {address} and, if asked, type {device['user_code']}.")
    interval = _seconds(device.get("interval"), 5)
    give_up = time.monotonic() + min(wait, _seconds(device.get("expires_in"), wait))
    failure: NotNowError | None = None
    while time.monotonic() < give_up:
        time.sleep(interval)
        failure = None
        try:
            return issuer.token(grant_type=_DEVICE_GRANT, device_code=device["device_code"])
        except NotNowError as error:
            interval *= 2
            failure = error
        except NoTokenError as error:
            if error.code == "slow_down":
                interval += 5
            elif error.code != "authorization_pending":
                raise NoTokenError(f"{error}{fewer_scopes(error.code, scope, 'make login')}", error.refusal) from None
    raise failure or NoTokenError("The code was not entered in time. Try again.")


def _refusal(answer: Mapping[str, str], scope: str) -> str:
    """Return the issuer's error as a sentence, with what to do about it if we know."""
    sentence = f"The issuer refused: {answer['error']}: {answer.get('error_description', '')}".rstrip(": ")
    return sentence + fewer_scopes(answer["error"], scope, "make login")


def _seconds(value: Any, default: float) -> float:
    """Return a time from an answer, or the default if it is missing or not a positive number."""
    return float(value) if isinstance(value, int | float) and value > 0 else default


class _Loopback(ThreadingHTTPServer):
    """Receives the redirect. Each connection has a thread, since browsers open some that they never use."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a browser that hung up."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _redirected(port: int, address: str, state: str, wait: float) -> Mapping[str, str]:
    """Open the address in a browser, and return the query that the issuer sends to the loopback address."""
    answers: queue.SimpleQueue[Mapping[str, str]] = queue.SimpleQueue()
    guard = Guard((), any_path)

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            # The way back from the issuer is a link on another site.
            why = guard.refusal(port, self.command, self.path, lambda name: self.headers.get_all(name, []))
            if why:
                self.send_error(403, explain=why)
                return
            path, _, query = self.path.partition("?")
            answer = {name: values[0] for name, values in parse_qs(query).items()}
            # Other pages in this browser may call this address: only the answer to this attempt counts.
            genuine = secrets.compare_digest(answer.get("state", "").encode(), state.encode())
            if path != REDIRECT_PATH or not genuine:
                self.send_error(404)
                return
            signed_in = "code" in answer
            page = _PAGE.format(
                title="You are signed in" if signed_in else "You are not signed in",
                text="The token is in your terminal." if signed_in else "Your terminal says why.",
            ).encode()
            try:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)
            finally:
                # Last, because this process may end as soon as it has the answer.
                answers.put(answer)

        def log_message(self, *_: Any) -> None:
            """Log nothing: the address has the code."""

    try:
        server = _Loopback(("127.0.0.1", port), Handler)
    except OSError as error:
        raise NoTokenError(
            f"Port {port} is in use ({error.strerror}). Stop the program that uses it, or set LOGIN_PORT (docs/okta.md)."
        ) from None
    with server:
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        try:
            _say(f"Opening the browser. If it does not open, go to\n{address}")
            webbrowser.open(address)
            return answers.get(timeout=wait)
        except queue.Empty:
            raise NoTokenError(
                "Timed out waiting for the sign-in. Try again; without a browser, use `make login DEVICE=1`."
            ) from None
        finally:
            server.shutdown()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Print a token with the scopes in SCOPE and nothing else; errors go to standard error."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", action="store_true", help="sign in on another device")
    device = parser.parse_args().device
    scope = wanted_scope()
    try:
        issuer = Issuer.for_people(Config.of_running())
        if device:
            print(by_device(issuer, scope))
        else:
            print(by_browser(issuer, scope, redirect_port()))
    except (NoTokenError, ValueError) as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    run(main)
