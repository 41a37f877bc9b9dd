"""Stripe's objects, as far as we read them."""

from datetime import UTC, datetime
from typing import Any

from activities.adapters.gateway.stripe.amounts import from_stripe
from activities.adapters.gateway.stripe.declines import outcome_of
from domain.money import Money
from domain.payment_methods import MethodFacts, MethodKind
from domain.payments import Outcome, PaymentResult, RemotePayment
from domain.values import Value

KEY = "turnup_key"
"""Where our key of a payment or refund stands in an object's metadata."""
KINDS = {
    "card": MethodKind.card,
    "sepa_debit": MethodKind.sepa_debit,
    "us_bank_account": MethodKind.ach_debit,
    "link": MethodKind.wallet,
    "paypal": MethodKind.wallet,
}


class Charge(Value):
    id: str
    amount: int = 0
    amount_captured: int = 0
    amount_refunded: int = 0
    metadata: dict[str, str] = {}
    payment_method_details: dict[str, Any] | None = None

    @property
    def capture_before(self) -> datetime | None:
        """When the issuer lets go of what is held (https://docs.stripe.com/payments/place-a-hold-on-a-payment-method)."""
        at = ((self.payment_method_details or {}).get("card") or {}).get("capture_before")
        return datetime.fromtimestamp(int(at), UTC) if at else None


class PaymentError(Value):
    code: str | None = None
    decline_code: str | None = None

    @property
    def reason(self) -> str:
        return self.decline_code or self.code or "declined"


class Redirect(Value):
    url: str | None = None


class NextAction(Value):
    redirect_to_url: Redirect | None = None


class Refund(Value):
    id: str
    amount: int
    status: str | None = None
    metadata: dict[str, str] = {}

    @property
    def counts(self) -> bool:
        return self.status not in {"failed", "canceled"}


class Intent(Value):
    """A PaymentIntent, its latest charge expanded; with its refunds, where something was given back."""

    id: str
    amount: int
    amount_received: int = 0
    currency: str
    status: str
    created: int = 0
    metadata: dict[str, str] = {}
    latest_charge: Charge | None = None
    last_payment_error: PaymentError | None = None
    next_action: NextAction | None = None
    refunds: tuple[Refund, ...] = ()

    @property
    def key(self) -> str | None:
        return self.metadata.get(KEY)

    def money(self, units: int) -> Money:
        return from_stripe(units, self.currency)

    @property
    def captured(self) -> int:
        if self.status != "succeeded":
            return 0
        return self.amount_received or (self.latest_charge.amount_captured if self.latest_charge else 0) or self.amount

    @property
    def refunded(self) -> int:
        """What was given back of what was captured. The part of a hold that was not captured may stand among the refunds too:
        as one of just that amount, with none of our keys."""
        released = self.amount - self.captured
        given = [each for each in self.refunds if each.counts and not (KEY not in each.metadata and each.amount == released)]
        return sum(each.amount for each in given)

    def result(self) -> PaymentResult:
        """What the payment is, by Stripe's states of a PaymentIntent (https://docs.stripe.com/payments/paymentintents/lifecycle)."""
        refunded = self.refunded if self.captured else 0
        held = self.amount if self.status in {"requires_capture", "succeeded"} else 0
        base = PaymentResult(
            outcome=Outcome.succeeded,
            reference=self.id,
            authorized=self.money(held),
            captured=self.money(self.captured),
            refunded=self.money(refunded),
        )
        match self.status:
            case "requires_capture":
                until = self.latest_charge.capture_before if self.latest_charge else None
                return base.model_copy(update={"state": RemotePayment.authorized, "authorized_until": until})
            case "succeeded":
                state = RemotePayment.refunded if refunded and refunded == self.captured else RemotePayment.captured
                return base.model_copy(update={"state": state})
            case "canceled":
                return base.model_copy(update={"state": RemotePayment.voided})
            case "processing":
                return base.model_copy(update={"outcome": Outcome.pending, "state": RemotePayment.pending})
            case "requires_action":
                return base.model_copy(
                    update={"outcome": Outcome.pending, "state": RemotePayment.pending, "action": self._action()}
                )
            case "requires_payment_method" if self.last_payment_error is not None:
                code = self.last_payment_error.reason
                return base.model_copy(update={"outcome": outcome_of(code), "state": RemotePayment.declined, "code": code})
            case _:
                return base.model_copy(update={"outcome": Outcome.pending, "state": RemotePayment.pending})

    def _action(self) -> str | None:
        return self.next_action.redirect_to_url.url if self.next_action and self.next_action.redirect_to_url else None


def method_facts(method: dict[str, Any]) -> MethodFacts:
    """Of a PaymentMethod."""
    kind = str(method.get("type"))
    about = method.get(kind) or {}
    wallet = kind == "card" and about.get("wallet")
    return MethodFacts(
        kind=MethodKind.wallet if wallet else KINDS.get(kind, MethodKind.wallet),
        brand=about.get("brand") or about.get("bank_name"),
        last4=about.get("last4"),
        exp_month=about.get("exp_month"),
        exp_year=about.get("exp_year"),
        fingerprint=about.get("fingerprint"),
        country=about.get("country"),
    )
