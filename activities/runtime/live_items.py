"""Changes that orders ask for, handed to the subscriptions' own processes, and never twice."""

import asyncio
from typing import Any

from temporalio import activity

from activities.contracts.live_items import Carried, LiveItems
from activities.runtime.processes import Ended, Processes
from activities.store import ordered_changes
from activities.store.database import Database
from domain.errors import BadInput, Conflict, Unavailable, Unknown
from domain.live_items import Instruction
from domain.subscriptions.changes import Change
from domain.subscriptions.ending import Cancellation

PATIENCE = 20.0
"""Seconds that a process is waited for before it is asked again: what it does goes on meanwhile."""


class HandedOn(LiveItems):
    def __init__(self, database: Database, processes: Processes) -> None:
        self._database = database
        self._processes = processes

    @activity.defn(name="change_live_item")
    async def carry_out(self, asked: Instruction) -> Carried:
        """A try that is not heard of may still be at work: the next one waits behind it at the subscription's process, and is
        answered as it was. What is refused is kept so before the order hears of it, so that no try that is late makes it."""
        answer = await self._settled(asked.reference)
        if answer is None:
            try:
                answer = await self._ask(asked)
            except (BadInput, Conflict) as refusal:
                answer = await self._given_up(asked, str(refusal))
        return carried(asked, answer)

    async def _ask(self, asked: Instruction) -> Any:
        update, command = ("cancel", asked.cancel) if asked.cancel is not None else ("change", asked.change)
        argument = command.model_dump(mode="json", exclude_none=True) if command is not None else {}
        number = activity.info().attempt if activity.in_activity() else 1
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._processes.instruct(asked.subscription, update, argument, f"{asked.reference}:{number}")
        except Ended as error:
            raise Unavailable(f"subscription {asked.subscription} was closing; it is asked again") from error
        except TimeoutError as error:
            raise Unknown(f"subscription {asked.subscription} does not answer; it is asked again") from error

    async def _settled(self, reference: str) -> Any | None:
        """Raises Conflict where it was refused for good."""
        async with self._database.transaction() as connection:
            return await ordered_changes.made(connection, reference)

    async def _given_up(self, asked: Instruction, words: str) -> Any:
        """What it came to, where an earlier try has made it; else Conflict, for good."""
        async with self._database.transaction() as connection:
            await ordered_changes.refuse(connection, asked.reference, asked.subscription, words)
        return await self._settled(asked.reference)


def carried(asked: Instruction, answer: Any) -> Carried:
    """In words, what the subscription is from when on."""
    if asked.cancel is not None:
        end = Cancellation.model_validate(answer)
        return Carried(at=end.at, total=end.fee, words=f"{asked.subscription} ends on {end.at:%Y-%m-%d %H:%M} UTC")
    made = Change.model_validate(answer)
    later = f", {made.total} at once" if made.lines else ", charged with the invoice of that date"
    words = f"{asked.subscription} is {made.plan} × {made.quantity} from {made.at:%Y-%m-%d %H:%M} UTC on{later}"
    return Carried(at=made.at, total=made.total, words=words)
