"""Customers as they are stored."""

from sales.store.customers import customer_from_item, customer_to_item, email_key
from sales.store.items import marshal_item, unmarshal_item
from tests.support.orders import NOW, new_customer


def test_a_customer_is_read_as_it_was_stored() -> None:
    customer = new_customer()
    assert customer_from_item(unmarshal_item(marshal_item(customer_to_item(customer)))) == customer


def test_an_erased_customer_is_in_no_index_by_name_number_or_email() -> None:
    erased = new_customer().without_personal_data(NOW, by="someone")
    item = customer_to_item(erased)
    searched = {"initial_1", "name_1", "initial_2", "name_2", "number_end", "number_start"}
    assert searched <= customer_to_item(new_customer()).keys()
    assert not (searched | {"name", "phone_number", "email", "email_key"}) & item.keys()
    assert customer_from_item(item) == erased


def test_a_customer_shows_as_blocked_for_the_present_sender_id_only() -> None:
    item = customer_to_item(new_customer()._replace(blocked_sender="SHOP"))
    assert customer_from_item(item, "SHOP").sms_blocked
    assert not customer_from_item(item, "OTHER").sms_blocked
    assert not customer_from_item(customer_to_item(new_customer()), "").sms_blocked


def test_a_customer_is_found_by_email_in_either_case() -> None:
    assert customer_to_item(new_customer())["email_key"] == email_key("JOHN@example.com")
