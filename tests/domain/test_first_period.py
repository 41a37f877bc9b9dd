"""What is due with the order of what recurs: whole periods, stubs by the calendar, trials, and what is charged afterwards."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from domain.catalogue import Price, check_charged, price_for
from domain.errors import BadInput
from domain.pricing import due, price_item
from tests.domain.samples import eur

MID_MARCH = datetime(2026, 3, 15, tzinfo=UTC)


def price(**charge: Any) -> Price:
    line = {"kind": "recurring", "name": "Line", "unit_amount": "31.00", **charge}
    return Price.model_validate({"id": "line-eur", "plan": "line", "currency": "EUR", "charges": [line]})


def test_an_aligned_price_charges_the_days_up_to_its_first_period() -> None:
    (line,) = price_item(price(alignment={"day_of_month": 1}), 2, MID_MARCH)

    assert line.amount == eur(3400)  # 2 × 31.00, of which 17 of March's 31 days
    assert [str(portion) for portion in line.portions] == ["17 of 31 days"]
    assert line.period is not None
    assert line.period.end == datetime(2026, 4, 1, tzinfo=UTC)


def test_an_aligned_price_that_starts_on_its_day_is_charged_whole() -> None:
    (line,) = price_item(price(alignment={"day_of_month": 15}), 1, MID_MARCH)

    assert (line.amount, line.portions) == (eur(3100), ())


def test_a_stub_begins_with_the_customer_s_day() -> None:
    # 22:00 UTC on 31 March is midnight of 1 April in Berlin: a whole month is charged
    (line,) = price_item(price(alignment={}), 1, datetime(2026, 3, 31, 22, tzinfo=UTC), "Europe/Berlin")

    assert line.amount == eur(3100)


def test_a_trial_charges_nothing_for_its_days() -> None:
    (line,) = price_item(price(trial_days=14), 3, MID_MARCH)

    assert line.amount == eur(0)
    assert line.period is not None
    assert line.period.end == datetime(2026, 3, 29, tzinfo=UTC)


@pytest.mark.parametrize("charge", [{"timing": "arrears"}, {"kind": "usage", "meter": "calls"}])
def test_what_is_charged_afterwards_is_not_due_with_the_order(charge: dict[str, Any]) -> None:
    assert due(price_item(price(**charge), 1, MID_MARCH), "EUR") == eur(0)


def test_volume_prices_go_by_the_quantity_ordered() -> None:
    tiers = [{"up_to": "10", "unit_amount": "5.00"}, {"up_to": None, "unit_amount": "4.00"}]
    volume = price(unit_amount=None, rate={"model": "volume", "tiers": tiers})

    assert due(price_item(volume, 10, MID_MARCH), "EUR") == eur(5000)
    assert due(price_item(volume, 11, MID_MARCH), "EUR") == eur(4400)  # the cliff: 11 cost less than 10


@pytest.mark.parametrize(
    ("charge", "field"),
    [
        ({"rate": {"model": "flat", "amount": "1"}}, "rate: is a second price model"),
        ({"unit_amount": None}, "unit_amount: is missing"),
    ],
)
def test_a_charge_has_one_price_model(charge: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        price(**charge)


def test_two_charges_of_one_id_are_refused_also_where_one_has_none_of_its_own() -> None:
    named, unnamed = ({"kind": "one_time", "name": "Line", "unit_amount": "1"} | each for each in ({"id": "charge-2"}, {}))

    with pytest.raises(ValidationError, match=r"charges\[1\]\.id: 'charge-2' is used twice"):
        Price.model_validate({"id": "line-eur", "plan": "line", "currency": "EUR", "charges": [named, unnamed]})


@pytest.mark.parametrize(
    ("charge", "field"),
    [
        ({"kind": "usage", "meter": "calls"}, "charges[0].kind"),
    ],
)
def test_what_nothing_charges_yet_cannot_be_published(charge: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_charged(price(**charge))

    assert refused.value.field == field


def test_subscriptions_keep_their_price_until_they_are_moved() -> None:
    moved = price().model_copy(update={"version": 3, "moves_existing_at": MID_MARCH})
    unmoved = price().model_copy(update={"version": 4})
    before = MID_MARCH.replace(day=14)

    assert price_for(price(), [moved, unmoved], before).version == 1
    assert price_for(price(), [moved, unmoved], MID_MARCH).version == 3
