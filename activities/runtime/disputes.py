"""Disputes and returned debits, carried out on the store and at the gateway that told of them."""

from collections.abc import Mapping
from datetime import UTC, datetime

from temporalio import activity

from activities.adapters.gateway.port import Herald
from activities.contracts.aftermath import Contest, Decision, Disputes, Returns
from activities.store import disputes, returned_debits
from activities.store.database import Database
from domain.disputes import LONGEST, Dispute, DisputeState
from domain.errors import Refused, Unavailable
from domain.gateway_events import Told


class StoredDisputes(Disputes):
    def __init__(self, database: Database, heralds: Mapping[str, Herald]) -> None:
        self._database = database
        self._heralds = heralds

    @activity.defn(name="dispute_take_in")
    async def take_in(self, told: Told) -> Dispute:
        now = datetime.now(UTC)
        try:
            async with self._database.transaction() as connection:
                return await disputes.take_in(connection, told, now)
        except Unavailable:
            async with self._database.transaction() as connection:
                over = await disputes.note_foreign(connection, told, now)
            if over is not None:
                raise Refused(over) from None
            raise

    @activity.defn(name="dispute_contest")
    async def contest(self, contest: Contest) -> Dispute:
        async with self._database.transaction() as connection:
            return await disputes.contest(connection, contest.dispute, contest.evidence, contest.by, datetime.now(UTC))

    @activity.defn(name="dispute_submit")
    async def submit(self, dispute: str) -> None:
        found, herald = await self._at_its_gateway(dispute)
        if found.evidence is not None:
            await herald.submit_evidence(found.name, f"{dispute}:evidence", found.evidence)
        async with self._database.transaction() as connection:
            await disputes.submitted(connection, dispute)

    @activity.defn(name="dispute_accept")
    async def accept(self, decision: Decision) -> Dispute:
        async with self._database.transaction() as connection:
            return await disputes.accept(connection, decision.dispute, decision.by, datetime.now(UTC))

    @activity.defn(name="dispute_give_in")
    async def give_in(self, dispute: str) -> None:
        found, herald = await self._at_its_gateway(dispute)
        if found.state is DisputeState.accepted:
            await herald.accept_dispute(found.name, f"{dispute}:accept")

    @activity.defn(name="dispute_release")
    async def release(self, decision: Decision) -> Dispute:
        async with self._database.transaction() as connection:
            return await disputes.release(connection, decision.dispute, datetime.now(UTC))

    async def _at_its_gateway(self, dispute: str) -> tuple[Dispute, Herald]:
        async with self._database.transaction() as connection:
            found = await disputes.get(connection, dispute)
        herald = self._heralds.get(found.gateway)
        if herald is None:
            raise Unavailable(f"gateway {found.gateway!r} is not among the settings of this worker")
        return found, herald


class StoredReturns(Returns):
    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="debit_returned")
    async def take_back(self, told: Told) -> str:
        now = datetime.now(UTC)
        try:
            async with self._database.transaction() as connection:
                made = await returned_debits.take_back(connection, told, now)
        except Unavailable:
            if now - told.event.at > LONGEST:
                raise Refused(f"payment {told.event.payment} is not booked {LONGEST.days} days after its return") from None
            raise
        again = f"to be presented again on {made.due_at:%Y-%m-%d}" if made.due_at else "not to be presented again"
        return f"payment {made.payment} was returned, and is {again}: {made.why}"
