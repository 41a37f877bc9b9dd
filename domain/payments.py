"""What a payment gateway can answer, and the life of a payment."""

from enum import StrEnum

from domain.money import Money
from domain.values import Value


class Outcome(StrEnum):
    """The result classes of every gateway call."""

    succeeded = "succeeded"
    pending = "pending"
    declined_soft = "declined_soft"
    """A no that may turn into a yes later (insufficient funds, issuer unreachable)."""
    declined_hard = "declined_hard"
    """A no that stays a no (stolen card, closed account)."""
    not_attempted = "not_attempted"
    """It certainly did not happen; the same key may be sent again."""
    unknown = "unknown"
    """It may have happened; ask `status(key)` before anything else."""


class RemotePayment(StrEnum):
    """What the gateway says has become of one payment key."""

    absent = "absent"
    pending = "pending"
    declined = "declined"
    authorized = "authorized"
    captured = "captured"
    voided = "voided"
    refunded = "refunded"


class PaymentResult(Value):
    """One gateway answer. Amounts are what the gateway holds for the key after the call."""

    outcome: Outcome
    state: RemotePayment = RemotePayment.absent
    reference: str | None = None
    authorized: Money | None = None
    captured: Money | None = None
    refunded: Money | None = None
    code: str | None = None
    message: str = ""


class PaymentRequest(Value):
    """`key` is the payment's idempotency key, `<order>:payment:<n>`; `method` a gateway token, never a card number."""

    key: str
    amount: Money
    method: str
    description: str = ""


class CaptureRequest(Value):
    """Capture `amount` (at most what was authorized) of payment `key`; the rest of the authorization is released."""

    key: str
    amount: Money


class RefundRequest(Value):
    """Refund `amount` of payment `key`. `refund_key` is unique per refund, `<payment>:refund:<n>`."""

    key: str
    refund_key: str
    amount: Money
