"""The schema: migrations and tables agree, and the database itself holds what must never break."""

from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from activities.store.schema import metadata
from activities.store.tables.ledger import ledger_transactions
from tests.world import World

NOW = datetime(2026, 1, 31, tzinfo=UTC)
POST = text(
    'INSERT INTO ledger_entries ("transaction", account, currency, amount, order_id, posted_at)'
    " VALUES (:transaction, :account, 'EUR', :amount, :order, :at)"
)


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_server_default": True})
    return list(compare_metadata(context, metadata))


async def post_alone(world: World, order: str) -> None:
    """One side of a transaction without the other."""
    async with world.database.transaction() as connection:
        head = {"id": f"{order}:odd", "at": NOW, "description": "odd"}
        await connection.execute(insert(ledger_transactions).values(**head))
        row = {"transaction": f"{order}:odd", "account": "cash", "amount": 100, "order": order, "at": NOW}
        await connection.execute(POST, row)


async def test_the_migrations_make_the_tables_that_the_code_uses(world: World) -> None:
    engine = create_async_engine(world.database.url)
    async with engine.connect() as connection:
        found = await connection.run_sync(differences)
    await engine.dispose()
    assert found == []


async def test_a_ledger_transaction_that_does_not_balance_is_refused(world: World) -> None:
    order = await world.order(await world.customer(), {"product": "crm", "plan": "crm-team"}, submit=False)
    with pytest.raises(IntegrityError, match="does not balance"):
        await post_alone(world, order)


@pytest.mark.parametrize("change", ["UPDATE ledger_entries SET amount = 0", "DELETE FROM events"])
async def test_the_ledger_and_the_history_are_append_only(world: World, change: str) -> None:
    order = await world.order(await world.customer(), {"product": "crm", "plan": "crm-team"})
    await world.state(order, "completed")
    async with world.database.transaction() as connection:
        with pytest.raises(DBAPIError, match="append-only"):
            await connection.execute(text(change))
