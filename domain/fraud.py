"""The fraud check's answer: a band for an order before any money is asked for, and why."""

from collections.abc import Iterable
from enum import StrEnum

from domain.customers import Risk
from domain.money import Money
from domain.values import Value

SCREENED = "order.screened"
"""The type of the event that keeps it."""


class Band(StrEnum):
    allow = "allow"
    step_up = "step_up"
    """The payer has to confirm the payment (3-D Secure)."""
    review = "review"
    """A person has to approve, whatever the approval policies say."""
    reject = "reject"


_SEVERITY = {band: place for place, band in enumerate(Band)}


class Fired(Value):
    """A rule that holds for an order, as `id@version`; it gives a band, or points towards one."""

    rule: str
    reason: str
    band: Band | None = None
    points: int = 0


class Screening(Value):
    band: Band
    reasons: list[str] = []
    score: int = 0
    fired: list[Fired] = []

    @property
    def wants_confirmation(self) -> bool:
        """A review does not take away what a rule asks of the payer."""
        return self.band is Band.step_up or any(each.band is Band.step_up for each in self.fired)

    @property
    def as_facts(self) -> dict[str, str]:
        """As an event keeps it: a rule, and a reason, a line."""
        rules = "\n".join(each.rule for each in self.fired)
        return {"band": self.band, "score": str(self.score), "rules": rules, "reasons": "\n".join(self.reasons)}


def strictest(bands: Iterable[Band]) -> Band:
    return max(bands, key=_SEVERITY.__getitem__, default=Band.allow)


def by_risk(risk: Risk, total: Money) -> list[Fired]:
    """What holds without any rule: a blocked customer is rejected; a high-risk one is reviewed where money is involved."""
    if risk is Risk.blocked:
        return [Fired(rule="risk", reason="the customer is blocked", band=Band.reject)]
    if risk is Risk.high and total:
        return [Fired(rule="risk", reason="the customer is marked high risk", band=Band.review)]
    return []


def screen(risk: Risk, total: Money) -> Screening:
    """By the customer's mark alone."""
    fired = by_risk(risk, total)
    bands = [each.band for each in fired if each.band is not None]
    return Screening(band=strictest(bands), reasons=[each.reason for each in fired], fired=fired)
