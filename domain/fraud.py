"""The fraud hook: a band for an order before any money is asked for."""

from enum import StrEnum

from domain.customers import Risk
from domain.money import Money
from domain.values import Value


class Band(StrEnum):
    allow = "allow"
    review = "review"
    """A person has to approve, whatever the approval policies say."""
    reject = "reject"


class Screening(Value):
    band: Band
    reasons: list[str] = []


def screen(risk: Risk, total: Money) -> Screening:
    """A blocked customer is rejected; a high-risk one is reviewed where money is involved."""
    if risk is Risk.blocked:
        return Screening(band=Band.reject, reasons=["the customer is blocked"])
    if risk is Risk.high and total:
        return Screening(band=Band.review, reasons=["the customer is marked high risk"])
    return Screening(band=Band.allow)
