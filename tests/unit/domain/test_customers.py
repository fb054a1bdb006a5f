"""Customers."""

from sales.domain.clock import format_time
from tests.support.orders import NOW, at, new_customer


def test_an_erased_customer_has_no_personal_data_and_gets_no_texts() -> None:
    erased = new_customer().without_personal_data(at(5), by="someone")
    assert (erased.id, erased.code, erased.version) == ("c", "K7M2Q9XH", 2)
    assert (erased.created_at, erased.updated_at) == (format_time(NOW), format_time(at(5)))
    assert erased.erased
    nothing = {"name": None, "phone_number": None, "email": None, "language": None}
    assert erased.public() | {"sms_opted_out": True} | nothing == erased.public()
    assert not any((erased.name, erased.phone_number, erased.email, erased.fingerprint))


def test_customers_of_one_moment_have_places_of_their_own_in_lists() -> None:
    assert new_customer().sort_key == f"{format_time(NOW)}#c"
