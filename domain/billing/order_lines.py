"""An order as an invoice has it: its items' lines with discounts and tax, and the draft over those that were fulfilled."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from domain import keys
from domain.billing.calendar import Period
from domain.billing.discounts import discounted
from domain.billing.drafting import Draft, draft, tax_of
from domain.billing.gathering import Gathered, Group
from domain.billing.lines import InvoiceLine, explained, line_key
from domain.billing.tax.decisions import TaxCategory, TaxDecision, Treatment
from domain.billing.tax.documents import TaxedDocument
from domain.billing.tax.jurisdictions import Jurisdiction
from domain.billing.zones import TimeZone
from domain.catalogue import RecurringCharge
from domain.money import Money
from domain.orders import Order, OrderItem
from domain.pricing import PricedLine, due


def with_dues(order: Order, items: Collection[str] | None = None) -> Order:
    """The order with what each item comes to after its coupons and with its taxes, as the invoice over `items`, all of them
    where it is None, will charge it. What the others come to stays.

    Tax and discounts are rounded for a document and not for an item: what a part of an order comes to may differ by a minor
    unit from its share of the whole.
    """
    if not order.coupons and not any(each.treatment is Treatment.taxed for each in order.taxes.values()):
        return order
    billed = [item for item in order.items if items is None or item.id in items]
    lines = [line for item in billed for line in _lines(order, item)]
    if not lines:
        return order
    reduced = discounted(lines, order.coupons, order.drafting.discounts).lines
    taxed = tax_of(reduced, decisions(order, reduced), order.drafting.tax, order.currency)
    known = {line.id: line for line in reduced}
    priced = {item.id: _priced(order, item, known, taxed) for item in billed}
    return order.model_copy(update={"items": [priced.get(item.id, item) for item in order.items]})


def _priced(order: Order, item: OrderItem, known: dict[str, InvoiceLine], taxed: TaxedDocument) -> OrderItem:
    lines = []
    for index, line in enumerate(item.lines):
        key = _key(order, item, index)
        of_tax = taxed.line(key)
        changes = {"discounts": known[key].discounts, "tax": of_tax and of_tax.tax, "gross": of_tax and of_tax.gross}
        lines.append(line.model_copy(update=changes))
    return item.model_copy(update={"lines": lines, "due": due(lines, order.currency)})


def explained_lines(order: Order, item: OrderItem) -> list[PricedLine]:
    """The item's lines with how each amount came about."""
    texts = [
        explained(line.model_copy(update={"discounts": priced.discounts})).explanation
        for line, priced in zip(_lines(order, item), item.lines, strict=True)
    ]
    return [line.model_copy(update={"explanation": text}) for line, text in zip(item.lines, texts, strict=True)]


def invoice_draft(order: Order, items: Collection[str], at: datetime, today: date) -> Draft:
    """The invoice over the items that were fulfilled, all that is due of them being due now: an order is paid in advance.
    `today` is the local date of the legal entity. Where the calendar did not decide otherwise, the first period of what recurs,
    or its trial, begins at `at`, since service begins once it is paid.

    ValueError where it does not come to what its items are due: what is billed is what was captured.
    """
    billed = [item for item in order.items if item.id in items]
    lines = tuple(_served(line, item, order.timezone, at) for item in billed for line in _lines(order, item))
    gathered = Gathered(
        id=keys.invoice(order.id),
        group=Group(customer=order.customer.id, legal_entity=order.legal_entity, currency=order.currency),
        issue_date=today,
        gathered_at=at,
        lines=lines,
    )
    made = draft(gathered, order.coupons, decisions(order, lines), order.drafting)
    expected = sum(item.due.minor for item in billed)
    if made.invoice.gross.minor != expected:
        due_ = Money(minor=expected, currency=order.currency)
        raise ValueError(f"invoice: comes to {made.invoice.gross}, the items of order {order.id} to {due_}")
    return made


def _served(line: InvoiceLine, item: OrderItem, timezone: TimeZone, at: datetime) -> InvoiceLine:
    charges = {item.price.charge_id(index): charge for index, charge in enumerate(item.price.charges)}
    charge = charges.get(line.charge)
    if not isinstance(charge, RecurringCharge):
        return line
    if charge.trial_days:
        return line.model_copy(update={"period": Period(start=at, end=at + timedelta(days=charge.trial_days))})
    if line.period is not None:
        return line
    return line.model_copy(update={"period": charge.schedule(at, timezone).period(0)})


def _lines(order: Order, item: OrderItem) -> list[InvoiceLine]:
    """Before discounts."""
    return [
        InvoiceLine(
            id=_key(order, item, index),
            subscription=keys.subscription(order.id, item.id),
            item=item.id,
            plan=item.plan.id,
            product=item.product.id,
            charge=_charge(line, index),
            description=f"{item.plan.name}: {line.name}",
            period=line.period,
            price_version=item.price.version,
            quantity=line.quantity,
            tiers=line.tiers,
            portions=line.portions,
            shares=line.shares,
            amount=line.amount,
            tax_inclusive=item.price.tax_inclusive,
        )
        for index, line in enumerate(item.lines)
    ]


def _key(order: Order, item: OrderItem, index: int) -> str:
    charge = _charge(item.lines[index], index)
    return line_key(keys.subscription(order.id, item.id), item.id, charge, item.price.version, 0)


def _charge(line: PricedLine, index: int) -> str:
    """Orders of the first release named no charges."""
    return line.charge or f"charge-{index + 1}"


def decisions(order: Order, lines: Sequence[InvoiceLine]) -> dict[str, TaxDecision]:
    """What was decided about the tax of each line, by its id."""
    products = {item.id: item.product.id for item in order.items}
    none = no_tax(order.customer.country)
    return {line.id: order.taxes.get(products[line.item], none) for line in lines}


def no_tax(country: str) -> TaxDecision:
    """Where the seller is registered for no tax at all."""
    return TaxDecision(
        treatment=Treatment.not_registered,
        category=TaxCategory.outside_scope,
        place=Jurisdiction(country=country),
        reason="No tax: the seller is not registered for any",
        note="the seller is not registered for any tax",
    )
