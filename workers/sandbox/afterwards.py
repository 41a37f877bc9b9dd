"""What happens to a payment after it: disputes, returned debits and refunds that fail, as the sandbox is told to play them."""

import secrets
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from domain import keys
from domain.billing.reconciliation.comparison import MovementKind
from domain.gateway_events import Evidence, GatewayEvent, GatewayEventKind
from domain.money import Money
from domain.payment_methods import MethodFacts
from domain.values import StrictValue, Value
from workers.sandbox.faults import Faults, Operation
from workers.sandbox.idempotency import fingerprint, once
from workers.sandbox.journal import MAIN_GATEWAY, FactKind, Journal
from workers.sandbox.payments import Key
from workers.sandbox.replies import Problem, Reply, answer
from workers.sandbox.serving import Act, IdempotencyKey, serve
from workers.sandbox.webhooks import Webhooks


class Delivery(StrictValue):
    """How the webhook comes: so many times, and so late."""

    copies: Annotated[int, Field(ge=1, le=5)] = 1
    delay_seconds: Annotated[float, Field(ge=0, le=3600)] = 0


class DisputeBody(Delivery):
    """`name` makes it one dispute however often it is opened; a new one where there is none."""

    name: Key | None = None
    amount: Money
    fee: Money | None = None
    reason: Annotated[str, Field(max_length=100)] = "fraudulent"
    deadline_days: Annotated[int, Field(ge=0, le=365)] = 7


class ReturnBody(Delivery):
    """`reason` is a Nacha or SEPA code. All of the payment is returned where no amount is given."""

    amount: Money | None = None
    fee: Money | None = None
    reason: Annotated[str, Field(max_length=100)] = "R01"


class FailureBody(Delivery):
    reason: Annotated[str, Field(max_length=100)] = "account_closed"


class MethodBody(Delivery):
    facts: MethodFacts | None = None
    """None: it is revoked."""


class Verdict(StrEnum):
    win = "win"
    lose = "lose"


class Told(Value):
    id: str
    dispute: str | None = None


class DisputeView(Value):
    state: str


