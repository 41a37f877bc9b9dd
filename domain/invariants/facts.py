"""What an invariant is judged by: plain facts, read from our own database and, where it can be had, from the other side."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.provisioning import ExportState, RemoteState
from domain.states import ItemState, OrderState, SubscriptionState
from domain.values import Value


class PaymentFacts(Value):
    """One payment as one side has it, in minor units. `held`: money is set aside for it and neither taken nor given back;
    `under_way`: its bank has it, and by policy its order goes on meanwhile."""

    key: str
    held: bool = False
    under_way: bool = False
    captured: int = 0
    refunded: int = 0
    captures: int = 0


class AccountFacts(Value):
    """What a partner has of one item; `created` counts how often it made something for it."""

    partner: str
    item: str
    state: RemoteState
    created: int = 1


class ItemFacts(Value):
    """`due` in minor units. `entitled` are the features that its finished steps grant while its service is live; `granted`
    those it holds."""

    item: str
    state: ItemState
    due: int = 0
    captured: bool = False
    live: bool = False
    entitled: frozenset[str] = frozenset()
    granted: frozenset[str] = frozenset()


class EventFacts(Value):
    seq: int
    at: datetime


class Posting(Value):
    """One side of a ledger transaction: debit above zero, credit below."""

    transaction: str
    account: str
    currency: str
    amount: int


class AfterFacts(Value):
    """What moved of an order's money after it was taken, in minor units: `refunded` on request, `disputed` and not won back,
    `returned` by the payer's bank, and `collected` anew by its invoice."""

    refunded: int = 0
    disputed: int = 0
    returned: int = 0
    collected: int = 0

    @property
    def gone(self) -> int:
        return self.refunded + self.disputed + self.returned - self.collected


class OrderFacts(Value):
    """One order. `gateway` and `accounts` are what the other sides say, None where nobody asked them."""

    id: str
    state: OrderState
    placed_at: datetime
    changed_at: datetime
    starts_at: datetime | None = None
    waiting_on: str | None = None
    owner: str | None = None
    deadline: datetime | None = None
    items: list[ItemFacts] = []
    payments: list[PaymentFacts] = []
    ledger: list[Posting] = []
    after: AfterFacts = AfterFacts()
    event_count: int = 0
    events: list[EventFacts] = []
    gateway: list[PaymentFacts] | None = None
    accounts: list[AccountFacts] | None = None


class QueuedFacts(Value):
    """Something that Temporal is to be told and has not been."""

    key: str
    order: str
    due_at: datetime
    attempts: int = 0


class InvoiceFacts(Value):
    """One invoice with payments that could be one too many: `kept` is what of them was neither refunded nor returned, in minor
    units like its `total`."""

    id: str
    total: int
    payments: int
    kept: int


class RefundedFacts(Value):
    """One payment with refunds, in minor units: what was `taken` by it, None while nothing is booked, and what was promised or
    given `back`. `promised_at` is when the oldest was promised that is neither given nor refused."""

    payment: str
    taken: int | None = None
    back: int
    promised_at: datetime | None = None


class AccessFacts(Value):
    """One service whose state is not as what blocks it. `due_at` is when the systems that built it are to follow, None where
    nothing will make them; `trouble` is why they could not."""

    service: str
    order: str
    is_blocked: bool
    due_at: datetime | None = None
    trouble: str | None = None


class ChargedFacts(Value):
    """One line that charges `[start, end)` of a subscription; `is_given_back`: what was not used of it is credited."""

    line: str
    charge: str
    start: datetime
    end: datetime
    is_given_back: bool = False


class DueFacts(Value):
    """Something that a subscription or its service is due; `error` is why it waits. `takes_down` ends the service,
    `gives_out` is its export, and `turns_access` has the systems that built it follow."""

    key: str
    due_at: datetime
    error: str | None = None
    takes_down: bool = False
    gives_out: bool = False
    turns_access: bool = False


class LifeFacts(Value):
    """One subscription. `now` is the time by its customer's clock. `events` are their numbers, None where nobody looked.
    `exports` are what became of the export of each system, and `ends` how often it ended, each time anew after it was
    reinstated.

    `remote` is what the partner says of it, `remote_facts` what that did, in order, and `taken` what the gateway has of each
    payment, in minor units, None where nobody asked; `booked` is what we have of each. `invoices` are those of its customer.
    """

    id: str
    order: str
    state: SubscriptionState
    now: datetime
    service_ended: bool
    is_blocked: bool
    is_throttled: bool = False
    ends: int = 0
    due: list[DueFacts] = []
    charged: list[ChargedFacts] = []
    exports: list[ExportState] = []
    event_count: int = 0
    events: list[int] | None = None
    invoices: list[InvoiceFacts] = []
    booked: dict[str, int] = {}
    taken: dict[str, int] | None = None
    remote: RemoteState | None = None
    remote_facts: list[str] | None = None

    @property
    def is_exported(self) -> bool:
        return any(state in {ExportState.ready, ExportState.forgotten} for state in self.exports)


class PromiseFacts(Value):
    """What a caller was told: the order that its idempotency key made."""

    key: str
    order: str


class Facts(Value):
    """`grace` is how long an order may be at work, or a message on its way, without a word."""

    now: datetime
    grace: timedelta
    orders: list[OrderFacts] = []
    queued: list[QueuedFacts] = []
    invoices: list[InvoiceFacts] = []
    refunded: list[RefundedFacts] = []
    out_of_line: list[AccessFacts] = []
    lives: list[LifeFacts] = []
    promises: list[PromiseFacts] = []


class Violation(Value):
    """`subject` is the order, or the part of it (`O-1001:2`), or the message that it is about."""

    invariant: str
    subject: str
    order: str | None
    expected: str
    found: str


@dataclass(frozen=True)
class Found:
    """A violation before it is put under the name of its invariant."""

    subject: str
    order: str | None
    expected: str
    found: str


Check = Callable[[Facts], Iterable[Found]]


@dataclass(frozen=True)
class Invariant:
    """`says` is the rule in one sentence, for people."""

    name: str
    says: str
    check: Check

    def violations(self, facts: Facts) -> list[Violation]:
        return [
            Violation(invariant=self.name, subject=found.subject, order=found.order, expected=found.expected, found=found.found)
            for found in self.check(facts)
        ]
