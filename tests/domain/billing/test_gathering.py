"""Gathering: which lines share a document, on which date, and each line on one only."""

from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.billing.gathering import (
    Billable,
    Gathered,
    GatheringSettings,
    Group,
    Grouping,
    finalizable_at,
    gather,
    issue_date_for,
    reschedule,
)
from domain.errors import Conflict
from tests.domain.billing.line_samples import line
from tests.domain.samples import NOW

CONSOLIDATED = GatheringSettings()
SEPARATE = GatheringSettings(grouping=Grouping.per_subscription)
HOUR = timedelta(hours=1)


def billable(
    minor: int = 100, customer: str = "c-1", entity: str = "acme-de", due: timedelta = -HOUR, **changes: Any
) -> Billable:
    return Billable(line=line(minor, **changes), customer=customer, legal_entity=entity, due_at=NOW + due)


def ids(documents: list[Gathered]) -> list[list[str]]:
    return [[each.id for each in document.lines] for document in documents]


def test_subscriptions_of_a_customer_share_a_document() -> None:
    documents = gather([billable(subscription="S-2"), billable(subscription="S-1")], [], (), CONSOLIDATED, NOW)

    assert ids(documents) == [["S-1:1:seat:v1:period:0", "S-2:1:seat:v1:period:0"]]
    assert documents[0].id == "S-1:1:seat:v1:period:0:invoice"


def test_each_subscription_has_its_own_document_by_setting() -> None:
    documents = gather([billable(subscription="S-1"), billable(subscription="S-2")], [], (), SEPARATE, NOW)

    assert [document.group.subscription for document in documents] == ["S-1", "S-2"]


def test_currency_customer_and_legal_entity_are_never_mixed() -> None:
    billables = [
        billable(subscription="S-1"),
        billable(subscription="S-2", currency="USD"),
        billable(subscription="S-3", customer="c-2"),
        billable(subscription="S-4", entity="acme-us"),
    ]

    assert len(gather(billables, [], (), CONSOLIDATED, NOW)) == 4


def test_a_line_waits_until_it_is_due() -> None:
    assert gather([billable(due=timedelta(microseconds=1))], [], (), CONSOLIDATED, NOW) == []
    assert len(gather([billable(due=timedelta(0))], [], (), CONSOLIDATED, NOW)) == 1


def test_running_it_again_gathers_nothing() -> None:
    billables = [billable(subscription="S-1"), billable(subscription="S-2")]
    documents = gather(billables, [], (), CONSOLIDATED, NOW)

    assert gather(billables, documents, (), CONSOLIDATED, NOW + HOUR) == []
    assert gather(billables, [], {"S-1:1:seat:v1:period:0", "S-2:1:seat:v1:period:0"}, CONSOLIDATED, NOW) == []


@pytest.mark.money_case(3)
def test_the_same_line_twice_is_charged_once() -> None:
    assert ids(gather([billable(), billable()], [], (), CONSOLIDATED, NOW)) == [["S-1:1:seat:v1:period:0"]]


def test_a_line_that_is_due_later_joins_the_open_draft() -> None:
    drafts = gather([billable(subscription="S-2")], [], (), CONSOLIDATED, NOW)

    (grown,) = gather([billable(subscription="S-2"), billable(subscription="S-1")], drafts, (), CONSOLIDATED, NOW + HOUR)

    assert (grown.id, grown.issue_date, grown.gathered_at) == (drafts[0].id, drafts[0].issue_date, NOW)
    assert ids([grown]) == [["S-1:1:seat:v1:period:0", "S-2:1:seat:v1:period:0"]]


@pytest.mark.money_case(25)
def test_missed_periods_go_on_one_document_with_their_own_service_periods() -> None:
    documents = gather([billable(number=number) for number in (2, 0, 1)], [], (), CONSOLIDATED, NOW)

    assert ids(documents) == [[f"S-1:1:seat:v1:period:{number}" for number in range(3)]]


