"""An order's history, as pages and live."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx

from activities.store import api_keys, orders
from activities.store.database import Database
from domain.facts import Event
from domain.roles import Role
from domain.states import OrderState
from tests.api.conftest import KeyFor
from tests.api.test_orders import becomes, placed

LIVE = {"Accept": "text/event-stream"}


@asynccontextmanager
async def watching(api: httpx.AsyncClient, order: str, **headers: str) -> AsyncIterator[AsyncIterator[tuple[int, str]]]:
    """(seq, type) of each event as it comes."""
    async with api.stream("GET", f"/v1/orders/{order}/events", headers=LIVE | headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")

        async def events() -> AsyncIterator[tuple[int, str]]:
            seq = 0
            async for line in answer.aiter_lines():
                if line.startswith("id: "):
                    seq = int(line[4:])
                if line.startswith("event: "):
                    yield seq, line[7:]

        yield events()


async def happens(database: Database, order: str, *types: str) -> None:
    given = [Event(key=kind, type=kind, at=datetime.now(UTC), actor="turnup", summary=kind) for kind in types]
    async with database.transaction() as connection:
        await orders.append(connection, order, given)


async def test_history_comes_in_pages_by_sequence(api: httpx.AsyncClient, database: Database) -> None:
    order = (await placed(api))["id"]
    await happens(database, order, "one", "two", "three")
    first = (await api.get(f"/v1/orders/{order}/events", params={"limit": 2})).json()
    rest = (await api.get(f"/v1/orders/{order}/events", params={"after": first["next"]})).json()
    assert [event["seq"] for event in first["items"] + rest["items"]] == [1, 2, 3, 4]
    assert rest["next"] is None


async def test_a_live_history_tells_each_event_as_it_happens_and_ends_with_the_order(
    api: httpx.AsyncClient, database: Database
) -> None:
    order = (await placed(api))["id"]
    async with asyncio.timeout(10), watching(api, order) as events:
        assert await anext(events) == (1, "order.acknowledged")
        began = asyncio.get_running_loop().time()
        await happens(database, order, "step.done")
        assert await anext(events) == (2, "step.done")
        assert asyncio.get_running_loop().time() - began < 1
        await becomes(database, order, OrderState.completed)
        assert [event async for event in events] == [(3, "order.completed")]


async def test_a_live_history_goes_on_after_the_last_event_known(api: httpx.AsyncClient, database: Database) -> None:
    order = (await placed(api))["id"]
    await happens(database, order, "one", "two")
    await becomes(database, order, OrderState.failed)
    async with asyncio.timeout(10), watching(api, order, **{"Last-Event-ID": "2"}) as events:
        assert [event async for event in events] == [(3, "two"), (4, "order.failed")]


async def test_a_browser_that_knows_everything_is_told_not_to_come_back(api: httpx.AsyncClient, database: Database) -> None:
    order = (await placed(api))["id"]
    await becomes(database, order, OrderState.completed)
    answer = await api.get(f"/v1/orders/{order}/events", headers=LIVE | {"Last-Event-ID": "2"})
    assert answer.status_code == 204


async def test_a_live_history_ends_when_its_key_is_revoked(api: httpx.AsyncClient, database: Database, key_for: KeyFor) -> None:
    order, key = (await placed(api))["id"], await key_for(Role.viewer)
    async with asyncio.timeout(10), watching(api, order, Authorization=f"Bearer {key}") as events:
        await anext(events)
        async with database.transaction() as connection:
            await api_keys.revoke(connection, str(api_keys.key_id_of(key)), datetime.now(UTC))
        assert [event async for event in events] == []
