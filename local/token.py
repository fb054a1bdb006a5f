"""`make token`: an access token from the running sign-in, for a machine (client credentials)."""

import base64
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

from local.config import Config

__all__ = ["NoTokenError", "access_token"]

CLIENT_ID = "sales-service"
SCOPE = "sales:read sales:write"


class NoTokenError(Exception):
    """There is no token; the text says why and what to do."""


def access_token(config: Config, scope: str = SCOPE) -> str:
    """A token with these scopes, separated by spaces. Raises NoTokenError."""
    try:
        secret = json.loads((config.state / "identity-clients.json").read_text())[CLIENT_ID]
        credentials = base64.b64encode(f"{CLIENT_ID}:{secret}".encode()).decode()
        form = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": scope}).encode()
        request = urllib.request.Request(  # noqa: S310 - the sign-in on this machine
            f"{config.issuer}/v1/token", data=form, headers={"Authorization": f"Basic {credentials}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - the same
            return str(json.load(answer)["access_token"])
    except urllib.error.HTTPError as error:
        said = json.loads(error.read() or b"{}")
        raise NoTokenError(f"The sign-in gives no token: {said.get('error_description', error)}") from None
    except (OSError, KeyError, ValueError):
        where = f" at {config.identity_url}" if config.port != 8000 else ""
        raise NoTokenError(
            f"The system does not run{where}. Start it with `make run` in another shell and try again."
        ) from None


def main() -> int:
    """Prints a token with the scopes in SCOPE, and nothing else; why there is none goes to standard error."""
    try:
        print(access_token(Config.of_running(), os.environ.get("SCOPE") or SCOPE))
    except (NoTokenError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
