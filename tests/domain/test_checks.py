"""Dependency checks: each blocker is named with what would clear it."""

from typing import Any

from domain.checks import Blocker, BlockerKind, Surroundings, blockers, wanted
from domain.entry import freeze
from domain.orders import Order
from tests.domain.samples import catalogue, customer, item, order, placing, plan, price, product, request

WARES = [
    product("line", verified_customers_only=True, capacity=3),
    product("voice", prerequisites=["line", "router"]),
    product("router"),
    product("dsl", excludes=["line"]),
    product("tv", verified_customers_only=True),
]
SOLD = catalogue(WARES, [plan(f"{each.id}-p", each.id) for each in WARES], [price(f"{each.id}-p", "EUR") for each in WARES])


def asked(*products: str, active: tuple[str, ...] = (), **changes: Any) -> Order:
    items = [item(str(number), name, f"{name}-p", **changes) for number, name in enumerate(products, start=1)]
    return freeze(request(*items), placing(sold=SOLD, active=active))


def around(
    *, verified: bool = True, active: tuple[str, ...] = (), free: dict[str, int] | None = None, down: tuple[str, ...] = ()
) -> Surroundings:
    return Surroundings(customer=customer(verified=verified), active_products=set(active), free=free or {}, down=set(down))


def subjects(found: list[Blocker]) -> list[str]:
    return [blocker.subject for blocker in found]


def test_an_order_with_nothing_in_its_way_has_no_blockers() -> None:
    assert blockers(order(), around(verified=False)) == []


def test_an_unverified_customer_blocks_what_is_for_verified_ones() -> None:
    (blocker,) = blockers(asked("line"), around(verified=False))

    assert (blocker.kind, blocker.subject) == (BlockerKind.verification, "customer:C-1")
    assert "line" in blocker.message


def test_verifying_the_customer_clears_it() -> None:
    assert blockers(asked("line"), around(verified=True)) == []


def test_one_missing_verification_is_named_once_for_several_items() -> None:
    assert subjects(blockers(asked("line", "tv"), around(verified=False))) == ["customer:C-1"]


def test_each_prerequisite_that_is_not_live_is_named() -> None:
    found = blockers(asked("voice"), around())

    assert [blocker.kind for blocker in found] == [BlockerKind.prerequisite] * 2
    assert subjects(found) == ["service:C-1:line", "service:C-1:router"]


def test_a_prerequisite_that_is_live_is_cleared() -> None:
    assert subjects(blockers(asked("voice"), around(active=("line",)))) == ["service:C-1:router"]


def test_an_excluded_product_that_went_live_meanwhile_blocks() -> None:
    (blocker,) = blockers(asked("dsl"), around(active=("line",)))

    assert (blocker.kind, blocker.subject) == (BlockerKind.exclusion, "service:C-1:line")


def test_too_little_capacity_says_how_much_is_free_of_how_much() -> None:
    (blocker,) = blockers(asked("line", quantity=3), around(free={"line": 2}))

    assert (blocker.kind, blocker.subject) == (BlockerKind.capacity, "capacity:line")
    assert blocker.message == "line has 2 free of the 3 asked for"


def test_just_enough_capacity_is_enough() -> None:
    assert blockers(asked("line", quantity=3), around(free={"line": 3})) == []


def test_capacity_counts_all_items_of_a_product_together() -> None:
    # 2 items × 2 units = 4, one more than the 3 that are free
    twice = asked("line", "line", quantity=2)

    assert subjects(blockers(twice, around(free={"line": 3}))) == ["capacity:line"]
    assert blockers(twice, around(free={"line": 4})) == []


def test_a_product_without_a_limit_is_never_short() -> None:
    assert blockers(asked("router", quantity=1_000_000), around(free={"line": 0})) == []


def test_items_that_stay_as_they_are_need_nothing() -> None:
    unchanged = asked("line", active=("line",), action="no_change")

    surroundings = around(verified=False, active=("line",), free={"line": 0}, down=("entitlements",))
    assert blockers(unchanged, surroundings) == []
    assert wanted(unchanged.items) == {}


def test_a_system_that_does_not_serve_blocks_the_items_fulfilled_in_it() -> None:
    (blocker,) = blockers(asked("router", "tv"), around(down=("entitlements", "fibreworks")))

    assert (blocker.kind, blocker.subject) == (BlockerKind.upstream, "upstream:entitlements")
    assert "entitlements" in blocker.message


def test_a_system_that_no_item_needs_may_be_down() -> None:
    assert blockers(asked("router"), around(down=("fibreworks",))) == []


def test_all_blockers_are_told_at_once_in_a_stable_order() -> None:
    surroundings = around(verified=False, free={"line": 0}, down=("entitlements",))
    everything = ["capacity:line", "customer:C-1", "service:C-1:line", "service:C-1:router", "upstream:entitlements"]

    assert subjects(blockers(asked("line", "voice"), surroundings)) == everything
    assert subjects(blockers(asked("voice", "line"), surroundings)) == everything


def test_units_wanted_are_counted_per_product() -> None:
    assert wanted(asked("line", "router", "line", quantity=2).items) == {"line": 4, "router": 2}
