"""How renewals go, as data."""

from enum import StrEnum

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
