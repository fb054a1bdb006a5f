"""`make login`: an access token for a person, from the issuer of .env or the running system's sign-in.

Through the browser, with authorization code and PKCE and a loopback redirect (RFC 8252, 7.3); where there is no browser,
with a code that is typed on another device (RFC 8628). The token goes to standard output and nothing else does.
"""

import argparse
import base64
import hashlib
import os
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
from local.commands.token import SCOPE, Issuer, NotNowError, NoTokenError
from local.config import Config, port_number

__all__ = ["Attempt", "by_browser", "by_device", "redirect_address", "redirect_port"]

# Okta compares redirect addresses character for character, so the port is fixed; it is what docs/okta.md registers.
REDIRECT_PORT = 8010
REDIRECT_PATH = "/callback"
WAIT_SECONDS = 300
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<body><h1>{title}</h1><p>{text}</p></body></html>"""


@dataclass(frozen=True)
class Attempt:
    """One sign-in: what must come back, and what redeems the code."""

    state: str
    verifier: str

    @classmethod
    def new(cls) -> "Attempt":
        """An attempt that nobody can guess."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        """RFC 7636, 4.2."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def redirect_port() -> int:
    """Where the browser comes back to: LOGIN_PORT, else what docs/okta.md registers. Raises ValueError for no port."""
    return port_number(os.environ.get("LOGIN_PORT") or str(REDIRECT_PORT), "LOGIN_PORT")


def redirect_address(port: int) -> str:
    """The address that the issuer has to have registered."""
    return f"http://127.0.0.1:{port}{REDIRECT_PATH}"


def by_browser(issuer: Issuer, scope: str, port: int, *, wait: float = WAIT_SECONDS) -> str:
    """A token for who signs in in the browser that is opened. Raises NoTokenError."""
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
        raise NoTokenError("The sign-in came back with neither a code nor an error (RFC 6749, 4.1.2). Try again.")
    return issuer.token(
        grant_type="authorization_code", code=answer["code"], redirect_uri=redirect, code_verifier=attempt.verifier
    )


def by_device(issuer: Issuer, scope: str, *, wait: float = WAIT_SECONDS) -> str:
    """A token for who types the code that is shown, on any device. Raises NoTokenError.

    What the network or the issuer misses while somebody types is asked for again, more slowly (RFC 8628, 3.5).
    """
    began = issuer.post(issuer.endpoint("device_authorization_endpoint"), scope=scope)
    for name in ("device_code", "user_code", "verification_uri"):
        if not isinstance(began.get(name), str):
            raise NoTokenError(f"The sign-in offers no code to type: its answer has no {name} (RFC 8628, 3.2).")
    address = began.get("verification_uri_complete") or began["verification_uri"]
    _say(f"Open {address} and, if asked, type {began['user_code']}.")
    interval = _seconds(began.get("interval"), 5)
    give_up = time.monotonic() + min(wait, _seconds(began.get("expires_in"), wait))
    missed: NotNowError | None = None
    while time.monotonic() < give_up:
        time.sleep(interval)
        missed = None
        try:
            return issuer.token(grant_type=_DEVICE_GRANT, device_code=began["device_code"])
        except NotNowError as error:
            interval *= 2
            missed = error
        except NoTokenError as error:
            if error.code == "slow_down":
                interval += 5
            elif error.code != "authorization_pending":
                raise
    raise missed or NoTokenError("Nobody typed the code in time. Try again.")


def _refusal(answer: Mapping[str, str], scope: str) -> str:
    """What the sign-in said in the place of a code, and what to do where that is known."""
    said = f"The sign-in says {answer['error']}: {answer.get('error_description', '')}".rstrip(": ")
    # A rule of Okta's has to allow every scope that is asked for (docs/okta.md, step 3).
    if answer["error"] == "access_denied" and len(scope.split()) > 1:
        said += '\nWho may only read asks for less: SCOPE="sales:read" make login'
    return said


def _seconds(given: Any, otherwise: float) -> float:
    """A time out of an answer, which may lack it or have anything in its place."""
    return float(given) if isinstance(given, int | float) and given > 0 else otherwise


class _Loopback(ThreadingHTTPServer):
    """Takes the redirect. Browsers open connections that they may never use: each has a thread, none is waited for."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of a browser that hung up."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _redirected(port: int, address: str, state: str, wait: float) -> Mapping[str, str]:
    """Opens the address in a browser; what the issuer sends back to the loopback address."""
    answers: queue.SimpleQueue[Mapping[str, str]] = queue.SimpleQueue()

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            answer = {name: values[0] for name, values in parse_qs(query).items()}
            # Another page of this browser may ask too: only the answer to this attempt counts.
            known = secrets.compare_digest(answer.get("state", "").encode(), state.encode())
            if path != REDIRECT_PATH or not known:
                self.send_error(404)
                return
            good = "code" in answer
            page = _PAGE.format(
                title="You are signed in" if good else "You are not signed in",
                text="The token is in your terminal." if good else "Your terminal says why.",
            ).encode()
            try:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)
            finally:
                # Last: this process may end as soon as it has the answer.
                answers.put(answer)

        def log_message(self, *_: Any) -> None:
            """The code is in the address: nothing is logged."""

    try:
        server = _Loopback(("127.0.0.1", port), Handler)
    except OSError as error:
        raise NoTokenError(f"Port {port} is taken ({error.strerror}). End what uses it, or set LOGIN_PORT.") from None
    with server:
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        try:
            _say(f"Opening the browser. If it does not open, go to\n{address}")
            webbrowser.open(address)
            return answers.get(timeout=wait)
        except queue.Empty:
            raise NoTokenError(
                "Nobody signed in in time. Try again, or `make login DEVICE=1` where there is no browser."
            ) from None
        finally:
            server.shutdown()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Prints a token with the scopes in SCOPE, and nothing else; why there is none goes to standard error."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", action="store_true", help="sign in on another device")
    device = parser.parse_args().device
    scope = os.environ.get("SCOPE") or SCOPE
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
