"""The judgement of subscriptions, from outside: what the gateways and the partners say, against the database and the API."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from sqlalchemy import text
from temporalio.client import Client

from activities.runtime.temporal import DATA_CONVERTER
from activities.store import life_facts
from activities.store.database import Connection, Database
from domain.invariants.catalogue import OF_LIVES, SEEN_FROM_OUTSIDE
from domain.invariants.facts import Facts, InvoiceFacts, LifeFacts, Violation
from domain.keys import paid_subject, split_reference
from domain.keys import subscription as subscription_of
from domain.provisioning import RemoteState
from domain.states import SubscriptionState
from tests.e2e.installation import Installation
from tests.reliability.torture.judge import patrolled
from tests.reliability.torture.lives import CHANGE, ENDED, UNITS, Life
from workers.sandbox.journal import Fact, FactKind, Summary

OF_CAMPAIGN = {
    "life_settles": "With everything serving and a good card, a subscription is in use or has ended.",
    "life_process_ends": "No process of a subscription, a collection or a clock fails or goes on for ever.",
    "unpaid_is_closed": "An invoice past due is paid, or access is closed or ended, by the day that its policy names.",
    "left_is_exported": "Whose service was taken down has been given what was in it.",
    "ordered_change_is_whole": "A subscription is as an order made it where the order says so, else as it was.",
    "answer_is_known": "A caller is told what was asked for, that it cannot be had now, or why not; never an error.",
    "patrol_agrees": "The product's own patrol finds nothing.",
}
PROCESSES = ("subscription", "collection", "access", "deprovision", "clock")
CLOSED_WITHIN = timedelta(days=16)
"""Of the default policy, which suspends on day 14, and a step that is a day late."""
_BOOKED = text("""
    SELECT key, amount FROM collections WHERE state = 'paid'
    UNION ALL
    SELECT key, captured FROM payments WHERE captured > 0
""")
_INVOICES = text("SELECT id, total FROM invoices")
_ORDERED = text("""
    SELECT orders.id, orders.state AS "order", order_items.state, subscriptions.id AS subscription,
           CAST(subscriptions.document ->> 'quantity' AS integer) AS quantity
      FROM orders JOIN order_items ON order_id = orders.id AND item = :change, subscriptions
     WHERE orders.id = :order AND subscriptions.id = :subscription
