"""The shop's own key for the identities of imports, and notes of the customers that were erased."""

import secrets
from collections.abc import Collection

from sales.store.table import Conflict, Put, Table

__all__ = ["Imports", "erased_note"]

_KEY = "import#key"


class Imports:
    """The shop's key, and notes of erased customers. Safe to share between threads; may raise Problem `unavailable`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def shop_key(self) -> str:
        """Return the key that the identities of this shop's imports are made with (`domain.ids.import_identity`)."""
        item = self._table.get({"code": _KEY})
        if item is None:
            item = {"code": _KEY, "key": secrets.token_hex(32)}
            try:
                self._table.put_if(Put(item, "attribute_not_exists(code)"))
            except Conflict as conflict:
                # Another import or erasure was first.
                item = conflict.current
        return str(item["key"])

    def erased(self, identities: Collection[str]) -> frozenset[str]:
        """Return those of these identities whose customer was erased."""
        keys = {_erased_key(identity): identity for identity in identities}
        return frozenset(keys[item["code"]] for item in self._table.get_many({"code": key} for key in keys))


def erased_note(identity: str) -> Put:
    """Return the write of a note that the customer with this identity was erased, so that no import creates it again."""
    return Put({"code": _erased_key(identity)}, "attribute_not_exists(code)")


def _erased_key(identity: str) -> str:
    return f"erased#{identity}"
