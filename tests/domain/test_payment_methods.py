"""Payment methods: until when a card is good, and which method a subscription is charged with."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.payment_methods import MethodFacts, MethodKind, MethodState, StoredMethod, choose, good_until, state_at

ADDED = datetime(2026, 1, 1, tzinfo=UTC)


def method(name: str, state: MethodState = MethodState.active, kind: MethodKind = MethodKind.card) -> StoredMethod:
    return StoredMethod(id=name, customer="C-1", facts=MethodFacts(kind=kind), state=state, added_at=ADDED)


def card(month: int, year: int) -> MethodFacts:
    return MethodFacts(kind=MethodKind.card, exp_month=month, exp_year=year)


@pytest.mark.parametrize(
    ("month", "year", "ends"),
    [
        (1, 2027, datetime(2027, 2, 1, 12, tzinfo=UTC)),
        (12, 2027, datetime(2028, 1, 1, 12, tzinfo=UTC)),
        (2, 2028, datetime(2028, 3, 1, 12, tzinfo=UTC)),
    ],
)
def test_a_card_is_good_until_its_month_is_over_everywhere(month: int, year: int, ends: datetime) -> None:
    assert good_until(card(month, year)) == ends


def test_an_account_without_a_date_never_expires() -> None:
    assert good_until(MethodFacts(kind=MethodKind.sepa_debit)) is None
    assert state_at(MethodState.active, None, datetime(2999, 1, 1, tzinfo=UTC)) is MethodState.active


def test_it_is_expired_at_its_end_and_not_before() -> None:
    ends = datetime(2027, 2, 1, 12, tzinfo=UTC)
    assert state_at(MethodState.active, ends, ends - timedelta(microseconds=1)) is MethodState.active
    assert state_at(MethodState.active, ends, ends) is MethodState.expired


def test_a_new_date_brings_an_expired_card_back_and_a_revoked_one_never() -> None:
    ends, now = datetime(2030, 2, 1, 12, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)
    assert state_at(MethodState.expired, ends, now) is MethodState.active
    assert state_at(MethodState.revoked, ends, now) is MethodState.revoked


def test_it_expires_soon_within_thirty_days() -> None:
    ends = datetime(2027, 2, 1, 12, tzinfo=UTC)
    soon = method("pm_a").model_copy(update={"expires_at": ends})
    assert soon.expires_soon(ends - timedelta(days=30))
    assert not soon.expires_soon(ends - timedelta(days=30, seconds=1))


@pytest.mark.parametrize(
    ("own", "default", "chosen"),
    [
        ("pm_good", "pm_other", "pm_good"),
        (None, "pm_other", "pm_other"),
        ("pm_revoked", "pm_other", "pm_other"),
        ("pm_expired", "pm_other", "pm_other"),
        ("pm_unknown", "tok_visa", "tok_visa"),
        ("tok_visa", "pm_other", "tok_visa"),
        ("pm_transfer", "pm_other", "pm_transfer"),
        ("pm_revoked", "pm_expired", None),
        (None, None, None),
    ],
)
def test_a_subscriptions_own_method_comes_before_the_customers_default(
    own: str | None, default: str | None, chosen: str | None
) -> None:
    kept = [
        method("pm_good"),
        method("pm_other"),
        method("pm_revoked", MethodState.revoked),
        method("pm_expired", MethodState.expired),
        method("pm_transfer", kind=MethodKind.transfer),
    ]
    assert choose(own, default, {each.id: each for each in kept}) == chosen


def test_a_transfer_is_waited_for_and_never_charged() -> None:
    assert not method("pm_a", kind=MethodKind.transfer).is_charged
    assert method("pm_a").is_charged
    assert not method("pm_a", MethodState.expired).is_charged
