"""An issuer for tests: signs access tokens and serves its keys on loopback."""

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

AUDIENCE = "api://default"
# How the three kinds of issuer write their address, and whose access tokens differ as `claims` says.
FORMS = {"okta": "/oauth2/default", "auth0": "/", "keycloak": "/realms/shop"}
SCOPE = "sales:read sales:write sales:manage"


def b64(raw: bytes) -> str:
    """base64url without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Issuer:
    """An authorization server with one key, which can rotate. `form` is one of FORMS."""

    def __init__(self, kid: str = "key-1", form: str = "okta") -> None:
        self.url = ""
        self.form = form
        self.fetches = 0
        self.delay = 0.0
        self.down = False
        # Seconds between two bytes of an answer: of all of it with `drip_head`, else of its body.
        self.drip = 0.0
        self.drip_head = False
        self.padding: bytes = b""
        # Changes to its discovery document, a replacement for it, other keys, and an answer of its token endpoint.
        self.discovery: dict[str, Any] = {}
        self.document: Any = None
        self.published: dict[str, Any] | None = None
        self.grants: tuple[int, Any] | None = None
        # Its answer to a silent sign-in: status, text, and the address that the browser goes to; `{back}` is where it
        # came from.
        self.sign_in = (302, "", "{back}?error=login_required&state=x")
        # Its first answers to a POST, in order, before `grants`; None hangs up without an answer.
        self.script: list[tuple[int, Any] | None] = []
        # The address that its answers redirect to.
        self.elsewhere = ""
        self.attacker: Issuer | None = None
        # Published next to the other; not usable for RS256.
        self.elliptic = ec.generate_private_key(ec.SECP256R1())
        self.rotate(kid)

    def rotate(self, kid: str) -> None:
        """Sign with a new key from now on, and publish only that one."""
        self.kid = kid
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def public_pem(self) -> bytes:
        """The public key, in PEM."""
        return self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def keys(self) -> dict[str, Any]:
        """The JWKS."""
        numbers = self.key.public_key().public_numbers()
        size = (numbers.n.bit_length() + 7) // 8
        entry = {
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": self.kid,
            "n": b64(numbers.n.to_bytes(size)),
            "e": "AQAB",
        }
        point = self.elliptic.public_key().public_numbers()
        elliptic = {
            "kty": "EC",
            "crv": "P-256",
            "alg": "ES256",
            "use": "sig",
            "kid": f"{self.kid}-elliptic",
            "x": b64(point.x.to_bytes(32)),
            "y": b64(point.y.to_bytes(32)),
        }
        return {"keys": [entry, elliptic]}

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return an access token's claims as an issuer of this form writes them; None leaves one out.

        Auth0: https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles
        Keycloak: https://www.keycloak.org/docs/latest/server_admin/#_client_scopes
        """
        now = int(time.time())
        shared = {"iss": self.url, "sub": "someone@example.com", "iat": now - 1, "exp": now + 600}
        own: dict[str, dict[str, Any]] = {
            "okta": {"ver": 1, "jti": "AT.1", "aud": AUDIENCE, "cid": "client", "scp": SCOPE.split()},
            "auth0": {
                "aud": [AUDIENCE, f"{self.url}userinfo"],
                "azp": "client",
                "gty": "client-credentials",
                "scope": f"openid {SCOPE}",
            },
            "keycloak": {
                "jti": "trrtcc:1",
                "aud": [AUDIENCE, "account"],
                "typ": "Bearer",
                "azp": "client",
                "acr": "1",
                "realm_access": {"roles": ["offline_access"]},
                "scope": f"profile {SCOPE} email",
                "preferred_username": "someone",
            },
        }
        claims = shared | own[self.form] | changes
        return {name: value for name, value in claims.items() if value is not None}

    def sign(self, header: dict[str, Any] | str, claims: dict[str, Any] | str) -> str:
        """Return header and claims (JSON text, or objects), signed with RS256 even if the header names another algorithm."""
        parts = [part if isinstance(part, str) else json.dumps(part) for part in (header, claims)]
        head = ".".join(b64(part.encode()) for part in parts)
        return f"{head}.{b64(self.key.sign(head.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def token(self, **changes: Any) -> str:
        """Return a valid token with these claims changed."""
        return self.sign({"alg": "RS256", "kid": self.kid}, self.claims(**changes))


@contextmanager
def running(issuer: Issuer) -> Iterator[Issuer]:
    """Serve the issuer's discovery document and keys on a free loopback port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.fetches += 1
            time.sleep(issuer.delay)
            if issuer.elsewhere:
                self.send_response(302)
                self.send_header("Location", issuer.elsewhere + self.path)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if issuer.down:
                self.send_error(503)
                return
            path, _, query = self.path.partition("?")
            if path.endswith("/authorize"):
                status, text, leads_to = issuer.sign_in
                back = leads_to.replace("{back}", parse_qs(query)["redirect_uri"][0])
                self.answer(status, text, {"Location": back} if leads_to else {})
                return
            base = issuer.url.removesuffix("/")
            discovery = {
                "issuer": issuer.url,
                "jwks_uri": f"{base}/v1/keys",
                "token_endpoint": f"{base}/v1/token",
                "authorization_endpoint": f"{base}/v1/authorize",
                "device_authorization_endpoint": f"{base}/v1/device/authorize",
                "scopes_supported": SCOPE.split(),
            }
            keys = self.path.endswith("/keys")
            document = discovery | issuer.discovery if issuer.document is None else issuer.document
            self.answer(200, (issuer.published or issuer.keys()) if keys else document)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if issuer.script:
                if scripted := issuer.script.pop(0):
                    self.answer(*scripted)
                return
            self.answer(*(issuer.grants or (200, {"access_token": issuer.token()})))

        def answer(self, status: int, document: Any, headers: Mapping[str, str] = MappingProxyType({})) -> None:
            body = json.dumps(document).encode() + issuer.padding
            if issuer.drip and issuer.drip_head:
                self.dripped(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(50)))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.dripped(body)

        def dripped(self, data: bytes) -> None:
            with suppress(OSError):  # the reader may have given up
                while issuer.drip and data:
                    self.wfile.write(data[:1])
                    data = data[1:]
                    time.sleep(issuer.drip)
                self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    issuer.url = f"http://127.0.0.1:{server.server_port}{FORMS[issuer.form]}"
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
