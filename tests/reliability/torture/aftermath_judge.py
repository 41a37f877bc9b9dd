"""The judgement of what came after payments: the gateway's journal against what is promised, booked and credited."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import text

from activities.store.database import Connection, Database
from domain.billing.reconciliation.comparison import MovementKind
from domain.disputes import CLOSED, DisputeState
from domain.invariants.facts import Violation
from domain.keys import paid_subject
from domain.refunds import RefundState
from domain.returned_debits import MOST_AGAIN, Cause, cause_of
from tests.e2e.installation import Installation
from tests.reliability.torture import life_judge
from tests.reliability.torture.lives import Life
from workers.sandbox.journal import Fact, FactKind

OF_AFTERMATH = {
    "refunded_within_captured": "Of no payment a gateway gives back more than it has captured.",
    "refund_is_once": "A refund that succeeded was given once, over its amount; of one that was refused nothing moved.",
    "refund_settles": "A refund that was promised is given, or refused with words.",
    "cash_agrees": "Each movement at a gateway is in the ledger, over the same amount, and nothing else is.",
    "refund_is_credited": "What was refunded on request of an invoice's payments is credited on it, as far as it goes.",
    "dispute_stands": "A dispute is decided as its gateway has it, is booked once, and stops nothing any more.",
    "presented_as_allowed": "A returned debit is presented again as often, and as late, as the networks allow.",
}
_REFUNDS = text("SELECT id, key, payment, amount, state, message, requested_by FROM refunds")
_CASH = text("SELECT transaction AS key, sum(amount) AS amount FROM ledger_entries WHERE account LIKE 'cash:%' GROUP BY 1")
_CREDITED = text("""
    SELECT invoices.id, total, coalesce((SELECT sum(credit_notes.total) FROM credit_notes
                                          WHERE invoice = invoices.id AND reason = 'goodwill'), 0) AS credited
      FROM invoices
""")
_DISPUTES = text("""
    SELECT id, state, payment, (SELECT count(*) FROM charge_stops WHERE source = disputes.id AND lifted_at IS NULL) AS stops,
           (SELECT count(*) FROM access_blocks WHERE source = disputes.id AND lifted_at IS NULL) AS blocks
      FROM disputes
""")
_PRESENTED = text("""
    SELECT representments.payment, invoice, reason, count AS returned, due_at,
           (SELECT method FROM payment_attempts WHERE key = representments.payment) AS method,
           ARRAY(SELECT key FROM collections one WHERE one.invoice = representments.invoice
                    AND one.method = (SELECT method FROM payment_attempts WHERE key = representments.payment)
                    AND one.state = 'paid') AS again,
           (SELECT min(begun_at) FROM collections one WHERE one.invoice = representments.invoice
               AND one.method = (SELECT method FROM payment_attempts WHERE key = representments.payment)
               AND one.begun_at >= representments.decided_at
               AND one.number > coalesce((SELECT number FROM collections WHERE key = representments.payment), 0)) AS next
      FROM representments
