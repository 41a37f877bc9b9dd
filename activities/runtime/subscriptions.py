"""Subscriptions, carried out on the store."""

from temporalio import activity

from activities.contracts.subscriptions import Subscriptions
from activities.store import due_rows, renewals
from activities.store.database import Database
from domain.subscriptions.facts import Opening


class StoredSubscriptions(Subscriptions):
    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="activate_subscription")
    async def activate(self, opening: Opening) -> str:
        async with self._database.transaction() as connection:
            return await renewals.activate(connection, opening)

    @activity.defn(name="subscription_due")
    async def due(self, key: str) -> str:
        async with self._database.transaction() as connection:
            row = await due_rows.get(connection, key)
            return "" if row is None else await renewals.carry_out(connection, row)
