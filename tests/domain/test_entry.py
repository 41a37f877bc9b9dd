"""Order entry: what is frozen into an order, what is refused and at which field, and what an amendment keeps."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from domain.approvals import ApprovalPolicy
from domain.catalogue import Catalogue
from domain.entry import excluded_by, freeze, refreeze
from domain.errors import BadInput
from domain.money import Money
from domain.orders import AmendRequest, Order
from tests.domain.samples import (
    CATALOGUE,
    NOW,
    PLANS,
    PRICES,
    PRODUCTS,
    REPORTS,
    SEAT,
    catalogue,
    customer,
    eur,
    item,
    order,
    placing,
    plan,
    price,
    product,
    reports,
    request,
    step,
)

DEARER_SEAT = {"kind": "recurring", "name": "Seat", "unit_amount": "25.00"}
DEARER = catalogue(
    [each for each in PRODUCTS if each.id != "crm"] + [product("crm", orderable=False, countries=["FR"])],
    [each for each in PLANS if each.id != "crm-team"] + [plan("crm-team", "crm", [step("account"), step("welcome")])],
    [each for each in PRICES if each.id != "crm-team-eur"] + [price("crm-team", "EUR", DEARER_SEAT)],
    revision=8,
)
"""Revision 8: a seat of crm-team costs 25.00, has another step, and crm is sold no longer, and only in France."""

LATER = datetime(2026, 5, 1, tzinfo=UTC)


def refused(asked: Sequence[dict[str, Any]], active: Sequence[str] = (), **changes: Any) -> BadInput:
    with pytest.raises(BadInput) as error:
        freeze(request(*asked, **changes), placing(active=active))
    return error.value


def amended(before: Order, *items: dict[str, Any], sold: Catalogue = DEARER, **changes: Any) -> Order:
    body = {"version": before.revision} | ({"items": list(items)} if items else {}) | changes
    return refreeze(before, AmendRequest.model_validate(body), placing(sold=sold))


def test_each_item_is_frozen_with_product_plan_price_and_amount() -> None:
    frozen = order(item(quantity=3, characteristics={"domain": "example.com"}), reports())

    crm, add_on = frozen.items
    assert (crm.product, crm.plan) == (CATALOGUE.products["crm"], CATALOGUE.plans["crm-team"])
    assert crm.price == CATALOGUE.prices["crm-team-eur"]
    assert crm.characteristics == {"domain": "example.com"}
    assert crm.due == eur(10700)  # 3 × 19.00 + 50.00
    assert add_on.due == eur(750)  # 7.50 per item
    assert frozen.total == eur(11450)  # 107.00 + 7.50


def test_an_order_keeps_the_revision_of_the_catalogue_and_who_placed_it_when() -> None:
    frozen = order()

    assert (frozen.catalogue_revision, frozen.revision) == (7, 1)
    assert (frozen.placed_by, frozen.placed_at) == ("shop", NOW)


def test_an_order_holds_no_personal_data_of_its_customer() -> None:
    buyer = customer(name="Ada Lovelace", email="countess@example.com")

    written = freeze(request(item()), placing(buyer=buyer)).model_dump_json()

    assert "C-1" in written
    assert "Lovelace" not in written
    assert "countess" not in written


def test_prices_are_taken_in_the_currency_of_the_order() -> None:
    frozen = freeze(request(item(quantity=2), currency="JPY"), placing())

    assert frozen.total == Money(minor=5800, currency="JPY")  # 2 × 2900 yen, which has no decimals


def test_the_customers_own_payment_method_is_the_default() -> None:
    buyer = customer(payment_method="tok_own")

    assert freeze(request(item(), payment_method=None), placing(buyer=buyer)).payment_method == "tok_own"
    assert freeze(request(item(), payment_method="tok_other"), placing(buyer=buyer)).payment_method == "tok_other"


def test_an_unknown_product_is_refused_at_its_item() -> None:
    error = refused([item(), item("2", "crn", "crm-team")])

    assert error.field == "items[1].product"
    assert "crn" in error.message


def test_a_product_that_is_no_longer_sold_is_refused() -> None:
    assert refused([item("1", "retired", "retired-basic")]).field == "items[0].product"


@pytest.mark.parametrize("plan_id", ["fibre-100", "nothing"])
def test_a_plan_of_another_product_is_refused(plan_id: str) -> None:
    error = refused([item("1", "crm", plan_id)])

    assert error.field == "items[0].plan"
    assert plan_id in error.message


def test_a_currency_without_a_price_is_refused() -> None:
    error = refused([item(), reports()], currency="JPY")

    assert error.field == "currency"
    assert "reports-basic has no price in JPY" in error.message


def test_an_item_id_used_twice_is_refused_at_the_second() -> None:
    error = refused([item("1"), reports("2"), item("1", "fibre", "fibre-100")])

    assert error.field == "items[2].id"


def test_a_dependency_on_an_unknown_item_is_refused_at_its_place() -> None:
    error = refused([item(), reports(depends_on=["1", "9"])])

    assert error.field == "items[1].depends_on[1]"
    assert "'9'" in error.message


def test_items_that_depend_on_each_other_are_refused() -> None:
    error = refused([item("1", depends_on=["2"]), item("2", "fibre", "fibre-100", depends_on=["1"])])

    assert error.field == "items"
    assert "depends_on: the items form a cycle" in error.message


def test_an_item_that_depends_on_itself_is_refused() -> None:
    error = refused([item("1", depends_on=["1"])])

    assert error.field == "items"
    assert "1 → 1" in error.message


def test_a_dependency_against_a_required_product_is_a_cycle_too() -> None:
    # reports requires crm and so comes after it; crm says it comes after reports
    assert refused([item("1", depends_on=["2"]), reports("2")]).field == "items"


def test_an_item_comes_after_those_it_names_and_those_it_requires() -> None:
    frozen = order(item("1"), reports("2", depends_on=["3"]), item("3", "fibre", "fibre-100"))

    assert [each.after for each in frozen.items] == [[], ["1", "3"], []]


def test_a_missing_required_product_is_refused_and_named() -> None:
    error = refused([item("1", "fibre", "fibre-100"), reports("2")])

    assert error.field == "items[1].product"
    assert "requires crm" in error.message


def test_a_required_product_may_be_live_already() -> None:
    frozen = order(reports("1"), active=["crm"])

    assert frozen.items[0].after == []


def test_an_excluded_product_in_the_same_order_is_refused() -> None:
    error = refused([item("1"), item("2", "legacy", "legacy-basic")])

    assert error.field == "items[1].product"
    assert "cannot be had together with crm" in error.message


def test_an_excluded_product_that_is_live_is_refused() -> None:
    assert refused([item("1", "legacy", "legacy-basic")], active=["crm"]).field == "items[0].product"


def test_of_several_excluded_products_the_first_by_name_is_told() -> None:
    picky = product("picky", excludes=["b", "a"])

    assert excluded_by(picky, {"c", "b", "a"}) == "a"
    assert excluded_by(picky, {"c"}) is None


def test_a_product_is_sold_only_in_its_countries() -> None:
    asked = request(item("1", "fibre", "fibre-100"))

    assert freeze(asked, placing(buyer=customer(country="FR"))).items[0].product.id == "fibre"
    with pytest.raises(BadInput, match="fibre is not sold in AT") as error:
        freeze(asked, placing(buyer=customer(country="AT")))
    assert error.value.field == "items[0].product"


def test_no_change_needs_a_live_service() -> None:
    assert refused([item("1", action="no_change")]).field == "items[0].action"


def test_no_change_costs_nothing() -> None:
    frozen = order(item("1", action="no_change", quantity=5), reports("2"), active=["crm"])

    assert frozen.items[0].due == eur(0)
    assert frozen.total == eur(750)  # only the reports, 7.50


def test_money_needs_a_payment_method() -> None:
    error = refused([item()], payment_method=None)

    assert error.field == "payment_method"
    assert "69.00 EUR" in error.message  # 19.00 + 50.00


def test_an_order_that_costs_nothing_needs_no_payment_method() -> None:
    frozen = freeze(request(item("1", "free", "free-basic"), payment_method=None), placing())

    assert frozen.payment_method is None


@pytest.mark.parametrize("completion", [NOW, NOW - timedelta(seconds=1)])
def test_completion_has_to_be_later_than_the_start(completion: datetime) -> None:
    error = refused([item()], requested_start=NOW, requested_completion=completion)

    assert error.field == "requested_completion"


def test_dates_in_order_are_kept() -> None:
    frozen = freeze(request(item(), requested_start=NOW, requested_completion=LATER), placing())

    assert (frozen.requested_start, frozen.requested_completion) == (NOW, LATER)


@pytest.mark.parametrize("quantity", [0, -1, 1_000_001, 1.5, "2", True])
def test_a_quantity_is_a_whole_number_from_one_to_a_million(quantity: object) -> None:
    with pytest.raises(ValidationError) as error:
        request(item(quantity=quantity))

    assert error.value.errors()[0]["loc"] == ("items", 0, "quantity")


def test_a_date_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="needs a time zone"):
        request(item(), requested_start="2026-12-01T09:00:00")


def test_a_date_is_kept_in_utc() -> None:
    asked = request(item(), requested_start="2026-12-01T09:00:00+02:00")

    assert asked.requested_start == datetime(2026, 12, 1, 7, tzinfo=UTC)
    assert asked.requested_start.utcoffset() == timedelta(0)


def test_a_field_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValidationError, match="quantiy"):
        request(item(quantiy=2))


def test_the_approval_an_order_needs_is_pinned() -> None:
    policies = [ApprovalPolicy(id="big", name="Above 60.00", above=[eur(6000)])]

    big = freeze(request(item()), placing(policies=policies))
    small = freeze(request(reports("1")), placing(policies=policies, active=["crm"]))

    assert big.approval is not None  # 69.00
    assert big.approval.reason == "Above 60.00"
    assert small.approval is None  # 7.50


def test_a_kept_item_keeps_its_price_plan_and_product_though_the_catalogue_changed() -> None:
    before = order(item(quantity=3))

    after = amended(before, item(quantity=3))

    assert after.items == before.items
    assert after.total == eur(10700)  # 3 × 19.00 + 50.00, not 3 × 25.00


def test_a_changed_quantity_is_priced_at_the_old_price() -> None:
    after = amended(order(item(quantity=3)), item(quantity=4, characteristics={"domain": "example.com"}))

    (kept,) = after.items
    assert kept.due == eur(12600)  # 4 × 19.00 + 50.00
    assert [line.unit_amount for line in kept.lines] == [Decimal("19.00"), Decimal("50.00")]
    assert kept.characteristics == {"domain": "example.com"}


def test_an_added_item_gets_todays_price() -> None:
    priced = price("reports-basic", "EUR", {"kind": "recurring", "name": "Reports", "unit_amount": "9.00", "per": "item"})
    dearer = catalogue(PRODUCTS, PLANS, [each for each in PRICES if each.plan != "reports-basic"] + [priced])

    after = amended(order(), item(), reports("2"), sold=dearer)

    assert [each.due for each in after.items] == [eur(6900), eur(900)]  # 19.00 + 50.00 as accepted; 9.00 today
    assert after.items[1].after == ["1"]


def test_an_amendment_raises_the_revision_and_takes_the_new_catalogue() -> None:
    after = amended(order(), item())

    assert (after.revision, after.catalogue_revision) == (2, 8)


def test_what_an_amendment_does_not_name_stays() -> None:
    before = freeze(request(item(), reports("2"), requested_completion=LATER, external_reference="PO-7"), placing())

    after = amended(before)

    assert after.items == before.items
    assert after.payment_method == "tok_visa"
    assert after.requested_completion == LATER
    assert after.external_reference == "PO-7"


def test_an_amendment_may_change_the_payment_method_and_the_date() -> None:
    after = amended(order(), payment_method="tok_new", requested_completion=LATER.isoformat())

    assert (after.payment_method, after.requested_completion) == ("tok_new", LATER)


def test_a_date_before_the_start_is_refused_in_an_amendment_too() -> None:
    before = freeze(request(item(), requested_start=LATER), placing())

    with pytest.raises(BadInput) as error:
        amended(before, requested_completion=NOW.isoformat())
    assert error.value.field == "requested_completion"


def test_an_amendment_that_comes_to_cost_something_needs_a_payment_method() -> None:
    before = freeze(request(item("1", "free", "free-basic"), payment_method=None), placing())

    with pytest.raises(BadInput) as error:
        amended(before, item("1", "free", "free-basic"), item("2", "crm", "crm-solo"), sold=CATALOGUE)
    assert error.value.field == "payment_method"


def test_an_item_cannot_become_another_plan() -> None:
    with pytest.raises(BadInput, match="another item id") as error:
        amended(order(), item("1", "crm", "crm-solo"), sold=CATALOGUE)
    assert error.value.field == "items[0].plan"


def test_an_added_item_is_checked_as_at_entry() -> None:
    with pytest.raises(BadInput) as error:
        amended(order(), item(), item("2", "crn", "crm-team"))
    assert error.value.field == "items[1].product"


def test_removing_what_another_item_requires_is_refused() -> None:
    with pytest.raises(BadInput, match="requires crm") as error:
        amended(order(item("1"), reports("2")), reports("2"))
    assert error.value.field == "items[0].product"


def test_an_amendment_that_costs_more_may_come_to_need_an_approval() -> None:
    policies = [ApprovalPolicy(id="big", name="Above 100.00", above=[eur(10000)])]
    before = freeze(request(item()), placing(policies=policies))
    body = AmendRequest.model_validate({"version": 1, "items": [item(quantity=3)]})

    after = refreeze(before, body, placing(policies=policies))

    assert before.approval is None  # 19.00 + 50.00 = 69.00
    assert after.approval is not None  # 3 × 19.00 + 50.00 = 107.00


def test_an_item_added_later_gets_the_price_of_the_day_it_is_added() -> None:
    """A price that began after the order was placed holds for what an amendment adds."""
    later = NOW + timedelta(days=3)
    dear = price("reports-basic", "EUR", {**REPORTS, "unit_amount": "9.00"}).model_copy(
        update={"version": 2, "effective_from": NOW + timedelta(days=1)}
    )
    cheap = CATALOGUE.prices["reports-basic-eur"]
    sold = CATALOGUE.model_copy(update={"prices": {**CATALOGUE.prices, dear.id: dear}, "earlier": [cheap]})
    before = freeze(request(item()), placing(sold=sold))
    change = AmendRequest.model_validate({"version": 1, "items": [item(), reports()]})

    after = refreeze(before, change, placing(sold=sold).model_copy(update={"placed_at": later}))

    assert [each.due for each in after.items] == [eur(6900), eur(900)]


def test_a_stub_is_counted_from_the_day_agreed_also_after_an_amendment() -> None:
    aligned = price("crm-team", "EUR", {**SEAT, "unit_amount": "31.00", "alignment": {"day_of_month": 1}})
    sold = CATALOGUE.model_copy(update={"prices": {**CATALOGUE.prices, aligned.id: aligned}})
    agreed = NOW.replace(day=15, hour=0)
    before = freeze(request(item(), requested_start=agreed.isoformat()), placing(sold=sold))
    change = AmendRequest.model_validate({"version": 1, "items": [item(quantity=2)]})

    after = refreeze(before, change, placing(sold=sold).model_copy(update={"placed_at": NOW.replace(day=20)}))

    assert before.total == eur(1700)  # 17 of March's 31 days
    assert after.total == eur(3400)
