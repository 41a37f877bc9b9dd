"""Commands to an invoice: each opens it, is carried out once and closes it, whatever happens to workers and callers."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError
from temporalio.worker import Replayer, Worker

from activities.adapters.tax.engines import TaxEngines
from activities.contracts import queues
from activities.contracts.invoices import Asked
from activities.runtime.failures import FailureTranslation
from activities.runtime.invoices import StoredInvoices
from activities.runtime.processes import Processes
from activities.runtime.subscriptions import StoredSubscriptions
from activities.runtime.temporal import DATA_CONVERTER
from activities.store import balances, billables, credit_notes, invoice_events, invoices, ledger
from activities.store.billables import Debtor
from activities.store.invoicing import gather_debtor
from domain.billing.corrections import CreditCommand
from domain.billing.credit_notes import CreditNote
from domain.billing.gathering import Billable
from domain.billing.invoice_states import InvoiceState
from domain.billing.invoices import Invoice
from domain.billing.postings import invoice_finalized
from domain.errors import BadInput, Conflict, Unavailable
from domain.roles import Role
from tests.domain.billing.invoice_samples import EVIDENCE, invoice_of, issue
from tests.domain.billing.line_samples import line
from tests.domain.samples import eur
from tests.workflows.plans import build
from tests.world import World
from workers.worker import sandbox_runner
from workflows.invoice import InvoiceWorkflow
from workflows.subscription import SubscriptionWorkflow

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
VOID = {"by": "fay", "reason": "sent to the wrong customer"}
CREDIT = {"by": "fay", "reason": "goodwill", "amount": {"minor": 1000, "currency": "EUR"}}


async def issued(world: World) -> Invoice:
    """An open invoice of 119.00."""
    number = next(world.numbers)
    ready = invoice_of([line(10000, subscription=f"S-{number}")], number)
    ready = ready.model_copy(update={"customer": await world.customer(), "legal_entity": "main"})
    open_ = issue(ready, number=number)
    async with world.database.transaction() as connection:
        await invoices.issue(connection, open_, EVIDENCE, NOW)
        await ledger.post(connection, [invoice_finalized(open_, NOW)])
    return open_


async def ask(world: World, invoice: str, update: str, argument: Any, key: str = "k") -> Any:
    return await Processes(world.temporal.client).correct(invoice, update, argument, f"{update}:{key}")


async def state(world: World, invoice: Invoice) -> InvoiceState:
    async with world.database.transaction() as connection:
        return (await invoices.get(connection, invoice.id)).invoice.state


async def notes(world: World, invoice: Invoice) -> list[str]:
    async with world.database.transaction() as connection:
        return [each.id for each in await credit_notes.of_invoice(connection, invoice.id)]


class Forgetful(StoredInvoices):
    """Its first answer is lost after the fact, as when the connection breaks once PostgreSQL has committed."""

    answers = 0

    @activity.defn(name="invoice_credit")
    async def credit(self, asked: Asked[CreditCommand]) -> CreditNote:
        note = await super().credit(asked)
        self.answers += 1
        if self.answers == 1:
            raise Unavailable("PostgreSQL broke off")
        return note


def worker(world: World, queue: str, does: StoredInvoices) -> Worker:
    """Takes over services too: those of other tests that go live meanwhile are sent to the queue that is replaced."""
    return Worker(
        world.temporal.client,
        task_queue=queue,
        workflows=[InvoiceWorkflow, SubscriptionWorkflow],
        activities=[
            does.finalize,
            does.void,
            does.write_off,
            does.reschedule,
            does.credit,
            StoredSubscriptions(world.database).activate,
        ],
        workflow_runner=sandbox_runner(),
        interceptors=[FailureTranslation()],
    )


async def test_a_command_is_carried_out_and_the_process_closes(world: World) -> None:
    invoice = await issued(world)

    assert await ask(world, invoice.id, "void", VOID) == f"invoice {invoice.number} is voided"

    handle = world.temporal.client.get_workflow_handle(f"invoice-{invoice.id}")
    await handle.result()
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED
    assert await state(world, invoice) is InvoiceState.voided


async def test_what_happened_replays(world: World) -> None:
    invoice = await issued(world)
    await asyncio.gather(*(ask(world, invoice.id, "credit", CREDIT, f"{number}") for number in range(2)))
    await ask(world, invoice.id, "write_off", VOID)
    history = await world.temporal.client.get_workflow_handle(f"invoice-{invoice.id}").fetch_history()

    replayer = Replayer(workflows=[InvoiceWorkflow], data_converter=DATA_CONVERTER, workflow_runner=sandbox_runner())
    await replayer.replay_workflow(history)


async def test_one_key_makes_one_credit_note_at_once_and_later(world: World) -> None:
    invoice = await issued(world)
    keyed = CREDIT | {"key": "k-1"}
    at_once = await asyncio.gather(*(ask(world, invoice.id, "credit", keyed, f"{number}") for number in (1, 1, 2)))
    later = await ask(world, invoice.id, "credit", keyed)

    assert {note["id"] for note in (*at_once, later)} == {f"{invoice.id}:credit:1"}
    assert await notes(world, invoice) == [f"{invoice.id}:credit:1"]


async def test_without_a_key_each_update_is_a_credit_note_of_its_own(world: World) -> None:
    invoice = await issued(world)
    made = await asyncio.gather(*(ask(world, invoice.id, "credit", CREDIT, f"{number}") for number in range(5)))

    # 5 × 10.00 and 19 %
    assert sorted(note["id"] for note in made) == [f"{invoice.id}:credit:{number}" for number in range(1, 6)]
    assert sum(note["taxed"]["gross"]["minor"] for note in made) == 5950


async def test_a_malformed_command_is_refused_in_one_line_and_changes_nothing(world: World) -> None:
    invoice = await issued(world)
    wrong: list[tuple[str, Any, str]] = [
        ("void", {"by": "fay"}, "reason"),
        ("write_off", {"by": "fay", "reason": ""}, "reason"),
        ("reschedule", {"by": "fay", "issue_date": "soon"}, "issue_date"),
        ("finalize", {}, "by"),
        ("credit", {"by": "fay", "reason": "because"}, "reason"),
    ]
    for update, argument, field in wrong:
        with pytest.raises(BadInput) as refused:
            await ask(world, invoice.id, update, argument)
        assert refused.value.field == field
        assert "Example: {" in refused.value.message
        assert "\n" not in refused.value.message
    assert await state(world, invoice) is InvoiceState.finalized


async def test_a_command_is_read_as_people_type_it(world: World) -> None:
    invoice = await issued(world)

    await ask(world, invoice.id, "write_off", '{"By": "fay", "REASON": "bankrupt"}')

    async with world.database.transaction() as connection:
        [event] = await invoice_events.of_invoice(connection, invoice.id)
    assert (event.type, event.actor, event.summary) == ("written_off", "fay", "bankrupt")


async def test_what_the_invoice_does_not_allow_is_refused_with_the_reason(world: World) -> None:
    invoice = await issued(world)
    await ask(world, invoice.id, "void", VOID)

    with pytest.raises(Conflict, match="so there is nothing to credit"):
        await ask(world, invoice.id, "credit", CREDIT)
    with pytest.raises(BadInput, match="S-9 is no line of the invoice"):
        await ask(world, (await issued(world)).id, "credit", CREDIT | {"amount": None, "lines": [{"line": "S-9"}]})


async def test_a_command_waits_for_a_worker(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    invoice = await issued(world)
    queue = f"down-{invoice.id}"
    monkeypatch.setattr(queues, "SUBSCRIPTIONS", queue)
    asked = asyncio.create_task(ask(world, invoice.id, "void", VOID))
    handle = world.temporal.client.get_workflow_handle(f"invoice-{invoice.id}")
    await world.until(lambda: opened(handle), "the process to open")

    assert await state(world, invoice) is InvoiceState.finalized
    async with worker(world, queue, StoredInvoices(world.database, TaxEngines())):
        assert await asked == f"invoice {invoice.number} is voided"


async def opened(handle: WorkflowHandle[Any, Any]) -> bool:
    try:
        return (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    except RPCError:
        return False


async def test_an_answer_that_was_lost_after_the_fact_credits_nothing_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = await issued(world)
    queue, forgetful = f"forgets-{invoice.id}", Forgetful(world.database, TaxEngines())
    monkeypatch.setattr(queues, "SUBSCRIPTIONS", queue)
    async with worker(world, queue, forgetful):
        note = await ask(world, invoice.id, "credit", CREDIT)

    assert forgetful.answers == 2
    assert await notes(world, invoice) == [note["id"]]


async def test_a_draft_is_issued_and_who_asked_is_kept(world: World) -> None:
    customer = await world.customer()
    due = Billable(line=line(1000, subscription=customer), customer=customer, legal_entity="main", due_at=NOW)
    async with world.database.transaction() as connection:
        await billables.add(connection, [due])
        [id_] = await gather_debtor(connection, Debtor(customer=customer, legal_entity="main", currency="EUR"), NOW)
    for _ in range(2):
        said = await ask(world, id_, "finalize", {"by": "fay"})

    async with world.database.transaction() as connection:
        found = await invoices.get(connection, id_)
        events = await invoice_events.of_invoice(connection, id_)
    assert said == f"invoice {found.invoice.number} is finalized"
    assert (found.invoice.state, found.invoice.amount_due) == (InvoiceState.finalized, eur(1000))
    assert [(each.type, each.actor) for each in events] == [("finalizing", "fay")]


async def charged(world: World, *minors: int, **entity: Any) -> tuple[str, str]:
    """(customer, legal entity) of a new seller with German VAT, whose new customer is charged these amounts by hand."""
    seller = f"seller-{next(world.numbers)}"
    registration = {"jurisdiction": {"country": "DE"}, "number": "DE136695976", "valid_from": "2020-01-01"}
    body = {"id": seller, "name": "Acme", "country": "DE", "registrations": [registration], **entity}
    await world.succeed(world.api.put(f"/v1/legal-entities/{seller}", json=body))
    customer = await world.customer(legal_entity=seller)
    for number, minor in enumerate(minors):
        item = {"customer": customer, "product": "crm", "description": "By hand", "amount": {"minor": minor, "currency": "EUR"}}
        await world.succeed(world.api.post("/v1/invoice-items", json=item, headers={"Idempotency-Key": f"{customer}-{number}"}))
    return customer, seller


async def gathered(world: World, customer: str, seller: str) -> str:
    async with world.database.transaction() as connection:
        debtor = Debtor(customer=customer, legal_entity=seller, currency="EUR")
        [draft] = await gather_debtor(connection, debtor, datetime.now(UTC))
    return draft


async def test_what_is_previewed_is_what_is_issued(world: World) -> None:
    customer, seller = await charged(world, 10000, -2500)
    async with world.database.transaction() as connection:
        await balances.change(connection, customer, eur(1000))
    asked = {"customer": customer, "currency": "EUR"}
    [before] = (await world.api.post("/v1/invoices/preview", json=asked)).json()
    draft = await gathered(world, customer, seller)
    [previewed] = (await world.api.post("/v1/invoices/preview", json=asked)).json()
    headers = {"Preview-Token": before.pop("token")}
    issued = await world.succeed(world.api.post(f"/v1/invoices/{draft}/finalize", headers=headers))
    previewed.pop("token")

    # 75.00 and 19 % are 89.25, of which 10.00 come from the balance
    assert (previewed["total"]["minor"], previewed["amount_due"]["minor"]) == (8925, 7925)
    assert before == previewed
    assert {name: issued[name] for name in previewed} == previewed
    assert (await world.api.post("/v1/invoices/preview", json=asked)).json() == []


async def test_an_invoice_waits_while_its_tax_is_not_known(world: World) -> None:
    customer, seller = await charged(world, 10000, tax_source="external")
    draft = await gathered(world, customer, seller)
    await world.sandbox.fault("decide_tax", "error_500")
    refused = await world.api.post(f"/v1/invoices/{draft}/finalize")
    waiting = await world.succeed(world.api.get(f"/v1/invoices/{draft}"))
    await world.sandbox.faults()
    issued = await world.succeed(world.api.post(f"/v1/invoices/{draft}/finalize"))

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
    assert (waiting["state"], waiting["waiting_for"], waiting["number"]) == ("draft", "tax", None)
    # the sandbox's engine charges a tenth
    assert (issued["state"], issued["waiting_for"], issued["total"]["minor"]) == ("finalized", None, 11000)
    assert [event["type"] for event in issued["events"]] == ["finalizing"]


async def test_finance_credits_and_gives_up_through_the_api(world: World) -> None:
    customer, seller = await charged(world, 10000)
    fay = await world.client_for("fay", Role.finance)
    invoice = (await world.succeed(fay.post(f"/v1/invoices/{await gathered(world, customer, seller)}/finalize")))["id"]
    part = {"reason": "goodwill", "amount": {"minor": 4000, "currency": "EUR"}}
    keyed = {"Idempotency-Key": "once/for all"}
    first, again = [await fay.post(f"/v1/invoices/{invoice}/credit-notes", json=part, headers=keyed) for _ in range(2)]
    other = await fay.post(f"/v1/invoices/{invoice}/credit-notes", json=part | {"reason": "dispute"}, headers=keyed)
    beyond = await fay.post(f"/v1/invoices/{invoice}/credit-notes", json=part | {"amount": {"minor": 6001, "currency": "EUR"}})
    void = await fay.post(f"/v1/invoices/{invoice}/void", json={"reason": "a mistake"})
    given_up = await world.succeed(fay.post(f"/v1/invoices/{invoice}/uncollectible", json={"reason": "bankrupt"}))

    assert (first.status_code, first.json()) == (201, again.json())
    assert (other.status_code, void.status_code) == (409, 409)
    assert (beyond.status_code, beyond.json()["errors"][0]["field"]) == (422, "amount")
    # 119.00 less 40.00 and its 19 %
    assert (given_up["state"], given_up["written_off"]["minor"]) == ("uncollectible", 7140)
    assert [(event["type"], event["actor"]) for event in given_up["events"]] == [
        ("finalizing", "fay"),
        ("credited", "fay"),
        ("written_off", "fay"),
    ]


async def test_what_a_preview_showed_is_what_is_issued_or_nothing(world: World) -> None:
    """50.00 by hand; another 7.00 that come in between are not issued unseen."""
    customer = await world.customer()
    product, _ = await world.product(build())
    charge = {"customer": customer, "product": product, "description": "Training"}
    finance = await world.client_for("fay", Role.finance)

    async def charged(minor: int) -> None:
        key = {"Idempotency-Key": f"{customer}-{minor}"}
        body = charge | {"amount": {"minor": minor, "currency": "EUR"}}
        await world.succeed(finance.post("/v1/invoice-items", json=body, headers=key))

    wanted = {"customer": customer, "currency": "EUR"}
    await charged(5000)
    [shown] = (await finance.post("/v1/invoices/preview", json=wanted)).json()
    [draft] = (await finance.post("/v1/invoices", json=wanted)).json()
    await charged(700)
    await finance.post("/v1/invoices", json=wanted)
    stale = await finance.post(f"/v1/invoices/{draft['id']}/finalize", headers={"Preview-Token": shown["token"]})
    [anew] = (await finance.post("/v1/invoices/preview", json=wanted)).json()
    issued = await finance.post(f"/v1/invoices/{draft['id']}/finalize", headers={"Preview-Token": anew["token"]})

    assert (shown["id"], shown["total"]["minor"], draft["state"]) == (draft["id"], 5000, "draft")
    assert (stale.status_code, "preview again" in stale.json()["detail"]) == (409, True)
    assert (issued.status_code, issued.json()["state"], issued.json()["total"]) == (200, "finalized", anew["total"])
    assert anew["total"]["minor"] == 5700
