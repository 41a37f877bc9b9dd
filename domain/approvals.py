"""Who has to agree before an order, or one of its steps, goes on."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.customers import Risk
from domain.errors import BadInput, Conflict
from domain.money import Money
from domain.plans import Identifier, Seconds
from domain.values import Instant, Name, StrictValue, Value

Person = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^\S(.*\S)?$")]


class ApprovalPolicy(StrictValue):
    """When an order needs approval. Every condition that is given must hold; a policy with none applies to all orders.

    `approvers` empty means anyone with the right to approve. Escalation adds `escalate_to` to those who may decide and
    moves the order into that person's queue; at the deadline the order is rejected.
    """

    id: Identifier
    name: Name
    above: list[Money] = []
    products: list[Identifier] = []
    risks: list[Risk] = []
    quorum: Annotated[int, Field(ge=1, le=20)] = 1
    approvers: list[Person] = []
    deadline: Seconds = 7 * 86400
    escalate_after: Seconds | None = None
    escalate_to: Person = "operations-lead"
    owner: Identifier = "approvals"

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.approvers and self.quorum > len(set(self.approvers)):
            raise ValueError(f"quorum: {self.quorum} can never be reached by {len(set(self.approvers))} approvers")
        return self

    def applies(self, total: Money, products: Iterable[str], risk: Risk) -> bool:
        limits = [limit for limit in self.above if limit.currency == total.currency]
        over = not self.above or any(limit < total for limit in limits)
        named = not self.products or bool(set(self.products) & set(products))
        return over and named and (not self.risks or risk in self.risks)


class ApprovalRequirement(Value):
    """What one approval needs, pinned when it was asked for. Times are seconds from when the wait begins."""

    reason: str
    quorum: int
    approvers: list[str] = []
    deadline: int
    escalate_after: int | None = None
    escalate_to: str = "operations-lead"
    owner: str = "approvals"


def required(
    policies: Iterable[ApprovalPolicy], total: Money, products: Sequence[str], risk: Risk
) -> ApprovalRequirement | None:
    """The approval an order needs: of the policies that apply, the one with the highest quorum, then the shortest deadline."""
    applying = [policy for policy in policies if policy.applies(total, products, risk)]
    if not applying:
        return None
    strictest = min(applying, key=lambda policy: (-policy.quorum, policy.deadline, policy.id))
    return ApprovalRequirement(
        reason=strictest.name,
        quorum=strictest.quorum,
        approvers=list(strictest.approvers),
        deadline=strictest.deadline,
        escalate_after=strictest.escalate_after,
        escalate_to=strictest.escalate_to,
        owner=strictest.owner,
    )


class Verdict(StrEnum):
    approve = "approve"
    reject = "reject"
    delegate = "delegate"


class Decision(StrictValue):
    """One person's word. `to` names who decides instead, when delegating; `step` the item's step, where not the whole order."""

    decision: Verdict
    by: Person
    reason: Annotated[str, Field(max_length=500)] = ""
    to: Person | None = None
    item: Identifier | None = None
    step: Identifier | None = None


class CastDecision(Value):
    decision: Verdict
    by: str
    reason: str = ""
    to: str | None = None
    at: Instant


class Ballot(Value):
    """The decisions on one approval so far."""

    requirement: ApprovalRequirement
    placed_by: str
    cast: list[CastDecision] = []
    escalated: bool = False

    def with_decision(self, decision: Decision, at: Instant) -> "Ballot":
        """The ballot after one more decision.

        BadInput or Conflict where it may not count: by who placed the order, by someone not asked, or against the same
        person's earlier word. The same word from the same person again changes nothing.
        """
        previous = self._word_of(decision.by)
        if previous and previous.decision is decision.decision and previous.to == decision.to:
            return self
        if (refusal := self.refusal(decision.by)) is not None:
            raise refusal
        self._check_delegate(decision)
        cast = CastDecision(decision=decision.decision, by=decision.by, reason=decision.reason, to=decision.to, at=at)
        return self.model_copy(update={"cast": [*self.cast, cast]})

    def refusal(self, person: str) -> BadInput | Conflict | None:
        """Why no further word of this person counts; None where one does."""
        if previous := self._word_of(person):
            return Conflict(f"{person} has already decided: {previous.decision}")
        if self.outcome is not None:
            return Conflict(f"this is already decided: {self.outcome}")
        if person == self.placed_by:
            return BadInput("by", f"{person} placed this order and cannot decide on it; another person has to")
        if person not in self.entitled and self.requirement.approvers:
            return BadInput("by", f"{person} is not asked here; one of {', '.join(sorted(self.entitled))} is")
        return None

    def _word_of(self, person: str) -> CastDecision | None:
        return next((cast for cast in self.cast if cast.by == person), None)

    def _check_delegate(self, decision: Decision) -> None:
        if decision.decision is Verdict.delegate and not decision.to:
            raise BadInput("to", 'delegating needs who decides instead, for example "to": "ben"')
        if decision.decision is Verdict.delegate and decision.to in {decision.by, self.placed_by}:
            raise BadInput("to", f"{decision.to} cannot be the delegate: name someone other than yourself and the buyer")
        if decision.decision is Verdict.delegate and decision.to in self._taken:
            raise BadInput("to", f"{decision.to} decides already; name someone who does not")

    @property
    def entitled(self) -> set[str]:
        """The people named to decide, with delegates in place of those who delegated; empty where anyone with the right may."""
        delegated = {cast.by: cast.to for cast in self.cast if cast.decision is Verdict.delegate and cast.to}
        named = set(self.requirement.approvers) | set(delegated.values())
        return (named | {self.requirement.escalate_to} if self.escalated else named) - delegated.keys()

    @property
    def _taken(self) -> set[str]:
        """Whose word is counted or awaited already: a delegate has to be someone else, or a quorum could not be reached."""
        return {cast.by for cast in self.cast} | self.entitled

    @property
    def approvals(self) -> int:
        return sum(cast.decision is Verdict.approve for cast in self.cast)

    @property
    def outcome(self) -> Verdict | None:
        """`reject` as soon as one rejects, `approve` at the quorum, None while open."""
        if any(cast.decision is Verdict.reject for cast in self.cast):
            return Verdict.reject
        return Verdict.approve if self.approvals >= self.requirement.quorum else None
