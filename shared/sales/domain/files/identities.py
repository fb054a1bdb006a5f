"""The identities that imports know customers and orders by, the same for every caller, so nothing is created twice.

Ids come from them: the store's condition on the id decides between two imports of the same row. An identity is a digest with a
key of the shop's own, which keeps others from trying out which number and name an id (in a log, for example) belongs to.
"""

from collections.abc import Iterator

from sales.domain.files.words import fold_words
from sales.domain.ids import digest, ids_from

__all__ = ["customer_identity", "customer_ids", "order_id"]


def customer_identity(shop_key: str, number: str, name: str) -> str:
    """Return the same text for one number and one name, in whatever spelling."""
    return digest("imported customer", shop_key, number, fold_words(name)).hex()


def customer_ids(identity: str) -> Iterator[str]:
    """Yield the customer's ids without end; each is for when another customer has the code of the last."""
    return ids_from(bytes.fromhex(identity))


def order_id(shop_key: str, reference: str) -> str:
    """Return the id of the order with this reference."""
    return next(ids_from(digest("imported order", shop_key, reference)))
