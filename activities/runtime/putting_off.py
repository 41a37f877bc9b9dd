"""What is due and cannot be done for a reason of ours rests, and an operator sees why."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import structlog

from activities.store import due_rows, life_fallout
from activities.store.database import Database
from domain.errors import TurnupError, Unavailable

Result = TypeVar("Result")
log = structlog.get_logger()


async def or_put_off(
    database: Database,
    key: str,
    work: Awaitable[Result],
    otherwise: Callable[[str], Result],
    raised: type[TurnupError] = Unavailable,
) -> Result:
    """What `work` returns for the row with this key; where it fails, `otherwise` of what becomes of it, in words (none where it
    was done meanwhile): it would fail at every try, and nobody would see it. `raised` is left to the caller: by itself that
    which passes."""
    try:
        return await work
    except raised:
        raise
    except Exception as error:
        log.exception("what is due cannot be done", key=key)
        return otherwise(await _put_off(database, key, error))


async def _put_off(database: Database, key: str, error: Exception) -> str:
    async with database.transaction() as connection:
        row = await due_rows.get(connection, key)
        if row is None:
            return ""
        return await life_fallout.put_off(connection, row, life_fallout.words_of(error), datetime.now(UTC))
