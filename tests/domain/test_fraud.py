"""The fraud hook: who is let through, looked at, or turned away."""

import pytest

from domain.customers import Risk
from domain.fraud import Band, screen
from tests.domain.samples import eur


@pytest.mark.parametrize(
    ("risk", "minor", "band"),
    [
        (Risk.normal, 0, Band.allow),
        (Risk.normal, 100_000_000, Band.allow),
        (Risk.high, 0, Band.allow),
        (Risk.high, 1, Band.review),
        (Risk.blocked, 0, Band.reject),
        (Risk.blocked, 1, Band.reject),
    ],
)
def test_risk_and_money_decide_the_band(risk: Risk, minor: int, band: Band) -> None:
    assert screen(risk, eur(minor)).band is band


@pytest.mark.parametrize(("risk", "word"), [(Risk.high, "high risk"), (Risk.blocked, "blocked")])
def test_a_customer_who_is_not_let_through_is_told_why(risk: Risk, word: str) -> None:
    (reason,) = screen(risk, eur(1)).reasons

    assert word in reason


def test_a_customer_who_is_let_through_needs_no_reason() -> None:
    assert screen(Risk.normal, eur(1)).reasons == []
