"""What a payment gateway can answer, and the life of a payment."""

from enum import StrEnum

from domain.capture import Terms
from domain.money import Money
from domain.values import Instant, Value


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
    """One gateway answer. Amounts are what the gateway holds for the key after the call.

    `gateway` is the one that was asked, `request_id` its own name for the call, `fee` what it keeps where it says so. `action`
    is the address at which the payer has to confirm (3-D Secure) while the outcome is pending. `elsewhere` says that another
    gateway may be tried, under a new key. `authorized_until` is when what is held lapses. `terms` are given where a payment
    is begun, by our own policy. `written` says that what was to be written down first was.
    """

    outcome: Outcome
    state: RemotePayment = RemotePayment.absent
    reference: str | None = None
    authorized: Money | None = None
    captured: Money | None = None
    refunded: Money | None = None
    code: str | None = None
    message: str = ""
    gateway: str | None = None
    request_id: str | None = None
    fee: Money | None = None
    action: str | None = None
    elsewhere: bool = False
    authorized_until: Instant | None = None
    terms: Terms | None = None
    written: bool = False


class PaymentRequest(Value):
    """`key` is the payment's idempotency key, `<order>:payment:<n>`; `method` a payment method's id or a gateway token, never
    a card number.

    `gateway` is the caller's own choice, which wins over every rule; `tried` are the gateways not to be chosen again. `step_up`
    asks for the payer's confirmation (3-D Secure) and `off_session` says that the payer is not there to give one.
    """

    key: str
    amount: Money
    method: str
    description: str = ""
    customer: str = ""
    country: str = ""
    gateway: str | None = None
    tried: tuple[str, ...] = ()
    step_up: bool = False
    off_session: bool = False


class CaptureRequest(Value):
    """Capture `amount` (at most what was authorized) of payment `key`; the rest of the authorization is released.

    `reference` is the gateway's own name of the payment, where it is known."""

    key: str
    amount: Money
    reference: str | None = None


class RefundRequest(Value):
    """Refund `amount` of payment `key`. `refund_key` is unique per refund, `<payment>:refund:<n>`. `reference` is as of a
    capture."""

    key: str
    refund_key: str
    amount: Money
    reference: str | None = None
