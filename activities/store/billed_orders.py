"""What the invoice of an order is made from, read in one go."""

from typing import Any

from sqlalchemy import bindparam, exists, func, literal_column, select
from sqlalchemy.sql.selectable import Select

from activities.store import legal_entities
from activities.store.database import Connection
from activities.store.tables.access import settings
from activities.store.tables.customers import customers
from activities.store.tables.invoices import invoices, vat_proofs
from activities.store.tables.life import test_clocks
from activities.store.tables.orders import orders
from activities.store.tables.payments import payment_attempts
from domain import keys
from domain.billing.entities import DEFAULT, LegalEntity
from domain.billing.tax.parties import VatCheck, VatProof
from domain.customers import Customer
from domain.errors import Conflict, NotFound
from domain.orders import Order
from domain.values import Instant, Value


class BilledOrder(Value):
    """The order as it was frozen, who sells it to whom as they are now, and what a register had said about the buyer's VAT id
    when it was accepted. `shown` is what the buyer's test clock shows, where it has one; `gateway` holds the money of its
    payment, where that is known."""

    order: Order
    seller: LegalEntity
    buyer: Customer
    proof: VatProof | None
    shown: Instant | None = None
    gateway: str | None = None


def _query() -> Select[Any]:
    """An answer of a register before the times that there was none."""
    proof = (
        select(func.to_jsonb(literal_column(vat_proofs.name)))
        .select_from(vat_proofs)
        .where(
            vat_proofs.c.vat_id == customers.c.document["tax", "vat_id"].astext, vat_proofs.c.checked_at <= orders.c.placed_at
        )
        .order_by(vat_proofs.c.result == VatCheck.unavailable, vat_proofs.c.checked_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    seller = (settings.c.kind == legal_entities.KIND) & (settings.c.id == orders.c.document["legal_entity"].astext)
    return (
        select(
            orders.c.document.label("order"),
            settings.c.document.label("seller"),
            customers.c.document.label("buyer"),
            proof.label("proof"),
            select(test_clocks.c.now).where(test_clocks.c.id == customers.c.clock).scalar_subquery().label("shown"),
            select(payment_attempts.c.gateway)
            .where(payment_attempts.c.key == bindparam("payment"))
            .scalar_subquery()
            .label("gateway"),
            exists().where(invoices.c.id == bindparam("invoice")).label("billed"),
        )
        .join(customers, customers.c.id == orders.c.customer)
        .outerjoin(settings, seller)
        .where(orders.c.id == bindparam("order"))
    )


_QUERY = _query()


async def get(connection: Connection, order: str, payment: str | None) -> BilledOrder | None:
    """None where it is billed already. Raises NotFound, and Conflict for a draft."""
    asked = {"order": order, "invoice": keys.invoice(order), "payment": payment}
    row = (await connection.execute(_QUERY, asked)).first()
    if row is None:
        raise NotFound("order", order)
    if row.billed:
        return None
    if isinstance(row.order["customer"], str):
        raise Conflict(f"order {order} is a draft, and nothing of a draft is billed")
    return BilledOrder(
        order=row.order,
        seller=row.seller or DEFAULT,
        buyer=row.buyer,
        proof=row.proof,
        shown=row.shown,
        gateway=row.gateway,
    )
