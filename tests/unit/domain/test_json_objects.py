"""JSON objects as callers send them."""

import json

import pytest

from sales.domain.json_objects import parse_json, unique_names
from sales.domain.problems import Problem


def test_an_object_with_different_names_is_read() -> None:
    assert json.loads('{"a": {"b": 1}, "b": 2}', object_pairs_hook=unique_names) == {"a": {"b": 1}, "b": 2}


@pytest.mark.parametrize("text", ['{"a": 1, "a": 1}', '{"a": {"b": 1, "b": 2}}', '{"a": 1, "\\u0061": 2}'])
def test_a_repeated_name_is_refused_at_every_depth(text: str) -> None:
    with pytest.raises(ValueError, match="repeated"):
        json.loads(text, object_pairs_hook=unique_names)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[",
        b"NaN",
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1, "a": 2}',
        b"\xff",
        b'{"a":' * 50_000,
        b"1",
        "{}".encode("utf-16"),
    ],
)
def test_anything_but_a_json_object_is_invalid_json(raw: bytes) -> None:
    with pytest.raises(Problem, match="invalid_json"):
        parse_json(raw)


def test_a_byte_order_mark_before_the_body_is_ignored() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
    for elsewhere in (b'{"a": \xef\xbb\xbf1}', b"\xef\xbb\xbf\xef\xbb\xbf{}", b"\xef\xbb\xbf"):
        with pytest.raises(Problem, match="invalid_json"):
            parse_json(elsewhere)
