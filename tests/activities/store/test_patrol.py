"""The patrol reads growing tables by their indexes alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import event, text

from activities.store import order_facts, patrol
from activities.store.database import Connection
from tests.workflows.plans import access, build
from tests.world import World

NOW = datetime(2026, 3, 1, tzinfo=UTC)
GROWING = (
    "orders",
    "order_items",
    "order_steps",
    "payments",
    "ledger_entries",
    "events",
    "services",
    "entitlements",
    "dispatches",
)


async def read_all(connection: Connection, order: str) -> None:
    """Everything that a round reads."""
    await patrol.to_look_at(connection, 0, 100)
    await order_facts.of_orders(connection, [order])
    await patrol.overdue(connection, NOW, timedelta(minutes=5), 100)
    await patrol.last_round(connection)
    await patrol.open_by_invariant(connection)
    await patrol.finish(connection, 1, NOW, NOW)


async def test_a_round_scans_no_growing_table(world: World) -> None:
    """With sequential scans made dear, one is planned only where there is no index for it."""
    product, plan = await world.product(build(), access())
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    await world.settled(order)
    asked: list[tuple[str, Any]] = []
    plans: list[str] = []
    async with world.database.transaction() as connection:
        engine = connection.sync_engine

        def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
            asked.append((statement, parameters))

        event.listen(engine, "before_cursor_execute", note)
        await read_all(connection, order)
        event.remove(engine, "before_cursor_execute", note)
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        for statement, parameters in asked:
            explained = await connection.exec_driver_sql(f"EXPLAIN {statement}", tuple(parameters))
            plans.append(statement + "\n" + "\n".join(str(row[0]) for row in explained.all()))

    assert len(plans) >= 12
    assert [plan for plan in plans for table in GROWING if f"Seq Scan on {table} " in plan] == []
