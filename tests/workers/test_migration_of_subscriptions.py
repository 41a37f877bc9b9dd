"""Subscriptions of releases before: handed over, closed here alone, or about to be closed; after the upgrade they go on."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest_asyncio
from alembic import command
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from activities.store import access, due_rows, renewals, subscriptions
from activities.store.database import Database
from domain.provisioning import Verb
from tests.domain.samples import order
from workers.embedded.postgres import Cluster
from workers.migrate import _config, upgrade

LIVE = datetime(2026, 1, 31, 12, tzinfo=UTC)
CLOSES = datetime(2026, 3, 1, tzinfo=UTC)
HANDED = """{"subscription": "S-1001-1", "order": "O-1001", "item": "1", "activated_at": "2026-01-31T12:00:00Z"}"""
OLD = """
    INSERT INTO customers (id, document, version, created_at, updated_at)
    VALUES ('C-1', '{"id": "C-1", "name": "Someone", "country": "DE"}', 1, :at, :at);
    INSERT INTO orders (id, number, customer, state, revision, document, currency, total, placed_by, placed_at, updated_at)
    VALUES ('O-1001', 1001, 'C-1', 'completed', 1, CAST(:document AS jsonb), 'EUR', 15250, 'shop', :at, :at);
    INSERT INTO services (id, order_id, item, customer, product, plan, quantity, state, activated_at)
    VALUES ('O-1001:1', 'O-1001', '1', 'C-1', 'crm', 'crm-team', 5, 'active', :at),
           ('O-1001:2', 'O-1001', '2', 'C-1', 'crm', 'crm-team', 5, 'active', :at);
    INSERT INTO subscriptions (id, customer, order_id, item, state, document, version, created_at)
    VALUES ('S-1001-1', 'C-1', 'O-1001', '1', 'active', CAST(:handed AS jsonb), 1, :at),
           ('S-1001-2', 'C-1', 'O-1001', '2', 'pending', '{}', 1, :at);
    INSERT INTO access_blocks (service, reason, source, opened_at) VALUES ('O-1001:2', 'dispute', 'd', :at);
    INSERT INTO due_rows (key, kind, subject, customer, due_at, handed_at, payload)
    VALUES ('S-1001-2' || :suspend, 'deprovision', 'S-1001-2', 'C-1', :closes, :closes, '{}')
"""


@pytest_asyncio.fixture(scope="module")
async def migrated(cluster: Cluster) -> AsyncIterator[Database]:
    url = await cluster.create_database("lives_carried_over")
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    values = {
        "at": LIVE,
        "document": order().model_dump_json(),
        "handed": HANDED,
        "closes": CLOSES,
        "suspend": ":deprovision:suspend",
    }
    async with engine.begin() as connection:
        await connection.run_sync(before_partners_followed)
        for statement in OLD.split(";"):
            await connection.execute(text(statement), {name: values[name] for name in values if f":{name}" in statement})
    await engine.dispose()
    await upgrade(url)
    database = Database(url)
    yield database
    await database.close()


def before_partners_followed(connection: Connection) -> None:
    command.upgrade(_config(connection), "0023")


async def test_one_that_was_only_handed_over_is_taken_over_from_when_it_went_live(migrated: Database) -> None:
    async with migrated.transaction() as connection:
        [row] = await due_rows.of_subject(connection, "S-1001-1")
        await renewals.carry_out(connection, row)
        stored = await subscriptions.get(connection, "S-1001-1")
        [started, *_] = await subscriptions.events(connection, "S-1001-1", 0, 10)
    assert stored.subscription.started_at == LIVE
    assert (stored.subscription.order, stored.subscription.item) == ("O-1001", "1")
    assert (started.seq, started.type) == (1, "subscription.started")


async def test_a_service_closed_here_alone_is_to_be_closed_at_its_partners(migrated: Database) -> None:
    async with migrated.transaction() as connection:
        [row] = await due_rows.of_subject(connection, "O-1001:2")
        calls, change, _ = await access.look(connection, row.key)
        open_ = await due_rows.of_subject(connection, "O-1001:1")
    assert (row.kind, change) == (due_rows.Kind.access, 1)
    assert {call.verb for call in calls} <= {Verb.suspend}
    assert open_ == []


async def test_what_was_to_be_closed_first_is_taken_down_after_its_retention(migrated: Database) -> None:
    async with migrated.transaction() as connection:
        [row] = await due_rows.of_subject(connection, "S-1001-2")
    assert (row.key, row.due_at) == ("S-1001-2:deprovision:terminate", CLOSES + timedelta(days=30))
