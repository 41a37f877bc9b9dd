"""A legal entity's engine is the one that it names, with the rates of the moment."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import pytest
import pytest_asyncio

from activities.adapters.tax.engine import SuppliedLine, TaxQuestion
from activities.adapters.tax.engines import TaxEngines
from activities.store import tax_rates
from activities.store.database import Database
from domain.billing.entities import TaxSource
from domain.billing.tax.rates import TaxRate
from domain.billing.tax.supplies import Supply
from domain.errors import Unavailable
from domain.money import Money
from tests.domain.billing.tax.samples import at, consumer, seller
from workers import migrate
from workers.embedded.postgres import Cluster


@pytest_asyncio.fixture
async def database(cluster: Cluster) -> AsyncIterator[Database]:
    url = await cluster.create_database("taxes")
    await migrate.upgrade(url)
    database = Database(url)
    yield database
    await database.close()


async def percent(database: Database, engines: TaxEngines) -> int:
    line = SuppliedLine(id="1", supply=Supply(), amount=Money(minor=1, currency="EUR"), supplied_on=date(2027, 1, 1))
    async with database.transaction() as connection:
        engine = await engines.of(connection, TaxSource.table)
    found = await engine.decide(TaxQuestion(key="k", seller=seller("DE"), buyer=consumer("DE"), lines=(line,)))
    return int(found["1"].rates[0].percent)


async def test_a_rate_that_another_process_added_holds_here_too(database: Database) -> None:
    here = TaxEngines()
    assert await percent(database, here) == 19
    start = date(2027, 1, 1)
    added = TaxRate.model_validate(
        {"jurisdiction": at("DE"), "tax": "VAT", "percent": "20", "valid_from": start, "source": "law"}
    )
    async with database.transaction() as connection:
        await tax_rates.add(connection, added, "anna", datetime(2026, 1, 1, tzinfo=UTC))
    assert await percent(database, here) == 20


async def test_an_external_engine_that_is_not_named_is_unavailable(database: Database) -> None:
    async with database.transaction() as connection:
        with pytest.raises(Unavailable, match="TURNUP_TAX_ENGINE_URL"):
            await TaxEngines().of(connection, TaxSource.external)
