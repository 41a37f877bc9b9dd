"""The state machine of an invoice, and the state that its amounts and dates put it in."""

from datetime import date
from enum import StrEnum

from domain.money import Money
from domain.states import Machine


class InvoiceState(StrEnum):
    """`finalized` and `partially_paid` are not yet overdue; `overdue` may be paid in part."""

    draft = "draft"
    finalized = "finalized"
    partially_paid = "partially_paid"
    paid = "paid"
    overdue = "overdue"
    uncollectible = "uncollectible"
    voided = "voided"


_S = InvoiceState
OPEN = frozenset({_S.finalized, _S.partially_paid, _S.overdue})
"""Finalized and not settled: what these are still due is the receivable of the ledger."""

INVOICE: Machine[InvoiceState] = {
    _S.draft: frozenset({_S.finalized, _S.paid, _S.voided}),
    _S.finalized: frozenset({_S.partially_paid, _S.paid, _S.overdue, _S.uncollectible, _S.voided}),
    _S.partially_paid: frozenset({_S.finalized, _S.paid, _S.overdue, _S.uncollectible}),
    _S.overdue: frozenset({_S.paid, _S.uncollectible, _S.voided}),
    # Money that was written off may still come (a recovery); it is never voided, since the write-off stands in the books.
    _S.uncollectible: frozenset({_S.paid}),
    # A bank debit may be returned weeks after it was paid (Nacha: up to 60 days), and the invoice is then open again.
    _S.paid: frozenset({_S.finalized, _S.partially_paid, _S.overdue}),
}
"""`voided` alone is terminal. A draft of nothing due goes straight to `paid`; what is paid in part is corrected by a credit
note and not voided."""


def due_state(amount_due: Money, paid: Money, due_date: date, today: date) -> InvoiceState:
    """What a finalized invoice is by its amounts on `today`, a local date of the legal entity.

    It is overdue from the day after its due date.
    """
    if amount_due.minor <= 0:
        return InvoiceState.paid
    if today > due_date:
        return InvoiceState.overdue
    return InvoiceState.partially_paid if paid.minor > 0 else InvoiceState.finalized


SETTLED = frozenset({InvoiceState.paid, InvoiceState.voided, InvoiceState.uncollectible})
"""Nothing more is asked for it: access that was closed for it is opened."""
