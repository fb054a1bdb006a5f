"""A new customer: its id and code, and what the same Idempotency-Key finds."""

from sales.domain import clock
from sales.domain.caller import Caller
from sales.domain.customers import Customer
from sales.domain.ids import code_of, customer_ids
from sales.schemas.customers import NewCustomer
from sales.services.idempotency import Done, check_replay
from sales.store import Conflict, store

__all__ = ["register_customer"]


def register_customer(body: NewCustomer, *, caller: Caller, key: str | None, fingerprint: str) -> Done[Customer]:
    """Store a new customer, or return the one that this caller's Idempotency-Key created earlier.

    Raise Problem `idempotency_key_reused` if the key came with another body.
    """
    ids = customer_ids(caller, key)
    while True:
        customer_id = next(ids)
        customer = Customer.new(
            id=customer_id,
            code=code_of(customer_id),
            name=body.name,
            phone_number=body.phone_number,
            email=body.email,
            now=clock.now(),
            fingerprint=fingerprint,
        )
        try:
            return Done(store().customers.add(customer))
        except Conflict as conflict:
            current = conflict.current
        if current and current.id == customer_id:
            check_replay(current.fingerprint, fingerprint)
            return Done(current, replayed=True)
        # Another customer has the code: the next id has another one.
