"""What an order's workflow tells the database: whole snapshots of what changed, and the events that say why."""

from domain.approvals import Ballot
from domain.fallout import Fallout
from domain.jeopardy import Jeopardy
from domain.money import Money
from domain.states import ItemState, OrderState, PaymentState, ServiceState, StepState
from domain.values import Instant, Value


class Event(Value):
    """One entry of an order's history. `key` is unique in the order and formed from what happened, so that writing it again
    changes nothing; the database gives the gapless sequence number."""

    key: str
    type: str
    at: Instant
    actor: str
    summary: str
    data: dict[str, str] = {}


class OrderStatus(Value):
    state: OrderState
    waiting_on: str | None = None
    owner: str | None = None
    deadline: Instant | None = None
    blockers: list[str] = []
    jeopardy: Jeopardy = Jeopardy.normal
    jeopardy_step: str | None = None
    expected_completion: Instant | None = None
    reason: str = ""


class ItemStatus(Value):
    item: str
    state: ItemState
    service: ServiceState = ServiceState.designed
    remote_id: str | None = None
    point_of_no_return_at: Instant | None = None
    point_of_no_return_passed: bool = False
    captured: bool = False
    refunded: bool = False
    reason: str = ""


class StepStatus(Value):
    item: str
    step: str
    name: str
    state: StepState
    owner: str
    stage: str
    needs: list[str] = []
    point_of_no_return: bool = False
    attempts: int = 0
    started_at: Instant | None = None
    due_at: Instant | None = None
    finished_at: Instant | None = None
    error: str = ""


class PaymentStatus(Value):
    key: str
    number: int
    state: PaymentState
    amount: Money
    authorized: Money
    captured: Money
    refunded: Money
    reference: str | None = None
    code: str | None = None
    gateway: str | None = None
    authorized_until: Instant | None = None


class ApprovalStatus(Value):
    """`subject` is `order`, or `<item>:<step>` of an approval step."""

    subject: str
    ballot: Ballot
    asked_at: Instant
    deadline: Instant
    escalate_at: Instant | None = None
    outcome: str | None = None


class HandOver(Value):
    """One service that has gone live, for the subscription workflow that takes it over."""

    subscription: str
    order: str
    item: str
    customer: str
    product: str
    plan: str
    quantity: int
    currency: str
    remote_id: str | None = None
    activated_at: Instant


class WakeUp(Value):
    """Ask to be woken at a business date: the row is due then, and the workflow is told."""

    key: str
    due_at: Instant


class OrderChange(Value):
    """One transaction's worth: upserts of every snapshot given, then the events in order.

    Each holds what those before it held, but for what is known to be written. One that comes after a later `number` of the same
    `run` of the process, as from a worker that stood still meanwhile, is therefore passed over; number zero never is."""

    order: str
    customer: str
    run: str = ""
    number: int = 0
    events: list[Event] = []
    status: OrderStatus | None = None
    items: list[ItemStatus] = []
    steps: list[StepStatus] = []
    payments: list[PaymentStatus] = []
    approvals: list[ApprovalStatus] = []
    fallout: list[Fallout] = []
    hand_overs: list[HandOver] = []
    wake_ups: list[WakeUp] = []
    amended_to: str | None = None
    """The amended order as JSON, where it was amended."""

    coupons_back: list[str] = []
    """Redemptions of an order that has ended without being billed: they count no longer."""


class Recorded(Value):
    """`settled` is the terminal state the database already holds, where this change came after it and was not applied."""

    settled: OrderState | None = None
