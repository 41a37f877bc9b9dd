"""What the systems that built a service are asked when it is closed, opened again or taken down, and tried again until done."""

from datetime import UTC, datetime, timedelta

from activities.store import clocks, due_rows, life_fallout, orders
from activities.store.database import Connection
from activities.store.due_rows import DueRow
from activities.store.life_fallout import Stuck
from activities.store.order_facts import ENTITLEMENTS
from activities.store.services import Service
from domain.catalogue import Plan
from domain.orders import OrderItem
from domain.plans import Step
from domain.provisioning import ProvisionRequest, Verb
from domain.subscriptions.facts import Subscription

LATER = timedelta(hours=1)
"""How long it rests once a system has not done it in spite of all tries."""
SINCE, TRIES = "since", "tries"
"""What a due row keeps of how long it has failed, and how often."""


class Asked(ProvisionRequest):
    """One call to the system that built a part of the service."""

    adapter: str


async def asked(connection: Connection, service: Service, verb: Verb, key: str) -> list[Asked]:
    """One call to each system that built a part of it, the last one first. `key` says what it is asked for, and why."""
    order = (await orders.get(connection, service.order_id)).order
    item = None if order is None else order.item(service.item)
    if item is None:
        return []
    return [
        Asked(
            adapter=adapter,
            verb=verb,
            key=f"{key}:{adapter}",
            reference=service.id,
            customer=service.customer,
            product=service.product,
            plan=service.plan,
            quantity=service.quantity,
            characteristics=item.characteristics,
            remote_id=service.remote_id,
        )
        for adapter in reversed(builders(item.plan))
    ]


def request(subscription: Subscription, item: OrderItem, verb: Verb, key: str) -> ProvisionRequest:
    """What a system that built a part of the service is asked, of the service as it is."""
    return ProvisionRequest(
        verb=verb,
        key=key,
        reference=subscription.service,
        customer=subscription.customer,
        product=subscription.product,
        plan=subscription.plan,
        quantity=subscription.quantity,
        characteristics=item.characteristics,
        remote_id=subscription.remote_id,
    )


def builders(plan: Plan) -> list[str]:
    """The systems that build a part of a service, each once, the first first."""
    return list(dict.fromkeys(step.adapter for step in plan.steps if step.adapter is not None and _builds(step)))


def _builds(step: Step) -> bool:
    """Our own entitlements are closed and revoked in transactions of our own."""
    return step.adapter not in {None, ENTITLEMENTS} and step.verb in {Verb.create, Verb.activate}


async def try_again(connection: Connection, row: DueRow, stuck: Stuck, patience: timedelta) -> str:
    """It could not be done, and is due again in an hour, for ever; an operator sees why once it has failed for as long as
    `patience`, by its customer's time. When, in words."""
    now = await clocks.business_now(connection, row.customer)
    since, tries = row.payload.get(SINCE, now.isoformat()), int(row.payload.get(TRIES, "0")) + 1
    payload = row.payload | {SINCE: since, TRIES: str(tries)}
    await due_rows.put(connection, [row.model_copy(update={"due_at": now + LATER, "payload": payload})])
    await due_rows.failed(connection, row.key, stuck.trouble)
    if now - datetime.fromisoformat(since) >= patience or await life_fallout.opened(connection, row.key):
        shown = stuck.model_copy(update={"attempts": tries})
        await life_fallout.open_for(connection, row.subject, row.key, shown, datetime.now(UTC))
    return f"{stuck.trouble}; it is tried again at {now + LATER:%Y-%m-%d %H:%M} UTC"


def afresh(row: DueRow, due_at: datetime) -> DueRow:
    """As due then, with nothing held against it of what failed before."""
    payload = {name: value for name, value in row.payload.items() if name not in {SINCE, TRIES}}
    return row.model_copy(update={"due_at": due_at, "payload": payload})
