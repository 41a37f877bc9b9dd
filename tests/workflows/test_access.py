"""What blocks a service closes it at the systems that built it, and opens it there again once nothing does."""

from datetime import UTC, datetime, timedelta

from activities.store import access_blocks, due_rows, order_facts, services
from domain import keys
from domain.states import ServiceState
from tests.life import advance, advance_past_waits, clocked, events, live, monthly, plan, shown
from tests.workflows.plans import build
from tests.world import World

MAY = datetime(2026, 5, 1, tzinfo=UTC)
STEPS = [build(), build("switch-on", verb="activate", undo=None, needs=["build"])]


async def block(world: World, service: str, source: str) -> None:
    async with world.database.transaction() as connection:
        await access_blocks.block(connection, [service], "dispute", source, MAY)


async def lift(world: World, source: str) -> None:
    async with world.database.transaction() as connection:
        await access_blocks.lift(connection, "dispute", source, MAY)


async def state(world: World, service: str) -> ServiceState:
    async with world.database.transaction() as connection:
        return (await services.get(connection, service)).state


async def switched(world: World, service: str) -> list[str]:
    kinds = await world.sandbox.kinds(service.partition(":")[0])
    return [kind for kind in kinds if kind in {"suspended", "resumed"}]


async def test_a_service_follows_what_blocks_it_at_its_partner_once_for_each_change(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    name = await live(world, customer, await plan(world, monthly(), steps=STEPS))
    service = (await shown(world, name))["service"]
    hour = timedelta(hours=1)

    await block(world, service, "D-1")
    await block(world, service, "D-2")
    await advance(world, clock, MAY + hour)
    assert await state(world, service) is ServiceState.suspended
    await lift(world, "D-1")
    await advance(world, clock, MAY + 2 * hour)
    assert (await state(world, service), await switched(world, service)) == (ServiceState.suspended, ["suspended"])
    await lift(world, "D-2")
    await block(world, service, "D-3")
    await lift(world, "D-3")
    await advance(world, clock, MAY + 3 * hour)
    assert (await state(world, service), await switched(world, service)) == (ServiceState.active, ["suspended", "resumed"])
    await block(world, service, "D-3")
    await advance(world, clock, MAY + 4 * hour)

    assert await switched(world, service) == ["suspended", "resumed", "suspended"]
    happened = [kind for kind, _ in await events(world, name) if kind.startswith("service.")]
    assert happened == ["service.suspended", "service.resumed", "service.suspended"]
    async with world.database.transaction() as connection:
        assert service not in [each.service for each in await order_facts.out_of_line(connection, 100)]


async def test_a_partner_that_is_down_is_asked_again_in_an_hour_and_the_last_change_wins(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    name = await live(world, customer, await plan(world, monthly(), steps=STEPS))
    service = (await shown(world, name))["service"]
    order = service.partition(":")[0]
    await world.sandbox.of(order).fault("suspend", "error_500")
    await block(world, service, "D-1")

    await advance_past_waits(world, clock, MAY + timedelta(minutes=1), keys.access_workflow(service))

    async with world.database.transaction() as connection:
        (row,) = await due_rows.of_subject(connection, service)
        (found,) = [each for each in await order_facts.out_of_line(connection, 100) if each.service == service]
    assert (row.due_at, await state(world, service)) == (MAY + timedelta(hours=1), ServiceState.active)
    assert row.error == found.trouble
    assert "mailhub has not done it" in str(row.error)
    await lift(world, "D-1")
    await advance(world, clock, MAY + timedelta(hours=2))
    assert (await state(world, service), await switched(world, service)) == (ServiceState.active, [])
    async with world.database.transaction() as connection:
        assert await due_rows.of_subject(connection, service) == []
