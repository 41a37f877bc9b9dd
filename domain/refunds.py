"""Refunds that are asked for after a payment, and how much of a payment may still be given back."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.billing.cash_postings import PaymentPart
from domain.money import Money
from domain.values import Instant, Value


class AccessAfter(StrEnum):
    """What becomes of the access that was paid for."""

    keep = "keep"
    revoke = "revoke"


class RefundState(StrEnum):
    reserved = "reserved"
    """Promised; the gateway is being asked."""
    succeeded = "succeeded"
    """The gateway has accepted it, and it is booked."""
    refused = "refused"
    """A definite no: nothing has moved, and the amount may be refunded otherwise."""
    failed = "failed"
    """The money came back weeks later; it is the customer's credit now."""


COUNTED = (RefundState.reserved, RefundState.succeeded)
"""Those that take up what may be refunded."""

RefundId = Annotated[str, Field(pattern=r"^R-[A-Za-z0-9-]{1,60}$", examples=["R-4711"])]


class Refund(Value):
    """`key` is what the gateway knows it by. `message` says why it was refused or failed."""

    id: str
    key: str
    payment: str
    customer: str | None = None
    amount: Money
    state: RefundState
    reason: str = ""
    access: AccessAfter
    message: str = ""
    requested_by: str
    requested_at: Instant
    settled_at: Instant | None = None


class Paid(Value):
    """A payment as it is booked: the account that the money came to, what of it went to which invoices, and what was over.
    `order` is the one that it, or its invoice, belongs to."""

    key: str
    account: str
    customer: str
    amount: Money
    parts: tuple[PaymentPart, ...]
    over: Money
    at: Instant
    order: str | None = None


def left_of(paid: Money, refunded: Money, disputed: Money) -> Money:
    """What may still be given back; nothing where a dispute has taken more than was left."""
    left = paid - refunded - disputed
    return left if left.minor > 0 else Money.zero(paid.currency)


def taken_back(paid: Paid, amount: Money) -> tuple[tuple[PaymentPart, ...], Money]:
    """What of each invoice, and of what was over, goes when `amount` of a payment is taken back: what was over first, then the
    invoices from the last one on. ValueError for more than was paid."""
    if paid.amount < amount:
        raise ValueError(f"amount: {amount} of a payment of {paid.amount}")
    over = min(amount, paid.over)
    left, parts = amount - over, list[PaymentPart]()
    for part in reversed(paid.parts):
        taken = min(left, part.amount)
        if taken:
            parts.append(part.model_copy(update={"amount": taken}))
        left = left - taken
    return tuple(parts), over
