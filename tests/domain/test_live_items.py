"""Items that change what is live: what they must say, what is frozen of them, and what is asked once it is their turn."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain import live_items
from domain.approvals import ApprovalPolicy
from domain.entry import freeze, refreeze
from domain.errors import BadInput, Conflict
from domain.live_items import Seen
from domain.orders import AmendRequest, ItemRequest, Order
from domain.subscriptions.changes import Change, ChangedLine
from domain.subscriptions.commands import Ordered, facts_of
from domain.subscriptions.ending import Cancellation, When
from domain.subscriptions.facts import Progress, Subscription
from tests.domain.samples import CATALOGUE, NOW, eur, item, placing, reports, request

PERIOD_END = datetime(2026, 3, 31, tzinfo=UTC)
CRM = Subscription(
    id="S-7-1",
    customer="C-1",
    legal_entity="main",
    order="O-7",
    item="1",
    product="crm",
    plan="crm-team",
    plan_name="Team",
    quantity=2,
    currency="EUR",
    price=CATALOGUE.prices["crm-team-eur"],
    started_at=NOW,
    progress=(Progress(charge="charge-1", anchor=NOW, number=1, until=PERIOD_END),),
)
ENDED = Cancellation(
    subscription=CRM.id,
    at=PERIOD_END,
    given_back=eur(0),
    fee=eur(900),
    access_until=PERIOD_END,
    data_until=PERIOD_END + timedelta(days=30),
)


def asked(action: str = "modify", **changes: Any) -> ItemRequest:
    body = {"id": "1", "action": action, "subscription": CRM.id}
    return ItemRequest.model_validate({**body, **changes})


def seen(quantity: int = 5, total: int | None = None, **changes: Any) -> Seen:
    """A change to this many units, at once where it comes to something."""
    amount = eur(total or 0)
    line = ChangedLine(description="Seat", start=NOW, end=PERIOD_END, amount=amount)
    change = Change(
        subscription=CRM.id,
        at=NOW if total is not None else PERIOD_END,
        plan=CRM.plan,
        quantity=quantity,
        lines=() if total is None else (line,),
        total=amount,
        due=amount,
        taken_off=eur(0),
    )
    had = {"subscription": CRM, "version": 4, "product": CATALOGUE.products["crm"], "plan": CATALOGUE.plans["crm-team"]}
    return Seen.model_validate({**had, "price": CRM.price, "change": change, **changes})


def ordered(*items: tuple[ItemRequest, Seen], added: tuple[dict[str, Any], ...] = (), **changes: Any) -> Order:
    frozen = {each.id: live_items.frozen(each, found) for each, found in items}
    wanted = request(*(each.model_dump(exclude_unset=True) for each, _ in items), *added)
    return freeze(wanted, placing(active=["crm"], **changes).model_copy(update={"changes": frozen}))


def at(asking: ItemRequest, subscription: Subscription = CRM, customer: str = "C-1") -> str:
    """The field at which it is refused."""
    try:
        live_items.refuse_foreign("items[0]", asking)
        live_items.refuse_other("items[0]", asking, subscription, 4, customer)
    except BadInput as error:
        return error.field.removeprefix("items[0].")
    raise AssertionError("it is not refused")


def test_what_is_changed_has_to_be_named_and_be_the_customers_own_and_live() -> None:
    assert at(asked(subscription=None)) == "subscription"
    assert at(asked(), customer="C-2") == "subscription"
    assert at(asked(), CRM.model_copy(update={"ended_at": NOW})) == "subscription"
    assert at(asked(product="fibre")) == "product"
    assert at(asked(characteristics={"a": "b"})) == "characteristics"
    assert at(asked("delete", quantity=3)) == "quantity"
    live_items.refuse_other("items[0]", asked("delete", product="crm", plan="crm-team", quantity=2), CRM, 4, "C-1")


@pytest.mark.parametrize("name", ["subscription", "version", "when"])
@pytest.mark.parametrize("action", ["add", "no_change"])
def test_what_is_for_changes_is_refused_of_other_items(action: str, name: str) -> None:
    given = {"subscription": None, name: {"subscription": "S-1", "version": 1, "when": "now"}[name]}
    assert at(asked(action, product="crm", plan="crm-team", **given)) == name


def test_a_stale_version_is_a_conflict_that_names_the_field() -> None:
    live_items.refuse_other("items[0]", asked(version=4), CRM, 4, "C-1")
    with pytest.raises(Conflict, match=r"items\[0\].version: .* at version 4, and this was made against 3"):
        live_items.refuse_other("items[0]", asked(version=3), CRM, 4, "C-1")


def test_a_subscription_is_changed_once_by_an_order() -> None:
    with pytest.raises(BadInput, match="S-7-1 is changed by another item") as error:
        live_items.refuse_twice([asked(), asked("delete", id="2")])
    assert error.value.field == "items[1].subscription"


def test_a_change_is_due_nowhere_and_counts_for_approval_by_what_it_costs() -> None:
    policies = [ApprovalPolicy(id="big", name="Above 60.00", above=[eur(6000)])]
    large, small = (
        ordered((asked(), seen(total=6001)), policies=policies),
        ordered((asked(), seen(total=6000)), policies=policies),
    )
    assert (large.total, large.worth, large.approval is not None, small.approval) == (eur(0), eur(6001), True, None)
    assert large.items[0].to_run == []
    # for later: a period of five seats, 5 × 19.00; of one that is cheaper nothing
    assert ordered((asked(), seen())).worth == eur(9500)
    assert ordered((asked(), seen(quantity=1))).worth == eur(0)
    assert ordered((asked(), seen(total=-500))).worth == eur(0)
    assert ordered((asked("delete"), seen(change=None, end=ENDED))).worth == eur(900)


def test_nothing_that_is_added_comes_after_a_change() -> None:
    change = (asked(depends_on=["2"]), seen())
    assert [each.after for each in ordered(change, added=(reports(),)).items] == [["2"], []]
    with pytest.raises(BadInput, match="done last") as error:
        ordered((asked(), seen()), added=(reports(depends_on=["1"]),))
    assert error.value.field == "items[1].depends_on[0]"


def test_an_item_that_is_added_says_product_and_plan() -> None:
    for name in ("product", "plan"):
        with pytest.raises(BadInput) as error:
            freeze(request({**item(), name: None}), placing())
        assert error.value.field == f"items[0].{name}"


def test_an_amendment_keeps_adds_and_removes_changes_but_makes_none_another() -> None:
    before = ordered((asked(), seen(total=6000)), added=(reports(),))

    def amended(*items: dict[str, Any]) -> Order:
        return refreeze(before, AmendRequest.model_validate({"version": 1, "items": list(items)}), placing(active=["crm"]))

    said = {"id": "1", "action": "modify", "subscription": CRM.id, "quantity": 5}
    assert amended(said, reports()).items[0] == before.items[0]
    assert [each.id for each in amended(reports()).items] == ["2"]
    for other in ({**said, "quantity": 6}, {**said, "when": "now"}, item()):
        with pytest.raises(BadInput, match="another item id"):
            amended(other, reports())


def test_what_is_asked_names_its_item_and_what_was_seen_and_the_price_that_was_agreed() -> None:
    order = ordered(
        (asked(when="now"), seen(total=6000)), (asked("delete", id="2", subscription="S-8-1"), seen(change=None, end=ENDED))
    )
    change = live_items.instruction(order, order.items[0], NOW)
    assert change.change is not None
    assert (change.subscription, change.reference, change.change.as_of) == (CRM.id, "O-1001:1", NOW)
    assert (change.change.plan, change.change.quantity, change.change.when) == ("crm-team", 5, When.now)
    seen_as = change.change.ordered
    assert seen_as == Ordered(reference="O-1001:1", plan="crm-team", quantity=2, price=CRM.price)
    end = live_items.instruction(order, order.items[1], None)
    assert end.cancel is not None
    assert (end.cancel.when, end.cancel.as_of) == (When.period_end, None)
    assert facts_of(end.reference) == {"order": "O-1001", "item": "2"}
    assert facts_of("") == {}
    seen_as.refuse_another(CRM)
    with pytest.raises(Conflict, match="is for crm-team × 3 now, and was for crm-team × 2"):
        seen_as.refuse_another(CRM.model_copy(update={"quantity": 3}))
