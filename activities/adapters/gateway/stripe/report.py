"""What moved at Stripe, from its balance transactions."""

from datetime import UTC, datetime
from typing import Any

import stripe

from activities.adapters.gateway.stripe.amounts import from_stripe
from activities.adapters.gateway.stripe.calls import Declined, call
from activities.adapters.gateway.stripe.objects import KEY
from domain.billing.reconciliation.comparison import Movement, MovementKind, MovementPage
from domain.errors import Refused, Unavailable, Unknown

PAGE = 100
_KINDS = {
    "charge": MovementKind.capture,
    "payment": MovementKind.capture,
    "refund": MovementKind.refund,
    "payment_refund": MovementKind.refund,
}


async def movements(client: stripe.StripeClient, since: datetime, until: datetime, cursor: str | None) -> MovementPage:
    """A charge has its payment's key, and a refund its own, from the metadata of its source; what has none was not made by us,
    and stands under Stripe's id. Raises Unavailable."""
    period = {"gte": int(since.timestamp()), "lt": int(until.timestamp())}
    params: Any = {"created": period, "limit": PAGE, "expand": ["data.source"]}
    if cursor is not None:
        params["starting_after"] = cursor
    try:
        page = await call("balance transactions", client.v1.balance_transactions.list_async(params=params))
    except (Refused, Unknown, Declined) as error:
        raise Unavailable(str(error)) from error
    found = page.get("data", [])
    moved = tuple(movement for each in found for movement in _movements(each))
    return MovementPage(movements=moved, next=str(found[-1]["id"]) if page.get("has_more") and found else None)


def _movements(each: dict[str, Any]) -> list[Movement]:
    source = each.get("source")
    key = (source.get("metadata") or {}).get(KEY) if isinstance(source, dict) else None
    kind = _KINDS.get(each["type"], MovementKind.payout)
    at = datetime.fromtimestamp(int(each["created"]), UTC)
    amount = from_stripe(int(each["amount"]), str(each["currency"]))
    moved = [Movement(id=str(each["id"]), key=key or str(each["id"]), kind=kind, amount=amount, at=at)]
    if fee := int(each.get("fee") or 0):
        taken = from_stripe(-fee, str(each["currency"]))
        moved.append(
            Movement(id=f"{each['id']}:fee", key=f"{key or each['id']}:fee", kind=MovementKind.fee, amount=taken, at=at)
        )
    return moved