def afterwards_router(journal: Journal, webhooks: Webhooks, faults: Faults, name: str = MAIN_GATEWAY) -> APIRouter:
    """Beside the gateway's own routes. What moves is in its report, once; told it may be again."""
    prefix = "/gateway" if name == MAIN_GATEWAY else f"/gateways/{name}"
    router = APIRouter(prefix=prefix, tags=[name])

    def tell(kind: GatewayEventKind, how: Delivery, **facts: object) -> Told:
        event = GatewayEvent.model_validate(
            {"id": f"evt_{secrets.token_hex(8)}", "kind": kind, "at": datetime.now(UTC), **facts}
        )
        webhooks.tell(name, event, how.delay_seconds, how.copies)
        return Told(id=event.id, dispute=event.dispute)

    def moved(payment: str, kind: MovementKind, key: str, amount: Money | None) -> None:
        """What is above zero came in."""
        detail = f"{kind} {key}"
        before = "SELECT seq FROM facts WHERE kind = 'moved' AND subject = ? AND detail = ? AND gateway = ?"
        if amount and journal.one(before, payment, detail, name) is None:
            journal.record(FactKind.moved, payment, amount=amount, detail=detail, gateway=name)

    def taken(payment: str) -> Money | None:
        """What a payment has taken here; None for one that is not known."""
        row = journal.one(
            "SELECT sum(minor) AS minor, currency FROM facts WHERE kind = 'captured' AND subject = ? AND gateway = ?"
            " GROUP BY currency",
            payment,
            name,
        )
        return None if row is None else Money(minor=row["minor"], currency=row["currency"])

    def found(dispute: str) -> GatewayEvent:
        row = journal.one("SELECT event FROM disputes WHERE id = ? AND gateway = ?", dispute, name)
        if row is None:
            raise Problem(404, "dispute_absent", "there is no such dispute")
        return GatewayEvent.model_validate_json(row["event"])

    def answered(operation: Operation, dispute: str, act: Act) -> Response:
        """Faults are narrowed by the payment that is disputed."""
        return serve(faults.draw(operation, found(dispute).payment or "", gateway=name), act)

    @router.post("/payments/{key}/dispute", status_code=201)
    async def dispute(key: Key, body: DisputeBody) -> Told:
        facts = {
            "payment": key,
            "dispute": body.name or f"dp_{secrets.token_hex(8)}",
            "amount": body.amount,
            "fee": body.fee,
            "reason": body.reason,
            "deadline": datetime.now(UTC) + timedelta(days=body.deadline_days),
        }
        with journal.transaction():
            told = tell(GatewayEventKind.dispute_opened, body, **facts)
            event = GatewayEvent.model_validate({"id": told.id, "kind": "dispute_opened", "at": datetime.now(UTC), **facts})
            journal.execute(
                "INSERT INTO disputes (id, gateway, state, event) VALUES (?, ?, 'open', ?) ON CONFLICT DO NOTHING",
                told.dispute,
                name,
                event.model_dump_json(),
            )
            booked = keys.dispute_booking(key, keys.dispute(name, str(told.dispute)))
            moved(key, MovementKind.dispute, booked, -body.amount)
            moved(key, MovementKind.fee, f"{booked}:fee", -body.fee if body.fee else None)
        return told

    @router.post("/disputes/{dispute}/verdict/{verdict}", status_code=201)
    async def decide(dispute: str, verdict: Verdict, body: Delivery) -> Told:
        kind = GatewayEventKind.dispute_won if verdict is Verdict.win else GatewayEventKind.dispute_lost
        with journal.transaction():
            opened = found(dispute)
            before = journal.one("SELECT state FROM disputes WHERE id = ?", dispute)
            journal.execute("UPDATE disputes SET state = ? WHERE id = ?", verdict, dispute)
            if verdict is Verdict.win and before is not None and before["state"] == "open":
                booked = f"{keys.dispute_booking(opened.payment or '', keys.dispute(name, dispute))}:won"
                moved(opened.payment or "", MovementKind.reversal, booked, opened.amount)
                moved(opened.payment or "", MovementKind.fee, f"{booked}:fee", opened.fee)
            facts = opened.model_dump(exclude={"id", "kind", "at", "deadline"})
            return tell(kind, body, **facts)

    @router.post("/disputes/{dispute}/evidence")
    async def contest(dispute: str, body: Evidence, idempotency_key: IdempotencyKey) -> Response:
        def act() -> Reply:
            found(dispute)
            return answer(200, DisputeView(state="submitted"))

        request = fingerprint(f"evidence {dispute}", body)
        return answered(Operation.evidence, dispute, lambda _: once(journal, f"disputes {name}", idempotency_key, request, act))

    @router.post("/disputes/{dispute}/accept")
    async def accept(dispute: str, idempotency_key: IdempotencyKey) -> Response:
        """It is lost at once, and told."""

        def act() -> Reply:
            opened = found(dispute)
            journal.execute("UPDATE disputes SET state = ? WHERE id = ?", Verdict.lose, dispute)
            facts = opened.model_dump(exclude={"id", "kind", "at", "deadline"})
            tell(GatewayEventKind.dispute_lost, Delivery(), **facts)
            return answer(200, DisputeView(state="lost"))

        request = fingerprint(f"accept {dispute}", None)
        return answered(Operation.accept, dispute, lambda _: once(journal, f"disputes {name}", idempotency_key, request, act))

    @router.post("/payments/{key}/return", status_code=201)
    async def give_back(key: Key, body: ReturnBody) -> Told:
        facts = body.model_dump(include={"amount", "fee", "reason"})
        with journal.transaction():
            back, amount = keys.returned(key), body.amount or taken(key)
            moved(key, MovementKind.returned, back, -amount if amount else None)
            moved(key, MovementKind.fee, f"{back}:fee", -body.fee if body.fee else None)
            return tell(GatewayEventKind.payment_returned, body, payment=key, **facts)

    @router.post("/refunds/{refund}/fail", status_code=201)
    async def fail(refund: Key, body: FailureBody) -> Told:
        with journal.transaction():
            given = journal.one(
                "SELECT subject, minor, currency FROM facts WHERE kind = 'refunded' AND detail = ? AND gateway = ?",
                refund,
                name,
            )
            if given is not None:
                amount = Money(minor=given["minor"], currency=given["currency"])
                moved(given["subject"], MovementKind.reversal, f"{refund}:failed", amount)
            return tell(GatewayEventKind.refund_failed, body, refund=refund, reason=body.reason)

    @router.post("/payments/{key}/changed", status_code=201)
    async def changed(key: Key, body: Delivery) -> Told:
        with journal.transaction():
            return tell(GatewayEventKind.payment_changed, body, payment=key)

    @router.post("/methods/{token}/changed", status_code=201)
    async def method(token: Key, body: MethodBody) -> Told:
        kind = GatewayEventKind.method_revoked if body.facts is None else GatewayEventKind.method_updated
        with journal.transaction():
            return tell(kind, body, method=token, facts=body.facts)

    return router
