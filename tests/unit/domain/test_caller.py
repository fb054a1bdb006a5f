"""Claims become a caller, whose names are safe to store and to log."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.domain.caller import PROVIDER, Caller


def caller(**claims: Any) -> Caller | None:
    return Caller.from_claims(claims, ["sales:read"])


def digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:32]}"


@pytest.mark.parametrize(
    ("claims", "actor", "client"),
    [
        ({"uid": "00u1", "sub": "someone@example.com", "cid": "0oa1"}, "00u1", "0oa1"),
        ({"sub": "someone", "cid": "0oa1"}, "someone", "0oa1"),
        ({"uid": "", "sub": "someone", "cid": "0oa1"}, "someone", "0oa1"),
        ({"sub": "0oa1", "cid": "0oa1"}, "0oa1", "0oa1"),
        ({"cid": "0oa1"}, "0oa1", "0oa1"),
        ({"sub": "someone"}, "someone", "someone"),
        ({"sub": "someone@example.com"}, digest("someone@example.com"), digest("someone@example.com")),
        ({"uid": 7, "cid": "0oa1"}, "7", "0oa1"),
    ],
)
def test_the_actor_is_the_uid_then_the_subject_then_the_client(claims: dict[str, Any], actor: str, client: str) -> None:
    assert caller(**claims) == Caller(actor, client, frozenset({"sales:read"}))


@pytest.mark.parametrize(
    "claims", [{}, {"sub": ""}, {"sub": None, "cid": None}, {"uid": True}, {"sub": ["x"], "cid": {}}]
)
def test_claims_that_name_nobody_are_no_caller(claims: dict[str, Any]) -> None:
    assert caller(**claims) is None


@pytest.mark.parametrize(
    "name",
    ["someone@example.com", "+254704590344", "Jane Doe", "x" * 65, "sha256:0", "provider", "é", "a\nb", "\ud800"],
)
def test_a_name_that_could_be_a_persons_or_ours_is_a_digest(name: str) -> None:
    for claim in ("uid", "sub", "cid"):
        found = caller(**{claim: name})
        assert found
        assert found.actor.startswith("sha256:")
        assert len(found.actor) == 39
        assert found == caller(**{claim: name})


def test_a_digest_is_the_one_that_the_operations_page_computes() -> None:
    found = caller(sub="someone@example.com")
    assert found
    assert found.actor == "sha256:72497f475e4f76d0b28f57c73a084ece"


@given(st.text(min_size=1), st.text(min_size=1))
def test_different_subjects_are_different_actors_and_none_is_the_provider(first: str, second: str) -> None:
    one, other = caller(sub=first), caller(sub=second)
    assert one
    assert other
    assert (one.actor == other.actor) is (first == second)
    assert one.actor != PROVIDER.actor
    assert "@" not in one.actor


def test_the_same_person_is_another_caller_through_another_client() -> None:
    assert len({Caller("a", "b", frozenset()).id, Caller("b", "a", frozenset()).id}) == 2
