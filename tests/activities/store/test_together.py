"""What many ask at the same moment, on a real PostgreSQL."""

import asyncio
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from activities.store.database import Connection, Database
from activities.store.together import MOST, Together
from domain.errors import Unavailable
from workers.embedded.ports import free_port

HUNDREDTHS = text(
    "SELECT 100 / given FROM unnest(CAST(:given AS integer[])) WITH ORDINALITY AS asked (given, place) ORDER BY place"
)
LOCKED = text("SELECT pg_advisory_xact_lock(4711)")


class Dividing:
    """Asks PostgreSQL for 100 divided by each, and keeps what went together. 7 waits for a lock."""

    def __init__(self) -> None:
        self.statements: list[list[int]] = []

    async def __call__(self, connection: Connection, given: Sequence[int]) -> list[int]:
        self.statements.append(list(given))
        if 7 in given:
            await connection.execute(LOCKED)
        return list((await connection.execute(HUNDREDTHS, {"given": list(given)})).scalars())


async def test_all_who_ask_at_one_moment_go_in_one_statement_and_each_gets_its_answer(database: Database) -> None:
    dividing = Dividing()
    together = Together(database, dividing)
    assert await asyncio.gather(*(together.ask(given) for given in (1, 2, 5, 20))) == [100, 50, 20, 5]
    assert await together.ask(4) == 25
    assert dividing.statements == [[1, 2, 5, 20], [4]]


async def test_no_statement_takes_more_than_its_bound(database: Database) -> None:
    dividing = Dividing()
    together = Together(database, dividing)
    await asyncio.gather(*(together.ask(1) for _ in range(MOST + 1)))
    assert [len(each) for each in dividing.statements] == [MOST, 1]


async def test_one_that_cannot_be_answered_takes_no_other_with_it(database: Database) -> None:
    dividing = Dividing()
    together = Together(database, dividing)
    one, none, ten = await asyncio.gather(*(together.ask(given) for given in (100, 0, 10)), return_exceptions=True)
    assert (one, ten) == (1, 10)
    assert isinstance(none, DBAPIError)
    assert "division by zero" in str(none)
    assert dividing.statements == [[100, 0, 10], [100], [0], [10]]


async def test_one_that_waits_for_a_lock_holds_up_none_that_come_after_it(database: Database) -> None:
    dividing = Dividing()
    together = Together(database, dividing)
    async with database.transaction() as connection:
        await connection.execute(LOCKED)
        waits = asyncio.create_task(together.ask(7))
        while not dividing.statements:  # noqa: ASYNC110 - it is out as soon as the loop has gone round
            await asyncio.sleep(0)
        assert await together.ask(2) == 50
        assert not waits.done()
    assert await waits == 14


async def test_who_asks_no_more_leaves_the_others_their_answers(database: Database) -> None:
    together = Together(database, Dividing())
    first, second = asyncio.create_task(together.ask(1)), asyncio.create_task(together.ask(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 50
    assert await together.ask(4) == 25


async def test_where_postgresql_is_away_all_are_told() -> None:
    """Each is tried once: whether it was written is for the caller to find out."""
    dividing = Dividing()
    gone = Database(f"postgresql://turnup@127.0.0.1:{free_port()}/turnup")
    together = Together(gone, dividing)
    answers = await asyncio.gather(*(together.ask(given) for given in (1, 2)), return_exceptions=True)
    await gone.close()
    assert [type(answer) for answer in answers] == [Unavailable, Unavailable]
    assert dividing.statements == [[1, 2]]
