"""Disputes (chargebacks): the payer has the payer's bank take money back, and the gateway holds it until it is decided."""

from enum import StrEnum

from domain.gateway_events import Evidence, GatewayEventKind
from domain.money import Money
from domain.values import Instant, StrictValue, Value


class DisputeState(StrEnum):
    open = "open"
    """Evidence may be submitted until the deadline."""
    submitted = "submitted"
    accepted = "accepted"
    """Given in: no evidence is submitted, and the gateway will say that it is lost."""
    won = "won"
    lost = "lost"


CLOSED = frozenset({DisputeState.won, DisputeState.lost})
TAKEN = (DisputeState.open, DisputeState.submitted, DisputeState.accepted, DisputeState.lost)
"""Those that keep money from the payment."""


class AccessWhile(StrEnum):
    keep = "keep"
    block = "block"


class LostAs(StrEnum):
    """How a lost dispute is booked: as a cost, with the invoice as it was; or by a credit note, as if the sale had not been."""

    loss = "loss"
    credit_note = "credit_note"


class AfterPaymentPolicy(StrictValue):
    """What disputes and returned debits do to access, and how a lost dispute is booked."""

    dispute_access: AccessWhile = AccessWhile.block
    return_access: AccessWhile = AccessWhile.keep
    lost_as: LostAs = LostAs.loss


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
