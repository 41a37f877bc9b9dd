"""What an order asks of billing: an invoice over what was fulfilled, and a credit note over what was given back."""

from domain.money import Money
from domain.values import Instant, Value


class Bill(Value):
    """The fulfilled `items` of an order, and the key under which the gateway captured `total` for them; None where they come
    to nothing."""

    order: str
    items: list[str]
    payment: str | None
    total: Money
    at: Instant


class Credit(Value):
    """What was given back for one item, under the key that the gateway knows the refund by."""

    order: str
    item: str
    refund: str
    amount: Money
    reason: str
    at: Instant
