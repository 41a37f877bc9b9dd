"""The patrol, carried out on the store: facts are read in pages, judged by the domain, and what was found is kept."""

from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.contracts.patrol import Beat, Patrol
from activities.store import life_facts, order_facts, patrol
from activities.store.database import Database
from domain.invariants.catalogue import INVARIANTS, OF_NO_ORDER, violations
from domain.invariants.facts import Facts
from domain.states import ORDER, is_terminal

PAGE = 100
GRACE = timedelta(minutes=30)
"""How long an order may be at work without a word: longer than all tries of the most patient call."""
LATE = timedelta(minutes=5)
"""How long a message to Temporal may be due."""
MOST_QUEUED = 100
"""Overdue messages noted at a time: where there are more, the first ones say it."""
MOST_INVOICES = 1000
"""Invoices with more than one payment looked at in a round, those with the newest payments first; and refunds, the newest."""
MOST_LIVES = 1000
"""Subscriptions in doubt looked at in a round."""

_OF_ORDERS = [invariant.name for invariant in INVARIANTS if invariant.name not in OF_NO_ORDER]


class StoredPatrol(Patrol):
    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="patrol_orders")
    async def look(self, beat: Beat) -> Beat | None:
        async with self._database.transaction() as connection:
            await order_facts.one_snapshot(connection)
            page = await patrol.to_look_at(connection, beat.after, PAGE)
            orders = await order_facts.of_orders(connection, [order for _, order in page])
        if not page:
            return None
        now = datetime.now(UTC)
        found = violations(Facts(now=now, grace=GRACE, orders=orders))
        ended = {order.id for order in orders if is_terminal(ORDER, order.state)}
        async with self._database.transaction() as connection:
            await patrol.note(connection, _OF_ORDERS, [order for _, order in page], found, now)
            await patrol.watch(connection, page, ended)
        return Beat(began=beat.began, after=page[-1][0], orders=beat.orders + len(page))

    @activity.defn(name="patrol_finish")
    async def finish(self, beat: Beat) -> int:
        now = datetime.now(UTC)
        async with self._database.transaction() as connection:
            queued = await patrol.overdue(connection, now, LATE, MOST_QUEUED)
            invoices = await order_facts.paid_more_than_once(connection, MOST_INVOICES)
            refunded = await order_facts.refunded(connection, MOST_INVOICES)
            out_of_line = await order_facts.out_of_line(connection, MOST_QUEUED)
            lives = await life_facts.in_doubt(connection, now, LATE, MOST_LIVES)
            facts = Facts(
                now=now,
                grace=LATE,
                queued=queued,
                invoices=invoices,
                refunded=refunded,
                out_of_line=out_of_line,
                lives=lives,
            )
            found = violations(facts)
            await patrol.note(connection, OF_NO_ORDER, None, found, now)
            await patrol.finish(connection, beat.orders, beat.began, now)
            return sum((await patrol.open_by_invariant(connection)).values())
