"""Changes, pauses and resumptions, carried out on the store."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from temporalio import activity

from activities.adapters.tax.engine import TaxQuestion
from activities.adapters.tax.engines import TaxEngines
from activities.contracts.changes import REFUSED, Asked, Changes, Trouble
from activities.runtime.putting_off import or_put_off
from activities.store import change_requests, clocks, due_rows, life_fallout, life_messages, pauses, subscriptions
from activities.store.database import Connection, Database
from activities.store.due_rows import Kind
from activities.store.issuing import Answers, Unasked, asking
from activities.store.life_messages import News
from domain import keys
from domain.errors import TurnupError
from domain.facts import Event
from domain.messages import MessageKind
from domain.subscriptions.changes import Change, ChangeCommand, DropCommand
from domain.subscriptions.commands import ByCommand
from domain.subscriptions.making import Making, Plan
from domain.subscriptions.pausing import PauseCommand

Result = TypeVar("Result")


async def taxed(database: Database, engines: TaxEngines, work: Callable[[Connection, Answers], Awaitable[Result]]) -> Result:
    """What `work` returns, in one transaction once all external tax engines have answered what it needs of them."""
    done: list[Result] = []

    async def attempt(answers: Answers) -> list[TaxQuestion]:
        try:
            async with database.transaction() as connection:
                result = await work(connection, answers)
        except Unasked as error:
            return [error.question]
        done.append(result)
        return []

    await asking(engines, attempt)
    return done[0]


class StoredChanges(Changes):
    """`gateway` names the cash account of payments that no attempt says it of."""

    def __init__(self, database: Database, engines: TaxEngines, gateway: str) -> None:
        self._database = database
        self._engines = engines
        self._gateway = gateway

    @activity.defn(name="change_plan")
    async def plan(self, asked: Asked[ChangeCommand]) -> Plan:
        return await taxed(
            self._database,
            self._engines,
            lambda connection, answers: change_requests.plan(
                connection, self._engines, answers, asked.subscription, asked.command
            ),
        )

    @activity.defn(name="change_make")
    async def make(self, making: Making) -> Change:
        return await taxed(
            self._database,
            self._engines,
            lambda connection, answers: change_requests.make(connection, self._engines, answers, making, self._gateway),
        )

    @activity.defn(name="change_drop")
    async def drop(self, asked: Asked[DropCommand]) -> str:
        async with self._database.transaction() as connection:
            return await change_requests.drop(connection, asked.subscription, asked.command)

    @activity.defn(name="change_due")
    async def due(self, key: str) -> Plan | None:
        return await or_put_off(self._database, key, self._due(key), lambda words: _rests(key, words))

    async def _due(self, key: str) -> Plan | None:
        async with self._database.transaction() as connection:
            row = await due_rows.get(connection, key)
            if row is None:
                return None
            stored = await subscriptions.get(connection, row.subject, lock=True)
            now = await clocks.business_now(connection, row.customer)
            if row.due_at > now:
                words = f"subscription {row.subject}: {row.kind} on {row.due_at:%Y-%m-%d %H:%M} UTC"
                return Plan(subscription=row.subject, at=now, made=True, words=words)
            if row.kind is Kind.change:
                return await change_requests.due(connection, stored, row)
            return await pauses.due(connection, stored, row)

    @activity.defn(name="change_make_due")
    async def make_due(self, key: str) -> str:
        """What is refused is for the process to undo."""
        return await or_put_off(self._database, key, self._make_due(key), str, raised=TurnupError)

    async def _make_due(self, key: str) -> str:
        async with self._database.transaction() as connection:
            row = await due_rows.get(connection, key)
            if row is None:
                return ""
            stored = await subscriptions.get(connection, row.subject, lock=True)
            if row.kind is Kind.change:
                state = await change_requests.make_due(connection, self._engines, Answers(), stored, row)
            else:
                state = await pauses.make_due(connection, stored, row)
            if row.error:
                await life_fallout.done(connection, key, datetime.now(UTC))
        return f"subscription {row.subject} is {state.replace('_', ' ')}"

    @activity.defn(name="change_trouble")
    async def trouble(self, trouble: Trouble) -> str:
        async with self._database.transaction() as connection:
            row = await due_rows.get(connection, trouble.key)
            stored = await subscriptions.get(connection, trouble.subscription, lock=True)
            now = await clocks.business_now(connection, stored.subscription.customer)
            if row is not None:
                await due_rows.put(connection, [row.model_copy(update={"due_at": now + change_requests.LATER})])
                await due_rows.failed(connection, trouble.key, trouble.words)
                return f"{trouble.words}; it is tried again at {now + change_requests.LATER:%Y-%m-%d %H:%M} UTC"
            event = Event(
                key=f"trouble:{trouble.key}",
                type="subscription.not_changed",
                at=now,
                actor="subscription",
                summary=f"was not changed: {trouble.words}"[:500],
            )
            await subscriptions.append(connection, trouble.subscription, [event])
            await subscriptions.give_up_change(connection, trouble.subscription)
            if trouble.key.endswith(REFUSED):
                await life_fallout.left_over(connection, trouble.subscription, trouble.key, trouble.words, datetime.now(UTC))
            elif trouble.key.startswith(keys.change(trouble.subscription, 0)[:-1]):
                name = trouble.key.removeprefix(f"{trouble.subscription}:")
                news = News(key=f"{name}:refused", kind=MessageKind.change_refused, at=now)
                await life_messages.tell(connection, stored.subscription, news, now)
        return trouble.words

    @activity.defn(name="change_pause")
    async def pause(self, asked: Asked[PauseCommand]) -> str:
        async with self._database.transaction() as connection:
            return await pauses.decide(connection, asked.subscription, asked.command)

    @activity.defn(name="change_resume")
    async def resume(self, asked: Asked[ByCommand]) -> str:
        async with self._database.transaction() as connection:
            return await pauses.resume(connection, asked.subscription, asked.command.by)


def _rests(key: str, words: str) -> Plan | None:
    """Nothing is to be made of what was put off; None where it was done meanwhile."""
    return Plan(subscription=key.partition(":")[0], at=datetime.now(UTC), made=True, words=words) if words else None
