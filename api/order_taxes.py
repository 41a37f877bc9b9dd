"""The tax of an order, decided for each of its products before it is accepted."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import TypeVar

from activities.adapters.tax.engine import SuppliedLine, TableEngine, TaxQuestion
from activities.adapters.tax.invoices import with_digest
from activities.store import issuing
from activities.store.database import Connection
from activities.store.entry import Circumstances
from activities.store.issuing import Answers, Decisions, Unasked, answer_to
from api.context import Context
from domain.billing.entities import TaxSource
from domain.billing.zones import local_date, zone_of
from domain.customers import party_of
from domain.errors import BadInput, NotFound
from domain.money import total
from domain.orders import Order

Answer = TypeVar("Answer")


async def asking(context: Context, work: Callable[[Answers], Awaitable[Answer]]) -> Answer:
    """Do `work`, and again with the answer where it needs one of an external engine. Unavailable where that does not answer, so
    that nothing is accepted untaxed."""
    done: list[Answer] = []

    async def attempt(answers: Answers) -> list[TaxQuestion]:
        try:
            done[:] = [await work(answers)]
        except Unasked as unasked:
            return [unasked.question]
        return []

    await issuing.asking(context.taxes, attempt)
    return done[0]


async def decide(context: Context, connection: Connection, order: Order, found: Circumstances, answers: Answers) -> Decisions:
    """What is decided for each product of the order; nothing for a seller that is registered for no tax.

    Raises Unasked, and BadInput where no decision can be made, as where a rate is missing.
    """
    asked = question(order, found)
    if asked is None:
        return {}
    if found.seller.tax_source is TaxSource.external:
        return answer_to(asked, answers)
    table = await context.taxes.tables.at(connection, found.tax_revision)
    try:
        return await TableEngine(table).decide(asked)
    except NotFound as error:
        raise BadInput("items", f"their tax is not known: {error}") from None


def question(order: Order, found: Circumstances) -> TaxQuestion | None:
    """One line for each product. The key is of what is asked, so that asking the same again is asking once."""
    seller = found.seller.seller
    charged = [item for item in order.items if item.lines]
    if not (charged and (seller.registrations or seller.one_stop_shop)):
        return None
    on = supplied_on(order, found)
    lines = []
    for product in {item.product.id: item.product for item in charged}.values():
        items = [item for item in charged if item.product.id == product.id]
        amount = total([line.amount for item in items for line in item.lines], order.currency)
        inclusive = items[0].price.tax_inclusive
        lines.append(SuppliedLine(id=product.id, supply=product.supply, amount=amount, inclusive=inclusive, supplied_on=on))
    buyer = party_of(found.customer, found.proof)
    return with_digest(TaxQuestion(key="order", seller=seller, buyer=buyer, lines=tuple(lines), settings=found.seller.tax))


def supplied_on(order: Order, found: Circumstances) -> date:
    """The seller's local date on which the order's services are agreed to begin: its tax is that of this day."""
    begins = max(order.placed_at, order.requested_start or order.placed_at)
    return local_date(begins, zone_of(found.seller.gathering.timezone))
