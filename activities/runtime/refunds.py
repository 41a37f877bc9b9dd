"""Refunds that were asked for, carried out on the store."""

from datetime import UTC, datetime

from temporalio import activity

from activities.contracts.aftermath import Refunds, Refusal
from activities.store import reconciliation, refunds
from activities.store.database import Database
from domain.billing.reconciliation.comparison import Difference, DifferenceKind
from domain.errors import Conflict, Unavailable
from domain.gateway_events import Told
from domain.refunds import Refund, RefundState


class StoredRefunds(Refunds):
    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="refund_look_up")
    async def look_up(self, refund: str) -> Refund:
        async with self._database.transaction() as connection:
            return await refunds.get(connection, refund)

    @activity.defn(name="refund_settle")
    async def settle(self, refund: str) -> Refund:
        async with self._database.transaction() as connection:
            return await refunds.settle(connection, refund, datetime.now(UTC))

    @activity.defn(name="refund_refuse")
    async def refuse(self, refusal: Refusal) -> Refund:
        async with self._database.transaction() as connection:
            return await refunds.refuse(connection, refusal.refund, refusal.message, datetime.now(UTC))

    @activity.defn(name="refund_note")
    async def note(self, trouble: Refusal) -> None:
        async with self._database.transaction() as connection:
            await refunds.note(connection, trouble.refund, f"paid out and not booked: {trouble.message}")

    @activity.defn(name="refund_came_back")
    async def came_back(self, told: Told) -> str:
        key, now = told.event.refund or "", datetime.now(UTC)
        try:
            async with self._database.transaction() as connection:
                refund = await refunds.came_back(connection, key, told.event.reason, now)
                if refund is None:
                    return f"{key} is no refund of ours"
                if refund.state is RefundState.failed:
                    work = [_work(refund)]
                    await reconciliation.note(connection, told.gateway, told.event.at.date(), [], work, now)
        except Conflict as conflict:
            raise Unavailable(str(conflict)) from None
        return f"refund {refund.id} is {refund.state}"


def _work(refund: Refund) -> Difference:
    return Difference(
        kind=DifferenceKind.refund_failed,
        subject=f"refund {refund.id}",
        expected=f"{refund.amount} refunded",
        found="the money came back",
        text=f"A refund failed: {refund.amount} are customer {refund.customer}'s credit, and are to be given back another way",
    )
