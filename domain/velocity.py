"""How often a card, a customer and an address ordered of late, and for how much: what rules ask about as `velocity`."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field

from domain import keys
from domain.customers import Customer
from domain.orders import Order
from domain.values import StrictValue

Tally = Annotated[int, Field(strict=True, ge=0, le=10**18)]
WINDOWS = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
LONGEST = max(WINDOWS.values())
_ASKED = re.compile(r"\bvelocity\s*\.\s*(card|customer|address)_")


class Counted(StrEnum):
    card = "card"
    customer = "customer"
    address = "address"


class VelocityTraits(StrictValue):
    """Over the last hour, day, week and thirty days. The order at hand is counted too; amounts are in minor units of its
    currency, and of orders in that currency. Declines are payments that were declined. What is not known, such as the address
    of a customer without one, counts 0."""

    card_orders_1h: Tally = 0
    card_orders_24h: Tally = 0
    card_orders_7d: Tally = 0
    card_orders_30d: Tally = 0
    card_amount_1h: Tally = 0
    card_amount_24h: Tally = 0
    card_amount_7d: Tally = 0
    card_amount_30d: Tally = 0
    card_declines_1h: Tally = 0
    card_declines_24h: Tally = 0
    card_declines_7d: Tally = 0
    card_declines_30d: Tally = 0
    customer_orders_1h: Tally = 0
    customer_orders_24h: Tally = 0
    customer_orders_7d: Tally = 0
    customer_orders_30d: Tally = 0
    customer_amount_1h: Tally = 0
    customer_amount_24h: Tally = 0
    customer_amount_7d: Tally = 0
    customer_amount_30d: Tally = 0
    customer_declines_1h: Tally = 0
    customer_declines_24h: Tally = 0
    customer_declines_7d: Tally = 0
    customer_declines_30d: Tally = 0
    address_orders_1h: Tally = 0
    address_orders_24h: Tally = 0
    address_orders_7d: Tally = 0
    address_orders_30d: Tally = 0
    address_amount_1h: Tally = 0
    address_amount_24h: Tally = 0
    address_amount_7d: Tally = 0
    address_amount_30d: Tally = 0

    @classmethod
    def with_order(cls, others: Mapping[str, int], counted: Iterable[Counted], amount: int) -> Self:
        """What `others` came to, and one more order of `amount` by each of `counted`."""
        found = dict(others)
        for one in counted:
            for window in WINDOWS:
                for measure, more in (("orders", 1), ("amount", amount)):
                    name = f"{one}_{measure}_{window}"
                    found[name] = found.get(name, 0) + more
        return cls.model_validate({name: min(value, 10**18) for name, value in found.items()})


def asked_about(expressions: Iterable[str]) -> frozenset[Counted]:
    """Whose counters these expressions read."""
    return frozenset(Counted(name) for expression in expressions for name in _ASKED.findall(expression))


def subjects(order: Order, customer: Customer) -> list[str]:
    """What is counted of an order, without its card, which has to be looked up: by its fingerprint, be it on file or a bare
    token, or else by its id."""
    found = {Counted.customer: customer.id}
    if (address := address_of(customer)) is not None:
        found[Counted.address] = address
    return sorted(keys.fraud_subject(kind, value) for kind, value in found.items())


def address_of(customer: Customer) -> str | None:
    """Country, postcode and lines, without regard to case, spaces and punctuation; None where nothing but the country is
    known."""
    address = customer.address
    if address is None or not (address.lines or address.postcode):
        return None
    parts = (customer.country, address.postcode or "", "".join(address.lines))
    return "|".join("".join(letter for letter in part.casefold() if letter.isalnum()) for part in parts)
