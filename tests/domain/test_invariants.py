"""Each invariant finds its violation, says what was expected and found, and is silent where all is well."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.invariants.catalogue import INVARIANTS, violations
from domain.invariants.facts import Facts

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EARLIER = NOW - timedelta(hours=1)
GRACE = timedelta(minutes=10)

PAID = {"key": "O-1:payment:1", "captured": 1900, "captures": 1}
ITEM = {"item": "1", "state": "completed", "due": 1900, "captured": True, "live": True, "entitled": ["a"], "granted": ["a"]}
BOOKED = [
    {"transaction": "O-1:payment:1:captured", "account": "cash:sandbox", "currency": "EUR", "amount": 1900},
    {"transaction": "O-1:payment:1:captured", "account": "receivable", "currency": "EUR", "amount": -1900},
]
ORDER: dict[str, Any] = {
    "id": "O-1",
    "state": "completed",
    "placed_at": EARLIER,
    "changed_at": EARLIER,
    "items": [ITEM],
    "payments": [PAID],
    "ledger": BOOKED,
    "event_count": 2,
    "events": [{"seq": 1, "at": EARLIER}, {"seq": 2, "at": EARLIER}],
    "gateway": [PAID],
    "accounts": [{"partner": "mailhub", "item": "1", "state": "active"}],
}
UNPAID: dict[str, Any] = {
    **ORDER,
    "state": "failed",
    "items": [{**ITEM, "state": "failed", "captured": False, "granted": []}],
    "payments": [{"key": "O-1:payment:1"}],
    "ledger": [],
    "gateway": [{"key": "O-1:payment:1"}],
    "accounts": [{"partner": "mailhub", "item": "1", "state": "terminated"}],
}
DEBITED: dict[str, Any] = {
    **UNPAID,
    "state": "in_progress",
    "changed_at": NOW,
    "items": [{**ITEM, "state": "in_progress", "captured": False}],
    "payments": [{"key": "O-1:payment:1", "held": True, "under_way": True}],
    "accounts": ORDER["accounts"],
}
AT_WORK: dict[str, Any] = {**UNPAID, "state": "in_progress"}


def judged(*orders: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    facts = Facts.model_validate({"now": NOW, "grace": GRACE, "orders": orders, **more})
    return [(found.invariant, found.subject) for found in violations(facts)]


@pytest.mark.parametrize("order", [ORDER, UNPAID, DEBITED, {**AT_WORK, "changed_at": NOW}, {**UNPAID, "state": "draft"}])
def test_nothing_is_said_where_all_is_well(order: dict[str, Any]) -> None:
    promises = [{"key": "shop-1", "order": "O-1"}, {"key": "shop-1", "order": "O-1"}]
    queued = [{"key": "O-1:start", "order": "O-1", "due_at": NOW}]
    assert judged(order, promises=promises, queued=queued) == []


@pytest.mark.parametrize(
    ("name", "subject", "order"),
    [
        ("captured_is_fulfilled", "O-1", {**ORDER, "payments": [{**PAID, "captured": 1899}]}),
        ("captured_is_fulfilled", "O-1", {**ORDER, "gateway": []}),
        ("money_is_conserved", "O-1", {**ORDER, "ledger": []}),
        ("captured_is_fulfilled", "O-1", {**UNPAID, "gateway": [PAID]}),
        ("captured_once", "O-1:payment:1", {**ORDER, "gateway": [{**PAID, "captures": 2}]}),
        ("money_is_conserved", "O-1", {**ORDER, "after": {"disputed": 900}}),
        ("nothing_held", "O-1:payment:2", {**ORDER, "gateway": [PAID, {"key": "O-1:payment:2", "held": True}]}),
        ("nothing_held", "O-1:payment:1", {**UNPAID, "payments": [{"key": "O-1:payment:1", "held": True}]}),
        ("one_account_per_item", "O-1:1", {**ORDER, "accounts": [{**ORDER["accounts"][0], "created": 2}]}),
        ("nothing_left_built", "O-1:1", {**UNPAID, "accounts": [{**ORDER["accounts"][0], "state": "inactive"}]}),
        ("nothing_left_built", "O-1:1", {**ORDER, "accounts": [{**ORDER["accounts"][0], "state": "terminated"}]}),
        ("access_is_paid", "O-1:1", {**UNPAID, "items": [{**UNPAID["items"][0], "granted": ["a"]}]}),
        ("access_is_paid", "O-1:1", {**DEBITED, "payments": [{"key": "O-1:payment:1", "held": True}]}),
        ("access_is_given", "O-1:1", {**ORDER, "items": [{**ITEM, "granted": []}]}),
        ("order_moves", "O-1", AT_WORK),
        ("order_moves", "O-1", {**AT_WORK, "state": "held", "waiting_on": "fallout: x", "owner": "operations"}),
        ("order_starts", "O-1", {**AT_WORK, "state": "acknowledged"}),
        ("events_are_gapless", "O-1", {**ORDER, "event_count": 3}),
        ("events_are_gapless", "O-1", {**ORDER, "events": [{"seq": 1, "at": EARLIER}, {"seq": 3, "at": EARLIER}]}),
        ("events_are_gapless", "O-1:2", {**ORDER, "events": [{"seq": 1, "at": NOW}, {"seq": 2, "at": EARLIER}]}),
    ],
)
def test_a_violation_is_found_and_nothing_else(name: str, subject: str, order: dict[str, Any]) -> None:
    assert judged(order) == [(name, subject)]


def test_money_kept_of_two_payments_is_taken_twice() -> None:
    second = {"key": "O-1:payment:2", "captured": 1900, "captures": 1}
    found = judged({**ORDER, "gateway": [PAID, second]})
    assert found == [("captured_is_fulfilled", "O-1"), ("captured_once", "O-1")]


def test_what_moved_after_the_order_is_not_missed_and_a_gateway_keeps_its_fee() -> None:
    """1900 taken, 500 refunded, 400 disputed for a fee of 15, 1000 returned and 1000 collected anew: 1000 are left."""
    moved = [("refund", -500, "customer_credit"), ("dispute", -400, "disputed"), ("fee", -15, "gateway_fees")]
    moved += [("returned", -1000, "receivable"), ("again", 1000, "receivable")]
    booked = [
        {"transaction": name, "account": account, "currency": "EUR", "amount": amount}
        for name, minor, other in moved
        for account, amount in (("cash:sandbox", minor), (other, -minor))
    ]
    after = {"refunded": 500, "disputed": 400, "returned": 1000, "collected": 1000}
    gateway = [{**PAID, "refunded": 500}, {"key": "O-1:invoice:payment:1", "captured": 1000, "captures": 1}]
    assert judged({**ORDER, "ledger": [*BOOKED, *booked], "after": after, "gateway": gateway}) == []


def test_more_kept_for_an_invoice_than_it_comes_to_was_taken_twice() -> None:
    twice = {"id": "I-1", "total": 1900, "payments": 2, "kept": 3800}
    in_parts = {"id": "I-2", "total": 1900, "payments": 2, "kept": 1900}
    assert judged(invoices=[twice, in_parts]) == [("paid_once", "I-1")]


def test_no_more_of_a_payment_is_given_back_or_promised_than_it_took_and_what_is_promised_comes_to_its_end() -> None:
    whole = {"payment": "O-1:payment:1", "taken": 1900, "back": 1900, "promised_at": EARLIER}
    assert judged(refunded=[whole, {"payment": "O-2:payment:1", "back": 500}]) == []
    assert judged(refunded=[{**whole, "back": 1901}]) == [("refunded_within_taken", "O-1:payment:1")]
    late = EARLIER - timedelta(seconds=1)
    assert judged(refunded=[{**whole, "promised_at": late}]) == [("refund_settles", "O-1:payment:1")]


def test_a_service_that_is_blocked_and_active_is_found_unless_its_partners_are_being_asked() -> None:
    apart = {"service": "O-1:1", "order": "O-1", "is_blocked": True}
    later = {**apart, "due_at": NOW}
    assert judged(out_of_line=[apart]) == [("access_follows_blocks", "O-1:1")]
    assert judged(out_of_line=[{**later, "trouble": "mailhub is down"}]) == [("access_follows_blocks", "O-1:1")]
    assert judged(out_of_line=[{**later, "due_at": EARLIER}]) == [("access_follows_blocks", "O-1:1")]
    assert judged(out_of_line=[later]) == []


def test_a_ledger_transaction_that_does_not_balance_is_named() -> None:
    assert judged({**ORDER, "ledger": BOOKED[:1]}) == [("ledger_balances", "O-1:payment:1:captured")]


def test_an_order_may_wait_with_an_owner_and_a_deadline() -> None:
    waiting = {"waiting_on": "fallout: x", "owner": "operations", "deadline": NOW}
    assert judged({**AT_WORK, "state": "held", **waiting}) == []


def test_an_order_of_a_later_start_is_not_started_yet() -> None:
    assert judged({**AT_WORK, "state": "acknowledged", "starts_at": NOW}) == []


def test_what_is_paid_may_be_opened_while_the_order_is_at_work() -> None:
    opening = {**ITEM, "state": "in_progress"}
    assert judged({**ORDER, "state": "in_progress", "changed_at": NOW, "items": [opening]}) == []


def test_an_order_that_was_promised_exists_and_is_the_only_one_of_its_key() -> None:
    promises = [{"key": "shop-1", "order": "O-1"}, {"key": "shop-1", "order": "O-2"}, {"key": "shop-2", "order": "O-1"}]
    assert judged(ORDER, promises=promises) == [
        ("order_exists", "O-2"),
        ("one_order_per_key", "shop-1"),
        ("one_order_per_key", "O-1"),
    ]


@pytest.mark.parametrize("late", [{"due_at": EARLIER}, {"due_at": NOW, "attempts": 10}])
def test_a_message_that_does_not_reach_temporal_is_overdue(late: dict[str, Any]) -> None:
    queued = [{"key": "O-1:start", "order": "O-1", **late}]
    assert judged(queued=queued) == [("queue_is_current", "O-1:start")]


def test_a_violation_says_what_was_expected_and_what_was_found() -> None:
    facts = Facts.model_validate({"now": NOW, "grace": GRACE, "orders": [{**ORDER, "gateway": []}]})
    [found] = violations(facts)
    assert (found.order, found.expected, found.found) == ("O-1", "1900 kept for what is completed", "0 by the gateway")


def test_each_invariant_has_a_name_of_its_own_and_a_sentence() -> None:
    assert len({invariant.name for invariant in INVARIANTS}) == len(INVARIANTS)
    assert all(invariant.says.endswith(".") for invariant in INVARIANTS)
