"""An item about a number outlives its customers and does not name the number."""

from sales.store.numbers import NumberState, number_key, number_state


def test_a_numbers_key_does_not_give_it_away() -> None:
    assert "254704590344" not in number_key("+254704590344")
    assert number_key("+254704590344") != number_key("+254700000001")


def test_nothing_is_known_about_a_number_without_an_item() -> None:
    assert (
        number_state(None) == number_state({"code": "x"}) == NumberState(opted_out=False, blocked_senders=frozenset())
    )


def test_an_item_says_who_opted_out_and_which_senders_are_blocked() -> None:
    assert number_state({"sms_opted_out": True}) == NumberState(opted_out=True)
    assert number_state({"blocked_senders": frozenset({"SHOP"})}) == NumberState(blocked_senders=frozenset({"SHOP"}))
