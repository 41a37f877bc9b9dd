"""Disputes (chargebacks): the payer has the payer's bank take money back, and the gateway holds it until it is decided."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.gateway_events import Evidence, GatewayEventKind
from domain.money import Money
from domain.values import Instant, StrictValue, Value


class DisputeState(StrEnum):
    open = "open"
    """Evidence may be submitted until the deadline."""
    submitted = "submitted"
    accepted = "accepted"
    """Given in: no evidence is submitted, and the gateway will say that it is lost."""
    lapsed = "lapsed"
    """The deadline has passed without evidence: the gateway will say that it is lost."""
    won = "won"
    lost = "lost"


CLOSED = frozenset({DisputeState.won, DisputeState.lost})
TAKEN = (DisputeState.open, DisputeState.submitted, DisputeState.accepted, DisputeState.lapsed, DisputeState.lost)
"""Those that keep money from the payment."""


class AccessWhile(StrEnum):
    keep = "keep"
    block = "block"


class LostAs(StrEnum):
    """How a lost dispute is booked: as a cost, with the invoice as it was; or by a credit note, as if the sale had not been."""

    loss = "loss"
    credit_note = "credit_note"


LONGEST = timedelta(days=540)
"""No scheme takes a dispute later than this after the payment: the absolute cap of Visa's dispute conditions for services not
provided, and of Mastercard's for what was paid in advance (540 calendar days from the processing date). A payment that is not
booked so long after it was disputed never will be."""
URGENT = timedelta(days=1)
"""How long before its deadline evidence is in the hands of whoever it is escalated to."""
Queue = Annotated[str, Field(min_length=1, max_length=80)]


class Evidencing(StrEnum):
    """How near the deadline for evidence is, while there is none."""

    ahead = "ahead"
    soon = "soon"
    urgent = "urgent"
    lapsed = "lapsed"


def evidencing(deadline: datetime, warn_days: int, now: datetime) -> Evidencing:
    """Each from its instant on: at the deadline it has lapsed."""
    if now >= deadline:
        return Evidencing.lapsed
    if now >= deadline - URGENT:
        return Evidencing.urgent
    return Evidencing.soon if now >= deadline - timedelta(days=warn_days) else Evidencing.ahead


def look_again_at(deadline: datetime, warn_days: int, now: datetime) -> datetime:
    """When the deadline is next nearer in the sense of `evidencing`; the deadline itself once that has passed."""
    steps = (deadline - timedelta(days=warn_days), deadline - URGENT, deadline)
    return next((step for step in steps if step > now), deadline)


class AfterPaymentPolicy(StrictValue):
    """What disputes and returned debits do to access, and how a lost dispute is booked; and who sees to evidence, who is warned
    `warn_days` before it is due and hands it over to `escalate_to` one day before."""

    dispute_access: AccessWhile = AccessWhile.block
    return_access: AccessWhile = AccessWhile.keep
    lost_as: LostAs = LostAs.loss
    warn_days: Annotated[int, Field(ge=2, le=30)] = 3
    owner: Queue = "finance"
    escalate_to: Queue = "finance lead"


class Dispute(Value):
    """`name` is the gateway's own. `access` and `lost_as` are the policy as it was when it was opened. `deadline` is when
    evidence is due; None where the gateway has not said."""

    id: str
    gateway: str
    name: str
    payment: str
    customer: str | None = None
    amount: Money
    fee: Money
    state: DisputeState
    reason: str = ""
    access: AccessWhile
    lost_as: LostAs
    deadline: Instant | None = None
    opened_at: Instant
    evidence: Evidence | None = None
    evidence_by: str | None = None
    evidence_at: Instant | None = None
    closed_at: Instant | None = None


VERDICTS = {GatewayEventKind.dispute_won: DisputeState.won, GatewayEventKind.dispute_lost: DisputeState.lost}
