"""What gateways tell, as it came: each message once, with what Temporal is to be told of it."""

from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from activities.store import attempts, dispatches, late_payments, payment_methods
from activities.store.database import Connection
from activities.store.dispatches import Dispatch, Kind
from activities.store.tables.payments import gateway_inbox
from domain.gateway_events import ABOUT_METHODS, GatewayEvent, GatewayEventKind


async def receive(connection: Connection, gateway: str, event: GatewayEvent, now: datetime) -> bool:
    """Keep a message and what follows from it; False where it came before. What it is about need not be known yet."""
    body = event.model_dump(mode="json")
    row = {"gateway": gateway, "event_id": event.id, "kind": event.kind, "body": body, "received_at": now}
    kept = insert(gateway_inbox).values(row).on_conflict_do_nothing().returning(gateway_inbox.c.event_id)
    if (await connection.execute(kept)).first() is None:
        return False
    if event.kind in ABOUT_METHODS:
        await payment_methods.apply_update(connection, gateway, event, now)
    else:
        await dispatches.request(connection, [_told(gateway, await _by_our_key(connection, gateway, event), now)])
    if event.kind is GatewayEventKind.payment_changed and event.payment is not None:
        await late_payments.told(connection, event.payment, now)
    return True


async def of_dispute(connection: Connection, gateway: str, dispute: str) -> list[GatewayEvent]:
    """What was told of it, as it came in."""
    query = select(gateway_inbox.c.body).where(
        gateway_inbox.c.gateway == gateway,
        text("kind LIKE 'dispute%'"),
        gateway_inbox.c.body["dispute"].astext == dispute,
    )
    rows = (await connection.execute(query.order_by(gateway_inbox.c.received_at))).scalars()
    return [GatewayEvent.model_validate(row) for row in rows]


async def _by_our_key(connection: Connection, gateway: str, event: GatewayEvent) -> GatewayEvent:
    """What names its payment only as the gateway does goes on under our key, where that is known by now."""
    if event.payment is not None or event.reference is None:
        return event
    return event.model_copy(update={"payment": await attempts.key_of(connection, gateway, event.reference)})


def _told(gateway: str, event: GatewayEvent, now: datetime) -> Dispatch:
    payload = {"gateway": gateway, "event": event.model_dump(mode="json")}
    subject = event.dispute or event.refund or event.payment or event.id
    return Dispatch(key=f"gateway:{gateway}:{event.id}", kind=Kind.gateway_event, subject=subject, payload=payload, due_at=now)
