"""The arithmetic alone: a line of a hundred tiers, and an invoice of a thousand lines with the decision on their tax."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from decimal import Decimal

from activities.adapters.tax.engine import TableEngine
from activities.adapters.tax.invoices import question
from activities.adapters.tax.tables import shipped
from domain.billing.drafting import draft
from domain.billing.gathering import Gathered, Group
from domain.billing.lines import InvoiceLine
from domain.billing.rates import GraduatedRate, rate
from domain.billing.tax.parties import Party
from domain.billing.tax.supplies import Supply
from domain.money import Money
from tests.bench.invoice_run import SELLER
from tests.bench.report import Section, figure

TIERS, LINES = 100, 1000
ROUNDS = 20
TODAY = date(2026, 3, 2)


async def measure() -> Section:
    """The fastest of some rounds, since what else the machine does only slows it; each is against an aim of its own."""
    tiered, invoiced = await _tiered(), await _invoiced()
    figures = [
        figure("a line of 100 tiers", tiered * 1e6, "µs", at_most=50),
        figure("an invoice of 1,000 lines with tax", invoiced * 1e3, "ms", at_most=50),
    ]
    return Section(title="The arithmetic of pricing and invoicing", figures=figures)


async def _tiered() -> float:
    tiers = [{"up_to": str(10 * number), "unit_amount": f"{TIERS - number + 1}.00"} for number in range(1, TIERS)]
    model = GraduatedRate.model_validate({"tiers": [*tiers, {"up_to": None, "unit_amount": "1.00"}]})
    quantities = [Decimal(number) for number in range(991, 1991)]

    async def work() -> None:
        for quantity in quantities:
            rate(model, quantity).rounded("EUR")

    return await _seconds(work) / len(quantities)


async def _invoiced() -> float:
    lines = tuple(_line(number) for number in range(LINES))
    group = Group(customer="C-1", legal_entity=SELLER.id, currency="EUR")
    gathered = Gathered(id="I-1", group=group, issue_date=TODAY, gathered_at=datetime(2026, 3, 2, tzinfo=UTC), lines=lines)
    supplies = dict.fromkeys((line.id for line in lines), Supply())
    engine = TableEngine(shipped())

    async def work() -> None:
        asked = question(gathered.id, lines, SELLER, Party(country="DE"), supplies, TODAY)
        draft(gathered, (), await engine.decide(asked), SELLER.drafting)

    return await _seconds(work)


def _line(number: int) -> InvoiceLine:
    amount = Money(minor=1000 + number, currency="EUR")
    return InvoiceLine(id=f"line-{number}", charge="seat", description=f"Seat {number}", product="crm", amount=amount)


async def _seconds(work: Callable[[], Awaitable[None]]) -> float:
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - began)
    return min(taken)
