"""What must hold of subscriptions is missed where it does not: one broken fact each."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.invariants.catalogue import OF_LIVES, SEEN_FROM_OUTSIDE
from domain.invariants.facts import ChargedFacts, DueFacts, Facts, InvoiceFacts, LifeFacts
from domain.provisioning import ExportState, RemoteState
from domain.states import SubscriptionState

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
GRACE = timedelta(minutes=5)


def month(number: int, *, from_day: int = 1, back: bool = False) -> ChargedFacts:
    """The `number`-th month of 2026."""
    start, end = datetime(2026, number, from_day, tzinfo=UTC), datetime(2026, number + 1, 1, tzinfo=UTC)
    return ChargedFacts(line=f"fee:{number}:{from_day}", charge="fee", start=start, end=end, is_given_back=back)


WELL = LifeFacts(
    id="S-1-1",
    order="O-1",
    state=SubscriptionState.active,
    now=NOW,
    service_ended=False,
    is_blocked=False,
    charged=[month(1), month(2, back=True), month(2, from_day=15), month(3)],
    due=[DueFacts(key="S-1-1:renewal", due_at=NOW + timedelta(days=30))],
    event_count=2,
    events=[1, 2],
    invoices=[InvoiceFacts(id="i", total=1000, payments=1, kept=1000)],
    booked={"i:payment:1": 1000},
    taken={"i:payment:1": 1000},
    remote_facts=["service_created"],
    remote=RemoteState.active,
)
ENDED = WELL.model_copy(
    update={"state": SubscriptionState.ended, "is_blocked": True, "remote": RemoteState.suspended, "due": []}
)
GONE = ENDED.model_copy(
    update={
        "service_ended": True,
        "remote": RemoteState.terminated,
        "exports": [ExportState.forgotten, ExportState.unable],
        "remote_facts": ["service_created", "exported", "terminated"],
    }
)
LATE = DueFacts(key="S-1-1:renewal", due_at=NOW - timedelta(minutes=6))


def broken(life: LifeFacts) -> list[str]:
    facts = Facts(now=NOW, grace=GRACE, lives=[life])
    return [found.invariant for rule in (*OF_LIVES, *SEEN_FROM_OUTSIDE) for found in rule.violations(facts)]


def test_a_life_in_order_breaks_nothing() -> None:
    assert broken(WELL) == []
    taken_down = {"service_ended": True, "remote": RemoteState.terminated}
    assert broken(ENDED.model_copy(update=taken_down)) == []
    assert broken(GONE) == []
    given_up = {"exports": [ExportState.given_up], "remote_facts": ["service_created", "export_failed", "terminated"]}
    assert broken(GONE.model_copy(update=given_up)) == []
    twice = {"ends": 2, "remote_facts": ["service_created", "exported", "suspended", "exported", "terminated"]}
    assert broken(GONE.model_copy(update=twice)) == []
    slow = {"is_throttled": True, "remote_facts": ["service_created", "throttled", "unthrottled", "throttled"]}
    assert broken(WELL.model_copy(update=slow)) == []
    to_be = DueFacts(key="S-1-1:deprovision:terminate", due_at=NOW + timedelta(days=30), takes_down=True)
    assert broken(ENDED.model_copy(update={"due": [to_be]})) == []
    waits = LATE.model_copy(update={"error": "a payment is under way"})
    assert broken(WELL.model_copy(update={"due": [waits]})) == []


@pytest.mark.parametrize(
    ("rule", "life"),
    [
        ("time_is_charged_once", WELL.model_copy(update={"charged": [month(2), month(2, from_day=15)]})),
        ("due_is_done", WELL.model_copy(update={"due": [LATE]})),
        (
            "due_is_done",
            WELL.model_copy(update={"due": [DueFacts(key="k", due_at=NOW - timedelta(hours=25), error="a bug")]}),
        ),
        ("ended_is_taken_down", ENDED),
        ("ended_is_taken_down", ENDED.model_copy(update={"service_ended": True})),
        ("exported_before_taken_down", GONE.model_copy(update={"exports": [ExportState.forgotten, ExportState.working]})),
        ("exported_before_taken_down", GONE.model_copy(update={"exports": [ExportState.failed]})),
        ("exported_before_taken_down", GONE.model_copy(update={"due": [DueFacts(key="k", due_at=NOW, gives_out=True)]})),
        ("exported_once", GONE.model_copy(update={"remote_facts": ["exported", "exported", "terminated"]})),
        ("exported_once", GONE.model_copy(update={"remote_facts": ["terminated", "exported"]})),
        ("exported_once", GONE.model_copy(update={"remote_facts": ["terminated"]})),
        ("life_events_are_gapless", WELL.model_copy(update={"events": [1]})),
        ("life_events_are_gapless", WELL.model_copy(update={"events": [1, 3]})),
        ("partner_follows_life", WELL.model_copy(update={"remote": RemoteState.suspended})),
        ("partner_follows_life", WELL.model_copy(update={"state": SubscriptionState.suspended})),
        ("partner_follows_life", WELL.model_copy(update={"is_blocked": True})),
        ("partner_follows_speed", WELL.model_copy(update={"is_throttled": True})),
        ("partner_follows_speed", WELL.model_copy(update={"remote_facts": ["service_created", "throttled"]})),
        (
            "partner_follows_speed",
            WELL.model_copy(update={"is_throttled": True, "remote_facts": ["throttled", "unthrottled"]}),
        ),
        ("gateway_agrees", WELL.model_copy(update={"taken": {"i:payment:1": 2000}})),
        ("gateway_agrees", WELL.model_copy(update={"taken": {}})),
        ("invoiced_is_paid_once", WELL.model_copy(update={"invoices": [InvoiceFacts(id="i", total=1, payments=2, kept=2)]})),
    ],
)
def test_what_is_broken_is_found_and_nothing_else_is(rule: str, life: LifeFacts) -> None:
    assert broken(life) == [rule]
