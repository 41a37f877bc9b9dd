"""What people ask of a subscription besides its end and changes of it."""

from typing import Annotated

from pydantic import Field

from domain import keys
from domain.catalogue import Price
from domain.errors import Conflict
from domain.subscriptions.facts import Subscription
from domain.values import StrictValue

By = Annotated[str, Field(min_length=1, max_length=120, examples=["your name"])]


class Ordered(StrictValue):
    """The order item that asks for a change or an end, by its reference, and once; `plan` × `quantity` is what the order saw,
    and what the subscription has to be still. `price` is that of the plan it becomes, as it was when the order was accepted."""

    reference: Annotated[str, Field(max_length=200, examples=["O-1001:1"])]
    plan: str
    quantity: int
    price: Price | None = None

    def refuse_another(self, subscription: Subscription) -> None:
        """Conflict where it has become another since the order was accepted."""
        seen, now_is = f"{self.plan} × {self.quantity}", f"{subscription.plan} × {subscription.quantity}"
        if seen != now_is:
            raise Conflict(f"subscription {subscription.id} is for {now_is} now, and was for {seen} when this was ordered")

    @property
    def as_facts(self) -> dict[str, str]:
        """For the event that says what came of it."""
        return facts_of(self.reference)


def facts_of(reference: str) -> dict[str, str]:
    """The order and the item that a reference names; nothing where it names none."""
    parts = keys.split_reference(reference)
    return {"order": parts[0], "item": parts[1]} if parts else {}


class ByCommand(StrictValue):
    by: By


class HoldCommand(StrictValue):
    """`reason` is why its data must be kept; empty lifts the hold."""

    by: By
    reason: Annotated[str, Field(max_length=500, examples=["lawsuit 4711"])] = ""
