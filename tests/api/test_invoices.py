"""Invoices and credit notes are listed and looked at; finance corrects them, and charges by hand."""

import itertools
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio

from activities.runtime.processes import Ended
from activities.store import corrections, customers, invoices, ledger
from activities.store.database import Database
from api.samples import CREDIT
from domain.billing.corrections import CreditCommand, GiveUpCommand
from domain.billing.invoices import Invoice
from domain.billing.postings import invoice_finalized
from domain.customers import Customer
from domain.errors import BadInput, Conflict, Unavailable
from domain.roles import Role
from tests.api.conftest import KeyFor, StandIn
from tests.domain.billing.invoice_samples import EVIDENCE, invoice_of, issue
from tests.domain.billing.line_samples import line

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NUMBERS = itertools.count(5001)
ITEM = {"customer": "C-1", "product": "crm", "description": "Data moved", "amount": {"minor": 45000, "currency": "EUR"}}
REASON = {"reason": "sent to the wrong customer"}


async def issued(database: Database, customer: str = "inv-1") -> Invoice:
    """An open invoice of 119.00."""
    number = next(NUMBERS)
    ready = invoice_of([line(10000, subscription=f"S-{number}")], number)
    open_ = issue(ready.model_copy(update={"customer": customer, "legal_entity": "main"}), number=number)
    async with database.transaction() as connection:
        await customers.put(connection, Customer(id=customer, name="Someone", country="DE"), NOW)
        await invoices.issue(connection, open_, EVIDENCE, NOW)
        await ledger.post(connection, [invoice_finalized(open_, NOW)])
    return open_


@pytest_asyncio.fixture
async def invoice(database: Database) -> Invoice:
    return await issued(database)


