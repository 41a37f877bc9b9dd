"""The tax of an order, decided for each of its products before it is accepted."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import TypeVar

from activities.adapters.tax.engine import SuppliedLine, TableEngine, TaxQuestion
from activities.store.database import Connection
from activities.store.entry import Circumstances
from api.context import Context
from domain.billing.entities import TaxSource
from domain.billing.tax.decisions import TaxDecision
from domain.billing.zones import local_date, zone_of
from domain.customers import party_of
from domain.errors import BadInput, NotFound, Unavailable
from domain.money import total
from domain.orders import Order

Decisions = Mapping[str, TaxDecision]
Answers = dict[str, Decisions]
"""What an external engine answered, by the key of the question."""

Answer = TypeVar("Answer")
MOST_ASKED = 3


class Unasked(Exception):
    """An external engine has to be asked this, once no transaction is open."""

    def __init__(self, question: TaxQuestion) -> None:
        super().__init__(question.key)
        self.question = question


async def asking(context: Context, work: Callable[[Answers], Awaitable[Answer]]) -> Answer:
    """Do `work`, and again with the answer each time that it needs one of an external engine: asking takes its time, for which
    no connection is held. Unavailable where the engine does not answer, so that nothing is accepted untaxed."""
    answers: Answers = {}
    while True:
        try:
            return await work(answers)
        except Unasked as unasked:
            if len(answers) == MOST_ASKED:
                raise Unavailable("what tax is asked for changes while it is decided; try again") from None
            answers[unasked.question.key] = await context.taxes.external().decide(unasked.question)


async def decide(context: Context, connection: Connection, order: Order, found: Circumstances, answers: Answers) -> Decisions:
    """What is decided for each product of the order; nothing for a seller that is registered for no tax.

    Raises Unasked, and BadInput where no decision can be made, as where a rate is missing.
    """
    asked = question(order, found)
    if asked is None:
        return {}
    if found.seller.tax_source is TaxSource.external:
        if asked.key not in answers:
            raise Unasked(asked)
        return answers[asked.key]
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
    asked = TaxQuestion(
        key="-",
        seller=seller,
        buyer=party_of(found.customer, found.proof),
        lines=tuple(lines),
        settings=found.seller.tax,
    )
    digest = hashlib.sha256(asked.model_dump_json().encode()).hexdigest()
    return asked.model_copy(update={"key": f"order:{digest[:32]}"})


def supplied_on(order: Order, found: Circumstances) -> date:
    """The seller's local date on which the order's services are agreed to begin: its tax is that of this day."""
    begins = max(order.placed_at, order.requested_start or order.placed_at)
    return local_date(begins, zone_of(found.seller.gathering.timezone))
