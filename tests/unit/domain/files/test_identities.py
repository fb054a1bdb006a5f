"""The identities that imports know customers and orders by."""

from itertools import islice

from sales.domain.files.identities import customer_identity, customer_ids, order_id
from sales.domain.ids import code_of, is_id


def test_one_number_and_one_name_have_one_identity_in_a_shop() -> None:
    identity = customer_identity("key", "+254700000001", "Jane Otieno")
    assert identity == customer_identity("key", "+254700000001", "JANE otieno")
    others = {
        customer_identity("other", "+254700000001", "Jane Otieno"),
        customer_identity("key", "+254700000002", "Jane Otieno"),
        customer_identity("key", "+254700000001", "Tom Otieno"),
    }
    assert len({identity, *others}) == 4


def test_the_ids_of_an_identity_are_always_the_same_each_with_another_code() -> None:
    identity = customer_identity("key", "+254700000001", "Jane Otieno")
    ids = list(islice(customer_ids(identity), 3))
    assert ids == list(islice(customer_ids(identity), 3))
    assert all(map(is_id, ids))
    assert len({code_of(one) for one in ids}) == 3


def test_an_order_has_the_id_of_its_reference() -> None:
    assert order_id("key", "INV-1") == order_id("key", "INV-1")
    assert len({order_id("key", "INV-1"), order_id("key", "inv-1"), order_id("other", "INV-1")}) == 3
