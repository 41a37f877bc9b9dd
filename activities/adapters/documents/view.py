"""What a document shows, as text that is ready to be set: the template only places it."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from activities.adapters.documents.words import Language
from domain.billing.balance import Settlement
from domain.billing.bands import Band
from domain.billing.documents.document import BillingDocument
from domain.billing.documents.en16931 import Days, major, priced, service_days
from domain.billing.documents.parties import Address, Issuer, PaymentMethod, printable
from domain.billing.entities import UNKNOWN_COUNTRY
from domain.billing.lines import InvoiceLine, Portion
from domain.billing.proration import Basis
from domain.billing.tax.documents import TaxedDocument, TaxKind, TaxLine, TaxSubtotal
from domain.money import Money, exponent, total
from domain.values import Value

_LETTER_PAPER = frozenset({"US", "CA", "MX", "CL", "CO", "PH"})


class Fact(Value):
    label: str
    value: str


class Row(Value):
    """One line of the document; `details` say how its amount came to be."""

    description: str
    period: str
    details: tuple[Fact, ...]
    note: str
    quantity: str
    price: str
    tax: str
    amount: str


class View(Value):
    """Everything the template gets. `mark` is across the page of what is no valid document; the last of `totals` is the one
    that counts."""

    language: str
    region: str | None
    paper: str
    issued: date
    title: str
    subject: str
    mark: str
    sender: tuple[str, ...]
    footer: tuple[tuple[str, ...], ...]
    recipient: tuple[str, ...]
    facts: tuple[Fact, ...]
    currency: str
    rows: tuple[Row, ...]
    totals: tuple[Fact, ...]
    notes: tuple[str, ...]
    payment: tuple[Fact, ...]
    words: dict[str, str]


def view_of(document: BillingDocument, say: Language) -> View:
    """The document in the words and formats of a language."""
    kind = "invoice" if document.credit_note is None else "credit_note"
    locale = say.locale
    return View(
        language=locale.language,
        region=locale.territory if locale.territory and locale.territory.isalpha() else None,
        paper="us-letter" if document.recipient.address.country in _LETTER_PAPER else "a4",
        issued=document.issue_date,
        title=say(kind),
        subject=f"{say(kind)} {document.number or ''}".strip(),
        mark=say("draft") if document.is_draft else say("voided") if document.is_voided else "",
        sender=(document.issuer.name, *_address(document.issuer.address, say)),
        footer=tuple(_footer(document.issuer, say)),
        recipient=(document.recipient.name, *_address(document.recipient.address, say)),
        facts=tuple(_facts(document, say)),
        currency=document.invoice.currency,
        rows=tuple(_rows(document, say)),
        totals=tuple(_totals(document, say)),
        notes=tuple(_notes(document, say)),
        payment=tuple(_account(document, say)),
        words=say.words,
    )


def _address(address: Address, say: Language) -> tuple[str, ...]:
    """Without what is not known."""
    city = " ".join(part for part in (address.postcode, address.city) if part)
    country = "" if address.country == UNKNOWN_COUNTRY else say.country(address.country)
    return (*address.lines, *(part for part in (city, address.region, country) if part))


def _footer(issuer: Issuer, say: Language) -> Iterator[tuple[str, ...]]:
    yield (issuer.name, *_address(issuer.address, say))
    yield tuple(text for text in (issuer.email, issuer.phone) if text)
    numbers = {"vat_id": issuer.vat_id, "tax_number": issuer.tax_number, "register_number": issuer.register_number}
    named = [f"{say(label)} {number}" for label, number in numbers.items() if number]
    yield (*named, *([issuer.legal_information] if issuer.legal_information else []))


def _facts(document: BillingDocument, say: Language) -> Iterator[Fact]:
    note, invoice = document.credit_note, document.invoice
    if document.number:
        yield Fact(label=say("invoice_number" if note is None else "credit_note_number"), value=document.number)
    yield Fact(label=say("scheduled_date" if document.is_draft else "issue_date"), value=say.day(document.issue_date))
    if note is not None:
        value = say("corrected_invoice_value", number=note.invoice_number, date=say.day(invoice.issue_date))
        yield Fact(label=say("corrected_invoice"), value=value)
        yield Fact(label=say("reason"), value=say(f"credit_{note.reason}"))
    else:
        yield Fact(label=say("due_date"), value=say.day(invoice.due_date))
    if days := _service_period(document):
        yield Fact(label=say("service_period"), value=say.days(days))
    if document.recipient.buyer_reference:
        yield Fact(label=say("buyer_reference"), value=document.recipient.buyer_reference)
    if document.recipient.vat_id:
        yield Fact(label=say("recipient_vat_id"), value=document.recipient.vat_id)


def _service_period(document: BillingDocument) -> Days | None:
    periods = [days for line in document.invoice.lines if (days := service_days(line, document.recipient))]
    if not periods:
        return None
    return Days(first=min(each.first for each in periods), last=max(each.last for each in periods))


def _rows(document: BillingDocument, say: Language) -> Iterator[Row]:
    taxed = document.taxed
    if document.credit_note is not None:
        yield from (_credited(line, tax, document, say) for line, tax in document.pairs())
    elif taxed is None:
        yield from (_row(line, "", document, say) for line in document.invoice.lines)
    else:
        yield from (_row(line, _rate(tax, taxed, say), document, say) for line, tax in document.pairs())


def _row(line: InvoiceLine, rate: str, document: BillingDocument, say: Language) -> Row:
    quantity, price, base = priced(line.quantity, line.amount)
    each = "" if base != 1 else say.number(price * (-1 if quantity < 0 else 1), exponent(line.amount.currency))
    return Row(
        description=printable(line.description),
        period=_period(line, document, say),
        details=tuple(_details(line, say)),
        note="" if line.tiers or line.portions or line.discounts else _note(line),
        quantity=say.number(line.quantity),
        price=each,
        tax=rate,
        amount=say.amount(line.discounted),
    )


def _credited(line: InvoiceLine, tax: TaxLine, document: BillingDocument, say: Language) -> Row:
    taxed = document.taxed
    return Row(
        description=printable(line.description),
        period=_period(line, document, say),
        details=(),
        note="",
        quantity="",
        price="",
        tax=_rate(tax, taxed, say) if taxed is not None else "",
        amount=say.amount(tax.price),
    )


def _period(line: InvoiceLine, document: BillingDocument, say: Language) -> str:
    days = service_days(line, document.recipient)
    return say.days(days) if days else ""


def _note(line: InvoiceLine) -> str:
    """The explanation where it says more than the amount."""
    stated = f"{major(line.amount)} {line.amount.currency}."
    return "" if line.explanation.replace("\N{MINUS SIGN}", "-") == stated else printable(line.explanation)


def _rate(tax: TaxLine, taxed: TaxedDocument, say: Language) -> str:
    kinds = [taxed.subtotals[each.kind].kind for each in tax.taxes]
    return " + ".join(say.percent(_percent(kind)) if kind.tax else "–" for kind in kinds)


def _percent(kind: TaxKind) -> Decimal:
    return kind.percent * kind.base_percent / 100


def _details(line: InvoiceLine, say: Language) -> Iterator[Fact]:
    if len(line.tiers) > 1 or line.portions:
        yield from (_tier(tier, line.amount.currency, say) for tier in line.tiers)
    if line.portions:
        yield Fact(label=", ".join(_portion(portion, say) for portion in line.portions), value=say.amount(line.amount))
    elif line.discounts:
        yield Fact(label=say("before_discount"), value=say.amount(line.amount))
    for each in line.discounts:
        yield Fact(label=printable(each.description), value=say.amount(-each.amount))


def _tier(tier: Band, currency: str, say: Language) -> Fact:
    digits = exponent(currency)
    amount = say.number(tier.amount, digits)
    if not tier.quantity:
        return Fact(label=printable(tier.description), value=amount)
    flat = f" + {say.number(tier.flat_amount, digits)}" if tier.flat_amount else ""
    return Fact(label=f"{say.number(tier.quantity)} × {say.number(tier.unit_amount, digits)}{flat}", value=amount)


def _portion(portion: Portion, say: Language) -> str:
    part, whole, unit = portion.in_units()
    word = "portion_thirty" if portion.by is Basis.thirty else "portion"
    return say(word, part=say.number(Decimal(part)), whole=say.number(Decimal(whole)), unit=say(unit))


def _totals(document: BillingDocument, say: Language) -> Iterator[Fact]:
    taxed = document.taxed
    if taxed is None:
        net = total([line.discounted for line in document.invoice.lines], document.invoice.currency)
        yield Fact(label=say("net_total"), value=say.money(net))
        return
    yield Fact(label=say("net_total"), value=say.money(taxed.net))
    yield from (_tax(each, say) for each in taxed.subtotals)
    word = "total" if document.credit_note is None else "credit_total"
    yield Fact(label=say(word), value=say.money(taxed.gross))
    settlement = document.invoice.settlement
    if document.credit_note is None and settlement is not None and not document.is_voided:
        yield from _settled(document, settlement, taxed.gross, say)


def _tax(subtotal: TaxSubtotal, say: Language) -> Fact:
    kind = subtotal.kind
    if not kind.tax:
        reason = say(f"reason_{kind.category}")
        stated = f" ({printable(kind.reason)})" if kind.reason else ""
        return Fact(label=f"{reason}{stated}", value=say.money(subtotal.tax))
    named = say("vat") if kind.tax == "VAT" else kind.tax
    values = {
        "percent": say.percent(_percent(kind)),
        "place": say.place(kind.jurisdiction),
        "taxable": say.money(subtotal.taxable),
    }
    return Fact(label=say("tax_of", tax=named, **values), value=say.money(subtotal.tax))


def _settled(document: BillingDocument, settlement: Settlement, gross: Money, say: Language) -> Iterator[Fact]:
    if settlement.balance_applied:
        earlier = "balance_applied" if settlement.balance_applied.minor > 0 else "debt_collected"
        word = "balance_credited" if gross.minor < 0 else earlier
        yield Fact(label=say(word), value=say.money(-settlement.balance_applied))
    if settlement.prepaid_applied:
        yield Fact(label=say("prepaid_applied"), value=say.money(-settlement.prepaid_applied))
    if settlement.carried_forward:
        yield Fact(label=say("carried_forward"), value=say.money(-settlement.carried_forward))
    if document.paid_in_advance and settlement.amount_due:
        yield Fact(label=say("paid_by_card"), value=say.money(-settlement.amount_due))
    yield Fact(label=say("amount_due"), value=say.money(document.due or Money.zero(gross.currency)))


def _notes(document: BillingDocument, say: Language) -> Iterator[str]:
    note, taxed = document.credit_note, document.taxed
    if taxed is None:
        yield say("tax_not_known")
    elif any(line.inclusive for line in taxed.lines):
        yield say("prices_include_tax")
    if note is not None:
        yield from [printable(note.memo)] if printable(note.memo) else []
        yield say("credit_terms", number=note.invoice_number)
    elif document.due is not None and not document.is_voided:
        yield _to_pay(document, document.due, say)


def _to_pay(document: BillingDocument, due: Money, say: Language) -> str:
    if not due:
        return say("nothing_due")
    values = {"amount": say.money(due), "date": say.day(document.invoice.due_date), "number": document.number or ""}
    return say("pay_any" if document.payment is None else f"pay_{document.payment.method}", **values)


def _account(document: BillingDocument, say: Language) -> Iterator[Fact]:
    payment = document.payment
    if payment is None or document.credit_note is not None or document.is_voided or not document.due:
        return
    if payment.method is PaymentMethod.direct_debit and payment.mandate:
        yield Fact(label=say("mandate"), value=payment.mandate)
    if payment.method is not PaymentMethod.transfer:
        return
    given = (
        (say("account_holder"), payment.account_holder),
        ("IBAN", _grouped(payment.iban)),
        (say("account"), payment.account),
    )
    yield from (Fact(label=label, value=value) for label, value in (*given, ("BIC", payment.bic)) if value)


def _grouped(iban: str | None) -> str:
    """In groups of four, as people read it."""
    return " ".join((iban or "")[place : place + 4] for place in range(0, len(iban or ""), 4))
