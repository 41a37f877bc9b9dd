"""Existing subscriptions moved to a later version of their price: each charge at the end of what the old one billed."""

from collections.abc import Sequence
from datetime import datetime

from domain.catalogue import Price, RecurringCharge, price_for
from domain.subscriptions.facts import Progress, Subscription
from domain.values import Instant, Value


class Move(Value):
    """A charge came to the end of what goes by its old price, at `at`. Its periods were counted from `anchor`."""

    price: Price
    charge: RecurringCharge
    anchor: Instant
    at: Instant


def recurring(price: Price) -> dict[str, RecurringCharge]:
    """By its id, in the order of the price."""
    named = ((price.charge_id(index), charge) for index, charge in enumerate(price.charges))
    return {name: charge for name, charge in named if isinstance(charge, RecurringCharge)}


def price_at(subscription: Subscription, progress: Progress) -> Price:
    """What the period that the charge is in goes by."""
    return progress.price or subscription.price


def move_of(subscription: Subscription, progress: Progress, later: Sequence[Price]) -> Move | None:
    """The move that is due where the charge's next period begins; None where its price still holds then."""
    old = price_at(subscription, progress)
    price = price_for(old, later, progress.until)
    if price.version == old.version:
        return None
    return Move(price=price, charge=recurring(old)[progress.charge], anchor=progress.anchor, at=progress.until)


def moved(progress: Progress, move: Move) -> Progress | None:
    """The charge by the later version, which has it by the same id or not at all. Its periods go on as they were counted, or
    begin anew where it is charged at other intervals."""
    charge = recurring(move.price).get(progress.charge)
    if charge is None:
        return None
    anchor = progress.anchor if _rhythm(charge) == _rhythm(move.charge) else move.at
    return progress.model_copy(update={"price": move.price, "anchor": anchor})


def repriced(subscription: Subscription, going_on: Sequence[Progress], moves: Sequence[Move]) -> Subscription:
    """With the latest version that any of its charges was moved to, and the charges that only that one has: they begin with
    the first charge that was moved to it, without a trial. Charges that have not come to the end of a period keep theirs."""
    price = max([subscription.price, *(move.price for move in moves)], key=lambda each: each.version)
    progress = [_by(each, price, price_at(subscription, each)) for each in going_on]
    if price.version != subscription.price.version:
        first = min((move for move in moves if move.price.version == price.version), key=lambda move: move.at)
        known = {each.charge for each in [*subscription.progress, *going_on]}
        number = max((each.number for each in going_on), default=0)
        progress += [
            Progress(charge=name, anchor=_anchor(charge, first), number=number, until=first.at)
            for name, charge in recurring(price).items()
            if name not in known
        ]
    return subscription.model_copy(update={"price": price, "progress": tuple(progress)})


def _by(progress: Progress, price: Price, own: Price) -> Progress:
    return progress.model_copy(update={"price": None if own.version == price.version else own})


def _anchor(charge: RecurringCharge, first: Move) -> datetime:
    return first.anchor if _rhythm(charge) == _rhythm(first.charge) else first.at


def _rhythm(charge: RecurringCharge) -> tuple[object, ...]:
    return charge.interval, charge.interval_count, charge.alignment, charge.stub
