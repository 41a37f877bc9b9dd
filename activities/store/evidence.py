"""The deadline for evidence against a dispute: a work item, whose owner is warned, and which is handed over at last."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, text

from activities.store import after_payment_policy, due_rows, life_fallout, orders, subscriptions
from activities.store.database import Connection
from activities.store.due_rows import DueRow, Kind
from activities.store.tables.orders import fallout
from domain import keys
from domain.disputes import AfterPaymentPolicy, Dispute, Evidencing, evidencing, look_again_at
from domain.facts import Event
from domain.fallout import Fallout, FalloutVerb, Subject
from domain.gateway_events import GatewayEvent
from domain.money import Money
from domain.values import Instant, Value

WORKFLOW = "dispute"
UNSAID = timedelta(days=7)
"""The deadline of a dispute whose gateway does not say any: about the shortest that card schemes give."""
WORDS = {
    Evidencing.ahead: "evidence is due by",
    Evidencing.soon: "evidence is due soon: by",
    Evidencing.urgent: "evidence is due within a day: by",
    Evidencing.lapsed: "no evidence was given by",
}
EVENTS = {
    Evidencing.soon: "dispute.evidence_due",
    Evidencing.urgent: "dispute.evidence_escalated",
    Evidencing.lapsed: "dispute.lapsed",
}
_SUBSCRIPTIONS = text(
    "SELECT DISTINCT line ->> 'subscription' FROM billables WHERE invoice = ANY(CAST(:invoices AS varchar[]))"
)


class Work(Value):
    """What is to be answered to a gateway, by when. `what` says it to a person; `order` is None where no order was paid."""

    dispute: str
    what: str
    amount: Money
    deadline: Instant
    order: str | None = None

    @property
    def key(self) -> str:
        return keys.evidence(self.dispute)


def of_dispute(dispute: Dispute, deadline: datetime, order: str | None) -> Work:
    why = f", {dispute.reason.replace('_', ' ')}" if dispute.reason else ""
    what = f"{dispute.amount} of {dispute.payment}{why}"
    return Work(dispute=dispute.id, what=what, amount=dispute.amount, deadline=deadline, order=order)


def of_foreign(gateway: str, heard: Sequence[GatewayEvent]) -> Work:
    """`heard` is what was told of it, the first first."""
    amount = next((event.amount for event in heard if event.amount), None)
    of = next((name for event in heard if (name := event.payment or event.reference)), None)
    deadlines = [event.deadline for event in heard if event.deadline]
    why = f", {heard[0].reason.replace('_', ' ')}" if heard[0].reason else ""
    return Work(
        dispute=keys.dispute(gateway, heard[0].dispute or ""),
        what=f"{amount or 'an amount that is not said'} of {of or 'a payment'} that was not made here{why}: answer it there",
        amount=amount or Money.zero("EUR"),
        deadline=deadlines[-1] if deadlines else heard[0].at + UNSAID,
    )


async def follow(connection: Connection, work: Work, now: datetime) -> Evidencing | None:
    """Bring the work item to where its deadline stands, and have that looked at again when it is nearer. Again changes nothing;
    None where a person has closed it, who answered the gateway otherwise. What has lapsed stays open for whoever it was handed
    to."""
    if await life_fallout.decided(connection, work.key, {FalloutVerb.resolve}) is not None:
        await due_rows.remove(connection, [work.key])
        return None
    policy = await after_payment_policy.get(connection)
    stage = evidencing(work.deadline, policy.warn_days, now)
    await _keep(connection, work, stage, policy, now)
    if stage is Evidencing.lapsed:
        await due_rows.remove(connection, [work.key])
    else:
        await due_rows.put(connection, [_row(work, look_again_at(work.deadline, policy.warn_days, now))])
    return stage


def _row(work: Work, due_at: datetime) -> DueRow:
    payload = {"work": work.model_dump_json()}
    return DueRow(key=work.key, kind=Kind.evidence, subject=work.dispute, customer=None, due_at=due_at, payload=payload)


def work_of(row: DueRow) -> Work:
    return Work.model_validate_json(row.payload["work"])


async def _keep(connection: Connection, work: Work, stage: Evidencing, policy: AfterPaymentPolicy, now: datetime) -> None:
    says = {
        "title": f"Dispute {work.dispute}: {work.what}",
        "owner": policy.owner if stage in {Evidencing.ahead, Evidencing.soon} else policy.escalate_to,
        "error": f"{WORDS[stage]} {work.deadline:%Y-%m-%d %H:%M} UTC",
        "deadline": work.deadline,
    }
    if before := await life_fallout.opened(connection, work.key):
        await life_fallout.write(connection, before[0].model_copy(update=says))
    elif stage is not Evidencing.lapsed:
        about = {"id": await life_fallout.next_id(connection, work.key), "subject": Subject.evidence}
        record = Fallout.model_validate({**about, **says, "attempts": 1, "money_at_stake": work.amount, "opened_at": now})
        await life_fallout.keep(connection, record, work.order)


async def settle(connection: Connection, dispute: str, verb: FalloutVerb, by: str, reason: str, now: datetime) -> None:
    """There is nothing to be answered any more. Again changes nothing."""
    key = keys.evidence(dispute)
    await due_rows.remove(connection, [key])
    for record in await life_fallout.opened(connection, key):
        await life_fallout.close(connection, record, verb, by, reason, "", now)


async def tell(connection: Connection, work: Work, invoices: list[str], stage: Evidencing, now: datetime) -> None:
    """Write it into the history of the order, or else of the subscriptions, that was paid: once for each stage."""
    if stage not in EVENTS:
        return
    summary = f"dispute {work.dispute} over {work.what}: {WORDS[stage]} {work.deadline:%Y-%m-%d %H:%M} UTC"
    event = Event(key=f"{work.key}:{stage}"[:200], type=EVENTS[stage], at=now, actor=WORKFLOW, summary=summary)
    if work.order is not None:
        await orders.append(connection, work.order, [event])
        return
    for each in (await connection.execute(_SUBSCRIPTIONS, {"invoices": invoices})).scalars().all():
        if each is not None:
            await subscriptions.get(connection, each, lock=True)
            await subscriptions.append(connection, each, [event])


async def owners(connection: Connection) -> dict[str, str]:
    """Who sees to the evidence of each dispute that waits for it."""
    of_evidence = fallout.c.document["subject"].astext == Subject.evidence
    rows = (await connection.execute(select(fallout.c.id, fallout.c.owner).where(fallout.c.open, of_evidence))).all()
    return {keys.answered_dispute(row.id): row.owner for row in rows}
