"""Tokens nobody must be let in with, each under its name; of an issuer whose key and address the attacker may know."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from tests.tokens import AUDIENCE, Issuer, b64


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


def es256(issuer: Issuer) -> str:
    head = unsigned(header(issuer, alg="ES256"), issuer.claims()).rstrip(".")
    key = ec.generate_private_key(ec.SECP256R1())
    return f"{head}.{b64(key.sign(head.encode(), ec.ECDSA(hashes.SHA256())))}"


def another_issuers_key(issuer: Issuer) -> str:
    stranger = Issuer(issuer.kid)
    stranger.url = issuer.url
    return stranger.token()


def embedded_key(issuer: Issuer) -> str:
    stranger = Issuer("mine")
    stranger.url = issuer.url
    return stranger.sign({"alg": "RS256", "kid": "mine", "jwk": stranger.keys()["keys"][0]}, stranger.claims())


def pointed_key(name: str) -> Callable[[Issuer], str]:
    def make(issuer: Issuer) -> str:
        stranger = Issuer("mine")
        stranger.url = issuer.url
        return stranger.sign({"alg": "RS256", "kid": "mine", name: "https://example.com/keys"}, stranger.claims())

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
    "ES256": es256,
    "another key under the same kid": another_issuers_key,
    "embedded jwk": embedded_key,
    "jku": pointed_key("jku"),
    "x5u": pointed_key("x5u"),
    "x5c": pointed_key("x5c"),
    "kid unknown": lambda i: i.sign(header(i, kid="other"), i.claims()),
    "kid of path traversal": lambda i: i.sign(header(i, kid="../../../dev/null"), i.claims()),
    "kid empty": lambda i: i.sign(header(i, kid=""), i.claims()),
    "kid missing": lambda i: i.sign({"alg": "RS256"}, i.claims()),
    "kid a number": lambda i: i.sign(header(i, kid=1), i.claims()),
    "critical extension": lambda i: i.sign(header(i, crit=["exp"]), i.claims()),
    "wrong issuer": lambda i: i.token(iss="https://example.com/oauth2/default"),
    "issuer with a slash": lambda i: i.token(iss=i.url + "/"),
    "issuer as prefix": lambda i: i.token(iss=i.url[:-1]),
    "issuer as list": lambda i: i.token(iss=[i.url]),
    "issuer missing": lambda i: i.token(iss=None),
    "wrong audience": lambda i: i.token(aud="api://other"),
    "audience as list": lambda i: i.token(aud=["api://other"]),
    "audience as prefix": lambda i: i.token(aud="api://defaul"),
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
    "nested JWE": lambda i: ".".join(["e30"] * 5),
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
    "crit names what nobody knows": lambda i: i.sign(header(i, crit=["exp"]), i.claims()),
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

# Good tokens that say nothing of the scope a route asks for: not let in either, but 403.
WITHOUT_SCOPE: dict[str, Any] = {
    "scp missing": None,
    "scp empty": [],
    "scp a string": "sales:write",
    "scp a string of several": "sales:read sales:write",
    "scope as prefix": ["sales:writes"],
    "scope as substring": ["sales:writ"],
    "scope as suffix": ["xsales:write"],
    "scope with a space": ["sales:read sales:write"],
    "scope in upper case": ["SALES:WRITE"],
    "scope with a star": ["sales:*"],
    "another scope only": ["sales:read"],
    "scp nested": [["sales:write"]],
    "scp an object": {"sales:write": True},
    "scp with a number": ["sales:write", 1],
    "scp true": True,
}
