"""What cancelling an order now would give back, keep, and be unable to undo."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.approvals import Person
from domain.money import Money, total
from domain.plans import Identifier
from domain.states import ITEM, ItemState, is_terminal
from domain.values import StrictValue, Value


class CancelRequest(StrictValue):
    """The body of `POST /v1/orders/{id}/cancel`. `accept_partial` takes the offer of a partial cancellation; `items` narrows
    the request to some items."""

    by: Person | None = None
    reason: Annotated[str, Field(max_length=500)] = ""
    accept_partial: bool = False
    items: list[Identifier] = []


class Fate(StrEnum):
    undone = "undone"
    kept = "kept"
    """Past its point of no return, or left out of the request."""
    settled = "settled"
    """Already finished, failed or cancelled."""


class ItemStanding(Value):
    """Where an item is when a cancellation is considered. `after` names items that it depends on."""

    item: str
    state: ItemState
    due: Money
    captured: bool = False
    point_of_no_return_at: datetime | None = None
    point_of_no_return_passed: bool = False
    after: list[str] = []


class ItemCancellation(Value):
    item: str
    fate: Fate
    amount: Money
    reason: str = ""


class CancellationPreview(Value):
    """`refunded` has been taken and is given back; `released` was only authorized; `kept` stays charged."""

    order: str
    possible: bool
    complete: bool
    refunded: Money
    released: Money
    kept: Money
    items: list[ItemCancellation]
    message: str

    @property
    def undone(self) -> list[str]:
        return [item.item for item in self.items if item.fate is Fate.undone]


def assess(order: str, currency: str, standings: Sequence[ItemStanding], asked: Sequence[str] = ()) -> CancellationPreview:
    """What a cancellation of `asked` items (none named: all) comes to. An item whose dependant stays has to stay too."""
    staying = _staying(standings, asked)
    items = [_fate(standing, staying) for standing in standings]
    undone = [standing for standing, item in zip(standings, items, strict=True) if item.fate is Fate.undone]
    kept = [standing.due for standing, item in zip(standings, items, strict=True) if _stays(standing, item)]
    complete = not any(_stays(standing, item) for standing, item in zip(standings, items, strict=True))
    return CancellationPreview(
        order=order,
        possible=bool(undone),
        complete=complete,
        refunded=total([standing.due for standing in undone if standing.captured], currency),
        released=total([standing.due for standing in undone if not standing.captured], currency),
        kept=total(kept, currency),
        items=items,
        message=_message(len(undone), items),
    )


def _staying(standings: Sequence[ItemStanding], asked: Sequence[str]) -> dict[str, str]:
    """Items that stay, with the reason."""
    staying = {s.item: "past its point of no return" for s in standings if s.point_of_no_return_passed and not _settled(s)}
    if asked:
        staying |= {s.item: "not asked for" for s in standings if s.item not in asked and s.item not in staying}
    held_by = True
    while held_by:
        held_by = False
        for standing in standings:
            live = standing.state is ItemState.completed
            if live or (standing.item in staying and not _settled(standing)):
                for need in standing.after:
                    if need not in staying:
                        staying[need] = f"item {standing.item}, which stays, depends on it"
                        held_by = True
    return staying


def _stays(standing: ItemStanding, item: ItemCancellation) -> bool:
    """Whether it goes on being there and charged: kept now, or live already."""
    return item.fate is Fate.kept or standing.state is ItemState.completed


def _settled(standing: ItemStanding) -> bool:
    return is_terminal(ITEM, standing.state)


def _fate(standing: ItemStanding, staying: dict[str, str]) -> ItemCancellation:
    if _settled(standing):
        return ItemCancellation(item=standing.item, fate=Fate.settled, amount=standing.due, reason=str(standing.state))
    if standing.item in staying:
        return ItemCancellation(item=standing.item, fate=Fate.kept, amount=standing.due, reason=staying[standing.item])
    return ItemCancellation(item=standing.item, fate=Fate.undone, amount=standing.due)


def _message(undone: int, items: Sequence[ItemCancellation]) -> str:
    kept = [item for item in items if item.fate is Fate.kept or item.reason == ItemState.completed]
    if not undone:
        return "nothing can be undone any more"
    if not kept:
        return "everything is undone"
    reasons = "; ".join(f"item {item.item}: {item.reason}" for item in kept)
    return f"{undone} of {len(items)} items are undone; kept are {reasons}"
