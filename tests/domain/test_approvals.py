"""Approvals: which orders need one, whose word counts, and when it is decided."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from domain.approvals import ApprovalPolicy, ApprovalRequirement, Ballot, Decision, Verdict, required
from domain.customers import Risk
from domain.errors import BadInput, Conflict
from domain.money import Money
from tests.domain.samples import NOW, eur


def policy(policy_id: str = "p", **changes: Any) -> ApprovalPolicy:
    return ApprovalPolicy.model_validate({"id": policy_id, "name": f"Policy {policy_id}"} | changes)


def ballot(quorum: int = 1, approvers: tuple[str, ...] = (), escalated: bool = False) -> Ballot:
    asked = ApprovalRequirement(
        reason="big", quorum=quorum, approvers=list(approvers), deadline=86400, escalate_to="lead", escalate_after=3600
    )
    return Ballot(requirement=asked, placed_by="shop", escalated=escalated)


def decided(before: Ballot, by: str, decision: str = "approve", **changes: Any) -> Ballot:
    word = Decision.model_validate({"decision": decision, "by": by} | changes)
    return before.with_decision(word, NOW + timedelta(minutes=len(before.cast)))


def test_a_policy_without_conditions_applies_to_every_order() -> None:
    assert policy().applies(eur(0), [], Risk.normal)


@pytest.mark.parametrize(("minor", "needed"), [(9999, False), (10000, False), (10001, True)])
def test_an_amount_has_to_be_above_the_limit(minor: int, needed: bool) -> None:
    assert policy(above=[eur(10000)]).applies(eur(minor), ["crm"], Risk.normal) is needed


def test_a_limit_counts_in_its_own_currency_only() -> None:
    limits = policy(above=[eur(10000), Money(minor=15000, currency="JPY")])

    assert not limits.applies(Money(minor=15000, currency="JPY"), ["crm"], Risk.normal)
    assert limits.applies(Money(minor=15001, currency="JPY"), ["crm"], Risk.normal)
    assert not limits.applies(Money(minor=99999, currency="KWD"), ["crm"], Risk.normal)


def test_one_named_product_in_the_order_is_enough() -> None:
    named = policy(products=["fibre", "line"])

    assert named.applies(eur(1), ["crm", "fibre"], Risk.normal)
    assert not named.applies(eur(1), ["crm"], Risk.normal)


def test_a_risk_has_to_be_among_those_named() -> None:
    risky = policy(risks=["high"])

    assert risky.applies(eur(1), ["crm"], Risk.high)
    assert not risky.applies(eur(1), ["crm"], Risk.normal)


@pytest.mark.parametrize(
    ("minor", "product", "risk", "needed"),
    [
        (10001, "fibre", Risk.high, True),
        (10000, "fibre", Risk.high, False),
        (10001, "crm", Risk.high, False),
        (10001, "fibre", Risk.normal, False),
    ],
)
def test_every_condition_given_has_to_hold(minor: int, product: str, risk: Risk, needed: bool) -> None:
    strict = policy(above=[eur(10000)], products=["fibre"], risks=["high"])

    assert strict.applies(eur(minor), [product], risk) is needed


def test_an_order_that_no_policy_is_about_needs_no_approval() -> None:
    assert required([policy(above=[eur(10000)])], eur(10000), ["crm"], Risk.normal) is None
    assert required([], eur(10000), ["crm"], Risk.normal) is None


def test_the_highest_quorum_is_the_strictest() -> None:
    found = required([policy("one"), policy("two", quorum=2, deadline=900), policy("three")], eur(1), [], Risk.normal)

    assert found is not None
    assert (found.reason, found.quorum, found.deadline) == ("Policy two", 2, 900)


def test_of_equal_quorums_the_shortest_deadline_is_the_strictest() -> None:
    policies = [policy("slow", quorum=2, deadline=900), policy("quick", quorum=2, deadline=600), policy("one", deadline=60)]

    found = required(policies, eur(1), [], Risk.normal)

    assert found is not None
    assert found.reason == "Policy quick"


def test_a_policy_that_does_not_apply_is_not_the_strictest() -> None:
    policies = [policy("big", quorum=5, above=[eur(10000)]), policy("all")]

    found = required(policies, eur(1), [], Risk.normal)

    assert found is not None
    assert found.reason == "Policy all"


def test_everything_a_wait_needs_is_pinned() -> None:
    given = policy(approvers=["anna", "ben"], escalate_after=60, escalate_to="lead", owner="sales")

    found = required([given], eur(1), [], Risk.normal)

    assert found is not None
    assert found.approvers == ["anna", "ben"]
    assert (found.escalate_after, found.escalate_to, found.owner) == (60, "lead", "sales")


@pytest.mark.parametrize("wrong", [{"quorum": 0}, {"deadline": 0}, {"approvers": [" anna"]}, {"approvers": [""]}])
def test_a_policy_that_could_not_be_met_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        policy(**wrong)


def test_one_approval_meets_a_quorum_of_one() -> None:
    assert ballot().outcome is None
    assert decided(ballot(), "anna").outcome is Verdict.approve


def test_a_quorum_of_two_needs_two_people() -> None:
    first = decided(ballot(quorum=2), "anna")
    second = decided(first, "ben")

    assert (first.approvals, first.outcome) == (1, None)
    assert (second.approvals, second.outcome) == (2, Verdict.approve)


def test_one_rejection_decides_at_once() -> None:
    after = decided(decided(ballot(quorum=3), "anna"), "ben", "reject", reason="too dear")

    assert after.outcome is Verdict.reject


def test_who_said_what_and_why_is_kept() -> None:
    (cast,) = decided(ballot(), "anna", "reject", reason="too dear").cast

    assert (cast.by, cast.decision, cast.reason, cast.at) == ("anna", Verdict.reject, "too dear", NOW)


def test_casting_leaves_the_earlier_ballot_as_it_was() -> None:
    before = ballot()

    decided(before, "anna")

    assert before.cast == []


@pytest.mark.parametrize("decision", ["approve", "reject", "delegate"])
def test_nobody_decides_on_an_order_they_placed(decision: str) -> None:
    with pytest.raises(BadInput, match="placed this order") as error:
        decided(ballot(approvers=("shop", "anna")), "shop", decision, to="anna")
    assert error.value.field == "by"


def test_someone_not_asked_is_refused_and_told_who_is() -> None:
    with pytest.raises(BadInput, match="one of anna, ben is") as error:
        decided(ballot(approvers=("anna", "ben")), "carl")
    assert error.value.field == "by"


def test_where_nobody_is_named_anyone_may_decide() -> None:
    assert decided(ballot(), "carl").outcome is Verdict.approve


def test_the_same_word_twice_changes_nothing() -> None:
    once = decided(ballot(quorum=2), "anna")

    assert decided(once, "anna") == once
    assert decided(once, "anna").outcome is None


def test_the_same_word_after_the_decision_still_changes_nothing() -> None:
    closed = decided(decided(ballot(quorum=2), "anna"), "ben")

    assert decided(closed, "anna") == closed


def test_a_mind_that_changed_is_refused() -> None:
    with pytest.raises(Conflict, match="anna has already decided: approve"):
        decided(decided(ballot(quorum=2), "anna"), "anna", "reject")


@pytest.mark.parametrize("first", ["approve", "reject"])
def test_what_is_decided_stays_decided(first: str) -> None:
    with pytest.raises(Conflict, match=f"already decided: {first}"):
        decided(decided(ballot(), "anna", first), "ben", "reject" if first == "approve" else "approve")


def test_a_delegate_may_decide() -> None:
    after = decided(ballot(approvers=("anna",)), "anna", "delegate", to="ben")

    assert after.outcome is None
    assert "ben" in after.entitled
    assert decided(after, "ben").outcome is Verdict.approve


def test_a_delegate_may_delegate_in_turn() -> None:
    after = decided(decided(ballot(approvers=("anna",)), "anna", "delegate", to="ben"), "ben", "delegate", to="carl")

    assert decided(after, "carl").outcome is Verdict.approve


def test_delegating_is_no_approval() -> None:
    after = decided(ballot(quorum=2, approvers=("anna", "ben")), "anna", "delegate", to="carl")

    assert decided(after, "ben").outcome is None
    assert decided(decided(after, "ben"), "carl").outcome is Verdict.approve


def test_who_delegated_has_no_word_left() -> None:
    after = decided(ballot(approvers=("anna",)), "anna", "delegate", to="ben")

    with pytest.raises(Conflict, match="anna has already decided: delegate"):
        decided(after, "anna")


def test_delegating_to_another_person_afterwards_is_a_changed_mind() -> None:
    after = decided(ballot(approvers=("anna",)), "anna", "delegate", to="ben")

    with pytest.raises(Conflict):
        decided(after, "anna", "delegate", to="carl")


@pytest.mark.parametrize("to", [None, "anna", "shop"])
def test_a_delegate_is_someone_other_than_oneself_and_the_buyer(to: str | None) -> None:
    with pytest.raises(BadInput) as error:
        decided(ballot(approvers=("anna",)), "anna", "delegate", to=to)
    assert error.value.field == "to"


def test_escalation_adds_one_who_may_decide() -> None:
    with pytest.raises(BadInput):
        decided(ballot(approvers=("anna",)), "lead")

    escalated = ballot(approvers=("anna",), escalated=True)

    assert escalated.entitled == {"anna", "lead"}
    assert decided(escalated, "lead").outcome is Verdict.approve
    assert decided(escalated, "anna").outcome is Verdict.approve


def test_escalation_does_not_lower_the_quorum() -> None:
    assert decided(ballot(quorum=2, approvers=("anna", "ben"), escalated=True), "lead").outcome is None


@pytest.mark.parametrize("by", ["", " anna", "anna ", "x" * 81])
def test_a_person_has_a_name(by: str) -> None:
    with pytest.raises(ValidationError):
        decided(ballot(), by)
