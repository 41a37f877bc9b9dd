"""Where a payment goes: the first rule that matches decides, and the same payment always goes the same way."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import Refused
from domain.money import Money
from domain.payment_methods import MethodKind
from domain.routing import (
    DEFAULT,
    EXPLICIT,
    Conditions,
    GatewayCost,
    Payment,
    PublishedRule,
    RoutingRule,
    Share,
    Surroundings,
    route,
)

ALL = ("amber", "basalt", "cedar")


def _payment(**changes: Any) -> Payment:
    usual = {"key": "O-1:payment:1", "amount": Money(minor=5_000, currency="EUR"), "country": "DE", "able": ALL}
    return Payment.model_validate({**usual, "kind": MethodKind.card, "brand": "visa", "customer": "C-1", **changes})


def _here(*rules: RoutingRule, **changes: Any) -> Surroundings:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    published = tuple(PublishedRule(rule=rule, version=3, published_at=at, published_by="someone") for rule in rules)
    return Surroundings.model_validate({"rules": published, "default": "amber", **changes})


def test_without_rules_it_goes_to_the_default() -> None:
    decision = route(_payment(), _here())

    assert (decision.gateway, decision.rule, decision.alternatives) == ("amber", DEFAULT, ("basalt", "cedar"))


def test_the_first_rule_by_priority_that_matches_decides_and_says_so() -> None:
    late = RoutingRule(id="late", priority=20, gateways=("amber",))
    early = RoutingRule(id="early", priority=10, gateways=("cedar",))

    decision = route(_payment(), _here(late, early))

    assert (decision.gateway, decision.rule) == ("cedar", "early@3")
    assert [look.rule for look in decision.looks] == ["early@3"]


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ({"currencies": ["USD"]}, "currency EUR is not one of USD"),
        ({"countries": ["FR", "IT"]}, "country DE is not one of FR, IT"),
        ({"kinds": ["sepa_debit"]}, "method card is not one of sepa_debit"),
        ({"brands": ["amex"]}, "brand visa is not one of amex"),
        ({"customers": ["C-2"]}, "customer C-1 is not one of C-2"),
        ({"currencies": ["EUR"], "amount_from": 5_001}, "50.00 EUR is less than 50.01 EUR"),
        ({"currencies": ["EUR"], "amount_to": 4_999}, "50.00 EUR is more than 49.99 EUR"),
    ],
)
def test_a_rule_that_does_not_match_says_why_not(when: dict[str, Any], why: str) -> None:
    rule = RoutingRule(id="narrow", when=Conditions.model_validate(when), gateways=("cedar",))

    decision = route(_payment(), _here(rule))

    assert decision.gateway == "amber"
    assert (decision.looks[0].rule, decision.looks[0].decided, decision.looks[0].why) == ("narrow@3", False, why)


def test_bounds_of_an_amount_are_inclusive() -> None:
    exactly = Conditions(currencies=("EUR",), amount_from=5_000, amount_to=5_000)
    rule = RoutingRule(id="exactly", when=exactly, gateways=("cedar",))

    assert route(_payment(), _here(rule)).gateway == "cedar"


def test_the_callers_choice_wins_over_rules_and_health_and_has_no_alternative() -> None:
    rule = RoutingRule(id="all", gateways=("cedar",))

    decision = route(_payment(wanted="basalt"), _here(rule, down={"basalt"}))

    assert (decision.gateway, decision.rule, decision.alternatives) == ("basalt", EXPLICIT, ())


@pytest.mark.parametrize(
    "changes", [{"wanted": "elsewhere"}, {"able": ()}, {"tried": ALL}, {"wanted": "cedar", "tried": ["cedar"]}]
)
def test_where_no_gateway_can_be_asked_it_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        route(_payment(**changes), _here())


def test_a_gateway_that_is_not_well_is_passed_over_and_asked_last() -> None:
    rule = RoutingRule(id="order", gateways=("cedar", "basalt"))

    decision = route(_payment(), _here(rule, down={"cedar"}))

    assert (decision.gateway, decision.alternatives) == ("basalt", ("amber", "cedar"))
    assert "cedar is not well" in decision.why


def test_a_gateway_that_is_not_well_is_asked_where_there_is_no_other() -> None:
    assert route(_payment(able=("cedar",)), _here(down={"cedar"})).gateway == "cedar"


@pytest.mark.parametrize(
    ("rule", "least", "most"),
    [
        (RoutingRule(id="order", gateways=("cedar", "basalt")), 60, 150),
        (RoutingRule(id="parts", shares=(Share(gateway="cedar", weight=1), Share(gateway="basalt", weight=1))), 25, 80),
    ],
)
def test_some_payments_try_whether_a_gateway_that_is_not_well_has_recovered(rule: RoutingRule, least: int, most: int) -> None:
    """One in twenty of those that would go there, of which the second rule sends half."""
    here = _here(rule, down={"cedar"})
    decisions = [route(_payment(key=f"O-{number}:payment:1"), here) for number in range(2000)]
    trials = [decision for decision in decisions if decision.gateway == "cedar"]

    assert least <= len(trials) <= most
    assert all("tries whether it has recovered" in decision.why for decision in trials)
    assert all(decision.alternatives[0] == "basalt" for decision in trials)


def test_a_gateway_without_a_token_of_the_method_is_passed_over() -> None:
    rule = RoutingRule(id="order", gateways=("cedar", "basalt"))

    decision = route(_payment(able=("amber", "basalt")), _here(rule))

    assert decision.gateway == "basalt"
    assert "cedar holds no token of the method" in decision.why


def test_the_cheapest_is_by_percentage_and_fixed_part() -> None:
    """50.00 EUR: amber 2 % = 1.00; basalt 1 % + 0.60 = 1.10; cedar's cost is not known."""
    costs = (
        GatewayCost(gateway="amber", currency="EUR", percent=Decimal(2)),
        GatewayCost(gateway="basalt", currency="EUR", percent=Decimal(1), fixed=60),
        GatewayCost(gateway="cedar", currency="USD"),
    )
    rule = RoutingRule(id="cheap", cheapest=("cedar", "basalt", "amber"))

    decision = route(_payment(), _here(rule, costs=costs))
    dearer = route(_payment(amount=Money(minor=50_000, currency="EUR")), _here(rule, costs=costs))

    assert (decision.gateway, decision.alternatives) == ("amber", ("basalt", "cedar"))
    assert dearer.gateway == "basalt", "500.00 EUR: amber 10.00, basalt 5.60"
    assert "amber 1.00 EUR, basalt 1.10 EUR, cedar at a cost not known" in decision.why


