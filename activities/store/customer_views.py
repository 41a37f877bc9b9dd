"""What one customer's page shows that no other page does: what is owed, what may be used and why not, and open orders."""

from sqlalchemy import select, text

from activities.store.database import Connection
from activities.store.entitlements import Entitlement
from activities.store.tables.customers import customers
from activities.store.tables.services import access_blocks, entitlements, services
from domain.money import Money
from domain.values import Value


class Owed(Value):
    """What open invoices of one currency are due; `overdue` is the part that is past its due date."""

    due: Money
    overdue: Money
    invoices: int


class Blocked(Value):
    """Why a service is not to be used, and the subscription, dispute, refund or payment that it came from."""

    service: str
    reason: str
    source: str


_OWED = text("""
    SELECT currency, sum(amount_due) AS due, count(*) AS invoices,
           COALESCE(sum(amount_due) FILTER (WHERE state = 'overdue'), 0) AS overdue
      FROM invoices WHERE customer = :customer AND state IN ('finalized', 'partially_paid', 'overdue') AND amount_due > 0
     GROUP BY currency ORDER BY currency
""")


async def owed(connection: Connection, customer: str) -> list[Owed]:
    """One of each currency in which something is due."""
    rows = await connection.execute(_OWED, {"customer": customer})
    return [
        Owed(
            due=Money(minor=int(row.due), currency=row.currency),
            overdue=Money(minor=int(row.overdue), currency=row.currency),
            invoices=row.invoices,
        )
        for row in rows
    ]


async def entitled(connection: Connection, customer: str, limit: int) -> list[Entitlement]:
    """What services grant it or have granted: what holds first, then the newest."""
    query = select(entitlements).where(entitlements.c.customer == customer)
    ordered = query.order_by(entitlements.c.revoked_at.is_not(None), entitlements.c.granted_at.desc(), entitlements.c.feature)
    return [Entitlement.model_validate(dict(row)) for row in (await connection.execute(ordered.limit(limit))).mappings()]


async def blocked(connection: Connection, customer: str) -> list[Blocked]:
    """What blocks its services now, the first reason first."""
    query = (
        select(access_blocks)
        .join(services, services.c.id == access_blocks.c.service)
        .where(services.c.customer == customer, access_blocks.c.lifted_at.is_(None))
        .order_by(access_blocks.c.opened_at, access_blocks.c.reason)
    )
    return [Blocked.model_validate(dict(row)) for row in (await connection.execute(query)).mappings()]


async def from_id(connection: Connection, begins: str, limit: int) -> list[tuple[str, str, str | None]]:
    """(id, name, test clock) in order of id, `begins` itself or those after it."""
    query = select(customers.c.id, customers.c.document["name"].astext, customers.c.clock).where(customers.c.id >= begins)
    return [(row[0], row[1], row[2]) for row in (await connection.execute(query.order_by(customers.c.id).limit(limit))).all()]
