"""Whether the systems that services are provisioned in serve, as the workers last saw it."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from activities.store import dispatches
from activities.store.database import Connection
from activities.store.tables.catalogue import upstreams
from domain.checks import upstream_subject
from domain.values import Instant, Value

STALE = timedelta(minutes=2)
"""A word older than this says nothing: no worker is watching."""


FAILURES = 3
"""Looks in a row that have to fail before a system counts as down: one lost packet does not stop orders."""


class Upstream(Value):
    """`since` when it is as it is; `detail` why the last look failed."""

    name: str
    failures: int
    detail: str
    since: Instant
    checked_at: Instant

    @property
    def healthy(self) -> bool:
        return self.failures < FAILURES


async def note(connection: Connection, name: str, failure: str | None, now: datetime) -> None:
    """Keep what one look saw: None, or how it failed. Orders that wait for a system that serves again are woken."""
    before = await _known(connection, name)
    failures = 0 if failure is None else (before.failures if before else 0) + 1
    seen = Upstream(name=name, failures=failures, detail=(failure or "")[:300], since=now, checked_at=now)
    if before is not None and before.healthy == seen.healthy:
        seen = seen.model_copy(update={"since": before.since})
    made = insert(upstreams).values(seen.model_dump())
    changed = {column: made.excluded[column] for column in ("failures", "detail", "since", "checked_at")}
    await connection.execute(made.on_conflict_do_update(index_elements=["name"], set_=changed))
    if before is not None and seen.healthy and not before.healthy:
        await dispatches.wake_blocked(connection, [upstream_subject(name)], now, f"upstream:{name}:{now.isoformat()}")


async def _known(connection: Connection, name: str) -> Upstream | None:
    """What was seen before, locked until the transaction ends."""
    row = (await connection.execute(select(upstreams).where(upstreams.c.name == name).with_for_update())).mappings().first()
    return Upstream.model_validate(dict(row)) if row is not None else None
