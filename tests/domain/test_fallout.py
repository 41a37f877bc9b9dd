"""Fallout: what an operator may decide, and what has to come with it."""

from typing import Any

import pytest
from pydantic import ValidationError

from domain.fallout import OFFERED, FalloutDecision, FalloutVerb, Subject


def decision(verb: str, **changes: Any) -> FalloutDecision:
    return FalloutDecision.model_validate({"fallout": "O-1001:1:grant:fallout:1", "verb": verb, "by": "olga"} | changes)


@pytest.mark.parametrize("evidence", ["", "   ", "\n"])
def test_marking_it_done_needs_evidence(evidence: str) -> None:
    with pytest.raises(ValidationError, match="evidence: marking it done needs some"):
        decision("resolve", evidence=evidence, reason="because")


@pytest.mark.parametrize("verb", ["skip", "compensate"])
@pytest.mark.parametrize("reason", ["", "  "])
def test_skipping_and_giving_up_need_a_reason(verb: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=f"reason: to {verb} needs one"):
        decision(verb, reason=reason, evidence="ticket 4711")


@pytest.mark.parametrize(
    ("verb", "support"),
    [
        ("retry", {}),
        ("retry", {"data": {"address": "Hafen 1"}}),
        ("resolve", {"evidence": "ticket 4711"}),
        ("skip", {"reason": "customer agreed"}),
        ("compensate", {"reason": "customer left"}),
    ],
)
def test_a_decision_with_what_it_needs_is_taken(verb: str, support: dict[str, Any]) -> None:
    taken = decision(verb, **support)

    assert taken.verb == verb
    assert taken.data == support.get("data", {})


@pytest.mark.parametrize("wrong", [{"by": ""}, {"by": " olga"}, {"verb": "ignore"}, {"reasons": "typo"}])
def test_a_decision_that_cannot_be_understood_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        decision(**({"verb": "retry"} | wrong))


def test_a_step_may_be_decided_any_way() -> None:
    assert OFFERED[Subject.step] == set(FalloutVerb)


def test_an_undo_is_never_skipped_or_given_up() -> None:
    assert OFFERED[Subject.undo] == {"retry", "resolve"}


def test_money_is_never_marked_taken_by_hand() -> None:
    assert OFFERED[Subject.payment] == {"retry", "compensate"}
