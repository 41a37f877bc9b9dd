"""Coupons are redeemed within their dates and limits."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from domain.billing.coupons import Coupon, Redemption, Tally, redeem
from domain.errors import Conflict
from tests.domain.samples import NOW

DAY = timedelta(days=1)


def coupon(**changes: Any) -> Coupon:
    return Coupon.model_validate({"id": "WELCOME", "name": "Welcome", "off": {"kind": "percent", "percent": "25"}} | changes)


def test_a_valid_coupon_is_redeemed() -> None:
    redemption = redeem(coupon(), "c-1", Tally(), NOW, "S-1")

    assert (redemption.key, redemption.subscription) == ("WELCOME:c-1:redemption:1", "S-1")
    assert redemption.open


def test_the_hundred_and_first_redemption_is_refused() -> None:
    limited = coupon(redemption_limit=100)

    assert redeem(limited, "c-100", Tally(total=99), NOW).customer == "c-100"
    with pytest.raises(Conflict, match="WELCOME has been redeemed 100 times, which is all there is"):
        redeem(limited, "c-101", Tally(total=100), NOW)


def test_a_customer_redeems_a_coupon_once_unless_more_is_allowed() -> None:
    with pytest.raises(Conflict, match="customer c-1 has redeemed coupon WELCOME 1 times, which is the limit"):
        redeem(coupon(), "c-1", Tally(total=1, by_customer=1), NOW)

    assert redeem(coupon(limit_per_customer=None), "c-1", Tally(total=1, by_customer=1), NOW).key == "WELCOME:c-1:redemption:2"


def test_a_coupon_is_valid_from_its_first_moment_until_before_its_last() -> None:
    dated = coupon(valid_from=NOW, valid_until=NOW + DAY)

    assert redeem(dated, "c-1", Tally(), NOW).open
    with pytest.raises(Conflict, match="is valid from 2026-03-02"):
        redeem(dated, "c-1", Tally(), NOW - timedelta(microseconds=1))
    with pytest.raises(Conflict, match="was valid until 2026-03-03"):
        redeem(dated, "c-1", Tally(), NOW + DAY)


@pytest.mark.parametrize(
    ("duration", "periods", "used", "still_open"),
    [
        ("once", None, 0, True),
        ("once", None, 1, False),
        ("periods", 3, 2, True),
        ("periods", 3, 3, False),
        ("forever", None, 999, True),
    ],
)
def test_a_coupon_lasts_for_its_duration(duration: str, periods: int | None, used: int, still_open: bool) -> None:
    held = coupon(duration=duration, periods=periods)

    assert Redemption(key="k", coupon=held, customer="c-1", redeemed_at=NOW, periods_used=used).open is still_open


@pytest.mark.parametrize(
    ("plans", "charges", "applies"),
    [
        ([], [], True),
        (["crm-team"], [], True),
        (["other"], [], False),
        ([], ["seat"], True),
        ([], ["calls"], False),
        (["crm-team"], ["calls"], False),
    ],
)
def test_a_coupon_applies_to_what_it_names(plans: list[str], charges: list[str], applies: bool) -> None:
    assert coupon(plans=plans, charges=charges).applies_to("crm-team", "seat") is applies


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"off": {"kind": "percent", "percent": "0"}}, "off.percent.percent"),
        ({"off": {"kind": "percent", "percent": "100.000001"}}, "off.percent.percent"),
        ({"off": {"kind": "percent", "percent": "10", "amount": {"minor": 1, "currency": "EUR"}}}, "off.percent.amount"),
        ({"off": {"kind": "amount", "amount": {"minor": 0, "currency": "EUR"}}}, "amount: must be more than zero"),
        ({"off": {"kind": "amount", "amount": {"minor": 5, "currency": "ABC"}}}, "'ABC' is not an ISO 4217"),
        ({"duration": "periods"}, "periods: is given where the duration is 'periods'"),
        ({"periods": 3}, "periods: is given where the duration is 'periods'"),
        ({"valid_from": NOW, "valid_until": NOW}, "valid_until: must be after valid_from"),
        ({"redemption_limit": 0}, "redemption_limit"),
    ],
)
def test_a_coupon_that_makes_no_sense_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        coupon(**changes)
