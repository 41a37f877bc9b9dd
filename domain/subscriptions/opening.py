"""A subscription as it begins: from the order that it was bought with, and what that order was billed for."""

from collections.abc import Sequence
from datetime import datetime

from domain import keys
from domain.billing.calendar import Period
from domain.billing.lines import InvoiceLine
from domain.billing.zones import TimeZone
from domain.catalogue import RecurringCharge, Timing
from domain.orders import Order
from domain.subscriptions.facts import Progress, Subscription


def opened(
    order: Order, item_id: str, billed: Sequence[InvoiceLine], activated_at: datetime, remote_id: str | None = None
) -> Subscription:
    """`billed` are the lines of the order's invoice. Periods are counted from where its first ones began, so that access and
    billing begin at one instant; what is charged afterwards begins with them. ValueError where the order has no such item."""
    item = order.item(item_id)
    if item is None:
        raise ValueError(f"item: order {order.id} has no item {item_id!r}")
    own = {line.charge: line.period for line in billed if line.item == item_id and line.period is not None}
    started = min((period.start for period in own.values()), default=activated_at)
    recurring = [
        (item.price.charge_id(index), charge)
        for index, charge in enumerate(item.price.charges)
        if isinstance(charge, RecurringCharge)
    ]
    trials = [own[charge_id].end for charge_id, charge in recurring if charge.trial_days and charge_id in own]
    return Subscription(
        id=keys.subscription(order.id, item.id),
        customer=order.customer.id,
        legal_entity=order.legal_entity,
        order=order.id,
        item=item.id,
        product=item.product.id,
        plan=item.plan.id,
        plan_name=item.plan.name,
        quantity=item.quantity,
        currency=order.currency,
        price=item.price,
        timezone=order.timezone,
        remote_id=remote_id,
        started_at=started,
        trial_ends=min(trials, default=None),
        progress=tuple(
            _progress(charge_id, charge, own.get(charge_id), started, order.timezone) for charge_id, charge in recurring
        ),
        paid_until=max((period.end for period in own.values()), default=None),
    )


def _progress(charge_id: str, charge: RecurringCharge, first: Period | None, started: datetime, timezone: TimeZone) -> Progress:
    """The order bills the first period of what is charged in advance, or the trial before it, whether it has done so yet or
    not."""
    if charge.timing is Timing.arrears:
        return Progress(charge=charge_id, anchor=started, number=0, until=started)
    if first is None:
        end = charge.schedule(started, timezone).first(started).end
        return Progress(charge=charge_id, anchor=started, number=1, until=end)
    anchor = first.end if charge.trial_days else first.start
    return Progress(charge=charge_id, anchor=anchor, number=1, until=first.end)
