"""A new customer: its id and code, and what the same Idempotency-Key finds."""

from collections.abc import Iterator

from sales.domain import clock
from sales.domain.caller import Caller
from sales.domain.customers import Customer
from sales.domain.ids import code_of, customer_ids, fingerprint
from sales.runtime import log
from sales.schemas.customers import NewCustomer
from sales.services.idempotency import Done, check_replay
from sales.store import Conflict, store

__all__ = ["add_customer", "register_customer"]


def register_customer(body: NewCustomer, *, caller: Caller, key: str | None) -> Done[Customer]:
    """Store a new customer, or return the one that this caller's Idempotency-Key created earlier.

    Raise Problem `idempotency_key_reused` if the key came with another request.
    """
    meaning = fingerprint(body.meaning())
    try:
        added = add_customer(body, customer_ids(caller, key), caller=caller, fingerprint=meaning)
    except Conflict as conflict:
        earlier: Customer = conflict.current
        log.about(customer_id=earlier.id)
        check_replay(earlier.fingerprint, meaning)
        return Done(earlier, replayed=True)
    log.about(customer_id=added.id)
    return Done(added)


def add_customer(
    body: NewCustomer, ids: Iterator[str], *, caller: Caller, fingerprint: str, in_group: bool = False
) -> Customer:
    """Store a new customer under the first of these endless ids whose code is free, and return the customer.

    Raise Conflict with the customer that has the id already.
    """
    while True:
        customer_id = next(ids)
        customer = Customer.new(
            id=customer_id,
            code=code_of(customer_id),
            name=body.name,
            phone_number=body.phone_number,
            email=body.email,
            language=body.language,
            now=clock.now(),
            by=caller.actor,
            fingerprint=fingerprint,
        )
        try:
            return store().customers.add(customer, in_group=in_group)
        except Conflict as conflict:
            if conflict.current and conflict.current.id == customer_id:
                raise
            # Another customer has the code: the next id has another one.
