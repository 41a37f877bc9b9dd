"""What gateways tell by webhook, in words of our own."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.money import Money
from domain.payment_methods import MethodFacts
from domain.values import Instant, Value


class GatewayEventKind(StrEnum):
    payment_changed = "payment_changed"
    """Something about the payment is new: ask its status. What the event says of it is not trusted."""
    payment_returned = "payment_returned"
    """A debit that had succeeded was taken back by the payer's bank."""
    refund_failed = "refund_failed"
    dispute_opened = "dispute_opened"
    dispute_changed = "dispute_changed"
    dispute_won = "dispute_won"
    dispute_lost = "dispute_lost"
    method_updated = "method_updated"
    """The account updater has new facts about a token: another expiry, or another card behind it."""
    method_revoked = "method_revoked"


ABOUT_METHODS = frozenset({GatewayEventKind.method_updated, GatewayEventKind.method_revoked})


Label = Annotated[str, Field(min_length=1, max_length=300)]
"""The gateway's own name for something, or our key."""


class GatewayEvent(Value):
    """One message. `id` is the gateway's own and unique there; `payment` is our key of the payment, `refund` our key of the
    refund, `dispute` and `method` the gateway's names. `amount` is what is returned or disputed, `fee` what the gateway takes
    for it, `reason` the gateway's code for why (`fraudulent`, `insufficient_funds`), `deadline` when evidence is due.

    `reference` is the gateway's own name of the payment, by which ours is found where the message does not say it."""

    id: Label
    kind: GatewayEventKind
    at: Instant
    payment: Label | None = None
    reference: Label | None = None
    refund: Label | None = None
    dispute: Label | None = None
    method: Label | None = None
    amount: Money | None = None
    fee: Money | None = None
    reason: Annotated[str, Field(max_length=200)] = ""
    deadline: Instant | None = None
    facts: MethodFacts | None = None


Text = Annotated[str, Field(max_length=20_000)]


class Told(Value):
    """An event, and the gateway that told it."""

    gateway: str
    event: GatewayEvent


class Evidence(Value):
    """What is told to the gateway against a dispute: texts that a person may read, by the gateway's common fields."""

    product: Text = ""
    customer_name: Text = ""
    service_date: Text = ""
    access_log: Text = ""
    explanation: Text = ""
