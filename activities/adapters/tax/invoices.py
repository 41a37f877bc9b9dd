"""What a tax engine is asked about an invoice."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from activities.adapters.tax.engine import SuppliedLine, TaxQuestion
from domain.billing.entities import LegalEntity
from domain.billing.lines import InvoiceLine
from domain.billing.tax.parties import Party
from domain.billing.tax.supplies import Supply
from domain.billing.zones import local_date, zone_of
from domain.errors import Conflict


def question(
    invoice: str, lines: Sequence[InvoiceLine], seller: LegalEntity, buyer: Party, supplies: Mapping[str, Supply], today: date
) -> TaxQuestion:
    """About the lines after their discounts, with the supply of each by its id. Conflict for a line whose supply is not
    known."""
    return TaxQuestion(
        key=invoice,
        seller=seller.seller,
        buyer=buyer,
        lines=tuple(_supplied(line, supplies, supplied_on(line, seller, today)) for line in lines),
        settings=seller.tax,
    )


def with_digest(asked: TaxQuestion) -> TaxQuestion:
    """With a key of all that is asked, so that asking the same again is asking once."""
    digest = hashlib.sha256(asked.model_dump_json().encode()).hexdigest()
    return asked.model_copy(update={"key": f"{asked.key}:{digest[:32]}"})


def supplied_on(line: InvoiceLine, seller: LegalEntity, today: date) -> date:
    """The tax point: the last day of a period that is over, and else the day of the invoice, which comes before the service
    (Directive 2006/112/EC, articles 64(1) and 66(a))."""
    if line.period is None:
        return today
    ended = local_date(line.period.end - timedelta(microseconds=1), zone_of(seller.gathering.timezone))
    return min(today, ended)


def _supplied(line: InvoiceLine, supplies: Mapping[str, Supply], on: date) -> SuppliedLine:
    if line.id not in supplies:
        raise Conflict(f"line {line.id} is of no product of the catalogue, so its tax is not known")
    supply = supplies[line.id]
    return SuppliedLine(id=line.id, supply=supply, amount=line.discounted, inclusive=line.tax_inclusive, supplied_on=on)
