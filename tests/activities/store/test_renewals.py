"""What a renewal, and taking over what an order started, ask of the database: few statements, however much is written."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import event, text

from activities.store import due_rows, renewals
from activities.store.database import Connection
from domain.subscriptions.facts import Opening
from tests.life import clocked, live, monthly, plan
from tests.world import World

MAY = datetime(2026, 5, 1, tzinfo=UTC)


@contextmanager
def counted(connection: Connection) -> Iterator[list[str]]:
    """The statements that are sent within the block."""
    sent: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        sent.append(statement)

    engine = connection.sync_connection
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_a_renewal_takes_seven_statements_and_a_takeover_five(world: World) -> None:
    _, customer = await clocked(world, datetime(2026, 4, 1, tzinfo=UTC))
    name = await live(world, customer, await plan(world, monthly(), monthly("5.00", name="Other")))
    async with world.database.transaction() as connection:
        await connection.execute(
            text("UPDATE test_clocks SET now = :now WHERE id = (SELECT clock FROM customers WHERE id = :id)"),
            {"now": MAY, "id": customer},
        )
        with counted(connection) as sent:
            row = await due_rows.get(connection, f"{name}:renewal")
            assert row is not None
            assert await renewals.carry_out(connection, row) == f"subscription {name} is active"
        assert len(sent) <= 7
        after = await due_rows.get(connection, f"{name}:renewal")
        assert after is not None
        assert after.due_at == datetime(2026, 6, 1, tzinfo=UTC)
        forgotten = text(
            "UPDATE subscriptions SET document = jsonb_build_object('activated_at', CAST(:at AS text)) WHERE id = :id"
        )
        await connection.execute(forgotten, {"at": "2026-04-01T00:00:00Z", "id": name})
        with counted(connection) as sent:
            await renewals.activate(connection, Opening(subscription=name))
        assert len(sent) <= 5
