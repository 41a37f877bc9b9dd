"""The fallout desk: what cannot go on by itself waits here for an operator's decision, until its deadline."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain import keys
from domain.errors import BadInput, Conflict
from domain.fallout import OFFERED, Fallout, FalloutDecision, FalloutVerb, Subject
from domain.money import Money
from domain.states import OrderState
from domain.values import Value
from workflows.book import SYSTEM, Book, Wait
from workflows.calls import CALL_FAILED, Answer, Call, ensure, ensure_here, explain

NEXT_OWNER = "operations-lead"


class Stuck(Value):
    """What got stuck. `name` is unique within the order: `<item>:<step>`, `payment:2`, `<item>:<step>:undo`."""

    subject: Subject
    name: str
    title: str
    error: str = ""
    owner: str
    attempts: int = 1
    money_at_stake: Money
    item: str | None = None
    step: str | None = None
    patience: int | None = None
    """Seconds until it is decided by itself; the order's own for fallout where not given."""


class Desk:
    def __init__(self, book: Book) -> None:
        self._book = book
        self._decisions: dict[str, FalloutDecision] = {}
        self._times: dict[str, int] = {}

    def check(self, decision: FalloutDecision) -> None:
        """Raises BadInput or Conflict where a decision cannot be taken now; the same decision again is accepted."""
        record = self._book.fallout.get(decision.fallout)
        if record is None:
            waiting = ", ".join(sorted(self._open())) or "none"
            raise BadInput("fallout", f"there is no fallout {decision.fallout} in this order; open are: {waiting}")
        taken = record.verb or (self._decisions[record.id].verb if record.id in self._decisions else None)
        if taken is not None and taken is not decision.verb:
            raise Conflict(f"fallout {record.id} is already decided: {taken} by {record.by or 'another operator'}")
        if decision.verb not in OFFERED[record.subject]:
            offered = ", ".join(sorted(OFFERED[record.subject]))
            raise BadInput("verb", f"'{decision.verb}' is not offered for {record.subject} fallout; use one of {offered}")

    def decide(self, decision: FalloutDecision) -> str:
        """Take a decision; what waits for it goes on."""
        self.check(decision)
        if self._book.fallout[decision.fallout].verb is None:
            self._decisions.setdefault(decision.fallout, decision)
        return f"{decision.verb} noted for {decision.fallout}"

    async def ask(self, stuck: Stuck) -> FalloutDecision:
        """Open a fallout record and wait for its decision.

        At the deadline a step or payment is compensated; an undo goes to the next owner and waits on, since nothing may be
        left behind. Where the wait is cancelled, the record is closed as overtaken.
        """
        record = self._open_record(stuck)
        try:
            with self._book.waiting(record.id, self._wait(record)):
                await self._book.save()
                decision = await self._decision(record)
        except asyncio.CancelledError:
            self._close(record.id, FalloutVerb.compensate, SYSTEM, "overtaken by a cancellation or an amendment", "")
            raise
        self._close(record.id, decision.verb, decision.by, decision.reason, decision.evidence)
        return decision

    async def insist(self, call: Call[Answer], request: object, *, summary: str, stuck: Stuck) -> Answer | None:
        """Undo something at an outside system, for ever. Definitely refused, an operator retries it or, with evidence, says
        that it was done by hand: None."""
        while True:
            try:
                return await ensure(call, request, summary=summary)
            except ActivityError as error:
                refused = stuck.model_copy(update={"error": explain(error)})
                if (await self.ask(refused)).verb is FalloutVerb.resolve:
                    return None

    async def insist_here(self, call: Call[Answer], request: object, *, summary: str, stuck: Stuck) -> Answer | None:
        """As `insist`, of our own database."""
        while True:
            try:
                return await ensure_here(call, request, summary=summary)
            except CALL_FAILED as error:
                refused = stuck.model_copy(update={"error": explain(error)})
                if (await self.ask(refused)).verb is FalloutVerb.resolve:
                    return None

    async def _decision(self, record: Fallout) -> FalloutDecision:
        while True:
            left = self._book.fallout[record.id].deadline - workflow.now()
            try:
                await workflow.wait_condition(
                    lambda: record.id in self._decisions,
                    timeout=max(left, timedelta(seconds=1)),
                    timeout_summary=f"fallout deadline: {record.title}",
                )
                return self._decisions[record.id]
            except TimeoutError:
                if record.subject is not Subject.undo:
                    reason = "nobody decided before the deadline"
                    return FalloutDecision(fallout=record.id, verb=FalloutVerb.compensate, by=SYSTEM, reason=reason)
                await self._escalate(record.id)

    async def _escalate(self, record_id: str) -> None:
        record = self._book.fallout[record_id]
        deadline = workflow.now() + timedelta(seconds=self._book.order.patience.fallout)
        later = record.model_copy(update={"owner": NEXT_OWNER, "deadline": deadline})
        self._book.set_fallout(later)
        self._book.waits[record_id] = self._wait(later)
        self._book.note("fallout.escalated", f"{record.title} goes to {NEXT_OWNER}", about=record.id)
        await self._book.save()

    def _open_record(self, stuck: Stuck) -> Fallout:
        order = self._book.order
        self._times[stuck.name] = self._times.get(stuck.name, 0) + 1
        patience = timedelta(seconds=stuck.patience or order.patience.fallout)
        record = Fallout(
            id=keys.fallout(f"{order.id}:{stuck.name}", self._times[stuck.name]),
            subject=stuck.subject,
            item=stuck.item,
            step=stuck.step,
            title=stuck.title,
            owner=stuck.owner,
            error=stuck.error[:500],
            attempts=stuck.attempts,
            money_at_stake=stuck.money_at_stake,
            opened_at=workflow.now(),
            deadline=workflow.now() + patience,
        )
        self._book.set_fallout(record)
        self._book.note("fallout.opened", f"{record.title}: {record.error}", about=record.id)
        return record

    def _close(self, record_id: str, verb: FalloutVerb, by: str, reason: str, evidence: str) -> None:
        closing = {"verb": verb, "by": by, "reason": reason, "evidence": evidence, "resolved_at": workflow.now()}
        self._book.set_fallout(self._book.fallout[record_id].model_copy(update=closing))
        why = reason or evidence
        self._book.note("fallout.resolved", f"{verb} by {by}" + (f": {why}" if why else ""), about=record_id, actor=by)

    def _wait(self, record: Fallout) -> Wait:
        return Wait(
            text=f"fallout: {record.title}",
            owner=record.owner,
            deadline=record.deadline,
            state=OrderState.held,
            undoing=record.subject is Subject.undo,
        )

    def _open(self) -> list[str]:
        return [record.id for record in self._book.fallout.values() if record.verb is None]
