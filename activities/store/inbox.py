"""Partners' callbacks as they came: each message once, until its order's workflow has it."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from activities.store import dispatches, exports
from activities.store.database import Connection
from activities.store.dispatches import Dispatch, Kind
from activities.store.tables.orders import inbox, order_items
from domain.errors import NotFound
from domain.provisioning import CallbackAbout, PartnerCallback


async def receive(
    connection: Connection, partner: str, message_id: str, order: str, item: str, callback: PartnerCallback, now: datetime
) -> bool:
    """Keep a callback and ask for its delivery, or have the export that it is about looked at; False where this message came
    before. NotFound for an unknown reference."""
    known = select(order_items.c.item).where(order_items.c.order_id == order, order_items.c.item == item)
    if (await connection.execute(known)).first() is None:
        raise NotFound("reference", callback.reference)
    body = callback.model_dump(mode="json")
    row = {"partner": partner, "message_id": message_id, "order_id": order, "item": item, "body": body, "received_at": now}
    kept = insert(inbox).values(row).on_conflict_do_nothing().returning(inbox.c.message_id)
    if (await connection.execute(kept)).first() is None:
        return False
    if callback.about is CallbackAbout.export:
        await exports.hear(connection, order, item)
        await settle(connection, partner, message_id, "its export is looked at")
        return True
    payload = {"partner": partner, "message_id": message_id, "callback": body}
    key = f"callback:{partner}:{message_id}"
    await dispatches.request(connection, [Dispatch(key=key, kind=Kind.callback, subject=order, payload=payload, due_at=now)])
    return True


async def settle(connection: Connection, partner: str, message_id: str, outcome: str) -> None:
    """Note what became of a message."""
    await connection.execute(
        update(inbox).where(inbox.c.partner == partner, inbox.c.message_id == message_id).values(outcome=outcome[:500])
    )
