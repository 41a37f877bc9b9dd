"""What an order is frozen against, read in one go."""

from collections.abc import Sequence

from sqlalchemy import JSON, BindParameter, ScalarSelect, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from activities.store.database import Connection
from activities.store.policies import KIND
from activities.store.tables import catalogue_revision, customers, services, settings
from domain.approvals import ApprovalPolicy
from domain.customers import Customer
from domain.errors import NotFound
from domain.states import ServiceState
from domain.values import Value


class Circumstances(Value):
    """`active_products` are those the customer has a live service of."""

    customer: Customer
    policies: list[ApprovalPolicy]
    active_products: set[str]
    revision: int


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


async def circumstances(connection: Connection, customer: str, besides_order: str) -> Circumstances:
    """One query. Services of `besides_order` do not count as live already. Raises NotFound for an unknown customer."""
    row = (await connection.execute(_READ, {"customer": customer, "besides": besides_order})).one()
    if row.customer is None:
        raise NotFound("customer", customer)
    return Circumstances(
        customer=row.customer,
        policies=row.policies or [],
        active_products=set(row.active_products or ()),
        revision=row.revision,
    )
