"""The dispatcher: what it does with rows that do not go out."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest_asyncio

from activities.runtime.dispatcher import LEASE, Dispatcher
from activities.store import dispatches
from activities.store.database import Database
from activities.store.dispatches import Dispatch, Kind
from domain.errors import Unavailable
from domain.facts import HandOver
from workers import migrate
from workers.embedded.postgres import Cluster

NOW = datetime(2030, 1, 1, tzinfo=UTC)


class Temporal:
    """Stands for Temporal, which is down or not."""

    def __init__(self) -> None:
        self.down = False
        self.taken: list[str] = []

    async def subscribe(self, service: HandOver) -> None:
        if self.down:
            raise Unavailable("Temporal does not answer")
        self.taken.append(service.subscription)


@pytest_asyncio.fixture(scope="module")
async def database(cluster: Cluster) -> AsyncIterator[Database]:
    url = await cluster.create_database("dispatcher")
    await migrate.upgrade(url)
    database = Database(url)
    yield database
    await database.close()


async def asked(database: Database, subscription: str, **changes: object) -> None:
    """A service to hand over, due now."""
    names = {"order": "O-1", "item": "1", "customer": "C-1", "product": "crm", "plan": "team", "currency": "EUR"}
    service = HandOver(subscription=subscription, quantity=1, activated_at=NOW, **names)
    given = service.model_dump(mode="json") | changes
    row = Dispatch(key=subscription, kind=Kind.subscribe, subject=subscription, payload=given, due_at=NOW)
    async with database.transaction() as connection:
        await dispatches.request(connection, [row])


async def test_a_row_that_cannot_be_sent_keeps_back_no_other(database: Database) -> None:
    temporal = Temporal()
    await asked(database, "unreadable", quantity="many")
    await asked(database, "sub-1")

    page = await Dispatcher(database, temporal).send_page(NOW)  # type: ignore[arg-type]

    assert (page.taken, page.sent, temporal.taken) == (2, 1, ["sub-1"])


async def test_what_waited_through_a_long_outage_goes_out_seconds_after_it(database: Database) -> None:
    temporal = Temporal()
    dispatcher = Dispatcher(database, temporal)  # type: ignore[arg-type]
    await asked(database, "sub-2")
    temporal.down = True
    moment = NOW
    for _ in range(20):
        moment += timedelta(seconds=5)
        await dispatcher.send_page(moment)

    temporal.down = False
    await dispatcher.send_page(moment + timedelta(seconds=5))

    assert temporal.taken == ["sub-2"]


async def test_what_a_dispatcher_had_in_hand_when_it_died_goes_to_another(database: Database) -> None:
    temporal = Temporal()
    await asked(database, "sub-3")
    async with database.transaction() as connection:
        await dispatches.claim(connection, NOW, NOW + LEASE, 50)
    dispatcher = Dispatcher(database, temporal)  # type: ignore[arg-type]

    before = await dispatcher.send_page(NOW + LEASE / 2)
    after = await dispatcher.send_page(NOW + LEASE)

    assert "sub-3" in temporal.taken
    assert before.taken == 0
    assert after.sent >= 1
