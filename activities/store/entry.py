"""What orders are frozen against, read in one go."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import JSON, Row, ScalarSelect, String, and_, bindparam, case, column, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from activities.store import legal_entities
from activities.store.database import Connection
from activities.store.policies import KIND
from activities.store.tables.access import idempotency_keys, settings
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


class Made(Value):
    """The order that an idempotency key made before."""

    order: str


class Asking(NamedTuple):
    """Services of the order `besides` do not count as live already; None is for a new one, which gets its id. `by` is the id of
    an API key, with the idempotency `key` that came with it."""

    customer: str
    besides: str | None = None
    by: str | None = None
    key: str | None = None


_ASKED = (
    func.unnest(*(bindparam(name, type_=ARRAY(String)) for name in Asking._fields))
    .table_valued(*(column(name, String) for name in Asking._fields), with_ordinality="place")
    .render_derived()
)
_CUSTOMER = customers.c.id


def _policies() -> ScalarSelect[Sequence[object]]:
    documents = func.json_agg(aggregate_order_by(settings.c.document, settings.c.id), type_=JSON)
    return select(documents).where(settings.c.kind == KIND).scalar_subquery()


def _active() -> ScalarSelect[Sequence[str]]:
    besides = func.coalesce(_ASKED.c.besides, "")
    live = (services.c.customer == _CUSTOMER, services.c.state == ServiceState.active, services.c.order_id != besides)
    return select(func.array_agg(services.c.product)).where(*live).scalar_subquery()


def _seller() -> ScalarSelect[object]:
    named = func.coalesce(customers.c.document["legal_entity"].astext, MAIN)
    return select(settings.c.document).where(settings.c.kind == legal_entities.KIND, settings.c.id == named).scalar_subquery()


def _shown() -> ScalarSelect[object]:
    """What the customer's test clock shows; null where it has none."""
    return select(test_clocks.c.now).where(test_clocks.c.id == customers.c.clock).scalar_subquery()


def _proof() -> ScalarSelect[object]:
    """An answer before the times that there was none."""
    vat_id = customers.c.document["tax", "vat_id"].astext
    answers = select(func.to_jsonb(literal_column(vat_proofs.name))).where(vat_proofs.c.vat_id == vat_id)
    silent = vat_proofs.c.result == VatCheck.unavailable
    return answers.select_from(vat_proofs).order_by(silent, vat_proofs.c.checked_at.desc()).limit(1).scalar_subquery()


_IS_NEW = and_(_ASKED.c.besides.is_(None), customers.c.id.is_not(None), idempotency_keys.c.order_id.is_(None))
_READ = (
    select(
        customers.c.document.label("customer"),
        _seller().label("seller"),
        _proof().label("proof"),
        _shown().label("shown"),
        func.coalesce(select(func.max(tax_rates.c.id)).scalar_subquery(), literal_column("0")).label("tax_revision"),
        select(erasures.c.customer).where(erasures.c.customer == _CUSTOMER).exists().label("is_erased"),
        _policies().label("policies"),
        _active().label("active_products"),
        func.coalesce(select(catalogue_revision.c.revision).scalar_subquery(), literal_column("0")).label("revision"),
        case((_IS_NEW, order_numbers.next_value())).label("number"),
        idempotency_keys.c.order_id.label("made"),
    )
    .select_from(_ASKED)
    .outerjoin(customers, customers.c.id == _ASKED.c.customer)
    .outerjoin(idempotency_keys, and_(idempotency_keys.c.principal == _ASKED.c.by, idempotency_keys.c.key == _ASKED.c.key))
    .order_by(_ASKED.c.place)
)


async def circumstances(connection: Connection, customer: str, besides_order: str | None) -> Circumstances:
    """Services of `besides_order` do not count as live already; None is for a new order, which gets its id. Raises NotFound for
    an unknown customer."""
    [found] = await read(connection, [Asking(customer, besides_order)])
    if not isinstance(found, Circumstances):
        raise NotFound("customer", customer)
    return found


async def read(connection: Connection, asked: Sequence[Asking]) -> list[Circumstances | Made | None]:
    """For each what it is frozen against, or the order that its key made before; None for an unknown customer. One query."""
    given = zip(Asking._fields, map(list, zip(*asked, strict=True)), strict=True)
    return [_found(row) for row in await connection.execute(_READ, dict(given))]


def _found(row: Row[Any]) -> Circumstances | Made | None:
    if row.made is not None:
        return Made(order=row.made)
    if row.customer is None:
        return None
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
        order_id=keys.order(row.number) if row.number is not None else None,
    )
