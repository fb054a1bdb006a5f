"""Ids, codes and fingerprints."""

import re
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.domain.caller import Caller
from sales.domain.ids import (
    ALPHABET,
    caller_key,
    code_of,
    customer_ids,
    fingerprint,
    id_and_code,
    is_code,
    is_id,
    is_replay,
    order_id,
    read_code,
    show_code,
)
from sales.domain.problems import Problem

CALLER = Caller("someone", "client", frozenset())
UUID_8 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_a_customers_code_is_inside_its_id_and_both_find_it() -> None:
    customer_id = next(customer_ids(CALLER, None))
    code = code_of(customer_id)
    assert re.fullmatch(f"[{ALPHABET}]{{8}}", code)
    assert id_and_code(customer_id) == id_and_code(customer_id.upper()) == (customer_id, code)
    assert id_and_code(code.lower()) == (None, code)


def test_a_code_is_the_first_40_bits_of_the_id() -> None:
    assert code_of("00000000-1234-8345-8678-9abcdef01234") == "2222222L"
    assert code_of("ffffffff-ff00-8000-8000-000000000000") == "ZZZZZZZZ"


@given(st.text(ALPHABET, min_size=8, max_size=8))
def test_a_code_is_shown_with_a_dash_and_read_in_any_case_with_or_without_it(code: str) -> None:
    shown = show_code(code)
    assert re.fullmatch(f"[{ALPHABET}]{{4}}-[{ALPHABET}]{{4}}", shown)
    assert {read_code(text) for text in (shown, shown.lower(), shown.title(), code, code.lower())} == {code}


@given(st.text(ALPHABET + ALPHABET.lower() + "01IO- \n–ßſı", max_size=11) | st.text(max_size=11))
def test_nothing_else_is_read_as_a_code(text: str) -> None:
    letters = f"[{ALPHABET}{ALPHABET.lower()}]{{4}}"
    assert (read_code(text) is not None) == bool(re.fullmatch(f"{letters}-?{letters}", text))


def test_the_alphabet_has_no_look_alikes() -> None:
    assert len(set(ALPHABET)) == 32
    assert not set(ALPHABET) & set("01IO")


def test_only_the_same_caller_and_key_give_the_same_id() -> None:
    other = Caller("someone", "other", frozenset())
    assert order_id(CALLER, "k") == order_id(CALLER, "k")
    ids = {order_id(CALLER, "k"), order_id(CALLER, "l"), order_id(other, "k"), next(customer_ids(CALLER, "k"))}
    assert len(ids) == 4
    assert order_id(CALLER, None) != order_id(CALLER, None)


def test_the_next_id_after_a_collision_is_always_the_same() -> None:
    first, second = customer_ids(CALLER, "k"), customer_ids(CALLER, "k")
    assert [next(first) for _ in range(4)] == [next(second) for _ in range(4)]
    assert len({code_of(each) for each, _ in zip(customer_ids(CALLER, "k"), range(50), strict=False)}) == 50


def test_two_requests_are_the_same_in_any_order_of_their_fields_and_any_spelling_of_an_amount() -> None:
    assert fingerprint({"a": "x", "b": Decimal("1.50")}) == fingerprint({"b": Decimal("1.5"), "a": "x"})
    assert fingerprint({"b": Decimal(100)}) == fingerprint({"b": Decimal("1E+2")})
    assert fingerprint({"a": True}) != fingerprint({"a": "true"})


def test_only_a_value_with_one_spelling_has_a_fingerprint() -> None:
    with pytest.raises(TypeError):
        fingerprint({"a": object()})


def test_a_key_is_stored_as_a_digest_of_caller_operation_and_key() -> None:
    keys = {caller_key(CALLER, "resend", "k"), caller_key(CALLER, "resend", "l"), caller_key(CALLER, "other", "k")}
    assert len(keys) == 3
    assert caller_key(CALLER, "resend", "k") in keys
    assert all(re.fullmatch("[0-9a-f]{32}", key) for key in keys)


def test_a_replay_has_the_same_fingerprint_or_belongs_to_an_erased_item() -> None:
    assert is_replay("a", "a")
    assert is_replay("", "a")
    assert not is_replay("a", "b")


@pytest.mark.parametrize(
    "text",
    [
        "", "ABC", "code", "10OI2345", "00000000-0000-4000-8000-000000000000", "7KQ2--M9XA", "-7KQ2M9XA", "7KQ-2M9XA",
        "7KQ2 M9XA", "7KQ2–M9XA", "7KQ2-M9XA\n", "ßßßß", "ſſſſſſſſ",
    ],
)  # fmt: skip
def test_a_text_that_is_neither_an_id_nor_a_code_finds_nothing(text: str) -> None:
    assert read_code(text) is None
    with pytest.raises(Problem, match="not_found"):
        id_and_code(text)


@given(
    st.uuids().map(str)
    | st.from_regex(UUID_8, fullmatch=True)
    | st.text("0189abf-", min_size=35, max_size=37)
    | st.text(max_size=40)
)
def test_an_id_is_a_uuid_of_version_8_in_lower_case(text: str) -> None:
    assert is_id(text) == bool(UUID_8.fullmatch(text))


@given(st.binary(min_size=16, max_size=16))
def test_an_id_of_ours_is_a_uuid_of_version_8_for_every_library(key: bytes) -> None:
    made = order_id(CALLER, key.hex())
    assert is_id(made)
    assert UUID(made).version == 8


@given(st.text(ALPHABET + "01IOa\n", max_size=9) | st.text(max_size=9))
def test_a_code_is_eight_characters_of_the_alphabet(text: str) -> None:
    assert is_code(text) == bool(re.fullmatch(f"[{ALPHABET}]{{8}}", text))


def test_the_same_caller_and_key_give_the_same_ids_in_every_release() -> None:
    # Replays of requests that an earlier release answered must find their items.
    assert order_id(CALLER, "key") == "ff4373e9-5bc0-8d7f-ba8e-d46eb77814ab"
    assert next(customer_ids(CALLER, "key")) == "d559ccce-3c50-885e-8e55-82babcc035b7"
    assert caller_key(CALLER, "resend", "key") == "3bc1b71af5e485671b59981d01c9f186"
