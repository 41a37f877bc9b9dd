"""What making a change takes: a payment, and calls to the systems that built the service; and what has been had of it."""

from domain.payments import PaymentRequest, PaymentResult
from domain.provisioning import ProvisionRequest
from domain.subscriptions.changes import Change, ChangeCommand
from domain.values import Instant, Value


class Call(Value):
    """What is asked of one system, and what takes it back."""

    adapter: str
    do: ProvisionRequest
    undo: ProvisionRequest


class Plan(Value):
    """What is to be paid, and asked of which systems, before it is made. `made` says that there is nothing of it left to do, or
    nothing before its date, as `words` say. `version` is the subscription's that it was planned for."""

    subscription: str
    at: Instant
    change: Change | None = None
    version: int = 0
    payment: PaymentRequest | None = None
    calls: tuple[Call, ...] = ()
    made: bool = False
    words: str = ""


class Paid(Value):
    """A payment that was taken before what it is for is made."""

    request: PaymentRequest
    result: PaymentResult


class Making(Value):
    """All that a change needs is there: it is made, or not at all."""

    plan: Plan
    command: ChangeCommand
    paid: Paid | None = None
