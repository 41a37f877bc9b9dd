"""Credit notes: what is taken back of a finalized invoice, never more than is left of it, and where the money goes."""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.billing.invoice_states import INVOICE, InvoiceState
from domain.billing.invoices import Invoice, credited
from domain.billing.tax.documents import TaxedDocument, TaxLine
from domain.billing.tax.reversal import Basis, reverse
from domain.billing.tax.settings import Rounding
from domain.errors import BadInput, Conflict
from domain.money import CurrencyCode, Money, total
from domain.states import move
from domain.values import StrictValue, Value


class CreditReason(StrEnum):
    cancellation = "cancellation"
    change = "change"
    billing_error = "billing_error"
    duplicate = "duplicate"
    service_failure = "service_failure"
    goodwill = "goodwill"
    dispute = "dispute"
    bad_debt = "bad_debt"


class LineCredit(StrictValue):
    """`amount` to take back of a line, all that is left of it where it is None."""

    line: Annotated[str, Field(min_length=1)]
    amount: Money | None = None


class CreditRequest(StrictValue):
    """What to credit: the given lines, or `amount` in all spread over what is left of each line, or neither for everything.

    `basis` says what amounts mean: the price as on the invoice, or what the customer gets back with tax.
    """

    reason: CreditReason
    memo: Annotated[str, Field(max_length=500)] = ""
    lines: tuple[LineCredit, ...] = ()
    amount: Money | None = None
    basis: Basis = Basis.price

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.lines and self.amount is not None:
            raise ValueError("amount: is for all lines together, so give it or lines, not both")
        if self.amount is not None and self.amount.minor <= 0:
            raise ValueError("amount: must be more than zero")
        if len({each.line for each in self.lines}) != len(self.lines):
            raise ValueError("lines: name each line once")
        return self


class CreditNote(Value):
    """`taxed` has positive amounts for what is taken back, at the rates of the invoice.

    Its gross goes first against what the invoice is still due (`offset`), then against what was written off of it, and only
    the rest, which the customer has really paid, to the customer's credit. `refundable` is what of that may go back to the
    payment method; what was paid with credit goes back to credit only.
    """

    id: Annotated[str, Field(min_length=1)]
    number: str
    invoice: str
    invoice_number: str
    customer: str
    legal_entity: str
    currency: CurrencyCode
    issue_date: date
    reason: CreditReason
    memo: str = ""
    taxed: TaxedDocument
    offset: Money
    from_written_off: Money
    to_credit: Money
    refundable: Money


class Identity(Value):
    """What names a credit note: its business key, its number, and the legal entity's local date of issue."""

    key: Annotated[str, Field(min_length=1)]
    number: Annotated[str, Field(min_length=1)]
    issue_date: date


def credit_note_key(invoice: str, number: int) -> str:
    """The `number`-th credit note of an invoice, counted from 1."""
    return f"{invoice}:credit:{number}"


class CorrectionSettings(StrictValue):
    """`void_unpaid`: an issued invoice that nothing was paid on is voided; False where a country or an accountant asks for a
    document that refers to the first one each time (Directive 2006/112/EC, article 219, treats such a one as an invoice)."""

    void_unpaid: bool = True


class Correction(StrEnum):
    change = "change"
    void = "void"
    credit_note = "credit_note"


def correction(invoice: Invoice, settings: CorrectionSettings | None = None) -> Correction:
    """How a whole invoice is taken back: a draft is changed, an unpaid one voided, any other credited."""
    if invoice.state is InvoiceState.draft:
        return Correction.change
    unpaid = invoice.state in {InvoiceState.finalized, InvoiceState.overdue} and not invoice.paid and not invoice.credited
    return Correction.void if unpaid and (settings or CorrectionSettings()).void_unpaid else Correction.credit_note


def left_of(invoice: Invoice, earlier: Sequence[CreditNote], basis: Basis = Basis.price) -> dict[str, Money]:
    """By line id, what has not been credited yet; negative for a line that was a credit itself."""
    left = {line.id: _amount(line, basis) for line in _taxed(invoice).lines}
    for note in earlier:
        for line in note.taxed.lines:
            left[line.id] = left[line.id] - _amount(line, basis)
    return left


def _amount(line: TaxLine, basis: Basis) -> Money:
    return line.gross if basis is Basis.gross else line.price


def _taxed(invoice: Invoice) -> TaxedDocument:
    if invoice.taxed is None or invoice.state in {InvoiceState.draft, InvoiceState.voided}:
        raise Conflict(f"invoice {invoice.number or invoice.id} is {invoice.state}, so there is nothing to credit")
    return invoice.taxed


