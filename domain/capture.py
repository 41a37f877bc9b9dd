"""When an order's money is taken, by how it is paid."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.money import Money
from domain.payment_methods import MethodKind
from domain.values import StrictValue, Value


class Capture(StrEnum):
    """Of what is authorized."""

    fulfilled = "fulfilled"
    """For what was built, once it stands."""
    at_once = "at_once"
    """Before anything is built; what is not fulfilled then is refunded."""


class NearExpiry(StrEnum):
    """Of an authorization that lapses while an order is being built."""

    renew = "renew"
    """It is authorized anew when it is to be captured."""
    capture = "capture"
    """It is captured before it lapses; what is not fulfilled then is refunded."""


class WhilePending(StrEnum):
    """Of a bank debit, which takes days."""

    wait = "wait"
    """Nothing is built before it has succeeded."""
    build = "build"
    """What can be undone is built; nothing is opened before it has succeeded."""
    open = "open"
    """It is opened too, and closed again where the debit fails."""


class CapturePolicy(StrictValue):
    """`cards` and `near_expiry` are for cards and wallets; `sepa_debit` and `ach_debit` say what an order does while its debit
    is under way. An order of more than the amount in `largest` waits, and so does one in a currency that is not in it; where it
    is empty there is no limit. A debit that is not decided after `debit_days` is given up: banks take up to 14 business days
    for one (Stripe's documentation of SEPA Direct Debit)."""

    cards: Capture = Capture.fulfilled
    near_expiry: NearExpiry = NearExpiry.renew
    sepa_debit: WhilePending = WhilePending.wait
    ach_debit: WhilePending = WhilePending.wait
    largest: Annotated[list[Money], Field(max_length=50)] = []
    debit_days: Annotated[int, Field(ge=1, le=60)] = 21


class Terms(Value):
    """What the policy says of one payment. An order keeps to what it was told when the payment was begun. `days` is how long a
    debit is waited for; None for what is decided sooner, where the order's own patience holds."""

    capture: Capture = Capture.fulfilled
    near_expiry: NearExpiry = NearExpiry.renew
    pending: WhilePending = WhilePending.wait
    days: int | None = None


def terms_of(policy: CapturePolicy, kind: MethodKind | None, amount: Money) -> Terms:
    """`kind` None, where the gateway does not say what a token is: nothing is risked for it."""
    match kind:
        case MethodKind.card | MethodKind.wallet:
            return Terms(capture=policy.cards, near_expiry=policy.near_expiry)
        case MethodKind.sepa_debit | MethodKind.ach_debit:
            wanted = policy.sepa_debit if kind is MethodKind.sepa_debit else policy.ach_debit
            return Terms(pending=wanted if _is_small(policy, amount) else WhilePending.wait, days=policy.debit_days)
    return Terms()


def _is_small(policy: CapturePolicy, amount: Money) -> bool:
    return not policy.largest or any(amount <= most for most in policy.largest if most.currency == amount.currency)
