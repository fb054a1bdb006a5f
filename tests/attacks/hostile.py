"""Hostile tokens by name. The attacker knows the issuer's address, and may even have its key."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID
from jose import jwe

from tests.support.system import request
from tests.support.tokens import AUDIENCE, Issuer, b64, running


@contextmanager
def attacked(issuer: Issuer) -> Iterator[Issuer]:
    """The issuer, next to an attacker who serves keys of their own that we must never fetch."""
    with running(Issuer()) as attacker:
        issuer.attacker = attacker
        yield issuer


@contextmanager
def insider(state: Path, port: int) -> Iterator[Issuer]:
    """The issuer of a running system, whose signing key the attacker has: only the claims are wrong."""
    key = serialization.load_pem_private_key((state / "identity.pem").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    found = Issuer()
    found.key = key
    discovery = request("GET", f"http://127.0.0.1:{port}/oauth2/default/.well-known/openid-configuration").body
    found.url, found.kid = discovery["issuer"], request("GET", discovery["jwks_uri"]).body["keys"][0]["kid"]
    with attacked(found):
        yield found


def header(issuer: Issuer, **changes: Any) -> dict[str, Any]:
    return {"alg": "RS256", "kid": issuer.kid} | changes


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}.{b64(signature)}"


def hs256(issuer: Issuer, secret: bytes) -> str:
    head = unsigned(header(issuer, alg="HS256"), issuer.claims()).rstrip(".")
    return f"{head}.{b64(hmac.new(secret, head.encode(), hashlib.sha256).digest())}"


def hs256_with_the_public_key(issuer: Issuer) -> str:
    return hs256(issuer, issuer.public_pem)


def hs256_with_the_modulus(issuer: Issuer) -> str:
    return hs256(issuer, issuer.keys()["keys"][0]["n"].encode())


def hs256_with_nothing(issuer: Issuer) -> str:
    return hs256(issuer, b"")


def signed_bytes(issuer: Issuer, claims: bytes) -> str:
    head = f"{b64(json.dumps(header(issuer)).encode())}.{b64(claims)}"
    return f"{head}.{b64(issuer.key.sign(head.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def json_serialized(issuer: Issuer) -> str:
    protected, payload, signature = issuer.token().split(".")
    return json.dumps({"protected": protected, "payload": payload, "signature": signature})


def rs512(issuer: Issuer) -> str:
    head = unsigned(header(issuer, alg="RS512"), issuer.claims()).rstrip(".")
    return f"{head}.{b64(issuer.key.sign(head.encode(), padding.PKCS1v15(), hashes.SHA512()))}"


def ps256(issuer: Issuer) -> str:
    head = unsigned(header(issuer, alg="PS256"), issuer.claims()).rstrip(".")
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    return f"{head}.{b64(issuer.key.sign(head.encode(), pss, hashes.SHA256()))}"


def es256(kid: str) -> Callable[[Issuer], str]:
    """Signed with an elliptic key that the issuer publishes, under its own or the other key's id."""

    def make(issuer: Issuer) -> str:
        head = unsigned({"alg": "ES256", "kid": issuer.kid + kid}, issuer.claims()).rstrip(".")
        pair = decode_dss_signature(issuer.elliptic.sign(head.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{head}.{b64(b''.join(number.to_bytes(32) for number in pair))}"

    return make


def encrypted(issuer: Issuer) -> str:
    """A good token inside a JWE for the issuer's public key, which anybody can make."""
    made: bytes = jwe.encrypt(
        issuer.token(), issuer.public_pem, encryption="A256GCM", algorithm="RSA-OAEP", cty="JWT", kid=issuer.kid
    )
    return made.decode()


def certificate(key: rsa.RSAPrivateKey) -> str:
    """A certificate that the attacker has made for a key of theirs."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode()


def another_issuers_key(issuer: Issuer) -> str:
    stranger = Issuer(issuer.kid)
    stranger.url = issuer.url
    return stranger.token()


def embedded_key(issuer: Issuer) -> str:
    stranger = Issuer(issuer.kid)
    return stranger.sign(header(issuer, jwk=stranger.keys()["keys"][0]), issuer.claims())


def embedded_certificate(issuer: Issuer) -> str:
    stranger = Issuer(issuer.kid)
    return stranger.sign(header(issuer, x5c=[certificate(stranger.key)]), issuer.claims())


def pointed_key(name: str, kid: str = "") -> Callable[[Issuer], str]:
    """A token of the attacker, who serves its key under the id of the issuer's key or under another."""

    def make(issuer: Issuer) -> str:
        assert issuer.attacker
        attacker = issuer.attacker
        attacker.kid = kid or issuer.kid
        return attacker.sign(header(attacker) | {name: f"{attacker.url}/v1/keys"}, issuer.claims())

    return make


def changed_payload(issuer: Issuer) -> str:
    head, _, signature = issuer.token().split(".")
    return f"{head}.{b64(json.dumps(issuer.claims(sub='admin')).encode())}.{signature}"


NOW = time.time
TOKENS: dict[str, Callable[[Issuer], str]] = {
    "alg none": lambda i: unsigned(header(i, alg="none"), i.claims()),
    "alg none with a signature": lambda i: unsigned(header(i, alg="none"), i.claims(), b"x"),
    "alg None": lambda i: unsigned(header(i, alg="None"), i.claims(), b"x"),
    "alg missing": lambda i: i.sign({"kid": i.kid}, i.claims()),
    "alg a list": lambda i: i.sign(header(i, alg=["RS256"]), i.claims()),
    "alg in lower case": lambda i: i.sign(header(i, alg="rs256"), i.claims()),
    "HS256 signed with the public key": hs256_with_the_public_key,
    "RS512": rs512,
    "PS256": ps256,
    "ES256 by a key of the issuer's": es256("-elliptic"),
    "ES256 under the RSA key's id": es256(""),
    "RS256 under the elliptic key's id": lambda i: i.sign(header(i, kid=f"{i.kid}-elliptic"), i.claims()),
    "another key under the same kid": another_issuers_key,
    "embedded jwk": embedded_key,
    "jku": pointed_key("jku"),
    "x5u": pointed_key("x5u"),
    "jku with a kid of its own": pointed_key("jku", "theirs"),
    "x5c": embedded_certificate,
    "kid unknown": lambda i: i.sign(header(i, kid="other"), i.claims()),
    "kid of path traversal": lambda i: i.sign(header(i, kid="../../../dev/null"), i.claims()),
    "kid empty": lambda i: i.sign(header(i, kid=""), i.claims()),
    "kid missing": lambda i: i.sign({"alg": "RS256"}, i.claims()),
    "kid a number": lambda i: i.sign(header(i, kid=1), i.claims()),
    "critical extension": lambda i: i.sign(header(i, crit=["exp"], exp=int(NOW()) + 600), i.claims()),
    "crit empty": lambda i: i.sign(header(i, crit=[]), i.claims()),
    "crit null": lambda i: i.sign(header(i, crit=None), i.claims()),
    "wrong issuer": lambda i: i.token(iss="https://example.com/oauth2/default"),
    "issuer with a slash": lambda i: i.token(iss=i.url + "/"),
    "issuer as prefix": lambda i: i.token(iss=i.url[:-1]),
    "issuer with more behind it": lambda i: i.token(iss=i.url + ".evil"),
    "issuer with a path behind it": lambda i: i.token(iss=i.url + "/evil"),
    "issuer with a host behind its own": lambda i: i.token(iss=i.url.replace("127.0.0.1", "127.0.0.1.evil.example")),
    "issuer as list": lambda i: i.token(iss=[i.url]),
    "issuer missing": lambda i: i.token(iss=None),
    "wrong audience": lambda i: i.token(aud="api://other"),
    "issuer without its last slash, or with one": lambda i: i.token(
        iss=i.url.removesuffix("/") if i.url.endswith("/") else f"{i.url}/"
    ),
    "issuer with white space": lambda i: i.token(iss=f"{i.url} "),
    "audience as empty list": lambda i: i.token(aud=[]),
    "audience as nested list": lambda i: i.token(aud=[[AUDIENCE]]),
    "audience as list with a number": lambda i: i.token(aud=[AUDIENCE, 1]),
    "audience as list with a null": lambda i: i.token(aud=[None, AUDIENCE]),
    "audience as list of parts": lambda i: i.token(aud=["api:", "default"]),
    "audience as list in a string": lambda i: i.token(aud=f'["{AUDIENCE}"]'),
    "audience as API Gateway writes a list": lambda i: i.token(aud=f"[{AUDIENCE}]"),
    "audience a number": lambda i: i.token(aud=1),
    "audience true": lambda i: i.token(aud=True),
    "azp our audience": lambda i: i.token(aud="client", azp=AUDIENCE),
    "audience as list of others": lambda i: i.token(aud=["api://other"]),
    "audience as prefix": lambda i: i.token(aud="api://defaul"),
    "audience with more behind it": lambda i: i.token(aud=AUDIENCE + ".evil"),
    "audience with another behind it": lambda i: i.token(aud=f"{AUDIENCE} api://other"),
    "audience with a slash": lambda i: i.token(aud="api://default/"),
    "audience missing": lambda i: i.token(aud=None),
    "audience missing, client_id instead": lambda i: i.token(aud=None, client_id=AUDIENCE),
    "ID token": lambda i: i.token(aud="client", cid=None, scp=None, nonce="n", email="someone@example.com"),
    "no exp": lambda i: i.token(exp=None),
    "exp past": lambda i: i.token(exp=int(NOW()) - 1),
    "exp zero": lambda i: i.token(exp=0),
    "exp as string": lambda i: i.token(exp=str(int(NOW()) + 600)),
    "exp true": lambda i: i.token(exp=True),
    "exp huge": lambda i: i.token(exp=10**400),
    "exp Infinity": lambda i: i.token(exp=float("inf")),
    "exp NaN": lambda i: i.token(exp=float("nan")),
    "nbf future": lambda i: i.token(nbf=int(NOW()) + 600),
    "iat future": lambda i: i.token(iat=int(NOW()) + 600),
    "nbf as string": lambda i: i.token(nbf="soon"),
    "sub missing": lambda i: i.token(sub=None),
    "sub a number": lambda i: i.token(sub=7),
    "cid a list": lambda i: i.token(cid=["client"]),
    "azp a list": lambda i: i.token(azp=["client"]),
    "client_id an object": lambda i: i.token(client_id={"client": 1}),
    "duplicate claims": lambda i: i.sign(header(i), json.dumps(i.claims())[:-1] + ', "sub": "admin"}'),
    "duplicate header": lambda i: i.sign('{"alg": "none", "alg": "RS256", "kid": "' + i.kid + '"}', i.claims()),
    "claims a list": lambda i: i.sign(header(i), "[]"),
    "claims no JSON": lambda i: i.sign(header(i), "{"),
    "claims nested deep": lambda i: i.sign(header(i), '{"a":' * 1000 + "1" + "}" * 1000),
    "payload exchanged": changed_payload,
    "signature stripped": lambda i: i.token().rpartition(".")[0] + ".",
    "signature missing": lambda i: i.token().rpartition(".")[0],
    "signature truncated": lambda i: i.token()[:-10],
    "signature of zeros": lambda i: i.token().rpartition(".")[0] + "." + b64(b"\0" * 256),
    "truncated": lambda i: i.token()[: len(i.token()) // 2],
    "nested JWE": encrypted,
    "five parts": lambda i: ".".join(["e30"] * 5),
    "huge": lambda i: i.token(filler="x" * 20_000),
    "whitespace before": lambda i: " " + i.token(),
    "whitespace inside": lambda i: i.token().replace(".", " .", 1),
    "line break at the end": lambda i: i.token() + "\n",
    "empty": lambda i: "",
    "dots": lambda i: "..",
    "no ASCII": lambda i: "é.é.é",
    "standard base64": lambda i: i.token().replace(".", "+.", 1),
    "alg in another case": lambda i: unsigned(header(i, alg="nOnE"), i.claims(), b"x"),
    "HS256 signed with the modulus": hs256_with_the_modulus,
    "HS256 signed with nothing": hs256_with_nothing,
    "kid a list": lambda i: i.sign(header(i, kid=[i.kid]), i.claims()),
    "kid an address": lambda i: i.sign(header(i, kid="https://example.com/keys"), i.claims()),
    "kid an SQL injection": lambda i: i.sign(header(i, kid="' OR '1'='1"), i.claims()),
    "kid with NUL": lambda i: i.sign(header(i, kid=f"{i.kid}\0"), i.claims()),
    "crit names what nobody knows": lambda i: i.sign(header(i, crit=["nobody"], nobody=1), i.claims()),
    "b64 false": lambda i: i.sign(header(i, b64=False, crit=["b64"]), i.claims()),
    "issuer in another case": lambda i: i.token(iss=i.url.upper()),
    "issuer with another's as user": lambda i: i.token(iss=i.url.replace("://", "://example.com@")),
    "audience in another case": lambda i: i.token(aud=AUDIENCE.upper()),
    "audience null": lambda i: i.sign(header(i), i.claims() | {"aud": None}),
    "audience an object": lambda i: i.token(aud={AUDIENCE: True}),
    "exp null": lambda i: i.sign(header(i), i.claims() | {"exp": None}),
    "exp a list": lambda i: i.token(exp=[int(NOW()) + 600]),
    "exp negative": lambda i: i.token(exp=-1),
    "exp of thousands of digits": lambda i: i.sign(
        header(i), json.dumps(i.claims(exp=None))[:-1] + ', "exp": ' + "9" * 5000 + "}"
    ),
    "exp given twice": lambda i: i.sign(header(i), json.dumps(i.claims(exp=1))[:-1] + f', "exp": {int(NOW()) + 600}}}'),
    "iat as string": lambda i: i.token(iat="yesterday"),
    "claims in UTF-16": lambda i: signed_bytes(i, json.dumps(i.claims()).encode("utf-16")),
    "claims with a byte order mark": lambda i: signed_bytes(i, b"\xef\xbb\xbf" + json.dumps(i.claims()).encode()),
    "signature of another token": lambda i: (
        i.token(jti="1").rpartition(".")[0] + "." + i.token(jti="2").rpartition(".")[2]
    ),
    "four parts": lambda i: i.token() + ".e30",
    "JSON serialization": json_serialized,
    "padding": lambda i: i.token() + "==",
}

# Values of `scp` or `scope` that do not grant the route's scope: refused as well, but with 403.
_NO_SCOPE: dict[str, Any] = {
    "missing": None,
    "an empty list": [],
    "empty": "",
    "a list with a prefix": ["sales:writes"],
    "a list with a substring": ["sales:writ"],
    "a list with a suffix": ["xsales:write"],
    "a list with a space": ["sales:read sales:write"],
    "a list in upper case": ["SALES:WRITE"],
    "a list with a star": ["sales:*"],
    "a list of others": ["sales:read"],
    "nested": [["sales:write"]],
    "an object": {"sales:write": True},
    "a list with a number": ["sales:write", 1],
    "true": True,
    "words of others": "sales:read sales:manage",
    "a word with a prefix": "xsales:write",
    "a word with a suffix": "sales:writes",
    "a word in upper case": "SALES:WRITE",
    "as API Gateway writes a list": "[sales:write]",
    "as API Gateway writes a list of several": "[sales:read sales:write sales:manage]",
    "a list as JSON": '["sales:write"]',
    "words with tabs": "sales:read\tsales:write",
    "words with line breaks": "sales:read\nsales:write",
    "words with commas": "sales:read,sales:write",
    "words with no-break spaces": "sales:read\u00a0sales:write",
    "words with NUL": "sales:write\0",
}
# Claims of good tokens without the scope of the route.
WITHOUT_SCOPE: dict[str, dict[str, Any]] = {
    **{f"scp {name}": {"scp": value} for name, value in _NO_SCOPE.items()},
    **{f"scope {name}": {"scope": value} for name, value in _NO_SCOPE.items()},
    "scp grants what scope does not": {"scp": ["sales:write"], "scope": "sales:read"},
    "scope grants what scp does not": {"scp": ["sales:read"], "scope": "sales:write"},
    "scope grants next to an empty scp": {"scp": [], "scope": "sales:write"},
    "scope grants next to an invalid scp": {"scp": {"sales:write": 1}, "scope": "sales:write"},
    "scopes under other names": {"scopes": ["sales:write"], "permissions": ["sales:write"], "roles": ["sales:write"]},
}


def without_scope(issuer: Issuer, name: str) -> str:
    """Return the token of this name in WITHOUT_SCOPE."""
    return issuer.token(**{"scp": None, "scope": None} | WITHOUT_SCOPE[name])


# A good token in the wrong place: header lines and query, with %s for the token.
CARRIED: dict[str, tuple[list[bytes], str]] = {
    "no header": ([], ""),
    "an empty header": ([b"Authorization:"], ""),
    "only the scheme": ([b"Authorization: Bearer"], ""),
    "basic": ([b"Authorization: Basic %s"], ""),
    "scheme twice": ([b"Authorization: Bearer Bearer %s"], ""),
    "a tab after the scheme": ([b"Authorization: Bearer\t%s"], ""),
    "two headers, both good": ([b"Authorization: Bearer %s", b"Authorization: Bearer %s"], ""),
    "two headers, the first bad": ([b"Authorization: Bearer x", b"Authorization: Bearer %s"], ""),
    "two headers, the second bad": ([b"Authorization: Bearer %s", b"Authorization: Bearer x"], ""),
    "two tokens in one header": ([b"Authorization: Bearer %s, Bearer %s"], ""),
    "in the query": ([], "?access_token=%s"),
    "in a cookie": ([b"Cookie: access_token=%s"], ""),
    "in another header": ([b"X-Authorization: Bearer %s"], ""),
    "in X-Forwarded-Authorization": ([b"X-Forwarded-Authorization: Bearer %s"], ""),
    "under Proxy-Authorization": ([b"Proxy-Authorization: Bearer %s"], ""),
    "in quotes": ([b'Authorization: Bearer "%s"'], ""),
    "after a NUL": ([b"Authorization: Bearer \0%s"], ""),
    "claims in a header of the API gateway": ([b"X-Amzn-Request-Context: {}", b"X-Claims: %s"], ""),
}
