"""From gathered lines to the draft of an invoice: discounts, explanations, tax. A preview and the commit both call it."""

from collections.abc import Mapping, Sequence

from domain.billing.coupons import Redemption
from domain.billing.discounts import DiscountSettings, discounted
from domain.billing.gathering import Gathered
from domain.billing.invoices import Invoice, PaymentTerms, drafted
from domain.billing.lines import InvoiceLine, explained
from domain.billing.tax.calculation import tax
from domain.billing.tax.decisions import TaxDecision
from domain.billing.tax.documents import TaxableLine, TaxedDocument
from domain.billing.tax.settings import TaxSettings
from domain.values import StrictValue, Value


class DraftingSettings(StrictValue):
    """Coupons come off before tax, so that tax is due on what is really paid (Directive 2006/112/EC, article 79(b))."""

    terms: PaymentTerms = PaymentTerms()
    discounts: DiscountSettings = DiscountSettings()
    tax: TaxSettings = TaxSettings()


class Draft(Value):
    """`redemptions` are the coupons that it used, as they stand once it is finalized; a preview leaves them as they were."""

    invoice: Invoice
    redemptions: tuple[Redemption, ...] = ()


def draft(
    gathered: Gathered,
    redemptions: Sequence[Redemption],
    decisions: Mapping[str, TaxDecision] | None,
    settings: DraftingSettings | None = None,
) -> Draft:
    """The draft of what was gathered, with the customer's open coupons and the tax decision for each line by its id.

    `decisions` is None while a tax engine does not answer: the draft then has no tax, and `finalize` refuses it. BadInput for
    a line without a decision.
    """
    settings = settings or DraftingSettings()
    reduced = discounted(gathered.lines, redemptions, settings.discounts)
    lines = tuple(explained(line) for line in reduced.lines)
    ready = gathered.model_copy(update={"lines": lines})
    made = Draft(invoice=drafted(ready, settings.terms), redemptions=reduced.redemptions)
    return made if decisions is None else with_tax(made, decisions, settings.tax)


def with_tax(made: Draft, decisions: Mapping[str, TaxDecision], settings: TaxSettings) -> Draft:
    """An untaxed draft with its tax. BadInput for a line without a decision."""
    taxed = tax_of(made.invoice.lines, decisions, settings, made.invoice.currency)
    return made.model_copy(update={"invoice": made.invoice.model_copy(update={"taxed": taxed})})


def tax_of(
    lines: Sequence[InvoiceLine], decisions: Mapping[str, TaxDecision], settings: TaxSettings, currency: str
) -> TaxedDocument:
    taxable = [TaxableLine(id=line.id, amount=line.discounted, inclusive=line.tax_inclusive) for line in lines]
    return tax(taxable, decisions, settings, currency)
