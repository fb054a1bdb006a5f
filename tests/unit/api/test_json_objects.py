"""JSON objects that say one thing twice."""

import json

import pytest

from sales.api.json_objects import unique_names


def test_an_object_with_different_names_is_read() -> None:
    assert json.loads('{"a": {"b": 1}, "b": 2}', object_pairs_hook=unique_names) == {"a": {"b": 1}, "b": 2}


@pytest.mark.parametrize("text", ['{"a": 1, "a": 1}', '{"a": {"b": 1, "b": 2}}', '{"a": 1, "\\u0061": 2}'])
def test_a_repeated_name_is_refused_at_every_depth(text: str) -> None:
    with pytest.raises(ValueError, match="repeated"):
        json.loads(text, object_pairs_hook=unique_names)
