"""`make token`: an access token from the running sign-in, for a machine."""

import base64
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

from local.config import Config


def main() -> int:
    """Prints the token, and nothing else; why there is none goes to standard error."""
    config = Config.from_environ()
    try:
        secret = json.loads((config.state / "identity-clients.json").read_text())["sales-service"]
        credentials = base64.b64encode(f"sales-service:{secret}".encode()).decode()
        form = {"grant_type": "client_credentials", "scope": os.environ.get("SCOPE") or "sales:read sales:write"}
        asked = urllib.request.Request(
            f"{config.issuer}/v1/token",
            data=urllib.parse.urlencode(form).encode(),
            headers={"Authorization": f"Basic {credentials}"},
        )
        with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310 - the sign-in on this machine
            print(json.load(answer)["access_token"])
    except urllib.error.HTTPError as error:
        print(f"The sign-in gave no token: {error.read().decode(errors='replace')}", file=sys.stderr)
        return 1
    except (OSError, KeyError, ValueError):
        print("The system does not run. Start it with `make run` in another shell.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
