"""Fraud rules: what is refused at publishing, and what the ones that hold make of an order."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.customers import Risk
from domain.errors import BadInput
from domain.fraud import Band
from domain.fraud_rules import (
    CustomerTraits,
    FraudPolicy,
    FraudRule,
    MethodTraits,
    OrderTraits,
    PublishedFraudRule,
    Thresholds,
    Traits,
    check,
    judge,
)
from domain.money import Money
from tests.domain.samples import eur


def rule(when: str, *, band: Band | None = None, points: int | None = None, name: str = "r") -> FraudRule:
    band = Band.review if band is None and points is None else band
    return FraudRule(id=name, when=when, band=band, points=points, reason=f"{name} holds")


def policy(*rules: FraudRule, thresholds: Thresholds | None = None) -> FraudPolicy:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    published = tuple(PublishedFraudRule(rule=each, version=3, published_at=at, published_by="olga") for each in rules)
    return FraudPolicy(rules=published, thresholds=thresholds or Thresholds())


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("order.total >", "character 14"),
        ("order.totl > 1", "order.totl"),
        ("order.total > 1 || order.totl > 1", "order.totl"),
        ("method.kind == 'none' && customer.agedays > 1", "customer.agedays"),
        ("ordr.total > 1", "there is no ordr"),
        ("velocity.card_orders_2h > 1", "velocity.card_orders_1h"),
        ("order.total > 1 || ordr.total > 1", "there is no ordr"),
        ("order.total > '1'", "overload"),
        ("order.total", "true or false"),
        ("'yes'", "true or false"),
        ("order", "needs one of its fields"),
        ("order['total'] > 1", "needs one of its fields"),
        ("[1, 2].all(x, x > 0)", "all()"),
        ("[[1]].exists (x, true)", "exists()"),
        ("true || method.kind.startWith('c')", "startWith"),
        ("true || size(customer.id) > 3", "size"),
        ("1 / order.coupons > 1", "zero"),
        ("(" * 900, "character"),
    ],
)
def test_what_is_no_rule_is_refused_in_one_line_that_names_the_place(when: str, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        check(rule(when))

    assert refused.value.field == "when"
    assert said in refused.value.message
    assert "\n" not in refused.value.message


@pytest.mark.parametrize(
    "when",
    [
        "order.total > 50000 && order.currency == 'EUR'",
        "customer.country in ['XX', 'YY'] || method.country != customer.country",
        "method.kind == 'card' && !method.stored",
        "customer.age_days < 7 && customer.orders_before == 0",
        "order.currency == 'customer.nonsense'",
        "method.brand.startsWith('vi') || customer.id.contains('-')",
        "customer.disputes > 0 ? order.total > 100 : order.total > 10000",
    ],
)
def test_what_people_write_is_a_rule(when: str) -> None:
    check(rule(when))


@pytest.mark.parametrize("changes", [{}, {"band": "review", "points": 3}, {"band": "allow"}, {"points": 0}])
def test_a_rule_does_exactly_one_thing(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FraudRule.model_validate({"id": "r", "when": "true", "reason": "always", **changes})


@pytest.mark.parametrize("band", [Band.step_up, Band.review, Band.reject])
def test_a_rule_that_holds_gives_its_band_and_its_reason(band: Band) -> None:
    screening = judge(policy(rule("order.total > 100", band=band)), Traits(order=OrderTraits(total=101)), eur(101))

    assert (screening.band, screening.reasons) == (band, ["r holds"])
    assert [each.rule for each in screening.fired] == ["r@3"]


def test_an_order_that_no_rule_is_about_is_allowed() -> None:
    screening = judge(policy(rule("order.total > 100")), Traits(order=OrderTraits(total=100)), eur(100))

    assert (screening.band, screening.reasons, screening.fired) == (Band.allow, [], [])


def test_the_strictest_rule_wins_and_all_reasons_are_kept() -> None:
    rules = [rule("true", band=band, name=band.replace("_", "-")) for band in (Band.reject, Band.step_up, Band.review)]

    screening = judge(policy(*rules), Traits(), eur(1))

    assert screening.band is Band.reject
    assert screening.reasons == ["reject holds", "step-up holds", "review holds"]


def test_a_review_does_not_take_away_the_confirmation_that_a_rule_asks_for() -> None:
    both = policy(rule("true", band=Band.step_up), rule("true", band=Band.review, name="s"))

    screening = judge(both, Traits(), eur(1))

    assert (screening.band, screening.wants_confirmation) == (Band.review, True)


@pytest.mark.parametrize(
    ("points", "band"),
    [(29, Band.allow), (30, Band.step_up), (59, Band.step_up), (60, Band.review), (99, Band.review), (100, Band.reject)],
)
def test_points_add_up_to_a_band(points: int, band: Band) -> None:
    screening = judge(policy(rule("true", points=20), rule("true", points=points - 20, name="s")), Traits(), eur(1))

    assert (screening.band, screening.score) == (band, points)
    assert any(f"{points} points" in reason for reason in screening.reasons) == (band is not Band.allow)


def test_thresholds_are_a_setting() -> None:
    strict = Thresholds(step_up=1, review=2, reject=3)
    given = policy(rule("true", points=2), thresholds=strict).model_copy(update={"thresholds_version": 4})

    screening = judge(given, Traits(), eur(1))

    assert (screening.band, [each.rule for each in screening.fired]) == (Band.review, ["r@3", "thresholds@4"])
    with pytest.raises(ValidationError):
        Thresholds(step_up=3, review=2)


def test_a_rule_that_fails_has_the_order_looked_at() -> None:
    screening = judge(policy(rule("1 / order.coupons > 5")), Traits(), eur(1))

    assert screening.band is Band.review
    assert "rule r@3 failed" in screening.reasons[0]


@pytest.mark.parametrize(("risk", "band"), [(Risk.high, Band.review), (Risk.blocked, Band.reject)])
def test_the_mark_of_a_customer_counts_whatever_the_rules_say(risk: Risk, band: Band) -> None:
    assert judge(policy(rule("false")), Traits(customer=CustomerTraits(risk=risk)), eur(1)).band is band


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=100)
COUNTS = st.integers(0, 10**15)
TRAITS = st.builds(
    Traits,
    order=st.builds(OrderTraits, total=COUNTS, currency=st.sampled_from(["EUR", "JPY"]), items=COUNTS, coupons=COUNTS),
    customer=st.builds(
        CustomerTraits,
        id=WORDS,
        country=WORDS,
        risk=st.just(Risk.normal),
        age_days=COUNTS,
        orders_before=COUNTS,
        disputes=COUNTS,
    ),
    method=st.builds(MethodTraits, kind=WORDS, brand=WORDS, country=WORDS),
)
RULES = [
    "order.total > 50000 && order.currency == 'EUR'",
    "customer.country != method.country",
    "method.brand.contains('x') || customer.id.endsWith('y')",
]


@given(TRAITS)
def test_what_was_published_holds_up_for_facts_of_every_shape(traits: Traits) -> None:
    """And says what Python says of the same facts."""
    order, customer, method = traits.order, traits.customer, traits.method
    expected = [
        order.total > 50000 and order.currency == "EUR",
        customer.country != method.country,
        "x" in method.brand or customer.id.endswith("y"),
    ]
    rules = [rule(when, name=f"r{place}") for place, when in enumerate(RULES)]

    fired = judge(policy(*rules), traits, Money(minor=order.total, currency=order.currency)).fired

    assert [each.reason for each in fired] == [f"r{place} holds" for place, holds in enumerate(expected) if holds]
