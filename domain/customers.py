"""Who orders."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.cards import NoCardNumber
from domain.plans import Identifier
from domain.values import CountryCode, Name, StrictValue, Value

PaymentMethod = Annotated[
    str, Field(min_length=3, max_length=100, pattern=r"^[A-Za-z0-9_:.-]+$", examples=["tok_visa"]), NoCardNumber
]
"""A gateway token."""


class Risk(StrEnum):
    normal = "normal"
    high = "high"
    blocked = "blocked"


class Customer(StrictValue):
    """A customer's record. `payment_method` is a gateway token; no card number is ever accepted."""

    id: Identifier
    name: Name
    email: Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    country: CountryCode
    verified: bool = False
    risk: Risk = Risk.normal
    payment_method: PaymentMethod | None = None


class CustomerSnapshot(Value):
    """What an order needs to know of its customer; no personal data, since it is kept in Temporal's history."""

    id: str
    country: str
    risk: Risk


def snapshot(customer: Customer) -> CustomerSnapshot:
    return CustomerSnapshot(id=customer.id, country=customer.country, risk=customer.risk)
