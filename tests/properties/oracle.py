"""What has to be true of an order, worked out here once more from its parts, and never by the code under test."""

from collections import Counter
from collections.abc import Iterable, Mapping

from domain.states import ITEM, ORDER, PAYMENT, STEP, State
from tests.world import TERMINAL, Json, World, cash

UNSETTLED_STEPS = {"waiting", "running", "held", "undoing"}
UNSETTLED_PAYMENTS = {"authorizing", "authorized", "held", "capturing", "releasing"}


def _table(machine: Mapping[State, frozenset[State]]) -> dict[str, set[str]]:
    return {str(state): {str(target) for target in targets} for state, targets in machine.items()}


MACHINES = {
    "order": (_table(ORDER), "acknowledged"),
    "item": (_table(ITEM), "acknowledged"),
    "step": (_table(STEP), "waiting"),
    "payment": (_table(PAYMENT), "authorizing"),
}
"""Each table of moves with the state that it begins in."""


def check_events(events: list[Json]) -> None:
    """Numbered without a gap, each told once, and every move one that the tables allow."""
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert max(Counter(event["key"] for event in events).values(), default=1) == 1
    states: dict[tuple[str, str], str] = {}
    for event in events:
        noun, _, word = event["type"].partition(".")
        if noun not in MACHINES:
            continue
        moves, first = MACHINES[noun]
        if word not in moves.keys() | set().union(*moves.values()):
            continue
        about = event["key"].removeprefix(event["type"]).lstrip(":").rpartition(":")[0] if noun != "order" else ""
        before = states.get((noun, about), first)
        assert before == word or word in moves.get(before, set()), f"{noun} {about} went from {before} to {word}"
        states[noun, about] = word


def check_wait(order: Json) -> None:
    """Whoever looks at an order that waits is told for what, whose turn it is, and until when."""
    if order["state"] in {"held", "pending"}:
        assert order["waiting_on"], f"{order['state']}, but for what?"
    if order["waiting_on"]:
        assert order["owner"], f"nobody owns: {order['waiting_on']}"
        assert order["deadline"], f"without a deadline: {order['waiting_on']}"
    check_no_return(order)
    stuck = {record["item"] for record in order["fallout"] if record["verb"] is None and record["subject"] == "step"}
    held = {item["item"] for item in order["items"] if item["state"] == "held"}
    assert stuck <= held or order["state"] != "held", f"stuck are {stuck}, held are {held}"


def check_no_return(order: Json) -> None:
    """What has been done and cannot be undone is never taken for something that can."""
    passed = {item["item"] for item in order["items"] if item["point_of_no_return_passed"]}
    done = {step["item"] for step in order["steps"] if step["point_of_no_return"] and step["state"] == "done"}
    assert done <= passed, f"items {done - passed} are past a point of no return, and do not say so"


def offer(order: Json, asked: frozenset[str]) -> Json:
    """What a cancellation comes to: the items that would be undone, and the sums in minor units."""
    items = {item["id"]: item for item in order["order"]["items"]}
    status = {item["item"]: item for item in order["items"] if item["item"] in items}
    open_items = {item for item in items if status[item]["state"] in {"acknowledged", "in_progress", "held"}}
    live = {item for item in items if status[item]["state"] == "completed"}
    rooted = {item for item in open_items if status[item]["point_of_no_return_passed"] or (asked and item not in asked)}
    staying = live | rooted
    while grown := {need for item in staying for need in items[item]["after"] if need in open_items} - staying:
        staying |= grown
    undone = open_items - staying
    return {
        "undone": sorted(undone),
        "refunded": _sum(items, (item for item in undone if status[item]["captured"])),
        "released": _sum(items, (item for item in undone if not status[item]["captured"])),
        "kept": _sum(items, staying),
    }


def as_offer(preview: Json) -> Json:
    undone = sorted(item["item"] for item in preview["items"] if item["fate"] == "undone")
    return {"undone": undone} | {kind: preview[kind]["minor"] for kind in ("refunded", "released", "kept")}


def _sum(items: Mapping[str, Json], chosen: Iterable[str]) -> int:
    return sum(int(items[item]["due"]["minor"]) for item in chosen)


def rolled_up(order: Json) -> set[str]:
    """The states that an ended order may have, by its items."""
    states = [item["state"] for item in order["items"] if item["item"] in {one["id"] for one in order["order"]["items"]}]
    if all(state == "completed" for state in states):
        return {"completed"}
    if "completed" in states:
        return {"partial"}
    return {"failed"} if "failed" in states else {"cancelled", "rejected"}


async def check_end(world: World, order: Json) -> None:
    """The order has ended: nothing is left open, and what was paid is what was fulfilled."""
    assert order["state"] in rolled_up(order), (order["state"], [item["state"] for item in order["items"]])
    assert (order["waiting_on"], order["owner"], order["deadline"]) == (None, None, None)
    assert not [record["id"] for record in order["fallout"] if record["verb"] is None]
    assert not [(step["item"], step["step"], step["state"]) for step in order["steps"] if step["state"] in UNSETTLED_STEPS]
    assert not [item["item"] for item in order["items"] if item["state"] not in {"completed", "failed", "cancelled"}]
    check_no_return(order)
    completed = {item["item"] for item in order["items"] if item["state"] == "completed"}
    assert {subscription["item"] for subscription in order["subscriptions"]} == completed
    granted = {grant["source"].partition(":")[2] for grant in order["entitlements"] if grant["revoked_at"] is None}
    assert granted <= completed | by_hand(order), f"granted are {granted}, completed {completed}"
    await check_money(world, order, completed)
    await check_accounts(world, order, completed)


async def check_money(world: World, order: Json, completed: set[str]) -> None:
    """The gateway, our ledger and the invoice all say that the completed items were paid for, and nothing else."""
    worth = sum(item["due"]["minor"] for item in order["order"]["items"] if item["id"] in completed)
    money = await world.money(order["id"])
    assert (money.captured - money.refunded, money.open) == (worth, 0), money
    assert cash(order) == worth
    assert sum(entry["amount"]["minor"] for entry in order["ledger"]) == 0
    invoice = order["invoice"]
    assert (invoice["total"]["minor"] - invoice["credited"]["minor"] if invoice else 0) == worth
    assert not [(payment["key"], payment["state"]) for payment in order["payments"] if payment["state"] in UNSETTLED_PAYMENTS]
    ours = {payment["key"]: (payment["captured"]["minor"], payment["refunded"]["minor"]) for payment in order["payments"]}
    theirs = {p.key: (p.captured.minor, p.refunded.minor) for p in (await world.sandbox.summary(order["id"])).payments}
    assert {key: sums for key, sums in ours.items() if any(sums)} == {key: sums for key, sums in theirs.items() if any(sums)}


async def check_accounts(world: World, order: Json, completed: set[str]) -> None:
    """One account an item and partner at the most, and none for what was not fulfilled, unless a person settled that."""
    for service in (await world.sandbox.summary(order["id"])).services:
        item = service.reference.partition(":")[2]
        assert service.accounts <= 1, f"{service.accounts} accounts for item {item} at {service.partner}"
        if item not in completed | by_hand(order):
            assert service.state == "terminated", f"item {item} is {service.state} at {service.partner}"
        if item in completed:
            assert service.state != "terminated", f"item {item} is completed, and gone at {service.partner}"


def by_hand(order: Json) -> set[str]:
    """The items of which a person said that what could not be undone was settled."""
    return {record["item"] for record in order["fallout"] if record["subject"] == "undo" and record["verb"] == "resolve"}


def has_ended(order: Json) -> bool:
    return order["state"] in TERMINAL
