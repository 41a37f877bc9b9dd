"""How subscriptions are renewed and ended, as data."""

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.values import StrictValue


class MissedCycles(StrEnum):
    """What is billed where more than one period of a charge is due at once, as after an outage."""

    each = "each"
    """All of them."""
    one = "one"
    """The last of them; the others are waived."""
    none = "none"
    """None of them: billing goes on with the next one."""


class RenewalPolicy(StrictValue):
    """Nobody is to find three months on one invoice by surprise, so that periods that were missed are waived unless said
    otherwise."""

    missed_cycles: MissedCycles = MissedCycles.one


class MessagePolicy(StrictValue):
    """Customers on test clocks are told nothing in earnest unless said otherwise: their messages are kept to be looked at."""

    from_test_clocks: bool = False


class Unused(StrEnum):
    """What becomes of what was billed beyond an early end."""

    credit = "credit"
    """It is taken off what is still due; what was paid of it becomes the customer's credit."""
    nothing = "nothing"


Days = Annotated[timedelta, Field(ge=timedelta(0), le=timedelta(days=3660))]


class ExportOffer(StrEnum):
    """Whether customers are given their data once their subscription has ended."""

    offered = "offered"
    none = "none"


class PaidAfterwards(StrEnum):
    """What becomes of a subscription that has ended for want of payment, once all that is due of it is paid while its data is
    still kept."""

    reinstate = "reinstate"
    """It goes on, and is billed anew from then."""
    settle = "settle"
    """The debt is settled, and it stays ended."""


class EndingPolicy(StrictValue):
    """`notice` lies between a cancellation and the end, at least. Whoever ends before `minimum_term`, counted from the start,
    pays `early_fee_percent` of what the rest of it would have cost. Data is kept for `retention` after the end, before the
    service is taken down for good; where its `export` is offered, not before that is there and could be fetched. What is
    `paid_afterwards` reinstates one that ended for want of payment, as long as its data is kept."""

    notice: Days = timedelta(0)
    minimum_term: Days = timedelta(0)
    early_fee_percent: Annotated[Decimal, Field(ge=0, le=100, decimal_places=4)] = Decimal(0)
    unused: Unused = Unused.credit
    retention: Days = timedelta(days=30)
    export: ExportOffer = ExportOffer.offered
    paid_afterwards: PaidAfterwards = PaidAfterwards.reinstate


class ChangeTime(StrEnum):
    now = "now"
    period_end = "period_end"


class ChangePolicy(StrictValue):
    """When a change is made for which nothing else is asked: of one that costs as much or more in a year, and of one that costs
    less."""

    upgrade: ChangeTime = ChangeTime.now
    downgrade: ChangeTime = ChangeTime.period_end


class PausedTime(StrEnum):
    credit = "credit"
    """It is given back as by an end, and billed anew from when it is resumed."""
    extend = "extend"
    """It is there again from when it is resumed: all periods that follow move by as long as the pause lasted."""


class ReminderPolicy(StrictValue):
    """How long before it happens customers are told that what is charged by the year or more seldom is renewed, and that a
    trial ends. Visa asks for 7 days before the first charge after a trial."""

    renewal: Days = timedelta(days=30)
    trial: Days = timedelta(days=7)


class SuspendedTime(StrEnum):
    go_on = "continue"
    """It is billed as any other."""
    stop = "stop"
    """Nothing is billed that begins while it is suspended; what was billed before stays so."""
    credit = "credit"
    """It is billed, and given back of what was billed for it once it is not suspended any more."""


class SuspensionPolicy(StrictValue):
    """What becomes of what is billed for time in which a subscription is suspended, whatever for. It goes by the policy as it
    was when it was suspended. Periods keep their anchor; what is charged afterwards is not charged for that time, but where it
    goes on to be billed. A price that prorates nothing goes on to be."""

    billing: SuspendedTime = SuspendedTime.go_on


class PausePolicy(StrictValue):
    """What becomes of what was billed beyond a pause."""

    unused: PausedTime = PausedTime.credit