def test_shares_come_out_as_they_were_asked_for() -> None:
    """Of 4,000 payments 70 % are 2,800; three standard deviations, 3 × sqrt(4000 × 0.7 × 0.3), are 87."""
    rule = RoutingRule(id="split", shares=(Share(gateway="amber", weight=70), Share(gateway="basalt", weight=30)))
    here = _here(rule)

    drawn = [route(_payment(key=f"O-{number}:payment:1"), here).gateway for number in range(4_000)]

    assert abs(drawn.count("amber") - 2_800) <= 87
    assert drawn.count("amber") + drawn.count("basalt") == 4_000


_NAMES = st.sampled_from(ALL)
_ORDERS = st.lists(_NAMES, min_size=1, unique=True)
_RULES = st.one_of(
    st.builds(lambda names: RoutingRule(id="a", gateways=tuple(names)), _ORDERS),
    st.builds(lambda names: RoutingRule(id="b", cheapest=tuple(names)), _ORDERS),
    st.builds(lambda names: RoutingRule(id="c", shares=tuple(Share(gateway=each, weight=1) for each in names)), _ORDERS),
)


@given(
    rules=st.lists(_RULES, max_size=3),
    able=_ORDERS,
    tried=st.sets(_NAMES),
    down=st.sets(_NAMES),
    key=st.text(min_size=1, max_size=20),
)
def test_a_decision_is_always_one_that_can_be_asked_and_the_same_again(
    rules: list[RoutingRule], able: list[str], tried: set[str], down: set[str], key: str
) -> None:
    here = _here(*rules, down=down)
    payment = _payment(able=tuple(able), tried=tuple(sorted(tried)), key=key)
    free = set(able) - tried
    if not free:
        with pytest.raises(Refused):
            route(payment, here)
        return

    decision = route(payment, here)

    assert decision == route(payment, here)
    assert decision.gateway in free
    assert {decision.gateway, *decision.alternatives} == free
    assert decision.looks[-1].decided


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"id": "none"}, "exactly one of gateways, shares and cheapest"),
        ({"id": "two", "gateways": ["amber"], "cheapest": ["amber"]}, "exactly one of gateways, shares and cheapest"),
        ({"id": "twice", "gateways": ["amber", "amber"]}, "named once"),
        ({"id": "yen", "gateways": ["amber"], "when": {"amount_from": 1}}, "exactly one of currencies"),
        (
            {"id": "up", "gateways": ["amber"], "when": {"currencies": ["EUR"], "amount_from": 2, "amount_to": 1}},
            "should not be above amount_to",
        ),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_with_words(rule: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        RoutingRule.model_validate(rule)
