"""Items of an order that change what is live, frozen as their subscriptions are found, by what shows and makes the change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from activities.adapters.tax.engines import TaxEngines
from activities.store import change_requests, endings, subscriptions
from activities.store.database import Connection
from activities.store.issuing import Answers
from activities.store.subscriptions import StoredSubscription
from domain import live_items
from domain.catalogue import Catalogue
from domain.errors import BadInput, Conflict, NotFound
from domain.live_items import CHANGES, Seen
from domain.orders import Action, ItemRequest, OrderItem
from domain.subscriptions.changes import ChangeCommand
from domain.subscriptions.ending import CancelCommand, When
from domain.values import Instant


@dataclass(frozen=True)
class Looking:
    """For whom it is looked, in which order, and as of when."""

    customer: str
    currency: str
    by: str
    as_of: datetime
    catalogue: Catalogue
    engines: TaxEngines
    answers: Answers


async def look(
    connection: Connection, requests: Sequence[ItemRequest], looking: Looking, known: Sequence[str] = ()
) -> dict[str, OrderItem]:
    """By item, those that change what is live and are not `known` already. Subscriptions are locked in the order of their ids.
    Raises Unasked, BadInput and Conflict as changing them would, naming the item's field."""
    live_items.refuse_twice(requests)
    for index, request in enumerate(requests):
        live_items.refuse_foreign(f"items[{index}]", request)
    asked = [
        (f"items[{index}]", each) for index, each in enumerate(requests) if each.action in CHANGES and each.id not in known
    ]
    return {
        request.id: await _one(connection, field, request, looking)
        for field, request in sorted(asked, key=lambda each: each[1].subscription or "")
    }


async def _one(connection: Connection, field: str, request: ItemRequest, looking: Looking) -> OrderItem:
    try:
        stored = await subscriptions.get(connection, request.subscription or "", lock=True)
    except NotFound:
        raise live_items.unknown(field, request, looking.customer) from None
    live_items.refuse_other(field, request, stored.subscription, stored.version, looking.customer)
    if stored.subscription.currency != looking.currency:
        paid = f"{stored.subscription.id} is charged in {stored.subscription.currency}"
        raise BadInput("currency", f"{paid}; order what changes it in that")
    try:
        return live_items.frozen(request, await _seen(connection, request, stored, looking))
    except BadInput as error:
        raise BadInput(f"{field}.{error.field}", error.message) from None
    except Conflict as error:
        raise Conflict(f"{field}: {error}") from None


async def _seen(connection: Connection, request: ItemRequest, stored: StoredSubscription, looking: Looking) -> Seen:
    was, sold = stored.subscription, looking.catalogue
    seen = Seen(
        subscription=was,
        version=stored.version,
        product=sold.products[was.product],
        plan=sold.plans[was.plan],
        price=was.price,
    )
    as_of: Instant = looking.as_of
    if request.action is Action.delete:
        when = request.when or When.period_end
        end = await endings.preview(connection, was.id, CancelCommand(when=when, by=looking.by, as_of=as_of))
        return seen.model_copy(update={"end": end})
    command = ChangeCommand(by=looking.by, plan=request.plan, quantity=request.quantity, when=request.when, as_of=as_of)
    change = await change_requests.preview(connection, looking.engines, looking.answers, was.id, command)
    price = was.price if change.plan == was.plan else sold.price_of(change.plan, was.currency, as_of)
    return seen.model_copy(update={"change": change, "plan": sold.plans[change.plan], "price": price or was.price})
