"""What an order depends on, as it stands: read in one statement, since every order asks twice."""

from datetime import datetime

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import String

from activities.store import capacity
from activities.store.database import Connection
from activities.store.upstreams import FAILURES, STALE
from domain.checks import Surroundings, adapters, wanted
from domain.customers import Customer
from domain.errors import NotFound
from domain.orders import Order
from domain.states import ServiceState

_LOOK = text("""
    WITH live AS (
        SELECT DISTINCT product FROM services WHERE customer = :customer AND state = :active AND order_id <> :order
    ),
    current AS (
        SELECT DISTINCT ON (id) id, document FROM catalogue_entries
         WHERE kind = 'product' AND (id = ANY(:wanted) OR id IN (SELECT product FROM live)) ORDER BY id, version DESC
    )
    SELECT (SELECT document FROM customers WHERE id = :customer) AS customer,
           ARRAY(SELECT product FROM live) AS live,
           ARRAY(SELECT id FROM current WHERE id = ANY(:wanted) AND document -> 'capacity' <> 'null') AS limited,
           ARRAY(SELECT name FROM upstreams
                  WHERE name = ANY(:adapters) AND failures >= :failures AND checked_at > :fresh) AS down,
           (SELECT jsonb_object_agg(excluded, id) FROM current, jsonb_array_elements_text(document -> 'excludes') excluded
             WHERE id IN (SELECT product FROM live)) AS excluders
""").bindparams(bindparam("wanted", type_=ARRAY(String)), bindparam("adapters", type_=ARRAY(String)))


async def look(connection: Connection, order: Order, now: datetime) -> Surroundings:
    """The surroundings of `order` at `now`, by the current catalogue. What is free of a limited product stays so until the
    transaction ends: its lock is held. Raises NotFound for the customer."""
    around, limited = await _read(connection, order, now)
    return around.model_copy(update={"free": await capacity.free(connection, order.id, limited)}) if limited else around


async def unlimited(connection: Connection, order: Order, now: datetime) -> Surroundings | None:
    """As `look`, in one statement; None where the order is for a product that is limited."""
    around, limited = await _read(connection, order, now)
    return None if limited else around


async def _read(connection: Connection, order: Order, now: datetime) -> tuple[Surroundings, list[str]]:
    """With what is limited of what the order is for, of which it is not said what is free."""
    units = wanted(order.items)
    given = {"order": order.id, "customer": order.customer.id, "wanted": sorted(units), "active": ServiceState.active}
    upstreams = {"adapters": sorted(adapters(order.items)), "failures": FAILURES, "fresh": now - STALE}
    row = (await connection.execute(_LOOK, {**given, **upstreams})).one()
    if row.customer is None:
        raise NotFound("customer", order.customer.id)
    around = Surroundings(
        customer=Customer.model_validate(row.customer),
        active_products=set(row.live),
        free={},
        down=set(row.down),
        excluders=row.excluders or {},
    )
    return around, row.limited
