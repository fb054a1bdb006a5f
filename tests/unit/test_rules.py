"""Small rules: phone numbers, money, times, identities."""

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.domain.caller import Caller
from sales.domain.clock import format_time, parse_time
from sales.domain.ids import ALPHABET, code_of, customer_ids, fingerprint, id_and_code, order_id, read_code
from sales.domain.money import CURRENCIES, LARGEST, AmountError, check_decimals, parse_amount, show_amount
from sales.domain.phones import mask, parse_phone_number, reported_number

CALLER = Caller("someone", "client", frozenset())


class TestPhones:
    @pytest.mark.parametrize(
        ("written", "number"),
        [
            ("0704590344", "+254704590344"),
            ("0110000000", "+254110000000"),
            ("+254110000000", "+254110000000"),
            ("+2540704590344", "+254704590344"),
            ("+12025550123", "+12025550123"),
            ("0012025550123", "+12025550123"),
        ],
    )
    def test_usual_forms_are_one_number(self, written: str, number: str) -> None:
        assert parse_phone_number(written) == number

    @pytest.mark.parametrize(
        "written",
        [
            "", "+", "call me", "0704 59034", "07045903444", "0204590344", "+254204590344", "+2547045903440", "0704590344 x5",
            "1-800-FLOWERS", "+0704590344", "٠٧٠٤٥٩٠٣٤٤", "0704590344,0704590345", "+12", "+1234567890123456", "12025550123",
            "0704590344\n", "++254704590344",
        ],
    )  # fmt: skip
    def test_what_is_no_number_is_refused(self, written: str) -> None:
        with pytest.raises(ValueError, match="must"):
            parse_phone_number(written)

    @pytest.mark.parametrize(
        ("reported", "number"),
        [
            ("+254704590344", "+254704590344"),
            (" 254704590344", "+254704590344"),
            ("254704590344", "+254704590344"),
            ("0704590344", "+254704590344"),
            (" 12025550123", "+12025550123"),
            ("12025550123", "+12025550123"),
            ("somebody", ""),
            ("", ""),
            ("+", ""),
        ],
    )
    def test_a_webhooks_number_is_found_whatever_became_of_its_plus(self, reported: str, number: str) -> None:
        assert reported_number(reported) == number

    @given(st.text(max_size=30))
    def test_whatever_is_taken_is_e164_and_stays_as_it_is(self, written: str) -> None:
        try:
            number = parse_phone_number(written)
        except ValueError:
            return
        assert re.fullmatch(r"\+[1-9][0-9]{6,14}", number)
        assert parse_phone_number(number) == number

    def test_a_masked_number_shows_who_could_be_meant_and_no_more(self) -> None:
        assert mask("+254704590344") == "+2547****0344"
        assert mask("+2547") == "****"


class TestMoney:
    @given(st.decimals(min_value="0.01", max_value="9999999999.99", places=2))
    def test_an_amount_comes_back_exactly_as_it_was_written(self, amount: Decimal) -> None:
        assert show_amount(check_decimals(parse_amount(str(amount)), "KES"), "KES") == str(amount)

    @given(st.one_of(st.text(max_size=30), st.integers(), st.decimals(allow_nan=True, allow_infinity=True)))
    def test_whatever_is_taken_is_an_amount_within_bounds(self, value: object) -> None:
        try:
            amount = parse_amount(value)
        except AmountError:
            return
        assert 0 < amount <= LARGEST

    def test_a_float_is_never_money(self) -> None:
        with pytest.raises(AmountError):
            parse_amount(1.5)

    def test_each_currency_has_its_decimals(self) -> None:
        assert (CURRENCIES["KES"], CURRENCIES["UGX"], CURRENCIES["KWD"]) == (2, 0, 3)
        assert show_amount(Decimal(5), "UGX") == "5"


class TestTimes:
    def test_times_sort_as_text(self) -> None:
        early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
        assert format_time(early) == "2026-01-01T00:00:00.000000Z" < format_time(late)

    @given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
    def test_times_of_any_year_read_back_as_they_were_written_and_sort_as_text(
        self, one: datetime, two: datetime
    ) -> None:
        assert parse_time(format_time(one)) == one
        assert (format_time(one) < format_time(two)) == (one < two)

    def test_a_year_below_1000_has_four_digits(self) -> None:
        assert format_time(parse_time("0300-01-01")) == "0300-01-01T00:00:00.000000Z"

    @pytest.mark.parametrize(
        "text",
        ["2026-01-02t03:04:05z", "2026-01-02T03:04:05z", "2026-01-02t06:04:05+03:00", "2026-01-02t03:04:05.000Z"],
    )
    def test_t_and_z_may_be_lower_case(self, text: str) -> None:
        assert parse_time(text) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    @pytest.mark.parametrize(
        "text", ["20260101", "2026-01-01 00:00:00Z", "2026-W01-1", "2026-01-01T00Z", "x" * 10, "２０２６-01-01"]
    )
    def test_what_rfc_3339_does_not_know_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError):
            parse_time(text)


class TestIdentities:
    def test_a_customers_code_is_in_its_id_and_both_find_it(self) -> None:
        found = next(customer_ids(CALLER, None))
        code = code_of(found)
        assert re.fullmatch(f"[{ALPHABET}]{{8}}", code)
        assert read_code(found) == read_code(found.upper()) == read_code(code.lower()) == code
        assert id_and_code(found) == (found, code)
        assert id_and_code(code.lower()) == (None, code)

    def test_the_alphabet_has_no_look_alikes(self) -> None:
        assert len(set(ALPHABET)) == 32
        assert not set(ALPHABET) & set("01IO")

    def test_the_same_caller_and_key_make_the_same_id_and_nobody_else_does(self) -> None:
        other = Caller("someone", "other", frozenset())
        assert order_id(CALLER, "k") == order_id(CALLER, "k")
        ids = {order_id(CALLER, "k"), order_id(CALLER, "l"), order_id(other, "k"), next(customer_ids(CALLER, "k"))}
        assert len(ids) == 4
        assert order_id(CALLER, None) != order_id(CALLER, None)

    def test_the_next_identity_after_a_collision_is_always_the_same(self) -> None:
        first, second = customer_ids(CALLER, "k"), customer_ids(CALLER, "k")
        assert [next(first) for _ in range(4)] == [next(second) for _ in range(4)]
        assert len({code_of(each) for each, _ in zip(customer_ids(CALLER, "k"), range(50), strict=False)}) == 50

    def test_two_bodies_are_the_same_whatever_the_order_of_their_fields(self) -> None:
        assert fingerprint({"a": 1, "b": Decimal("1.50")}) == fingerprint({"b": Decimal("1.50"), "a": 1})
        assert fingerprint({"a": 1}) != fingerprint({"a": "1"})
