"""Subscriptions, carried out on the store."""

from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.contracts.subscriptions import Asked, Subscriptions
from activities.runtime.putting_off import or_put_off
from activities.store import due_rows, endings, life_fallout, renewals, suspensions
from activities.store.database import Database
from domain.errors import Conflict
from domain.subscriptions.commands import ByCommand, HoldCommand
from domain.subscriptions.ending import CancelCommand, Cancellation
from domain.subscriptions.facts import Opening
from domain.subscriptions.suspension import SuspendCommand, UnsuspendCommand

LATER = timedelta(minutes=10)
"""How long what is due rests where something else has to be decided first."""


class StoredSubscriptions(Subscriptions):
    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="activate_subscription")
    async def activate(self, opening: Opening) -> str:
        async with self._database.transaction() as connection:
            return await renewals.activate(connection, opening)

    @activity.defn(name="subscription_due")
    async def due(self, key: str) -> str:
        return await or_put_off(self._database, key, self._due(key), str)

    async def _due(self, key: str) -> str:
        try:
            async with self._database.transaction() as connection:
                row = await due_rows.get(connection, key)
                if row is None:
                    return ""
                said = await renewals.carry_out(connection, row)
                if row.error:
                    await life_fallout.done(connection, key, datetime.now(UTC))
                return said
        except Conflict as reason:  # something else has to be decided first, such as a payment that is under way
            async with self._database.transaction() as connection:
                await due_rows.put_off(connection, key, str(reason), datetime.now(UTC) + LATER)
            return f"{key} waits: {reason}"

    @activity.defn(name="subscription_cancel")
    async def cancel(self, asked: Asked[CancelCommand]) -> Cancellation:
        async with self._database.transaction() as connection:
            return await endings.cancel(connection, asked.subscription, asked.command)

    @activity.defn(name="subscription_uncancel")
    async def uncancel(self, asked: Asked[ByCommand]) -> str:
        async with self._database.transaction() as connection:
            state = await endings.uncancel(connection, asked.subscription, asked.command.by)
        return f"subscription {asked.subscription} is {state.replace('_', ' ')}"

    @activity.defn(name="subscription_hold")
    async def hold(self, asked: Asked[HoldCommand]) -> str:
        async with self._database.transaction() as connection:
            await endings.hold(connection, asked.subscription, asked.command.reason, asked.command.by)
        return "its data is kept" if asked.command.reason else "its data need not be kept any more"

    @activity.defn(name="subscription_suspend")
    async def suspend(self, asked: Asked[SuspendCommand]) -> str:
        async with self._database.transaction() as connection:
            state = await suspensions.suspend_by_hand(connection, asked.subscription, asked.command)
        return f"subscription {asked.subscription} is {state.replace('_', ' ')}"

    @activity.defn(name="subscription_unsuspend")
    async def unsuspend(self, asked: Asked[UnsuspendCommand]) -> str:
        async with self._database.transaction() as connection:
            state = await suspensions.unsuspend_by_hand(connection, asked.subscription, asked.command)
        return f"subscription {asked.subscription} is {state.replace('_', ' ')}"
