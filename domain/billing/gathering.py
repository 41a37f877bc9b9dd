"""Which billable lines go on which invoice, and when it is issued."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.billing.lines import InvoiceLine
from domain.billing.zones import TimeZone, local_date, midnight, zone_of
from domain.errors import Conflict
from domain.money import CurrencyCode
from domain.values import Instant, StrictValue, Value

SHORTEST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=6)


class Grouping(StrEnum):
    consolidated = "consolidated"
    per_subscription = "per_subscription"


class GatheringSettings(StrictValue):
    """`grouping`: one document per customer, currency and legal entity, or one per subscription besides. `issue_day`: the day
    of the month that documents are issued on, at the month's end where it has no such day; None issues at once. `grace` is how
    long a draft stays open from its issue date, or from when it was made if that is later, for usage that comes in late and
    for people to look at it (an hour at Stripe)."""

    grouping: Grouping = Grouping.consolidated
    issue_day: Annotated[int, Field(ge=1, le=31)] | None = None
    grace: Annotated[timedelta, Field(ge=timedelta(0), le=timedelta(days=90))] = timedelta(hours=1)
    timezone: TimeZone = "UTC"


class Billable(Value):
    """A line that is due to be invoiced from `due_at` on."""

    line: InvoiceLine
    customer: str
    legal_entity: str
    due_at: Instant


class Group(Value):
    """What lines must share to be on one document."""

    customer: str
    legal_entity: str
    currency: CurrencyCode
    subscription: str | None = None


class Gathered(Value):
    """A document before it is finalized. Its id is formed from the first line that it was made for, which is on no other
    document, and never changes."""

    id: str
    group: Group
    issue_date: date
    gathered_at: Instant
    lines: tuple[InvoiceLine, ...]

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        for index, line in enumerate(self.lines):
            if line.amount.currency != self.group.currency:
                raise ValueError(f"lines[{index}].amount: is in {line.amount.currency}, the invoice in {self.group.currency}")
        return self


def invoice_key(first_line: str) -> str:
    return f"{first_line}:invoice"


def gather(
    billables: Iterable[Billable],
    drafts: Sequence[Gathered],
    invoiced: Collection[str],
    settings: GatheringSettings,
    now: datetime,
) -> list[Gathered]:
    """The documents that are new or have grown: lines due at or before `now` join their group's open draft, or form a new one.

    A line in `invoiced` or on a draft already is left out, so that running it again returns nothing. Lines are ordered by
    subscription, service period and id, whatever order they come in. Several periods that were missed go on one document, each
    with its own service period.
    """
    taken = {*invoiced, *(line.id for draft in drafts for line in draft.lines)}
    due = {each.line.id: each for each in billables if each.due_at <= now and each.line.id not in taken}
    groups: dict[str, tuple[Group, list[InvoiceLine]]] = {}
    for each in due.values():
        group = group_of(each, settings)
        groups.setdefault(group.model_dump_json(), (group, []))[1].append(each.line)
    open_drafts = {draft.group.model_dump_json(): draft for draft in drafts}
    return [_document(group, lines, open_drafts.get(key), settings, now) for key, (group, lines) in sorted(groups.items())]


def group_of(billable: Billable, settings: GatheringSettings) -> Group:
    per_subscription = settings.grouping is Grouping.per_subscription
    return Group(
        customer=billable.customer,
        legal_entity=billable.legal_entity,
        currency=billable.line.amount.currency,
        subscription=billable.line.subscription if per_subscription else None,
    )


def _document(
    group: Group, lines: list[InvoiceLine], draft: Gathered | None, settings: GatheringSettings, now: datetime
) -> Gathered:
    if draft is not None:
        return draft.model_copy(update={"lines": in_order((*draft.lines, *lines))})
    ordered = in_order(lines)
    first = min(line.id for line in ordered)
    issue_date = issue_date_for(settings, now)
    return Gathered(id=invoice_key(first), group=group, issue_date=issue_date, gathered_at=now, lines=ordered)


def in_order(lines: Iterable[InvoiceLine]) -> tuple[InvoiceLine, ...]:
    """By subscription, service period and id."""
    return tuple(sorted(lines, key=_place))


def _place(line: InvoiceLine) -> tuple[str, float, str]:
    return line.subscription or "", line.period.start.timestamp() if line.period else 0.0, line.id


def issue_date_for(settings: GatheringSettings, now: datetime) -> date:
    """The legal entity's local date today, or the next issue day from today on."""
    today = local_date(now, zone_of(settings.timezone))
    if settings.issue_day is None:
        return today
    this_month = _day_of(today.year, today.month, settings.issue_day)
    if today <= this_month:
        return this_month
    return _day_of(today.year + today.month // 12, today.month % 12 + 1, settings.issue_day)


def _day_of(year: int, month: int, day: int) -> date:
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month, min(day, last))


def finalizable_at(draft: Gathered, settings: GatheringSettings) -> datetime:
    """The first instant that the draft may be finalized by itself; a person may finalize it earlier, from its issue date on."""
    issued = midnight(draft.issue_date, zone_of(settings.timezone))
    return max(issued, draft.gathered_at) + settings.grace


def tried_again_at(draft: Gathered, settings: GatheringSettings, now: datetime) -> datetime:
    """When a draft that could not be issued at `now` is tried again: after as long as it has waited since it could be, which
    doubles the wait each time, from five minutes to six hours."""
    waited = now - finalizable_at(draft, settings)
    return now + min(LONGEST_PAUSE, max(SHORTEST_PAUSE, waited))


def reschedule(draft: Gathered, issue_date: date, now: datetime, settings: GatheringSettings) -> Gathered:
    """The draft with another issue date; Conflict where that is past. A finalized invoice is no draft and keeps its date."""
    today = local_date(now, zone_of(settings.timezone))
    if issue_date < today:
        raise Conflict(f"invoice {draft.id} cannot be issued on {issue_date}, which is past; choose {today} or later")
    return draft.model_copy(update={"issue_date": issue_date})
