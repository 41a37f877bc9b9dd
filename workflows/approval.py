"""Waiting for people to agree."""

from datetime import timedelta

from temporalio import workflow

from domain.approvals import ApprovalRequirement, Decision, Verdict
from domain.errors import BadInput, Conflict
from domain.facts import ApprovalStatus
from domain.orders import Order
from domain.plans import Step, StepKind
from domain.states import OrderState
from workflows.book import SYSTEM, Book, Wait

ORDER = "order"
EXAMPLE = {"decision": "approve", "by": "your name", "reason": "checked with the customer"}


def step_requirement(step: Step) -> ApprovalRequirement:
    """A step of kind approval asks one person of its owner's queue."""
    return ApprovalRequirement(reason=step.name, quorum=1, deadline=int(step.patience.total_seconds()), owner=step.owner)


class Approvals:
    def __init__(self, book: Book) -> None:
        self._book = book

    def check(self, decision: Decision) -> ApprovalStatus:
        """The approval as it would be after this decision. Raises BadInput or Conflict where it may not count."""
        subject, requirement = self._subject(decision)
        status = self._book.approvals.get(subject) or self._book.approval(subject, requirement)
        return status.model_copy(update={"ballot": status.ballot.with_decision(decision, workflow.now())})

    def decide(self, decision: Decision) -> str:
        """Count a decision; again from the same person, nothing changes."""
        after = self.check(decision)
        before = self._book.approvals[after.subject]
        if after.ballot.cast != before.ballot.cast:
            self._book.set_approval(after)
            said = f"{decision.by} decided: {decision.decision}" + (f" to {decision.to}" if decision.to else "")
            reason = f" ({decision.reason})" if decision.reason else ""
            self._book.note(f"approval.{decision.decision}", said + reason, about=after.subject, actor=decision.by)
        ballot = after.ballot
        return f"{ballot.outcome or 'open'}: {ballot.approvals} of {ballot.requirement.quorum} approvals"

    def _subject(self, decision: Decision) -> tuple[str, ApprovalRequirement]:
        order = self._book.order
        if decision.item is not None and decision.step is not None:
            return f"{decision.item}:{decision.step}", step_requirement(_approval_step(order, decision.item, decision.step))
        if ORDER in self._book.approvals:
            return ORDER, self._book.approvals[ORDER].ballot.requirement
        if order.approval is None:
            raise Conflict(f"order {order.id} does not wait for an approval")
        return ORDER, order.approval

    async def win(self, subject: str, requirement: ApprovalRequirement, state: OrderState) -> Verdict:
        """Wait until it is approved or rejected. Nobody decides before the deadline: rejected. Late ones are escalated once."""
        status = self._begin(subject, requirement)
        with self._book.waiting(subject, self._wait(status, state)):
            while (outcome := self._book.approvals[subject].ballot.outcome) is None:
                await self._book.save()
                if not await self._decided(subject):
                    if not self._overdue(subject):
                        self._escalate(subject, state)
                        continue
                    outcome = Verdict.reject
                    self._book.note("approval.deadline", "Nobody decided before the deadline", about=subject)
                    break
        self._book.set_approval(self._book.approvals[subject].model_copy(update={"outcome": str(outcome)}))
        return outcome

    def _begin(self, subject: str, requirement: ApprovalRequirement) -> ApprovalStatus:
        """The clock starts when it is asked for, not when an early decision came."""
        status, now = self._book.approval(subject, requirement), workflow.now()
        escalate_at = now + timedelta(seconds=requirement.escalate_after) if requirement.escalate_after else None
        asked = {"asked_at": now, "deadline": now + timedelta(seconds=requirement.deadline), "escalate_at": escalate_at}
        self._book.set_approval(status.model_copy(update=asked))
        self._book.note("approval.asked", f"Approval asked for: {requirement.reason}", about=subject)
        return self._book.approvals[subject]

    async def _decided(self, subject: str) -> bool:
        """False where the next moment to act, escalation or deadline, came first."""
        status = self._book.approvals[subject]
        escalates = status.escalate_at is not None and not status.ballot.escalated
        until = status.escalate_at if escalates and status.escalate_at else status.deadline
        try:
            await workflow.wait_condition(
                lambda: self._book.approvals[subject].ballot.outcome is not None,
                timeout=max(min(until, status.deadline) - workflow.now(), timedelta(milliseconds=1)),
                timeout_summary="approval escalation" if escalates else "approval deadline",
            )
        except TimeoutError:
            return False
        return True

    def _overdue(self, subject: str) -> bool:
        return workflow.now() >= self._book.approvals[subject].deadline

    def _escalate(self, subject: str, state: OrderState) -> None:
        status = self._book.approvals[subject]
        later = status.model_copy(update={"ballot": status.ballot.model_copy(update={"escalated": True})})
        self._book.set_approval(later)
        self._book.waits[subject] = self._wait(later, state)
        self._book.note(
            "approval.escalated", f"Escalated to {later.ballot.requirement.escalate_to}", about=subject, actor=SYSTEM
        )

    def _wait(self, status: ApprovalStatus, state: OrderState) -> Wait:
        requirement = status.ballot.requirement
        owner = requirement.escalate_to if status.ballot.escalated else requirement.owner
        return Wait(text=f"approval: {requirement.reason}", owner=owner, deadline=status.deadline, state=state)


def _approval_step(order: Order, item_id: str, step_id: str) -> Step:
    item = order.item(item_id)
    step = item.step(step_id) if item else None
    if step is None or step.kind is not StepKind.approval:
        raise BadInput("step", f"item {item_id} has no approval step {step_id!r}")
    return step