def test_the_order_that_lines_come_in_makes_no_difference() -> None:
    billables = [billable(subscription=f"S-{index}") for index in range(4)]

    assert len({str(gather(each, [], (), CONSOLIDATED, NOW)) for each in permutations(billables)}) == 1


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(-3, 6)), max_size=20), st.sampled_from(Grouping))
def test_however_often_it_runs_each_due_line_is_on_exactly_one_document(
    entries: list[tuple[int, int, int]], grouping: Grouping
) -> None:
    settings = GatheringSettings(grouping=grouping)
    billables = [billable(subscription=f"S-{a}", number=n, due=due * HOUR) for a, n, due in entries]
    drafts: dict[str, Gathered] = {}

    for hours in range(7):
        drafts |= {each.id: each for each in gather(billables, list(drafts.values()), (), settings, NOW + hours * HOUR)}

    on_documents = [each.id for draft in drafts.values() for each in draft.lines]
    assert sorted(on_documents) == sorted({each.line.id for each in billables})


@pytest.mark.parametrize(
    ("issue_day", "now", "issued"),
    [
        (None, datetime(2026, 3, 2, 12, tzinfo=UTC), date(2026, 3, 2)),
        (2, datetime(2026, 3, 2, 12, tzinfo=UTC), date(2026, 3, 2)),
        (1, datetime(2026, 3, 2, 12, tzinfo=UTC), date(2026, 4, 1)),
        (31, datetime(2026, 2, 10, tzinfo=UTC), date(2026, 2, 28)),
        (31, datetime(2028, 2, 10, tzinfo=UTC), date(2028, 2, 29)),
        (15, datetime(2026, 12, 16, tzinfo=UTC), date(2027, 1, 15)),
    ],
)
def test_the_issue_date_is_today_or_the_next_issue_day(issue_day: int | None, now: datetime, issued: date) -> None:
    assert issue_date_for(GatheringSettings(issue_day=issue_day), now) == issued


def test_the_issue_date_is_the_legal_entitys_local_date() -> None:
    # 23:30 UTC on the 2nd is 00:30 on the 3rd in Berlin, and 15:30 on the 2nd in Los Angeles
    late = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)

    assert issue_date_for(GatheringSettings(timezone="Europe/Berlin"), late) == date(2026, 3, 3)
    assert issue_date_for(GatheringSettings(timezone="America/Los_Angeles"), late) == date(2026, 3, 2)


def test_a_draft_stays_open_for_its_grace() -> None:
    (today,) = gather([billable()], [], (), GatheringSettings(grace=2 * HOUR), NOW)
    (later,) = gather([billable()], [], (), GatheringSettings(issue_day=9, timezone="Europe/Berlin"), NOW)

    assert finalizable_at(today, GatheringSettings(grace=2 * HOUR)) == NOW + 2 * HOUR
    # midnight of the 9th in Berlin is 23:00 UTC on the 8th, and an hour later it is due
    assert finalizable_at(later, GatheringSettings(timezone="Europe/Berlin")) == datetime(2026, 3, 9, tzinfo=UTC)


def test_a_draft_is_rescheduled_to_today_or_later() -> None:
    (draft,) = gather([billable()], [], (), CONSOLIDATED, NOW)

    assert reschedule(draft, date(2026, 3, 20), NOW, CONSOLIDATED).issue_date == date(2026, 3, 20)
    assert reschedule(draft, date(2026, 3, 2), NOW, CONSOLIDATED) == draft
    with pytest.raises(Conflict, match="cannot be issued on 2026-03-01, which is past; choose 2026-03-02 or later"):
        reschedule(draft, date(2026, 3, 1), NOW, CONSOLIDATED)


def test_a_document_of_two_currencies_is_refused_by_field() -> None:
    group = Group(customer="c-1", legal_entity="acme-de", currency="EUR")

    with pytest.raises(ValidationError, match=r"lines\[1\].amount: is in USD, the invoice in EUR"):
        Gathered(id="x", group=group, issue_date=NOW.date(), gathered_at=NOW, lines=(line(1), line(1, currency="USD")))
