"""A line says in one sentence how its amount came to be, and survives being stored."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from domain.billing.bands import band, flat
from domain.billing.lines import Discount, InvoiceLine, Portion, PortionUnit, explained, line_key
from domain.money import Money
from tests.domain.billing.line_samples import line
from tests.domain.samples import eur


def tier(quantity: str, unit_amount: str) -> Any:
    return band(Decimal(quantity), Decimal(unit_amount), Decimal(0), "tier")


TIERS = (tier("10", "5"), tier("5", "4"))
WELCOME = Discount(redemption="W:c-1", coupon="W", description="Welcome, 25 %", amount=eur(960))


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        # 50.00 + 20.00
        (line(7000, tiers=TIERS), "10 × 5.00 + 5 × 4.00 = 70.00 EUR."),
        # 70.00 × 17 / 31 = 38.387 → 38.39
        (
            line(3839, tiers=TIERS, portion=Portion(part=17, whole=31)),
            "10 × 5.00 + 5 × 4.00 = 70.00, of which 17 of 31 days are 38.39, makes 38.39 EUR.",
        ),
        # 25 % of 38.39 = 9.5975 → 9.60; 38.39 − 9.60 = 28.79
        (
            line(3839, tiers=TIERS, portion=Portion(part=17, whole=31), discounts=(WELCOME,)),
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
            line(-3161, tiers=TIERS, portion=Portion(part=14, whole=31)),
            "10 × 5.00 + 5 × 4.00 = 70.00, of which 14 of 31 days are −31.61, makes −31.61 EUR.",
        ),
    ],
)
def test_a_line_explains_its_amount(made: InvoiceLine, sentence: str) -> None:
    assert explained(made).explanation == sentence


def test_a_portion_names_its_unit() -> None:
    assert str(Portion(part=3600, whole=86400, unit=PortionUnit.second)) == "3600 of 86400 seconds"


def test_a_portion_of_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="whole"):
        Portion(part=0, whole=0)


def test_a_line_is_read_back_as_it_was_stored() -> None:
    made = explained(line(3839, tiers=TIERS, portion=Portion(part=17, whole=31), discounts=(WELCOME,), quantity=Decimal("15")))

    assert InvoiceLine.model_validate_json(made.model_dump_json()) == made


def test_the_key_of_a_line_is_what_is_charged_once() -> None:
    assert line_key("S-1001-2", "2", "seat", 3, 7) == "S-1001-2:2:seat:v3:period:7"


def test_a_line_without_discount_may_be_a_credit() -> None:
    assert line(-100).discounted == Money(minor=-100, currency="EUR")
