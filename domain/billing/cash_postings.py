"""What money and credit book: payments, returns, fees, refunds, money without an owner, and prepaid credit.

Debits are positive. Every transaction has the business key of its event as id.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field

from domain.billing.credits import CreditSource
from domain.billing.ledger import AccountKind, AccountName, Posting, Transaction, cash, transaction
from domain.money import Money, total
from domain.values import Instant, Value


class PaymentPart(Value):
    """What of a payment went to one invoice; of one that was written off it is a recovery."""

    invoice: str
    amount: Money
    recovery: bool = False


class Payment(Value):
    """Money that came in: `over` is what no invoice was due, and becomes the customer's credit."""

    key: Annotated[str, Field(min_length=1)]
    at: Instant
    customer: str
    parts: tuple[PaymentPart, ...]
    over: Money
    reference: str = ""

    @property
    def amount(self) -> Money:
        return total([*(part.amount for part in self.parts), self.over], self.over.currency)


def _sides(payment: Payment, sign: int) -> Iterator[Posting]:
    for part in payment.parts:
        account = AccountKind.write_off if part.recovery else AccountKind.receivable
        yield Posting(account=account, amount=_signed(part.amount, sign), subject=part.invoice)
    yield Posting(account=AccountKind.customer_credit, amount=_signed(payment.over, sign), subject=payment.customer)


def _signed(amount: Money, sign: int) -> Money:
    return Money(minor=sign * amount.minor, currency=amount.currency)


def payment_received(payment: Payment, gateway: str) -> Transaction | None:
    postings = [Posting(account=cash(gateway), amount=payment.amount, subject=payment.key), *_sides(payment, -1)]
    return transaction(payment.key, payment.at, f"Payment {payment.key}", postings, payment.reference)


def payment_returned(payment: Payment, gateway: str) -> Transaction | None:
    """A return has its own key and moment, and the parts that it takes back; what it was over leaves a debt of the customer
    where that credit was used meanwhile."""
    postings = [Posting(account=cash(gateway), amount=-payment.amount, subject=payment.key), *_sides(payment, 1)]
    return transaction(payment.key, payment.at, f"Payment returned {payment.key}", postings, payment.reference)


def money_unmatched(key: str, gateway: str, amount: Money, at: datetime, reference: str = "") -> Transaction | None:
    """Money whose owner is not known is booked all the same, and waits in suspense under its key."""
    postings = [
        Posting(account=cash(gateway), amount=amount, subject=key),
        Posting(account=AccountKind.suspense, amount=-amount, subject=key),
    ]
    return transaction(key, at, f"Unmatched money {key}", postings, reference)


def money_matched(payment: Payment, unmatched: str) -> Transaction | None:
    """Money that waited under the key `unmatched` goes to its invoices."""
    postings = [Posting(account=AccountKind.suspense, amount=payment.amount, subject=unmatched), *_sides(payment, -1)]
    return transaction(payment.key, payment.at, f"Matched money {unmatched}", postings, payment.reference)


def gateway_fee(key: str, gateway: str, amount: Money, at: datetime) -> Transaction | None:
    """What the gateway keeps of what it pays out; negative where it gives a fee back."""
    postings = [
        Posting(account=AccountKind.gateway_fees, amount=amount, subject=key),
        Posting(account=cash(gateway), amount=-amount, subject=key),
    ]
    return transaction(f"{key}:fee", at, f"Gateway fee of {key}", postings, key)


def refunded(key: str, gateway: str, customer: str, amount: Money, at: datetime) -> Transaction | None:
    """A refund pays out the customer's credit, which a credit note or an overpayment has made."""
    postings = [
        Posting(account=AccountKind.customer_credit, amount=amount, subject=customer),
        Posting(account=cash(gateway), amount=-amount, subject=key),
    ]
    return transaction(key, at, f"Refund {key}", postings)


def refund_came_back(key: str, gateway: str, customer: str, amount: Money, at: datetime) -> Transaction | None:
    """A refund that failed after it was paid out: the money is here again, and the customer's credit."""
    failed = f"{key}:failed"
    postings = [
        Posting(account=cash(gateway), amount=amount, subject=failed),
        Posting(account=AccountKind.customer_credit, amount=-amount, subject=customer),
    ]
    return transaction(failed, at, f"Refund failed {key}", postings, key)


def balance_used(key: str, customer: str, parts: Sequence[PaymentPart], at: datetime) -> Transaction | None:
    """Customer credit that pays invoices after they were finalized."""
    return _paid_with(AccountKind.customer_credit, key, customer, parts, at)


def credit_used(key: str, customer: str, parts: Sequence[PaymentPart], at: datetime) -> Transaction | None:
    """Prepaid credit that pays invoices after they were finalized; what is applied on finalization is booked with it."""
    return _paid_with(AccountKind.prepaid_credit, key, customer, parts, at)


def _paid_with(account: AccountKind, key: str, customer: str, parts: Sequence[PaymentPart], at: datetime) -> Transaction | None:
    payments = [
        Posting(
            account=AccountKind.write_off if part.recovery else AccountKind.receivable,
            amount=-part.amount,
            subject=part.invoice,
        )
        for part in parts
    ]
    credits_ = [Posting(account=account, amount=part.amount, subject=customer) for part in parts]
    return transaction(key, at, f"Credit used {key}", [*credits_, *payments])


class CreditMovement(Value):
    """Prepaid credit of one customer that was granted, has expired or was revoked."""

    key: Annotated[str, Field(min_length=1)]
    at: Instant
    customer: str
    amount: Money
    source: CreditSource


def credit_granted(movement: CreditMovement, paid_from: AccountName | None = None) -> Transaction | None:
    """Prepaid credit is a liability until it is used. Purchased credit is paid from `paid_from` (`cash:stripe`, or
    `customer_credit`); what is given away costs promotions. No tax is due before it is used, where what it will buy is not
    known yet (a multi-purpose voucher: Directive 2006/112/EC, article 30b)."""
    purchased = movement.source is CreditSource.purchased
    if purchased == (paid_from is None):
        raise ValueError("paid_from: is given for purchased credit, and only for that")
    subject = movement.customer if paid_from == AccountKind.customer_credit else movement.key
    postings = [
        Posting(account=paid_from or AccountKind.promotions, amount=movement.amount, subject=subject),
        Posting(account=AccountKind.prepaid_credit, amount=-movement.amount, subject=movement.customer),
    ]
    return transaction(movement.key, movement.at, f"Credit granted {movement.key}", postings)


def credit_expired(movement: CreditMovement) -> Transaction | None:
    """Purchased credit that expires is breakage (IFRS 15, B44 to B47); what was given away costs nothing after all."""
    account = AccountKind.breakage if movement.source is CreditSource.purchased else AccountKind.promotions
    postings = [
        Posting(account=AccountKind.prepaid_credit, amount=movement.amount, subject=movement.customer),
        Posting(account=account, amount=-movement.amount, subject=movement.key),
    ]
    return transaction(movement.key, movement.at, f"Credit expired {movement.key}", postings)


def credit_revoked(movement: CreditMovement) -> Transaction | None:
    """Purchased credit that is taken back is the customer's balance again; what was given away costs nothing after all."""
    purchased = movement.source is CreditSource.purchased
    account = AccountKind.customer_credit if purchased else AccountKind.promotions
    postings = [
        Posting(account=AccountKind.prepaid_credit, amount=movement.amount, subject=movement.customer),
        Posting(account=account, amount=-movement.amount, subject=movement.customer if purchased else movement.key),
    ]
    return transaction(movement.key, movement.at, f"Credit revoked {movement.key}", postings)