""")
_DECIDED = text("SELECT invoice, ended_at FROM collections WHERE ended_at IS NOT NULL")
_EVENTS = text("SELECT subscription, key, type, at, summary FROM subscription_events ORDER BY subscription, seq")


def checked() -> dict[str, str]:
    return {invariant.name: invariant.says for invariant in (*OF_LIVES, *SEEN_FROM_OUTSIDE)} | OF_CAMPAIGN


async def judge(installation: Installation, lives: list[Life]) -> list[Violation]:
    database = Database(installation.running.database_url, pool_size=4)
    try:
        async with database.transaction() as connection:
            facts = await _facts(installation, connection)
            found = await _unpaid_is_closed(connection)
            for life in lives:
                found += await _half_changed(connection, life)
        judged = Facts(now=datetime.now(UTC), grace=timedelta(seconds=30), lives=facts)
        found += [one for rule in (*OF_LIVES, *SEEN_FROM_OUTSIDE) for one in rule.violations(judged)]
    finally:
        await database.close()
    found += [*_unsettled(facts), *_unexported(facts), *_strange(lives)]
    return found + await _processes(installation) + await patrolled(installation)


async def _facts(installation: Installation, connection: Connection) -> list[LifeFacts]:
    ids = [str(row.id) for row in await connection.execute(text("SELECT id FROM subscriptions"))]
    found = await life_facts.of_subscriptions(connection, ids, datetime.now(UTC))
    booked: dict[str, dict[str, int]] = defaultdict(dict)
    for row in await connection.execute(_BOOKED):
        booked[_life(row.key)][row.key] = row.amount
    outside = await Outside.asked(installation)
    kept: Counter[str] = Counter()
    for payments in outside.kept.values():
        for key, amount in payments.items():
            subject = paid_subject(key)
            kept[f"{subject}:invoice" if ":" not in subject else subject] += amount
    invoices: dict[str, list[InvoiceFacts]] = defaultdict(list)
    for row in await connection.execute(_INVOICES):
        invoices[_life(row.id)].append(InvoiceFacts(id=row.id, total=row.total, payments=1, kept=kept[row.id]))
    return [
        life.model_copy(
            update={
                "booked": booked[life.id],
                "taken": {key: amount for key, amount in outside.took[life.id].items() if amount},
                "remote": outside.remote.get(life.id),
                "remote_facts": outside.did[life.id],
                "invoices": invoices[life.id],
            }
        )
        for life in found
    ]


def _life(key: str) -> str:
    """The subscription that a payment or an invoice is for: here each customer and each order has one."""
    subject = key.partition(":")[0]
    return subject if subject.startswith("S-") else subscription_of(subject, "1")


def _at_partner(reference: str) -> str:
    """The subscription of a service that a partner knows by this name."""
    return subscription_of(*(split_reference(reference) or (reference, "")))


@dataclass
class Outside:
    """What the gateways and the partners say, by subscription: what each payment `took`, less what went back unasked, and what
    it has `kept` after all that came later; a payment that was captured twice, or at two gateways, is counted as often. `did`
    is what the partners did, in order."""

    took: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    kept: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    remote: dict[str, RemoteState] = field(default_factory=dict)
    did: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    async def asked(cls, installation: Installation) -> Self:
        found = cls()
        summary = Summary.model_validate((await installation.sandbox.get("/journal/summary")).raise_for_status().json())
        for fact in await journal(installation):
            if fact.reference:
                found.did[_at_partner(fact.reference)].append(fact.kind)
            if fact.key and fact.amount:
                key = fact.key.partition(":refund:")[0]
                by = _signed(fact, fact.amount.minor)
                found.kept[_life(key)][key] += by
                if fact.kind is not FactKind.moved and ":refund:asked:" not in fact.detail:
                    found.took[_life(key)][key] += by
        for one in summary.services:
            found.remote[_at_partner(one.reference)] = one.state
        return found


async def journal(installation: Installation) -> list[Fact]:
    answer = await installation.sandbox.get("/journal")
    return [Fact.model_validate(one) for one in answer.raise_for_status().json()]


def _signed(fact: Fact, minor: int) -> int:
    """What came in of a payment, and with a minus what went out of it; a fee is another matter."""
    match fact.kind:
        case FactKind.captured:
            return minor
        case FactKind.refunded:
            return -minor
        case FactKind.moved if not fact.detail.startswith("fee "):
            return minor
    return 0


async def _unpaid_is_closed(connection: Connection) -> list[Violation]:
    """Where dunning has waited for a payment, what follows is later by as long as that took to be decided."""
    decided: dict[str, list[datetime]] = defaultdict(list)
    for row in await connection.execute(_DECIDED):
        decided[row.invoice].append(row.ended_at)
    since: dict[tuple[str, str], datetime] = {}
    waited: set[tuple[str, str]] = set()
    told: dict[str, list[str]] = defaultdict(list)
    found = []
    for row in await connection.execute(_EVENTS):
        what, _, about = row.key.partition(":")
        told[row.subscription].append(f"{row.at:%m-%d} {row.type}: {row.summary}")
        owed = [owing for owing in since if owing[0] == row.subscription]
        if what == "overdue":
            since[row.subscription, about.rpartition(":")[0]] = row.at
        elif row.type == "dunning.waits":
            waited |= set(owed)
        elif what in {"renewed", "suspended", "ended"}:
            for owing in owed if what != "renewed" else {(row.subscription, about)} & since.keys():
                ends = [at for at in decided[owing[1]] if owing in waited and at <= row.at]
                found += _late(row, max([since.pop(owing), *ends]), told[row.subscription])
    return found


async def _half_changed(connection: Connection, life: Life) -> list[Violation]:
    asked = {"order": life.ordered, "change": CHANGE, "subscription": life.subscription}
    row = (await connection.execute(_ORDERED, asked)).one_or_none() if life.ordered else None
    units = UNITS if row is not None and row.state == "completed" else 1
    if not life.ordered or (row is not None and row.order in ENDED and row.quantity == units):
        return []
    actual = f"order {row.order}, its item {row.state}, {row.quantity} units" if row else "no such order"
    return [
        Violation(
            invariant="ordered_change_is_whole",
            subject=life.subscription,
            order=life.ordered,
            expected=f"an order that has ended, and {units} units",
            found=actual,
        )
    ]


def _late(row: Any, since: datetime, told: list[str]) -> list[Violation]:
    """`told` is what its events say up to then, for whoever looks for the reason."""
    if row.at - since <= CLOSED_WITHIN:
        return []
    expected = f"paid or closed within {CLOSED_WITHIN.days} days of {since:%Y-%m-%d}"
    actual = f"{row.key} on {row.at:%Y-%m-%d}, after " + "; ".join(told)
    return [Violation(invariant="unpaid_is_closed", subject=row.subscription, order=None, expected=expected, found=actual)]


def _unsettled(facts: list[LifeFacts]) -> list[Violation]:
    good = {SubscriptionState.active, SubscriptionState.ended}
    return [
        Violation(invariant="life_settles", subject=life.id, order=life.order, expected="active or ended", found=life.state)
        for life in facts
        if life.state not in good
    ]


def _unexported(facts: list[LifeFacts]) -> list[Violation]:
    return [
        Violation(invariant="left_is_exported", subject=life.id, order=life.order, expected="an export", found="none was made")
        for life in facts
        if life.service_ended and not life.is_exported
    ]


def _strange(lives: list[Life]) -> list[Violation]:
    return [
        Violation(
            invariant="answer_is_known",
            subject=told.request,
            order=life.order,
            expected="an answer to go by",
            found=told.answer,
        )
        for life in lives
        for told in life.strange
    ]


async def _processes(installation: Installation) -> list[Violation]:
    running = installation.running
    client = await Client.connect(running.temporal_address, namespace=running.temporal_namespace, data_converter=DATA_CONVERTER)
    kinds = " OR ".join(f"WorkflowType = '{kind}'" for kind in PROCESSES)
    found = []
    for state in ("Failed", "Running"):
        async for run in client.list_workflows(f"({kinds}) AND ExecutionStatus = '{state}'"):
            found.append(
                Violation(invariant="life_process_ends", subject=run.id, order=None, expected="its own end", found=state)
            )
    return found
