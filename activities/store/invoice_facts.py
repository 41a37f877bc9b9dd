"""What invoices are issued by, read for a page of them in a few statements."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text, tuple_
from sqlalchemy.dialects.postgresql import distinct_on

from activities.store import legal_entities
from activities.store.database import Connection, among
from activities.store.tables.catalogue import catalogue_entries, coupon_redemptions
from activities.store.tables.invoices import invoices
from activities.store.tables.ledger import customer_balances, wallets
from domain.billing.coupons import Redemption
from domain.billing.credits import Wallet
from domain.billing.entities import LegalEntity
from domain.billing.funding import Purse
from domain.billing.gathering import Gathered
from domain.billing.lines import InvoiceLine
from domain.billing.tax.decisions import TaxDecision
from domain.billing.tax.parties import VatProof
from domain.billing.tax.supplies import Supply
from domain.customers import Customer
from domain.money import Money

_BUYERS = text("""
    SELECT customers.document, to_jsonb(proof) AS proof FROM customers
      LEFT JOIN LATERAL (SELECT * FROM vat_proofs WHERE vat_id = customers.document #>> '{tax,vat_id}'
                          ORDER BY result = 'unavailable', checked_at DESC LIMIT 1) proof ON true
     WHERE id = ANY(CAST(:customers AS varchar[]))
""")


@dataclass
class InvoiceFacts:
    """Buyers come with what a register last said of their VAT id, supplies by line, `original` how a line that gives back what
    another one had charged is taxed: as that one was (Directive 2006/112/EC, article 90). Purses by customer and currency, open
    redemptions by customer and key. Whoever issues an invoice puts what it leaves of the last two back."""

    sellers: dict[str, LegalEntity]
    buyers: dict[str, tuple[Customer, VatProof | None]]
    supplies: dict[str, Supply]
    original: dict[str, TaxDecision]
    purses: dict[tuple[str, str], Purse]
    redemptions: dict[str, dict[str, Redemption]]


async def read(connection: Connection, drafts: Sequence[Gathered]) -> InvoiceFacts:
    """Balances, wallets and redemptions are locked until the transaction ends: in this order, each by customer."""
    owners = {(draft.group.customer, draft.group.currency) for draft in drafts}
    customers = sorted({customer for customer, _ in owners})
    lines = [line for draft in drafts for line in draft.lines]
    return InvoiceFacts(
        sellers={seller.id: seller for seller in await legal_entities.every(connection)},
        buyers=await _buyers(connection, customers),
        supplies=await _supplies(connection, lines),
        original=await _original(connection, lines),
        purses=await _purses(connection, sorted(owners)),
        redemptions=await _redemptions(connection, customers),
    )


async def _buyers(connection: Connection, customers: list[str]) -> dict[str, tuple[Customer, VatProof | None]]:
    rows = (await connection.execute(_BUYERS, {"customers": customers})).all()
    found = [(Customer.model_validate(document), proof and VatProof.model_validate(proof)) for document, proof in rows]
    return {customer.id: (customer, proof) for customer, proof in found}


async def _purses(connection: Connection, owners: list[tuple[str, str]]) -> dict[tuple[str, str], Purse]:
    """A customer without a balance or wallet has none to take from, and nobody waits for it."""
    credit, documents = customer_balances.c.credit, wallets.c.document
    found = []
    for table, column in ((customer_balances, credit), (wallets, documents)):
        place = (table.c.customer, table.c.currency)
        query = select(*place, column).where(tuple_(*place).in_(owners)).order_by(*place)
        rows = (await connection.execute(query.with_for_update())).all()
        found.append({(row[0], row[1]): row[2] for row in rows})
    balances, kept = found
    return {
        owner: Purse(
            balance=Money(minor=balances.get(owner, 0), currency=owner[1]),
            wallet=Wallet.model_validate(kept.get(owner) or {"customer": owner[0], "currency": owner[1]}),
        )
        for owner in owners
    }


async def _redemptions(connection: Connection, customers: list[str]) -> dict[str, dict[str, Redemption]]:
    """The open ones by key, in the order they were redeemed."""
    query = (
        select(coupon_redemptions.c.customer, coupon_redemptions.c.document)
        .where(among(coupon_redemptions.c.customer, customers), coupon_redemptions.c.open)
        .order_by(coupon_redemptions.c.customer, coupon_redemptions.c.redeemed_at, coupon_redemptions.c.key)
    )
    found: defaultdict[str, dict[str, Redemption]] = defaultdict(dict)
    for customer, document in (await connection.execute(query.with_for_update())).all():
        redemption = Redemption.model_validate(document)
        found[customer][redemption.key] = redemption
    return found


async def _original(connection: Connection, lines: Sequence[InvoiceLine]) -> dict[str, TaxDecision]:
    """By the line that gives back. What an invoice of the first release charged has none."""
    back = {line.id: line.gives_back for line in lines if line.gives_back is not None}
    if not back:
        return {}
    query = select(invoices.c.id, invoices.c.evidence["decisions"]).where(
        among(invoices.c.id, {on.invoice for on in back.values()})
    )
    known = {row[0]: row[1] or {} for row in (await connection.execute(query)).all()}
    found = {line: known.get(on.invoice, {}).get(on.line) for line, on in back.items()}
    return {line: TaxDecision.model_validate(decision) for line, decision in found.items() if decision}


async def _supplies(connection: Connection, lines: Sequence[InvoiceLine]) -> dict[str, Supply]:
    """By line. One whose product the catalogue does not have is left out."""
    plans = await _latest(connection, "plan", {line.plan for line in lines if line.plan and not line.product})
    products: dict[str, str] = {line.id: line.product or plans.get(line.plan or "", {}).get("product", "") for line in lines}
    known = await _latest(connection, "product", set(products.values()))
    supplies = {product: Supply.model_validate(document.get("supply") or {}) for product, document in known.items()}
    return {line: supplies[product] for line, product in products.items() if product in supplies}


async def _latest(connection: Connection, kind: str, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    wanted = sorted(ids)
    if not wanted:
        return {}
    query = (
        select(catalogue_entries.c.id, catalogue_entries.c.document)
        .ext(distinct_on(catalogue_entries.c.id))
        .where(catalogue_entries.c.kind == kind, among(catalogue_entries.c.id, wanted))
        .order_by(catalogue_entries.c.id, catalogue_entries.c.version.desc())
    )
    return {row.id: row.document for row in (await connection.execute(query)).all()}
