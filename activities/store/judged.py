"""Orders that the fraud check said something of: the last ones, and how many a day."""

from datetime import date, datetime

from sqlalchemy import text

from activities.store.database import Connection
from domain.fraud import Band
from domain.values import Instant, Value


class Judged(Value):
    """One judgement; an order that was judged again has several."""

    order: str
    at: Instant
    band: Band
    score: int
    reasons: list[str]
    rules: list[str]


class JudgedDay(Value):
    """How often orders got this band on a day in UTC."""

    day: date
    band: Band
    count: int


# The type stands in the text, as in the index of these events alone.
_LAST = text("""
    SELECT order_id, at, data FROM events WHERE type = 'order.screened' ORDER BY at DESC, order_id DESC LIMIT :limit
""")
_DAYS = text("""
    SELECT (at AT TIME ZONE 'UTC')::date AS day, data ->> 'band' AS band, count(*) AS count FROM events
     WHERE type = 'order.screened' AND at >= :since GROUP BY 1, 2 ORDER BY 1, 2
""")


async def last(connection: Connection, limit: int) -> list[Judged]:
    """The newest first. Orders that nothing held for are not among them."""
    found = []
    for row in await connection.execute(_LAST, {"limit": limit}):
        lines = {name: row.data[name].split("\n") if row.data[name] else [] for name in ("rules", "reasons")}
        found.append(Judged(order=row.order_id, at=row.at, band=row.data["band"], score=row.data["score"], **lines))
    return found


async def days(connection: Connection, since: datetime) -> list[JudgedDay]:
    """Days on which there were none are left out."""
    rows = (await connection.execute(_DAYS, {"since": since})).mappings()
    return [JudgedDay.model_validate(dict(row)) for row in rows]
