"""Payments that were given up, asked about and given back."""

from datetime import UTC, datetime

from temporalio import activity

from activities.contracts.late_payments import LatePayments, Round
from activities.contracts.payments import Release
from activities.runtime.payments import PaymentActivities
from activities.store import late_payments
from activities.store.database import Database
from domain.payments import RemotePayment

PAGE = 20
THERE = frozenset({RemotePayment.pending, RemotePayment.authorized, RemotePayment.captured})


class StoredLatePayments(LatePayments):
    def __init__(self, database: Database, payments: PaymentActivities) -> None:
        self._database = database
        self._payments = payments

    @activity.defn(name="late_payments_due")
    async def due(self, round_: Round) -> list[str]:
        async with self._database.transaction() as connection:
            return await late_payments.due(connection, round_.at, PAGE)

    @activity.defn(name="late_payment_look")
    async def look(self, key: str) -> str:
        async with self._database.transaction() as connection:
            if await late_payments.find(connection, key) is None:
                return f"payment {key} is not watched"
            if await late_payments.is_kept(connection, key):
                await late_payments.forget(connection, key)
                return f"payment {key} is booked, and stays"
        found = await self._payments.status(Release(key=key))
        if found.state in THERE:
            async with self._database.transaction() as connection:
                await late_payments.note_turned_up(connection, key, found.state)
        given_back = await self._payments.release(Release(key=key))
        async with self._database.transaction() as connection:
            return await late_payments.settle(connection, key, given_back, datetime.now(UTC))
