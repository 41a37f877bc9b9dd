"""The life of one payment at the gateway: who may do what to it, and what it then is."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field

from domain.money import Money
from domain.payments import Outcome, PaymentResult, RemotePayment
from domain.values import Instant, StrictValue, Value
from workers.sandbox.replies import Problem

Key = Annotated[str, Field(pattern=r"^[^\s/]{1,200}$")]


HOLD = timedelta(days=7)
"""How long a card's issuer holds an amount, as most do."""


def _positive(amount: Money) -> Money:
    if amount.minor <= 0:
        raise ValueError("must be more than zero")
    return amount


Amount = Annotated[Money, AfterValidator(_positive)]


class PaymentMode(StrEnum):
    authorize = "authorize"
    purchase = "purchase"


class PaymentBody(StrictValue):
    key: Key
    amount: Amount
    method: Annotated[str, Field(max_length=200)]
    mode: PaymentMode = PaymentMode.authorize
    description: Annotated[str, Field(max_length=500)] = ""
    step_up: bool = False
    """The payer has to confirm the payment before it is held (3-D Secure)."""


class CaptureBody(StrictValue):
    amount: Amount


class RefundBody(StrictValue):
    refund_key: Key
    amount: Amount


class TokenBody(StrictValue):
    customer: Annotated[str, Field(max_length=200)]
    nonce: Annotated[str, Field(max_length=200)]


class KnownToken(StrictValue):
    token: Annotated[str, Field(max_length=200)]


class PaymentView(PaymentResult):
    """What the gateway answers about a payment."""

    key: str


class Payment(Value):
    """`authorized` stays what was once agreed to; `state` says whether it is still held."""

    key: str
    mode: PaymentMode
    amount: Money
    state: RemotePayment
    reference: str
    authorized: Money
    captured: Money
    refunded: Money
    decline: Outcome | None = None
    code: str | None = None
    message: str = ""
    asks_left: int = 0
    fails: bool = False
    lapses: bool = True
    """Whether what is held is held for some days only. A bank debit is there, or is not."""
    step_up: bool = False
    authorized_until: Instant | None = None

    def held(self) -> Self:
        """The issuer agreed: the amount is held, or taken where it was a purchase."""
        self._must_be(RemotePayment.pending)
        changes: dict[str, object] = {"state": RemotePayment.authorized, "authorized": self.amount, "asks_left": 0}
        if self.lapses:
            changes["authorized_until"] = datetime.now(UTC) + HOLD
        if self.mode is PaymentMode.purchase:
            changes |= {"state": RemotePayment.captured, "captured": self.amount}
        return self.model_copy(update=changes)

    def declined(self, outcome: Outcome, code: str | None, message: str) -> Self:
        changes = {"state": RemotePayment.declined, "decline": outcome, "code": code, "message": message}
        return self.model_copy(update=changes)

    def capture(self, amount: Money) -> Self:
        self._must_be(RemotePayment.authorized)
        self._same_currency(amount)
        if not amount <= self.authorized:
            raise Problem(422, "amount_too_large", f"{self.authorized} is authorized")
        return self.model_copy(update={"state": RemotePayment.captured, "captured": amount})

    def void(self) -> Self:
        if self.state is RemotePayment.declined:
            raise Problem(409, "nothing_to_void", "the payment was declined")
        self._must_be(RemotePayment.authorized, RemotePayment.pending)
        return self.model_copy(update={"state": RemotePayment.voided, "asks_left": 0})

    def refund(self, amount: Money) -> Self:
        self._must_be(RemotePayment.captured, RemotePayment.refunded)
        self._same_currency(amount)
        refunded = self.refunded + amount
        if not refunded <= self.captured:
            raise Problem(422, "refund_exceeds_captured", f"{self.captured - self.refunded} can still be refunded")
        state = RemotePayment.refunded if refunded == self.captured else RemotePayment.captured
        return self.model_copy(update={"state": state, "refunded": refunded})

    @property
    def _action(self) -> str | None:
        """Where the payer confirms, below the gateway's own root; None once there is nothing to confirm."""
        return f"payments/{self.key}/settle" if self.step_up and self.state is RemotePayment.pending else None

    def view(self, outcome: Outcome | None = None, code: str | None = None) -> PaymentView:
        return PaymentView(
            key=self.key,
            outcome=outcome or self.outcome,
            state=self.state,
            reference=self.reference,
            authorized=self.authorized,
            captured=self.captured,
            refunded=self.refunded,
            authorized_until=self.authorized_until if self.state is RemotePayment.authorized else None,
            action=self._action,
            code=code or (None if self.state is RemotePayment.pending else self.code),
            message="" if self.state is RemotePayment.pending else self.message,
        )

    @property
    def outcome(self) -> Outcome:
        if self.state is RemotePayment.pending:
            return Outcome.pending
        return self.decline or Outcome.succeeded

    def _must_be(self, *states: RemotePayment) -> None:
        if self.state not in states:
            raise Problem(409, _STANDS_IN_THE_WAY[self.state], f"the payment is {self.state}")

    def _same_currency(self, amount: Money) -> None:
        if amount.currency != self.amount.currency:
            raise Problem(422, "currency_mismatch", f"the payment is in {self.amount.currency}")


_STANDS_IN_THE_WAY = {
    RemotePayment.pending: "still_pending",
    RemotePayment.declined: "was_declined",
    RemotePayment.authorized: "not_captured",
    RemotePayment.captured: "already_captured",
    RemotePayment.voided: "already_voided",
    RemotePayment.refunded: "already_refunded",
}
