"""Has gateways forget what they are to forget, from committed rows alone, for as long as it takes.

One runs in each worker process, beside the dispatcher, which a gateway that hangs must not hold up. A token is in no workflow,
no id and no log: it is read from its row for the one call, and gone from there once that is answered. A row that was tried by
somebody who died is tried again, since forgetting twice is harmless.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import structlog

from activities.adapters.gateway.port import Gateway, Keeper
from activities.store import dispatches, forgetting
from activities.store.database import Database
from activities.store.dispatches import Dispatch, Kind
from activities.store.forgetting import Token
from domain.errors import TurnupError, Unavailable

EVERY = 5.0
PAGE = 20
CALL_SECONDS = 30.0
LEASE = timedelta(seconds=60)
UNDECIDED = timedelta(minutes=1)
"""How soon it is looked again whether a payment with it is decided."""
LONGEST_WAIT = 3600

log = structlog.get_logger()


class Forgetter:
    def __init__(self, database: Database, gateways: Mapping[str, Gateway], default: str) -> None:
        self._database = database
        self._gateways = gateways
        self._default = default

    async def run(self) -> None:
        """At work until cancelled."""
        while True:
            try:
                while await self.forget_page(datetime.now(UTC)) == PAGE:
                    pass
            except TurnupError as error:
                log.warning("forgetting put off", reason=str(error))
            except Exception:  # one that ended would leave tokens at their gateways until somebody noticed
                log.exception("forgetting put off")
            await asyncio.sleep(EVERY)

    async def forget_page(self, now: datetime) -> int:
        """How many rows were taken of what is due at `now`."""
        async with self._database.transaction() as connection:
            due = await dispatches.claim(connection, now, now + LEASE, PAGE, (Kind.forget,))
        await asyncio.gather(*(self._try(row, now) for row in due))
        return len(due)

    async def _try(self, row: Dispatch, now: datetime) -> None:
        """What one gateway does not do must not keep back the others."""
        try:
            async with asyncio.timeout(CALL_SECONDS):
                await self._forget(row, now)
        except (TurnupError, TimeoutError) as trouble:
            error = str(trouble) or f"no answer within {CALL_SECONDS:.0f} s"
            log.warning("not forgotten", key=row.key, reason=error)
            async with self._database.transaction() as connection:
                await dispatches.mark_failed(connection, row.key, error, now + _pause(row.attempts))

    async def _forget(self, row: Dispatch, now: datetime) -> None:
        asked = Token.model_validate(row.payload)
        asked = asked.model_copy(update={"gateway": asked.gateway or self._default})
        async with self._database.transaction() as connection:
            if waited := await forgetting.undecided(connection, asked):
                await dispatches.put_off(connection, row.key, f"{waited} is not decided", now + UNDECIDED)
                return
            if await forgetting.needed(connection, asked):
                await forgetting.done(connection, row.key, None, now)
                return
        gateway = self._gateways.get(asked.gateway)
        if not isinstance(gateway, Keeper):
            raise Unavailable(f"there is no gateway {asked.gateway!r} here that could forget it")
        await gateway.forget(asked.token)
        async with self._database.transaction() as connection:
            await forgetting.done(connection, row.key, asked, now)


def _pause(attempts: int) -> timedelta:
    return timedelta(seconds=min(5 * 2 ** min(attempts, 10), LONGEST_WAIT))
