"""A subscription as it stands: what it is charged for, up to when, and why it may not be used."""

from datetime import datetime
from enum import StrEnum

from domain.billing.proration import Cut
from domain.billing.zones import TimeZone
from domain.catalogue import Price
from domain.money import CurrencyCode
from domain.states import SubscriptionState
from domain.subscriptions.policies import SuspendedTime
from domain.values import Instant, Value


class Opening(Value):
    """What a subscription's process is opened with. `activated_at` is there when a service has gone live: it is then taken
    over."""

    subscription: str
    activated_at: Instant | None = None


class Progress(Value):
    """How far a charge is billed. Its periods are counted from `anchor`; the next to bill is the `number`-th and begins at
    `until`, the end of the one before, or where it was changed or resumed in the middle of a period: `starts` says which.
    `price` is an earlier version of the subscription's price, by which its running period still goes."""

    charge: str
    anchor: Instant
    number: int
    until: Instant
    price: Price | None = None
    starts: Cut = Cut.start


class EndReason(StrEnum):
    requested = "requested"
    """The customer, or an operator for it, wanted it."""
    not_renewed = "not_renewed"
    """Its term was over, and it was not to be renewed."""
    unpaid = "unpaid"
    """What it was due was not paid, in spite of all reminders."""
    supplier = "supplier"
    """We cannot or do not want to go on serving it."""


class Ending(Value):
    """When it ends, why, and who wanted it so."""

    at: Instant
    reason: EndReason
    by: str
    words: str = ""


class ScheduledChange(Value):
    """A change that is decided: at its date, what is left out stays as it is then. `reference` is of the order item that asked
    for it, empty where none did."""

    number: int
    at: Instant
    plan: str | None = None
    quantity: int | None = None
    by: str
    words: str = ""
    reference: str = ""


class BillingStop(Value):
    """Since when time is not charged because the subscription is suspended, and in which way it is not."""

    since: Instant
    mode: SuspendedTime


class Pausing(Value):
    """When it is paused, and up to when; `until` is left out where it waits to be resumed."""

    at: Instant
    until: Instant | None = None
    by: str


class Subscription(Value):
    """The facts that a subscription's process keeps. Its plan is the one it was ordered with, and so is its price until a later
    version moves existing subscriptions.

    `owed` are its invoices that are past their due date, `throttled_for` those for which it is slowed down; `suspended_for` and
    `paused_since` say why it is not to be used; `paid_until` is the end of the last period that was paid for. `ending` is there
    from when an end is decided. `legal_hold` is why its data must be kept; empty where it need not.

    `changes` are decided and not made yet, the first first; `change_count` numbers them and those that were asked for at once.
    `given_back` are its billed lines whose unused rest was given back, which no later change or end gives back again.
    `pausing` is there from when a pause is decided until it is resumed, `billing_stop` while it is suspended and not to be
    charged for that. `reminded_of` are the last instants that its customer was reminded of. `reinstated` is how often it has
    gone on after an end.
    """

    id: str
    customer: str
    legal_entity: str
    order: str
    item: str
    product: str
    plan: str
    plan_name: str
    quantity: int
    currency: CurrencyCode
    price: Price
    timezone: TimeZone = "UTC"
    remote_id: str | None = None
    started_at: Instant
    trial_ends: Instant | None = None
    progress: tuple[Progress, ...] = ()
    paid_until: Instant | None = None
    owed: tuple[str, ...] = ()
    suspended_for: tuple[str, ...] = ()
    throttled_for: tuple[str, ...] = ()
    paused_since: Instant | None = None
    ending: Ending | None = None
    ended_at: Instant | None = None
    legal_hold: str = ""
    changes: tuple[ScheduledChange, ...] = ()
    change_count: int = 0
    given_back: tuple[str, ...] = ()
    pausing: Pausing | None = None
    billing_stop: BillingStop | None = None
    reminded_of: tuple[Instant, ...] = ()
    reinstated: int = 0

    @property
    def service(self) -> str:
        """The id of the service it pays for."""
        return f"{self.order}:{self.item}"

    @property
    def once_more(self) -> str:
        """What tells the keys of another end from those of the first."""
        return f":{self.reinstated + 1}" if self.reinstated else ""

    def progress_of(self, charge: str) -> Progress | None:
        return next((each for each in self.progress if each.charge == charge), None)

    def price_of(self, charge: str) -> Price:
        """The version that the running period of a charge goes by."""
        progress = self.progress_of(charge)
        return self.price if progress is None or progress.price is None else progress.price

    def state(self, now: datetime) -> SubscriptionState:
        """The word that matters most to whoever looks: what stands in the way of use comes before what is owed or planned."""
        reasons = (
            (self.ended_at is not None, SubscriptionState.ended),
            (bool(self.suspended_for), SubscriptionState.suspended),
            (self.paused_since is not None, SubscriptionState.paused),
            (bool(self.owed), SubscriptionState.past_due),
            (self.ending is not None, SubscriptionState.cancel_scheduled),
            (self.trial_ends is not None and now < self.trial_ends, SubscriptionState.trialing),
        )
        return next((state for holds, state in reasons if holds), SubscriptionState.active)
