"""What an order is frozen against, read in one go."""

from collections.abc import Sequence

from sqlalchemy import JSON, BindParameter, ScalarSelect, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from activities.store.database import Connection
from activities.store.policies import KIND
from activities.store.tables import catalogue_revision, customers, order_numbers, services, settings
from domain import keys
from domain.approvals import ApprovalPolicy
from domain.customers import Customer
from domain.errors import NotFound
from domain.states import ServiceState
from domain.values import Value


class Circumstances(Value):
    """`active_products` are those the customer has a live service of; `order_id` is a new one, where it is asked for."""

    customer: Customer
    policies: list[ApprovalPolicy]
    active_products: set[str]
    revision: int
    order_id: str | None = None


_CUSTOMER: BindParameter[str] = bindparam("customer")
_BESIDES: BindParameter[str] = bindparam("besides")


def _policies() -> ScalarSelect[Sequence[object]]:
    documents = func.json_agg(aggregate_order_by(settings.c.document, settings.c.id), type_=JSON)
    return select(documents).where(settings.c.kind == KIND).scalar_subquery()


def _active() -> ScalarSelect[Sequence[str]]:
    live = (services.c.customer == _CUSTOMER, services.c.state == ServiceState.active, services.c.order_id != _BESIDES)
    return select(func.array_agg(services.c.product)).where(*live).scalar_subquery()


_READ = select(
    select(customers.c.document).where(customers.c.id == _CUSTOMER).scalar_subquery().label("customer"),
    _policies().label("policies"),
    _active().label("active_products"),
    func.coalesce(select(catalogue_revision.c.revision).scalar_subquery(), literal_column("0")).label("revision"),
)


_READ_FOR_NEW = _READ.add_columns(order_numbers.next_value().label("number"))


async def circumstances(connection: Connection, customer: str, besides_order: str | None) -> Circumstances:
    """One query. Services of `besides_order` do not count as live already; None is for a new order, which gets its id. Raises
    NotFound for an unknown customer."""
    query = _READ if besides_order is not None else _READ_FOR_NEW
    row = (await connection.execute(query, {"customer": customer, "besides": besides_order or ""})).one()
    if row.customer is None:
        raise NotFound("customer", customer)
    return Circumstances(
        customer=row.customer,
        policies=row.policies or [],
        active_products=set(row.active_products or ()),
        revision=row.revision,
        order_id=keys.order(row.number) if besides_order is None else None,
    )
