"""Who decides on tax: the table or an external engine, asked alike."""

from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from activities.adapters.tax.engine import HttpTaxEngine, SuppliedLine, TableEngine, TaxQuestion
from domain.billing.entities import DEFAULT
from domain.billing.tax.decisions import Treatment
from domain.billing.tax.parties import Party, Seller
from domain.billing.tax.supplies import Supply
from domain.errors import Refused, Unavailable
from domain.money import Money
from tests.domain.billing.tax.samples import consumer, seller, table
from tests.sandbox_server import NOBODY, RunningSandbox


def line(name: str, day: date = date(2026, 11, 25)) -> SuppliedLine:
    return SuppliedLine(id=name, supply=Supply(), amount=Money(minor=1000, currency="EUR"), supplied_on=day)


def question(*lines: SuppliedLine, by: Seller | None = None, to: Party | None = None) -> TaxQuestion:
    return TaxQuestion(key="O-1:invoice", seller=by or seller("DE"), buyer=to or consumer("DE"), lines=lines)


async def test_the_table_decides_by_the_day_of_each_line() -> None:
    found = await TableEngine(table()).decide(question(line("old", date(2020, 8, 1)), line("new")))
    assert {key: decision.rates[0].percent for key, decision in found.items()} == {"old": Decimal(16), "new": Decimal(19)}


@pytest.mark.parametrize("country", ["DE", "FR", "US", "CA", "IN", "ZW"])
async def test_a_seller_without_set_up_charges_no_tax_anywhere(country: str) -> None:
    found = await TableEngine(table()).decide(question(line("1"), by=DEFAULT.seller, to=consumer(country)))
    assert (found["1"].treatment, found["1"].rates) == (Treatment.not_registered, ())


async def test_an_external_engine_decides_by_line(sandbox: RunningSandbox) -> None:
    engine = HttpTaxEngine(f"{sandbox.url}/tax", sandbox.client)
    found = await engine.decide(question(line("1"), line("2"), to=consumer("FR")))
    assert set(found) == {"1", "2"}
    assert (found["1"].rates[0].percent, str(found["1"].place)) == (Decimal(10), "FR")


@pytest.mark.parametrize("mode", ["error_500", "rate_limit", "not_attempted", "timeout_before", "timeout_after", "garbled"])
async def test_an_engine_without_an_answer_is_unavailable(sandbox: RunningSandbox, mode: str) -> None:
    await sandbox.fault("decide_tax", mode)
    with pytest.raises(Unavailable):
        await HttpTaxEngine(f"{sandbox.url}/tax", sandbox.client, total_seconds=1).decide(question(line("1")))


async def test_an_engine_that_is_not_there_is_unavailable() -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(Unavailable):
            await HttpTaxEngine(NOBODY, client).decide(question(line("1")))


TAXED: dict[str, Any] = {
    "treatment": "taxed",
    "category": "S",
    "place": {"country": "DE"},
    "rates": [{"jurisdiction": {"country": "DE"}, "tax": "VAT", "percent": "19"}],
}


async def asked_of(status: int, answer: object) -> list[httpx.Request]:
    """The requests that an engine with this answer got."""
    seen: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status, json=answer)

    async with httpx.AsyncClient(transport=httpx.MockTransport(take)) as client:
        await HttpTaxEngine("http://engine.example", client).decide(question(line("1")))
    return seen


async def test_the_engine_is_asked_with_the_documents_key() -> None:
    (request,) = await asked_of(200, {"lines": [{"id": "1"} | TAXED]})
    assert request.headers["Idempotency-Key"] == "O-1:invoice"
    assert request.url.path == "/decisions"


@pytest.mark.parametrize(
    "answer",
    [
        {"lines": []},
        {"lines": [{"id": "2"} | TAXED]},
        {"lines": [{"id": "1"} | TAXED, {"id": "2"} | TAXED]},
        {"lines": [{"id": "1"} | TAXED | {"rates": []}]},
    ],
)
async def test_lines_left_undecided_are_no_decision(answer: object) -> None:
    with pytest.raises(Unavailable):
        await asked_of(200, answer)


async def test_a_definite_no_of_the_engine_stays_one() -> None:
    with pytest.raises(Refused):
        await asked_of(422, {"code": "unknown_category"})
