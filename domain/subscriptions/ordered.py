"""What an order's item does to a subscription that is live, as it was seen when the order was accepted."""

from domain.money import Money
from domain.subscriptions.changes import Change
from domain.subscriptions.ending import Cancellation, When
from domain.values import Instant, Value


class OrderedChange(Value):
    """`plan` × `quantity` at `version` is what the subscription was. `change` is what another plan or quantity came to then,
    and `end` what its end did; one of the two is there. `when` is as it was asked for.

    `cost` is what is approved and judged: what is charged at once, or, of one that is made later, what a period of what it
    becomes costs where that is dearer; nothing where it costs less.
    """

    subscription: str
    version: int
    plan: str
    plan_name: str
    quantity: int
    when: When | Instant | None = None
    change: Change | None = None
    end: Cancellation | None = None
    cost: Money

    @property
    def words(self) -> str:
        """What becomes what."""
        was = f"{self.plan} × {self.quantity}"
        return f"{was} → {self.change.plan} × {self.change.quantity}" if self.change else f"{was} → ended"

    @property
    def at(self) -> Instant:
        """When it was to be made, as things stood."""
        made = self.change or self.end
        if made is None:
            raise ValueError(f"ordered: subscription {self.subscription} is neither changed nor ended")
        return made.at
