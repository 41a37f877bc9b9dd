"""What domain/ does not do yet. Each fails today."""

import pytest
from pydantic import ValidationError

from domain.amendment import difference
from domain.cancellation import assess
from domain.checks import Surroundings, blockers
from domain.entry import freeze
from domain.errors import BadInput, Conflict
from domain.jeopardy import expected_starts
from domain.plans import ItemSteps, Stage, order_graph
from tests.domain.samples import NOW, PLANS, PRODUCTS, catalogue, customer, item, order, placing, price, reports, request, step
from tests.domain.test_approvals import ballot, decided, policy
from tests.domain.test_cancellation import fates, standing
from tests.domain.test_jeopardy import ahead, needs


def test_an_order_too_dear_to_count_is_refused() -> None:
    seat = {"kind": "recurring", "name": "Seat", "unit_amount": "100000000.00"}
    sold = catalogue(PRODUCTS, PLANS, [price("crm-team", "EUR", seat)])
    with pytest.raises(BadInput) as error:  # 10^8 EUR × 10^6 = 10^16 cents, above 10^15
        freeze(request(item(quantity=1_000_000)), placing(sold=sold))
    assert error.value.field == "items[0].quantity"


def test_items_too_dear_together_are_refused() -> None:
    seat = {"kind": "recurring", "name": "Seat", "unit_amount": "6000000.00"}
    sold = catalogue(PRODUCTS, PLANS, [price("crm-team", "EUR", seat)])
    with pytest.raises(BadInput):  # 2 × 6·10^6 EUR × 10^6 = 1.2·10^15 cents
        freeze(request(item("1", quantity=1_000_000), item("2", quantity=1_000_000)), placing(sold=sold))


def test_what_a_live_item_depends_on_has_to_stay() -> None:
    live = standing("2", after=["1"], state="completed", captured=True)
    assert fates(assess("O-1", "EUR", [standing("1", captured=True), live])) == {"1": "kept", "2": "settled"}


def test_a_cancellation_that_leaves_a_live_item_is_only_partial() -> None:
    preview = assess("O-1", "EUR", [standing("1", state="completed", captured=True), standing("2", captured=True)])
    assert not preview.complete
    assert preview.message != "everything is undone"


def test_coming_after_is_handed_on_through_an_item_without_steps_in_the_stage() -> None:
    items = [
        ItemSteps(item="1", steps=[step("grant", stage="activate")]),
        ItemSteps(item="2", steps=[step("reserve")], after=["1"]),
        ItemSteps(item="3", steps=[step("grant", stage="activate")], after=["2"]),
    ]
    assert order_graph(items, Stage.activate)["3", "grant"] == {("1", "grant")}


def test_delegating_back_is_refused() -> None:
    after = decided(ballot(approvers=("anna",)), "anna", "delegate", to="ben")
    with pytest.raises(BadInput):
        decided(after, "ben", "delegate", to="anna")


def test_delegating_to_one_who_has_decided_is_refused() -> None:
    after = decided(ballot(quorum=2, approvers=("anna", "ben")), "ben")
    with pytest.raises(BadInput):
        decided(after, "anna", "delegate", to="ben")


def test_delegating_to_another_approver_is_refused() -> None:
    with pytest.raises(BadInput):
        decided(ballot(quorum=2, approvers=("anna", "ben")), "anna", "delegate", to="ben")


def test_a_quorum_larger_than_its_approvers_is_refused() -> None:
    with pytest.raises(ValidationError):
        policy(quorum=2, approvers=["anna"])


def test_a_delegate_takes_the_place_of_who_delegated() -> None:
    assert decided(ballot(approvers=("anna",)), "anna", "delegate", to="ben").entitled == {"ben"}


def test_a_required_service_that_ended_meanwhile_blocks() -> None:
    before = order(reports("1"), active=["crm"])
    assert blockers(before, Surroundings(customer=customer(), active_products=set())) != []


def test_what_a_live_product_excludes_is_refused() -> None:
    with pytest.raises(BadInput):  # legacy excludes crm
        freeze(request(item()), placing(active=["legacy"]))


@pytest.mark.parametrize("number", ["4242424242424242", "5555555555554444"])
def test_a_card_number_is_no_payment_method(number: str) -> None:
    with pytest.raises(ValidationError):
        customer(payment_method=number)
    with pytest.raises(ValidationError):
        request(item(), payment_method=number)


def test_what_an_item_past_its_point_of_no_return_was_built_on_is_not_removed() -> None:
    fibre = item("2", "fibre", "fibre-100")
    with pytest.raises(Conflict):
        difference(order(item("1"), fibre | {"depends_on": ["1"]}), order(fibre), {}, {"2": True})


def test_a_step_at_work_is_not_expected_to_start() -> None:
    assert expected_starts([needs(a="")], {("1", "a"): ahead("a", 50, started=5)}, NOW) == {}


def test_any_iterable_of_items_makes_a_graph() -> None:
    items = [ItemSteps(item="1", steps=[step("a")])]
    assert order_graph(iter(items), Stage.provision) == {("1", "a"): set()}