""")


def checked() -> dict[str, str]:
    return life_judge.checked() | OF_AFTERMATH


async def judge(installation: Installation, lives: list[Life]) -> list[Violation]:
    database = Database(installation.running.database_url, pool_size=2)
    facts = await life_judge.journal(installation)
    try:
        async with database.transaction() as connection:
            found = [
                *_within_captured(facts),
                *await _refunds(connection, facts),
                *await _cash(connection, facts),
                *await _credited(connection),
                *await _disputes(connection, facts),
                *await _presented(connection, facts),
            ]
    finally:
        await database.close()
    return found + await life_judge.judge(installation, lives)


def _within_captured(facts: list[Fact]) -> Iterator[Violation]:
    captured, refunded = Counter[str](), Counter[str]()
    for fact in facts:
        if fact.key and fact.amount:
            captured[fact.key] += fact.amount.minor if fact.kind is FactKind.captured else 0
            refunded[fact.key] += fact.amount.minor if fact.kind is FactKind.refunded else 0
    for payment, amount in refunded.items():
        if amount > captured[payment]:
            yield _violation("refunded_within_captured", payment, f"at most {captured[payment]}", f"{amount} refunded")


async def _refunds(connection: Connection, facts: list[Fact]) -> list[Violation]:
    given: dict[str, list[int]] = defaultdict(list)
    for fact in facts:
        if fact.kind is FactKind.refunded and fact.amount:
            given[fact.detail].append(fact.amount.minor)
    found = []
    for row in await connection.execute(_REFUNDS):
        expected = [row.amount] if row.state in {RefundState.succeeded, RefundState.failed} else []
        if row.state == RefundState.reserved:
            found.append(_violation("refund_settles", row.id, "given or refused", f"promised: {row.message}", row.payment))
        elif given.pop(row.key, []) != expected:
            found.append(_violation("refund_is_once", row.id, f"{expected} given, it is {row.state}", "otherwise", row.payment))
    found += [_violation("refund_is_once", key, "a refund that was asked for", f"{amounts}") for key, amounts in given.items()]
    return found


def _movements(facts: list[Fact]) -> Counter[str]:
    """By the key that each is booked under; what came in is above zero."""
    moved: Counter[str] = Counter()
    for fact in facts:
        if fact.amount is None or fact.key is None:
            continue
        match fact.kind:
            case FactKind.captured:
                moved[fact.key] += fact.amount.minor
            case FactKind.refunded:
                moved[fact.detail] -= fact.amount.minor
            case FactKind.moved:
                moved[fact.detail.partition(" ")[2]] += fact.amount.minor
    return moved


async def _cash(connection: Connection, facts: list[Fact]) -> list[Violation]:
    moved = _movements(facts)
    booked = {row.key: int(row.amount) for row in await connection.execute(_CASH)}
    return [
        _violation("cash_agrees", key, f"{moved[key]}, as the gateway has it", f"{booked.get(key, 0)} in the ledger")
        for key in sorted(moved.keys() | booked.keys())
        if moved[key] != booked.get(key, 0)
    ]


async def _credited(connection: Connection) -> list[Violation]:
    asked: Counter[str] = Counter()
    for row in await connection.execute(_REFUNDS):
        if row.requested_by != "order" and row.state in {RefundState.succeeded, RefundState.failed}:
            asked[_invoice(row.payment)] += row.amount
    return [
        _violation("refund_is_credited", row.id, f"{min(asked[row.id], row.total)} credited", f"{row.credited}")
        for row in await connection.execute(_CREDITED)
        if row.credited != min(asked[row.id], row.total)
    ]


def _invoice(payment: str) -> str:
    subject = paid_subject(payment)
    return subject if ":" in subject else f"{subject}:invoice"


async def _disputes(connection: Connection, facts: list[Fact]) -> list[Violation]:
    """Here each comes to its verdict, and a person lets go what a lost one has stopped."""
    opened, won = set[str](), set[str]()
    for fact in facts:
        if fact.kind is FactKind.moved:
            kind, _, key = fact.detail.partition(" ")
            named = key.partition(":dispute:")[2]
            if kind == MovementKind.dispute:
                opened.add(named)
            elif kind == MovementKind.reversal and named:
                won.add(named.removesuffix(":won"))
    found = []
    for row in await connection.execute(_DISPUTES):
        opened.discard(row.id)
        expected = DisputeState.won if row.id in won else DisputeState.lost
        if row.state not in CLOSED or row.state != expected or row.stops or row.blocks:
            said = f"{row.state}, {row.stops} stops of charges, {row.blocks} of access"
            found.append(_violation("dispute_stands", row.id, f"{expected}, nothing stopped", said, row.payment))
    return found + [_violation("dispute_stands", name, "kept as its gateway told it", "not there") for name in opened]


async def _presented(connection: Connection, facts: list[Fact]) -> list[Violation]:
    """Of each return, what was taken by the same means for the same invoice afterwards, by the gateway's journal."""
    order: dict[str, int] = {fact.key: fact.seq for fact in facts if fact.kind is FactKind.captured and fact.key}
    back = {fact.key: fact.seq for fact in facts if fact.detail.startswith(f"{MovementKind.returned} ") and fact.key}
    found = []
    for row in await connection.execute(_PRESENTED):
        after = [key for key in row.again if order.get(key, 0) > back.get(row.payment, 0)]
        most = max(0, MOST_AGAIN + 1 - row.returned) if cause_of(row.reason) is Cause.want_of_funds else 0
        if len(after) > most:
            found.append(_violation("presented_as_allowed", row.payment, f"{most} times more", f"{after}", row.payment))
        if row.next is not None and (row.due_at is None or row.next < row.due_at):
            said = f"not before {row.due_at}" if row.due_at else "never again"
            found.append(_violation("presented_as_allowed", row.payment, said, f"asked for at {row.next}", row.payment))
    missing = back.keys() - {row.payment for row in await connection.execute(_PRESENTED)}
    return found + [
        _violation("presented_as_allowed", key, "taken back, as its bank told", "not there", key) for key in missing
    ]


def _violation(name: str, subject: str, expected: str, found: Any, payment: str | None = None) -> Violation:
    order = (payment or subject).partition(":")[0]
    return Violation(
        invariant=name, subject=subject, order=order if order.startswith("O-") else None, expected=expected, found=str(found)
    )
