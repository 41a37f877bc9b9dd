"""What an order is frozen against, read in one go."""

from collections.abc import Sequence

from sqlalchemy import JSON, BindParameter, ScalarSelect, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from activities.store import legal_entities
from activities.store.database import Connection
from activities.store.policies import KIND
from activities.store.tables.access import settings
from activities.store.tables.catalogue import catalogue_revision, tax_rates
from activities.store.tables.customers import customers, erasures
from activities.store.tables.invoices import vat_proofs
from activities.store.tables.life import test_clocks
from activities.store.tables.orders import order_numbers
from activities.store.tables.services import services
from domain import keys
from domain.approvals import ApprovalPolicy
from domain.billing.entities import DEFAULT, LegalEntity
from domain.billing.tax.parties import VatCheck, VatProof
from domain.customers import Customer
from domain.errors import NotFound
from domain.orders import MAIN
from domain.states import ServiceState
from domain.values import Instant, Value


class Circumstances(Value):
    """`active_products` are those the customer has a live service of; `order_id` is a new one, where it is asked for. `proof`
    is what a register last answered about the VAT id, and `tax_revision` that of the rates that were added; `shown` is what the
    customer's test clock shows, where it has one; `is_erased` says that the customer is erased, or has asked to be."""

    customer: Customer
    seller: LegalEntity
    proof: VatProof | None = None
    shown: Instant | None = None
    tax_revision: int
    is_erased: bool = False
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


_WHO = select(customers.c.document, customers.c.clock).where(customers.c.id == _CUSTOMER).cte("who")


def _seller() -> ScalarSelect[object]:
    named = select(func.coalesce(_WHO.c.document["legal_entity"].astext, MAIN)).scalar_subquery()
    return select(settings.c.document).where(settings.c.kind == legal_entities.KIND, settings.c.id == named).scalar_subquery()


def _shown() -> ScalarSelect[object]:
    """What the customer's test clock shows; null where it has none."""
    return select(test_clocks.c.now).where(test_clocks.c.id == _WHO.c.clock).scalar_subquery()


def _proof() -> ScalarSelect[object]:
    """An answer before the times that there was none."""
    vat_id = select(_WHO.c.document["tax", "vat_id"].astext).scalar_subquery()
    answers = select(func.to_jsonb(literal_column(vat_proofs.name))).where(vat_proofs.c.vat_id == vat_id)
    silent = vat_proofs.c.result == VatCheck.unavailable
    return answers.select_from(vat_proofs).order_by(silent, vat_proofs.c.checked_at.desc()).limit(1).scalar_subquery()


_READ = select(
    select(_WHO.c.document).scalar_subquery().label("customer"),
    _seller().label("seller"),
    _proof().label("proof"),
    _shown().label("shown"),
    func.coalesce(select(func.max(tax_rates.c.id)).scalar_subquery(), literal_column("0")).label("tax_revision"),
    select(erasures.c.customer).where(erasures.c.customer == _CUSTOMER).exists().label("is_erased"),
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
        seller=row.seller or DEFAULT,
        proof=row.proof,
        shown=row.shown,
        is_erased=row.is_erased,
        tax_revision=row.tax_revision,
        policies=row.policies or [],
        active_products=set(row.active_products or ()),
        revision=row.revision,
        order_id=keys.order(row.number) if besides_order is None else None,
    )
