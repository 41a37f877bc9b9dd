"""The case of each invoice that is not paid. Whoever changes one holds its invoice."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from activities.store import due_rows, dunning_openings, dunning_policies, legal_entities, messages
from activities.store.database import Connection, among
from activities.store.due_rows import DueRow, Kind
from activities.store.tables.messages import dunning_cases
from activities.store.tables.services import subscriptions as table
from domain.billing.invoice_states import OPEN, SETTLED, InvoiceState
from domain.billing.invoices import Invoice
from domain.billing.zones import zone_of
from domain.dunning import CaseState, DunningCase, DunningPolicy, first_day
from domain.messages import MessageFacts, MessageKind
from domain.payments import Outcome
from domain.states import SubscriptionState

_GET = select(dunning_cases.c.document).where(dunning_cases.c.invoice == bindparam("invoice"))


async def get(connection: Connection, invoice: str) -> DunningCase | None:
    document = (await connection.execute(_GET, {"invoice": invoice})).scalar()
    return None if document is None else DunningCase.model_validate(document)


async def save(connection: Connection, case: DunningCase, zone: ZoneInfo) -> None:
    """With its next step as the one row of it that is due; none where nothing lies ahead. The row of a step that is done is
    removed by whoever does it."""
    row = {"customer": case.customer, "state": case.state, "document": case.model_dump(mode="json")}
    made = insert(dunning_cases).values(invoice=case.invoice, **row)
    await connection.execute(made.on_conflict_do_update(index_elements=["invoice"], set_=row))
    step = case.next_step
    if step is None:
        await due_rows.remove(connection, [_key(case)])
        return
    due = DueRow(
        key=_key(case),
        kind=Kind.dunning,
        subject=case.subscription,
        customer=case.customer,
        due_at=case.due_at(step, zone),
        payload={"invoice": case.invoice},
    )
    await due_rows.put(connection, [due])


async def open_for(connection: Connection, invoice: Invoice, now: datetime) -> DunningCase | None:
    """The case of an invoice that was not paid, opened where it is not; None where it is for no subscription that goes on, or
    is due a trifle. The caller holds the invoice."""
    before = await get(connection, invoice.id)
    if before is not None and before.state is not CaseState.settled:
        return before
    served = await serving(connection, invoice)
    if not served:
        return None
    seller = await legal_entities.get(connection, invoice.legal_entity)
    policy, version = await _policy(connection, invoice)
    if policy.is_trifle(invoice.amount_due, invoice.gross):
        return None
    case = DunningCase(
        invoice=invoice.id,
        customer=invoice.customer,
        subscription=served[0],
        policy=policy,
        policy_version=version,
        anchor=first_day(invoice.due_date, seller.today(now)),
        opened_at=now,
        opening=1 if before is None else before.opening + 1,
        attempts_left=policy.attempts,
    )
    await save(connection, case, zone_of(seller.gathering.timezone))
    await dunning_openings.opened(connection, case, invoice)
    return case


async def declined(connection: Connection, invoice: Invoice, method: str, outcome: Outcome, now: datetime) -> None:
    """A payment of the invoice was declined: its case is opened, and the customer told once. A method that was declined for
    good is not charged again by itself. The caller holds the invoice."""
    if outcome not in {Outcome.declined_soft, Outcome.declined_hard} or invoice.state not in OPEN:
        return
    case = await open_for(connection, invoice, now)
    if case is None:
        return
    if outcome is Outcome.declined_hard and method not in case.refusing:
        case = case.model_copy(update={"refusing": (*case.refusing, method)})
        await save(connection, case, await zone(connection, invoice))
    key = f"{invoice.id}:declined:{case.opening}"
    await messages.tell(connection, key, invoice.customer, MessageKind.payment_declined, facts_of(invoice, case), now)


async def settle(connection: Connection, invoice: Invoice, now: datetime) -> None:
    """Close the case of an invoice that is due nothing any more, or a trifle, or was given up. Again changes nothing."""
    case = await get(connection, invoice.id)
    if case is None or case.state is CaseState.settled or (invoice.state in OPEN and not _is_left(case, invoice)):
        return
    paid = invoice.state is not InvoiceState.uncollectible
    await due_rows.remove(connection, [_key(case)])
    state = CaseState.settled if paid else CaseState.stopped
    closed = case.model_copy(update={"state": state, "waits_for": ""})
    await close(connection, closed, invoice, now)


def _is_left(case: DunningCase, invoice: Invoice) -> bool:
    return case.state is not CaseState.stopped and case.policy.is_trifle(invoice.amount_due, invoice.gross)


async def is_owed(connection: Connection, invoice: Invoice) -> bool:
    """Whether it is due more than a trifle, by the policy that its case goes by, or would."""
    if invoice.state in SETTLED:
        return False
    case = await get(connection, invoice.id)
    policy = case.policy if case is not None else (await _policy(connection, invoice))[0]
    return not policy.is_trifle(invoice.amount_due, invoice.gross)


async def _policy(connection: Connection, invoice: Invoice) -> tuple[DunningPolicy, int]:
    return await dunning_policies.for_plans(connection, {line.plan for line in invoice.lines if line.plan})


async def close(connection: Connection, case: DunningCase, invoice: Invoice, now: datetime) -> None:
    """Save a case that is not open any more, and how it came out."""
    await save(connection, case, await zone(connection, invoice))
    await dunning_openings.closed(connection, case, invoice, now)


async def serving(connection: Connection, invoice: Invoice) -> list[str]:
    """The subscriptions it is for that have not ended, in order of id."""
    named = {line.subscription for line in invoice.lines if line.subscription}
    gone = (SubscriptionState.pending, SubscriptionState.ended)
    query = select(table.c.id).where(among(table.c.id, named), table.c.state.not_in(gone)).order_by(table.c.id)
    return list((await connection.execute(query)).scalars())


async def zone(connection: Connection, invoice: Invoice) -> ZoneInfo:
    return zone_of((await legal_entities.get(connection, invoice.legal_entity)).gathering.timezone)


def facts_of(invoice: Invoice, case: DunningCase, plan: str | None = None) -> MessageFacts:
    plans = {line.description.partition(":")[0] for line in invoice.lines if line.subscription == case.subscription}
    return MessageFacts(
        plan=plan or ", ".join(sorted(plans)),
        invoice=invoice.number or "",
        amount=invoice.amount_due,
        due=invoice.due_date,
        on=case.suspends_on(),
    )


def _key(case: DunningCase) -> str:
    return f"dunning:{case.invoice}:{case.done}"
