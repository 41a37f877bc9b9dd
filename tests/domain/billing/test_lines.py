"""A line says in one sentence how its amount came to be, and survives being stored."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from domain.billing.bands import band, flat
from domain.billing.lines import Discount, InvoiceLine, Portion, explained, line_key, portions_of
from domain.billing.proration import Basis, Measured
from domain.money import Money
from tests.domain.billing.line_samples import line
from tests.domain.samples import eur


def tier(quantity: str, unit_amount: str) -> Any:
    return band(Decimal(quantity), Decimal(unit_amount), Decimal(0), "tier")


TIERS = (tier("10", "5"), tier("5", "4"))
SEVENTEEN = Portion(part=17, whole=31)
WELCOME = Discount(redemption="W:c-1", coupon="W", description="Welcome, 25 %", amount=eur(960))


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        # 50.00 + 20.00
        (line(7000, tiers=TIERS), "10 × 5.00 + 5 × 4.00 = 70.00 EUR."),
        # 70.00 × 17 / 31 = 38.387 → 38.39
        (
            line(3839, tiers=TIERS, portions=(SEVENTEEN,)),
            "10 × 5.00 + 5 × 4.00 = 70.00, of which 17 of 31 days are 38.39, makes 38.39 EUR.",
        ),
        # 25 % of 38.39 = 9.5975 → 9.60; 38.39 − 9.60 = 28.79
        (
            line(3839, tiers=TIERS, portions=(SEVENTEEN,), discounts=(WELCOME,)),
            "10 × 5.00 + 5 × 4.00 = 70.00, of which 17 of 31 days are 38.39, less 9.60 (Welcome, 25 %), makes 28.79 EUR.",
        ),
        (line(5000, discounts=(WELCOME,)), "50.00, less 9.60 (Welcome, 25 %), makes 40.40 EUR."),
        (line(5000), "50.00 EUR."),
        (line(500, currency="JPY"), "500 JPY."),
        # 12 × 0.0004 = 0.0048
        (line(0, tiers=(tier("12", "0.0004"),)), "12 × 0.0004 = 0.0048 → 0.00 EUR."),
        (line(0, tiers=(flat(Decimal(50), "flat"),), discounts=()), "50.00 (flat) = 50.00 → 0.00 EUR."),
        # a credit for 14 of 31 days: 70.00 × 14 / 31 = 31.61
        (
            line(-3161, tiers=TIERS, portions=(Portion(part=14, whole=31),)),
            "10 × 5.00 + 5 × 4.00 = 70.00, of which 14 of 31 days are −31.61, makes −31.61 EUR.",
        ),
    ],
)
def test_a_line_explains_its_amount(made: InvoiceLine, sentence: str) -> None:
    assert explained(made).explanation == sentence


@pytest.mark.parametrize(
    ("part", "whole", "by", "words"),
    [
        (17, 31, Basis.day, "17 of 31 days"),
        (15, 30, Basis.thirty, "15 of 30 days (months of 30)"),
        (17 * 86400, 31 * 86400, Basis.second, "17 of 31 days"),
        (12 * 3600, 31 * 86400, Basis.second, "12 of 744 hours"),
        (90, 86400, Basis.second, "90 of 86400 seconds"),
        (120, 86400, Basis.second, "2 of 1440 minutes"),
    ],
)
def test_a_portion_is_said_in_the_largest_whole_unit(part: int, whole: int, by: Basis, words: str) -> None:
    assert str(Portion(part=part, whole=whole, by=by)) == words


def test_a_whole_period_needs_no_portion() -> None:
    assert portions_of([Measured(31, 31, Basis.day)]) == ()
    assert portions_of([Measured(1, 1, Basis.none)]) == ()
    assert portions_of([Measured(17, 31, Basis.day)]) == (SEVENTEEN,)


def test_a_stub_billed_with_its_period_names_both() -> None:
    # 31.00 × 10 / 31 + 31.00 = 41.00
    long = line(4100, tiers=(tier("1", "31"),), portions=(Portion(part=10, whole=31), Portion(part=30, whole=30)))

    assert explained(long).explanation == (
        "1 × 31.00 = 31.00, of which 10 of 31 days and 30 of 30 days are 41.00, makes 41.00 EUR."
    )


def test_a_portion_of_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="whole"):
        Portion(part=0, whole=0)


def test_a_line_is_read_back_as_it_was_stored() -> None:
    made = explained(line(3839, tiers=TIERS, portions=(SEVENTEEN,), discounts=(WELCOME,), quantity=Decimal("15")))

    assert InvoiceLine.model_validate_json(made.model_dump_json()) == made


def test_the_key_of_a_line_is_what_is_charged_once() -> None:
    assert line_key("S-1001-2", "2", "seat", 3, 7) == "S-1001-2:2:seat:v3:period:7"


def test_a_line_without_discount_may_be_a_credit() -> None:
    assert line(-100).discounted == Money(minor=-100, currency="EUR")
