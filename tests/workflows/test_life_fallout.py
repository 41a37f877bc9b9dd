"""What a subscription is due and cannot do is seen by an operator, and goes on once what was wrong is mended."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from activities.adapters.tax.engines import TaxEngines
from activities.runtime.changes import StoredChanges
from activities.runtime.processes import Processes
from activities.store import change_requests, due_rows
from activities.store.due_rows import DueRow, Kind
from activities.store.tables.life import due_rows as table
from domain import keys
from domain.errors import Conflict
from tests.life import invoices, live, monthly, plan
from tests.workflows.plans import build
from tests.world import Json, World


async def _fallout(world: World, subscription: str, *, is_open: bool) -> list[Json]:
    order = f"O-{subscription.split('-')[1]}"
    query = {"order": order, "open": str(is_open).lower()}
    answer = await world.succeed(world.api.get("/v1/fallout", params=query))
    return list(answer["items"])


async def test_what_is_due_and_fails_is_fallout_and_its_process_ends_in_good_order(world: World) -> None:
    customer = await world.customer()
    name = await live(world, customer, await plan(world, monthly()))
    key, now = f"{name}:invoice:none", datetime.now(UTC)
    row = DueRow(key=key, kind=Kind.invoice, subject=name, customer=customer, due_at=now, payload={"invoice": "none"})
    async with world.database.transaction() as connection:
        await due_rows.put(connection, [row])
    process = await Processes(world.temporal.client).due(row)

    assert "waits for an operator" in await process.result()

    [stuck] = await _fallout(world, name, is_open=True)
    assert (stuck["subject"], stuck["owner"], stuck["id"]) == ("due", "operations", f"{key}:fallout:1")
    assert "none" in stuck["error"]
    [invoice] = await invoices(world, customer)
    async with world.database.transaction() as connection:
        mended = update(table).where(table.c.key == key).values(payload={"invoice": invoice["id"]})
        await connection.execute(mended)
    await world.succeed(world.api.post(f"/v1/fallout/{stuck['id']}/retry", json={"reason": "mended"}))
    await world.due_sweep.sweep_page(datetime.now(UTC))

    async def done() -> bool:
        async with world.database.transaction() as connection:
            return await due_rows.get(connection, key) is None

    await world.until(done, f"{key} to be done")
    [closed] = await _fallout(world, name, is_open=False)
    assert (closed["verb"], closed["by"], closed["reason"]) == ("retry", "admin", "mended")
    refused = await world.api.post(f"/v1/fallout/{stuck['id']}/resolve", json={"evidence": "by hand"})
    assert refused.status_code == 409


async def test_what_a_partner_never_takes_back_is_kept_for_an_operator(world: World) -> None:
    """The change fails once it is made at the partner, since the money cannot be taken, and the partner refuses to undo it."""
    name = await live(world, await world.customer(), await plan(world, monthly("30.00"), steps=[build()]))
    service = keys.reference(f"O-{name.split('-')[1]}", "1")
    order = service.partition(":")[0]
    await world.sandbox.faults(
        {"operation": "capture", "mode": "decline_hard", "order": name},
        {"operation": "verify", "mode": "error_500", "order": order, "count": 30},
        {"operation": "change", "mode": "slow", "order": order, "count": 1, "delay_seconds": 0},
        {"operation": "change", "mode": "decline_hard", "order": order},
    )

    refused = await world.api.post(f"/v1/subscriptions/{name}/changes", json={"quantity": 2, "when": "now"})

    assert refused.status_code == 409, refused.text
    [stuck] = await _fallout(world, name, is_open=True)
    assert stuck["subject"] == "left_over"
    body = {"evidence": "ticket 4711"}
    await world.succeed(world.api.post(f"/v1/fallout/{stuck['id']}/resolve", json=body))
    assert await _fallout(world, name, is_open=True) == []


async def test_a_change_that_a_bug_keeps_from_being_written_down_is_fallout_and_a_refusal_is_for_its_process(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = await world.customer()
    name = await live(world, customer, await plan(world, monthly()))
    key, said = f"{name}:change:9", list[Exception]()
    row = DueRow(key=key, kind=Kind.change, subject=name, customer=customer, due_at=datetime.now(UTC) + timedelta(days=1))
    async with world.database.transaction() as connection:
        await due_rows.put(connection, [row])

    async def fails(*_: object) -> None:
        raise said[-1]

    monkeypatch.setattr(change_requests, "make_due", fails)
    changes = StoredChanges(world.database, TaxEngines(), "sandbox")
    said.append(Conflict("the plan is gone"))
    with pytest.raises(Conflict, match="the plan is gone"):
        await changes.make_due(key)
    assert await _fallout(world, name, is_open=True) == []

    said.append(RuntimeError("a bug"))
    assert f"{key} waits for an operator" in await changes.make_due(key)
    [stuck] = await _fallout(world, name, is_open=True)
    assert (stuck["id"], stuck["subject"], stuck["error"]) == (f"{key}:fallout:1", "due", "RuntimeError: see the worker's log")
    async with world.database.transaction() as connection:
        await due_rows.remove(connection, [key])
