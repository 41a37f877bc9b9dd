"""Invariants of subscriptions: no time is charged twice, nothing that is due is forgotten, and access is as it is paid for."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from domain.invariants.access import GONE
from domain.invariants.facts import Facts, Found
from domain.provisioning import ExportState, RemoteState
from domain.states import SubscriptionState

EXPORTED, TERMINATED, THROTTLED, UNTHROTTLED = "exported", "terminated", "throttled", "unthrottled"
"""What a partner calls it that it has given out what is in a service, taken that down, slowed it down or sped it up again."""
LONGEST_REASON = timedelta(days=1)
"""How long something that is due may wait for a reason before somebody should look."""


def time_is_charged_once(facts: Facts) -> Iterator[Found]:
    for life in facts.lives:
        by_charge = defaultdict(list)
        for one in life.charged:
            if not one.is_given_back:
                by_charge[one.charge].append(one)
        for charged in by_charge.values():
            for before, after in pairwise(sorted(charged, key=lambda one: (one.start, one.line))):
                if after.start < before.end:
                    yield Found(after.line, life.order, f"from {before.end:%Y-%m-%d} on", f"from {after.start:%Y-%m-%d} on")


def due_is_done(facts: Facts) -> Iterator[Found]:
    for life in facts.lives:
        for due in life.due:
            late = life.now - due.due_at
            if late > (LONGEST_REASON if due.error else facts.grace):
                why = f": {due.error}" if due.error else ""
                yield Found(due.key, life.order, f"done on {due.due_at:%Y-%m-%d %H:%M}", f"still due{why}")


def ended_is_taken_down(facts: Facts) -> Iterator[Found]:
    """By us, or at a partner that was asked, once it is over; before, it is to be due."""
    for life in facts.lives:
        if life.state is not SubscriptionState.ended:
            continue
        if not life.service_ended and not any(due.takes_down for due in life.due):
            yield Found(life.id, life.order, "taken down, or due to be", "its service is there, and nothing is due for it")
        if life.service_ended and life.remote is not None and life.remote not in GONE:
            yield Found(life.id, life.order, "nothing at the partner", f"it is {life.remote} there")


def exported_before_taken_down(facts: Facts) -> Iterator[Found]:
    for life in facts.lives:
        awaited = [state for state in life.exports if state in {ExportState.working, ExportState.failed}]
        if life.service_ended and (awaited or any(due.gives_out for due in life.due)):
            found = ", ".join(awaited) or "still due"
            yield Found(life.id, life.order, "given out before it was taken down, or given up", f"the export is {found}")


def life_events_are_gapless(facts: Facts) -> Iterator[Found]:
    for life in facts.lives:
        if life.events is not None and life.events != list(range(1, life.event_count + 1)):
            yield Found(life.id, life.order, f"events 1 to {life.event_count}", f"{life.events}")


def partner_follows_life(facts: Facts) -> Iterator[Found]:
    """Of what was asked for at a partner and is not due any more."""
    for life in facts.lives:
        if life.remote is None or life.service_ended or any(due.turns_access for due in life.due):
            continue
        closed = life.state in {SubscriptionState.suspended, SubscriptionState.paused, SubscriptionState.ended}
        if closed is (life.remote is RemoteState.active) or life.is_blocked is not closed:
            blocked = "blocked" if life.is_blocked else "not blocked"
            yield Found(life.id, life.order, f"as the subscription, which is {life.state}", f"{life.remote}, and {blocked}")


def partner_follows_speed(facts: Facts) -> Iterator[Found]:
    """As `partner_follows_life`, of a partner that can slow a service down."""
    for life in facts.lives:
        if life.remote_facts is None or life.service_ended or any(due.turns_access for due in life.due):
            continue
        turned = [fact for fact in life.remote_facts if fact in {THROTTLED, UNTHROTTLED}]
        is_slow = turned[-1:] == [THROTTLED]
        if is_slow is not life.is_throttled:
            yield Found(life.id, life.order, _speed(life.is_throttled), _speed(is_slow))


def _speed(is_throttled: bool) -> str:
    return "slowed down" if is_throttled else "at full speed"


def exported_once(facts: Facts) -> Iterator[Found]:
    """Each time it ended, and while the service is still there."""
    for life in facts.lives:
        if life.remote_facts is None:
            continue
        made, gone = life.remote_facts.count(EXPORTED), life.remote_facts.count(TERMINATED)
        if made > max(life.ends, 1):
            yield Found(life.id, life.order, f"one export, and it ended {life.ends} times", f"{made} at the partner")
        if life.is_exported and not made:
            yield Found(life.id, life.order, "the export that is told of", "none at the partner")
        if made and gone and life.remote_facts.index(TERMINATED) < life.remote_facts.index(EXPORTED):
            yield Found(life.id, life.order, "given out before it was taken down", "taken down first")


def gateway_agrees(facts: Facts) -> Iterator[Found]:
    """What each payment took is what was booked of it."""
    for life in facts.lives:
        if life.taken is None:
            continue
        for key in sorted(life.taken.keys() | life.booked.keys()):
            taken, booked = life.taken.get(key, 0), life.booked.get(key, 0)
            if taken != booked:
                yield Found(key, life.order, f"{booked} taken, as booked", f"{taken} by the gateway")


def invoiced_is_paid_once(facts: Facts) -> Iterator[Found]:
    for life in facts.lives:
        for invoice in life.invoices:
            most = max(invoice.total, 0)  # one that gives back more than it charges is paid with nothing
            if invoice.kept > most:
                yield Found(invoice.id, life.order, f"at most {most} kept", f"{invoice.kept} of its payments")