async def paged(api: httpx.AsyncClient, path: str, **asked: str) -> list[str]:
    """The ids of all pages."""
    seen: list[str] = []
    cursor: str | None = None
    while True:
        body = (await api.get(path, params={**asked, "limit": "2"} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [each["id"] for each in body["items"]]
        if (cursor := body["next"]) is None:
            return seen


async def test_an_invoice_is_shown_with_lines_tax_and_what_was_done_to_it(
    api: httpx.AsyncClient, database: Database, invoice: Invoice
) -> None:
    async with database.transaction() as connection:
        for command in (CreditCommand.model_validate({**CREDIT, "by": "fay", "memo": "outage"}),):
            note = await corrections.credit(connection, invoice.id, command, NOW)
    shown = (await api.get(f"/v1/invoices/{invoice.id}")).json()

    # 119.00 less 19.00 and its 19 % of 3.61
    assert (shown["number"], shown["state"], shown["total"]["minor"]) == (invoice.number, "finalized", 11900)
    assert (shown["credited"]["minor"], shown["amount_due"]["minor"]) == (2261, 9639)
    assert [each["amount"]["minor"] for each in shown["lines"]] == [10000]
    [subtotal] = shown["taxed"]["subtotals"]
    assert subtotal["tax"]["minor"] == 1900
    assert [each["id"] for each in shown["credit_notes"]] == [note.id]
    [event] = shown["events"]
    assert (event["type"], event["actor"]) == ("credited", "fay")
    assert event["summary"] == f"credit note {note.number} over 22.61 EUR: outage"


async def test_invoices_are_found_by_what_is_known_of_them(api: httpx.AsyncClient, database: Database) -> None:
    mine = [await issued(database, "inv-list") for _ in range(5)]
    async with database.transaction() as connection:
        await corrections.void(connection, mine[0].id, GiveUpCommand(by="fay", reason="r"), NOW)

    found = await paged(api, "/v1/invoices", customer="inv-list")
    assert sorted(found) == sorted(each.id for each in mine)
    assert await paged(api, "/v1/invoices", customer="inv-list", state="voided") == [mine[0].id]
    assert await paged(api, "/v1/invoices", number=mine[1].number or "") == [mine[1].id]
    assert await paged(api, "/v1/invoices", customer="inv-list", legal_entity="other") == []
    assert await paged(api, "/v1/invoices", customer="inv-list", order="O-1") == []


async def test_credit_notes_are_listed_and_looked_at(api: httpx.AsyncClient, database: Database) -> None:
    credited = await issued(database, "inv-notes")
    async with database.transaction() as connection:
        for key in ("a", "b", "c"):
            command = CreditCommand.model_validate({**CREDIT, "by": "fay", "key": key})
            await corrections.credit(connection, credited.id, command, NOW)

    ids = [f"{credited.id}:credit:{number}" for number in (3, 2, 1)]
    assert await paged(api, "/v1/credit-notes", invoice=credited.id) == ids
    assert await paged(api, "/v1/credit-notes", customer="inv-notes") == ids
    note = (await api.get(f"/v1/credit-notes/{ids[0]}")).json()
    assert (note["invoice"], note["taxed"]["gross"]["minor"], note["offset"]["minor"]) == (credited.id, 2261, 2261)


async def test_what_there_is_not_is_not_found(api: httpx.AsyncClient) -> None:
    for path in ("/v1/invoices/none", "/v1/credit-notes/none"):
        assert (await api.get(path)).status_code == 404
    for verb, body in (("void", REASON), ("finalize", None), ("credit-notes", CREDIT)):
        assert (await api.post(f"/v1/invoices/none/{verb}", json=body)).status_code == 404


@pytest.mark.parametrize("listed", ["invoices", "credit-notes", "invoice-items?customer=C-1"])
async def test_a_cursor_that_was_not_given_out_is_refused(api: httpx.AsyncClient, listed: str) -> None:
    path, _, query = listed.partition("?")
    answer = await api.get(f"/v1/{path}?cursor=x&{query}".rstrip("&"))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "cursor")


@pytest.mark.parametrize(
    ("verb", "body", "update", "asked"),
    [
        ("finalize", None, "finalize", {}),
        ("void", REASON, "void", REASON),
        ("uncollectible", REASON, "write_off", REASON),
        ("reschedule", {"issue_date": "2026-12-01"}, "reschedule", {"issue_date": "2026-12-01"}),
    ],
)
async def test_a_command_goes_to_the_invoices_process_signed(
    api: httpx.AsyncClient, processes: StandIn, invoice: Invoice, verb: str, body: Any, update: str, asked: Any
) -> None:
    for _ in range(2):
        answer = await api.post(f"/v1/invoices/{invoice.id}/{verb}", json=body)
        assert (answer.status_code, answer.json()["id"]) == (200, invoice.id)

    first, again = processes.corrected
    assert (first.invoice, first.update, first.argument) == (invoice.id, update, {**asked, "by": "admin"})
    assert first.update_id != again.update_id


async def test_a_credit_note_is_asked_for_under_the_callers_key_or_its_place(
    api: httpx.AsyncClient, database: Database, processes: StandIn, invoice: Invoice
) -> None:
    async with database.transaction() as connection:
        command = CreditCommand.model_validate({**CREDIT, "by": "fay"})
        processes.answer = (await corrections.credit(connection, invoice.id, command, NOW)).model_dump(mode="json")
    for headers in ({}, {"Idempotency-Key": "k-1"}):
        answer = await api.post(f"/v1/invoices/{invoice.id}/credit-notes", json=CREDIT, headers=headers)
        assert (answer.status_code, answer.json()["id"]) == (201, f"{invoice.id}:credit:1")

    by_place, by_key = (each.argument for each in processes.corrected)
    assert by_place["key"] == f"{invoice.id}:2"
    assert by_key["key"].endswith(":k-1")
    assert (by_key["by"], by_key["amount"]) == ("admin", {"minor": 1900, "currency": "EUR"})


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Conflict("invoice I-1 is paid; issue a credit note instead"), 409),
        (Ended("closed"), 409),
        (BadInput("lines[0].amount", "must be in EUR, as the invoice is"), 422),
        (Unavailable("the tax engine does not answer"), 503),
        (TimeoutError(), 503),
    ],
)
async def test_what_the_process_answers_is_told(
    api: httpx.AsyncClient, processes: StandIn, invoice: Invoice, answer: Exception, status: int
) -> None:
    processes.answer = answer
    assert (await api.post(f"/v1/invoices/{invoice.id}/void", json=REASON)).status_code == status


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("void", {}, "reason"),
        ("uncollectible", {"reason": ""}, "reason"),
        ("reschedule", {"issue_date": "tomorrow"}, "issue_date"),
        ("credit-notes", {"reason": "because"}, "reason"),
        ("credit-notes", CREDIT | {"amount": {"minor": 0, "currency": "EUR"}}, "amount"),
        ("credit-notes", CREDIT | {"amount": {"minor": 1, "currency": "XXZ"}}, "amount.currency"),
        ("credit-notes", CREDIT | {"amount": {"minor": 19.99, "currency": "EUR"}}, "amount.minor"),
        ("credit-notes", CREDIT | {"lines": [{"line": "a"}]}, "amount"),
        ("credit-notes", {"reason": "goodwill", "lines": [{"line": "a"}, {"line": "a"}]}, "lines"),
    ],
)
async def test_a_wrong_request_names_its_field(
    api: httpx.AsyncClient, invoice: Invoice, path: str, body: dict[str, Any], field: str
) -> None:
    answer = await api.post(f"/v1/invoices/{invoice.id}/{path}", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"customer": "nobody"}, "customer"),
        ({"product": "nothing"}, "product"),
        ({"amount": {"minor": 0, "currency": "EUR"}}, "amount.minor"),
        ({"amount": {"minor": 10**12 + 1, "currency": "EUR"}}, "amount.minor"),
        ({"amount": {"minor": 0.5, "currency": "JPY"}}, "amount.minor"),
        ({"amount": {"minor": 1, "currency": "EURO"}}, "amount.currency"),
        ({"period": {"start": "2026-04-01T00:00:00Z", "end": "2026-03-01T00:00:00Z"}}, "period.end"),
        ({"period": {"start": "2026-03-01T00:00:00Z"}}, "period.end"),
        ({"due_at": "2026-03-01"}, "due_at"),
        ({"price": 1}, "price"),
    ],
)
async def test_a_wrong_charge_names_its_field(api: httpx.AsyncClient, wrong: dict[str, Any], field: str) -> None:
    answer = await api.post("/v1/invoice-items", json=ITEM | wrong, headers={"Idempotency-Key": "wrong"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_a_charge_needs_a_key_and_is_made_once_under_it(api: httpx.AsyncClient) -> None:
    without = await api.post("/v1/invoice-items", json=ITEM)
    made = [(await api.post("/v1/invoice-items", json=ITEM, headers={"Idempotency-Key": "once"})).json() for _ in range(2)]
    other = await api.post("/v1/invoice-items", json=ITEM | {"description": "More"}, headers={"Idempotency-Key": "once"})
    waiting = (await api.get("/v1/invoice-items", params={"customer": "C-1"})).json()["items"]

    assert (without.status_code, without.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert other.status_code == 409
    assert made[0] == made[1]
    assert [each["id"] for each in waiting] == [made[0]["id"]]
    assert (made[0]["legal_entity"], made[0]["amount"]["minor"]) == ("main", 45000)


async def test_charges_are_listed_in_the_order_they_are_due(api: httpx.AsyncClient) -> None:
    made = []
    for day in ("03", "01", "02"):
        body = ITEM | {"customer": "C-2", "due_at": f"2026-04-{day}T00:00:00Z"}
        answer = await api.post("/v1/invoice-items", json=body, headers={"Idempotency-Key": f"due-{day}"})
        assert answer.status_code == 201, answer.text
        made.append(answer.json()["id"])

    assert await paged(api, "/v1/invoice-items", customer="C-2") == [made[1], made[2], made[0]]


async def test_a_preview_shows_the_next_invoice_and_writes_nothing(api: httpx.AsyncClient) -> None:
    await api.post("/v1/customers", json={"id": "preview-1", "name": "Someone", "country": "DE"})
    for minor, key in ((10000, "p-1"), (-2500, "p-2")):
        body = ITEM | {"customer": "preview-1", "amount": {"minor": minor, "currency": "EUR"}}
        assert (await api.post("/v1/invoice-items", json=body, headers={"Idempotency-Key": key})).status_code == 201
    wanted = {"customer": "preview-1", "currency": "EUR"}
    [shown] = (await api.post("/v1/invoices/preview", json=wanted)).json()

    # nobody is registered for tax here: 100.00 less 25.00
    assert (shown["total"]["minor"], sorted(each["amount"]["minor"] for each in shown["lines"])) == (7500, [-2500, 10000])
    assert await paged(api, "/v1/invoices", customer="preview-1") == []
    assert (await api.post("/v1/invoices/preview", json=wanted | {"currency": "USD"})).json() == []
    for wrong, field in (
        ({"customer": "nobody"}, "customer"),
        ({"legal_entity": "none"}, "legal_entity"),
        ({"currency": "E"}, "currency"),
    ):
        answer = await api.post("/v1/invoices/preview", json=wanted | wrong)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize(
    ("role", "reads", "bills"),
    [(Role.finance, 200, 200), (Role.operator, 200, 403), (Role.viewer, 200, 403), (Role.partner, 403, 403)],
)
async def test_who_reads_invoices_and_who_corrects_them(
    base_url: str, key_for: KeyFor, processes: StandIn, invoice: Invoice, role: Role, reads: int, bills: int
) -> None:
    headers = {"Authorization": f"Bearer {await key_for(role)}"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers, trust_env=False) as client:
        for path in ("invoices", f"invoices/{invoice.id}", "credit-notes", "invoice-items?customer=C-1"):
            assert (await client.get(f"/v1/{path}")).status_code == reads
        for verb in ("void", "uncollectible"):
            assert (await client.post(f"/v1/invoices/{invoice.id}/{verb}", json=REASON)).status_code == bills
        assert (await client.post(f"/v1/invoices/{invoice.id}/finalize")).status_code == bills
