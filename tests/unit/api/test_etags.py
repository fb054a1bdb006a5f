"""Conditional requests, through an endpoint."""

import time
from typing import Any

import pytest

from sales.api.endpoint import Request, Response, endpoint
from tests.support.events import Context, http_event

pytestmark = pytest.mark.usefixtures("environment")


def answer(function: Any, event: dict[str, Any]) -> dict[str, Any]:
    return endpoint(scope=None)(function)(event, Context())


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ('"1"', 304), ('"0", "1"', 304), ("*", 304), ('"2"', 200), ("", 200), ("1", 200), ('"1', 200),
        # Weak ETags match (RFC 9110, 13.1.2).
        ('W/"1"', 304), ('"0", W/"1"', 304), (',"0" ,, W/"1",', 304), ('W/"2"', 200), ('w/"1"', 200), ('"W/1"', 200),
        # An entity-tag may contain a comma.
        ('"0,1"', 200), ('"0,", "1"', 304),
    ],
)  # fmt: skip
def test_if_none_match_compares_weakly_and_answers_304(header: str, status: int) -> None:
    event = http_event("GET", "/x", headers={"If-None-Match": header}, authorized=False)
    assert answer(lambda _: Response(200, {}, version=1), event)["statusCode"] == status


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ('"1"', 200), ("*", 200), (' "1" ', 200), ('"2", "1"', 200), ('"2","1",', 200), ('"x", "1"', 200),
        # Weak ETags, and other spellings of the same number, never match (RFC 9110, 13.1.1).
        ('W/"1"', 412), ('"2", W/"1"', 412), ('"01"', 412), ('"1.0"', 412), ('"2"', 412), ('"2", "3"', 412),
        ('"x"', 412), ('""', 412), (f'"{"9" * 400}"', 412),
        ("1", 400), ("", 400), (",", 400), ("W/x", 400), ('w/"1"', 400), ('"1', 400), ('"1" "2"', 400), ('*, "1"', 400),
        ('"a b"', 400), (", ".join(f'"{number}"' for number in range(101)), 400),
    ],
)  # fmt: skip
def test_if_match_compares_strongly_with_each_etag(header: str, status: int) -> None:
    def change(request: Request) -> Response:
        request.check_version(1)
        return Response(200)

    event = http_event("POST", "/x", headers={"If-Match": header}, authorized=False)
    assert answer(change, event)["statusCode"] == status


@pytest.mark.parametrize("part", ['"1",', " ,", "\t", 'W/"', '"" ', ", \t"])
def test_a_header_of_ten_kilobytes_is_read_quickly(part: str) -> None:
    event = http_event("GET", "/x", headers={"If-None-Match": part * (10_240 // len(part)) + "x"}, authorized=False)
    began = time.perf_counter()
    assert answer(lambda _: Response(200, {}, version=1), event)["statusCode"] == 200
    assert time.perf_counter() - began < 1
