"""A random life of several invoices of one customer, played through the billing core and booked event by event."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from domain.billing.balance import CollectionSettings
from domain.billing.cash_postings import (
    Payment,
    PaymentPart,
    gateway_fee,
    money_matched,
    money_unmatched,
    payment_received,
    payment_returned,
    refunded,
)
from domain.billing.credit_notes import CreditNote, CreditRequest, Identity, applied, credit
from domain.billing.invoices import Funds, Invoice, finalize, receive, returned, voided, written_off
from domain.billing.ledger import Transaction, balance
from domain.billing.postings import (
    credit_note_issued,
    invoice_finalized,
    invoice_voided,
    invoice_written_off,
    revenue_earned,
)
from domain.billing.recognition import Earned
from domain.money import Money
from tests.domain.billing.invoice_samples import invoice
from tests.domain.samples import NOW, eur

TODAY = date(2026, 3, 10)
MINIMUM = CollectionSettings(minimum_collectable={"EUR": 50})


@dataclass
class Books:
    """`credit` is the customer's signed balance, kept by plain addition beside the ledger."""

    invoices: list[Invoice] = field(default_factory=list)
    notes: dict[str, list[CreditNote]] = field(default_factory=dict)
    ledger: list[Transaction] = field(default_factory=list)
    credit: int = 0
    waiting: dict[str, int] = field(default_factory=dict)

    def book(self, made: Transaction | None) -> None:
        if made is not None:
            self.ledger.append(made)

    def deferred(self) -> dict[str, Money]:
        lines = {each.subject for one in self.ledger for each in one.postings if each.account == "deferred_revenue"}
        return {line: -balance(self.ledger, "deferred_revenue", "EUR", line) for line in lines}

    def issue(self, net: int, number: int) -> None:
        draft = invoice(net, -abs(net) // 3, number=number)
        lines = tuple(line.model_copy(update={"id": f"{line.id}-{number}"}) for line in draft.lines)
        assert draft.taxed is not None
        taxes = tuple(line.model_copy(update={"id": f"{line.id}-{number}"}) for line in draft.taxed.lines)
        draft = draft.model_copy(update={"lines": lines, "taxed": draft.taxed.model_copy(update={"lines": taxes})})
        funds = Funds(balance=eur(self.credit), prepaid=eur(0))
        made = finalize(draft, f"INV-{number}", funds, TODAY, MINIMUM)
        assert made.settlement is not None
        self.invoices.append(made)
        self.credit += made.settlement.to_balance.minor
        self.book(invoice_finalized(made, NOW))

    def pay(self, index: int, minor: int, key: str, through_suspense: bool) -> None:
        made = self.invoices[index]
        result = receive(made, eur(minor), TODAY)
        parts = (PaymentPart(invoice=made.id, amount=result.taken, recovery=made.state == "uncollectible"),)
        payment = Payment(key=key, at=NOW, customer="c-1", parts=parts, over=result.over)
        if through_suspense:
            self.book(money_unmatched(f"{key}:in", "bank", eur(minor), NOW))
            self.book(money_matched(payment, f"{key}:in"))
        else:
            self.book(payment_received(payment, "bank"))
            self.book(gateway_fee(key, "bank", eur(minor // 50), NOW))
        self.invoices[index] = result.invoice
        self.credit += result.over.minor

    def give_back(self, index: int, minor: int, key: str) -> None:
        made = self.invoices[index]
        after = returned(made, eur(minor), TODAY)
        parts = (PaymentPart(invoice=made.id, amount=eur(minor), recovery=after.state == "uncollectible"),)
        self.book(payment_returned(Payment(key=key, at=NOW, customer="c-1", parts=parts, over=eur(0)), "bank"))
        self.invoices[index] = after

    def credit_note(self, index: int, minor: int, key: str) -> None:
        made = self.invoices[index]
        request = CreditRequest.model_validate(
            {"reason": "goodwill", "amount": {"minor": minor, "currency": "EUR"}, "basis": "gross"}
        )
        earlier = self.notes.setdefault(made.id, [])
        note = credit(made, earlier, request, Identity(key=key, number=key, issue_date=TODAY))
        self.book(credit_note_issued(note, self.deferred(), NOW))
        earlier.append(note)
        self.invoices[index] = applied(made, note, TODAY)
        self.credit += note.to_credit.minor

    def void(self, index: int) -> None:
        made = self.invoices[index]
        after = voided(made)
        if after != made and made.settlement is not None:
            self.book(invoice_voided(after, self.deferred(), NOW))
            self.credit -= made.settlement.to_balance.minor
        self.invoices[index] = after

    def write_off(self, index: int) -> None:
        self.invoices[index] = written_off(self.invoices[index])
        self.book(invoice_written_off(self.invoices[index], NOW))

    def earn(self, number: int, minor: int) -> None:
        """A day's revenue of each line, never more than it still has."""
        for line, left in sorted(self.deferred().items()):
            amount = max(min(left.minor, minor), -minor) if left.minor else 0
            self.book(revenue_earned(line, Earned(day=date.fromordinal(739000 + number), amount=eur(amount)), NOW))

    def refund(self, minor: int, key: str) -> None:
        paid_out = min(minor, self.credit)
        if paid_out > 0:
            self.book(refunded(key, "bank", "c-1", eur(paid_out), datetime(2026, 3, 11, tzinfo=UTC)))
            self.credit -= paid_out