def credit(
    invoice: Invoice,
    earlier: Sequence[CreditNote],
    request: CreditRequest,
    identity: Identity,
    rounding: Rounding = Rounding.half_up,
) -> CreditNote:
    """The credit note over what is asked; `earlier` are all credit notes of the invoice before it.

    BadInput for a line that the invoice has not, an amount of nothing, or more than is left of a line or in all; Conflict for
    a draft, a voided invoice, and one of which nothing is left. `rounding` is that of the invoice's tax.
    """
    original = _taxed(invoice)
    amounts = _amounts(request, left_of(invoice, earlier, request.basis), invoice)
    taxed = reverse(original, amounts, [note.taxed for note in earlier], request.basis, rounding)
    _check_in_all(taxed, original, earlier)
    offset, from_written_off, to_credit = _settled(invoice, taxed.gross)
    refundable = min(to_credit, invoice.paid - total([note.refundable for note in earlier], invoice.currency))
    return CreditNote(
        id=identity.key,
        number=identity.number,
        invoice=invoice.id,
        invoice_number=invoice.number or "",
        customer=invoice.customer,
        legal_entity=invoice.legal_entity,
        currency=invoice.currency,
        issue_date=identity.issue_date,
        reason=request.reason,
        memo=request.memo,
        taxed=taxed,
        offset=offset,
        from_written_off=from_written_off,
        to_credit=to_credit,
        refundable=max(refundable, Money.zero(invoice.currency)),
    )


def _amounts(request: CreditRequest, left: Mapping[str, Money], invoice: Invoice) -> dict[str, Money]:
    if request.lines:
        return {each.line: _of_line(each, left, index) for index, each in enumerate(request.lines)}
    rest = {line: amount for line, amount in left.items() if amount}
    if not rest:
        raise Conflict(f"invoice {invoice.number} has been credited whole, so nothing is left to credit")
    whole = total(list(rest.values()), invoice.currency)
    if request.amount is None or request.amount == whole:
        return rest
    if request.amount.currency != invoice.currency:
        raise BadInput("amount", f"must be in {invoice.currency}, as the invoice is")
    if whole < request.amount:
        raise BadInput("amount", f"{request.amount} cannot be credited, {whole} is left of the invoice")
    charged = {line: amount for line, amount in rest.items() if amount.minor > 0}
    parts = request.amount.split([amount.minor for amount in charged.values()])
    return {line: part for line, part in zip(charged, parts, strict=True) if part}


def _of_line(each: LineCredit, left: Mapping[str, Money], index: int) -> Money:
    if each.line not in left:
        raise BadInput(f"lines[{index}].line", f"{each.line} is no line of the invoice")
    whole = left[each.line]
    amount = whole if each.amount is None else each.amount
    if amount.currency != whole.currency:
        raise BadInput(f"lines[{index}].amount", f"must be in {whole.currency}, as the invoice is")
    if not amount:
        raise BadInput(f"lines[{index}].amount", f"must not be zero; {whole} is left of the line")
    if not min(whole.minor, 0) <= amount.minor <= max(whole.minor, 0):
        raise BadInput(f"lines[{index}].amount", f"{amount} cannot be credited, {whole} is left of the line")
    return amount


def _check_in_all(taxed: TaxedDocument, original: TaxedDocument, earlier: Sequence[CreditNote]) -> None:
    """A line may be credited whole while the invoice is not: one with a credit line of its own came to less."""
    left = original.gross - total([note.taxed.gross for note in earlier], original.currency)
    if left < taxed.gross:
        raise BadInput("lines", f"{taxed.gross} with tax cannot be credited, {left} is left of the invoice in all")


def _settled(invoice: Invoice, gross: Money) -> tuple[Money, Money, Money]:
    """Against what is due, against what was written off, and to the customer's credit. A credit of a negative invoice takes
    from the customer's credit what the invoice had given."""
    if gross.minor < 0:
        return Money.zero(gross.currency), Money.zero(gross.currency), gross
    offset = min(gross, invoice.amount_due)
    from_written_off = min(gross - offset, invoice.written_off)
    return offset, from_written_off, gross - offset - from_written_off


def applied(invoice: Invoice, note: CreditNote, today: date) -> Invoice:
    """The invoice after its credit note: less is due, or less of it counts as written off."""
    if not note.from_written_off:
        return credited(invoice, note.offset, today)
    changes = {
        "credited": invoice.credited + note.from_written_off,
        "written_off": invoice.written_off - note.from_written_off,
    }
    after = invoice.model_copy(update=changes)
    if after.written_off:
        return after
    return after.model_copy(update={"state": move(INVOICE, after.state, InvoiceState.paid)})
