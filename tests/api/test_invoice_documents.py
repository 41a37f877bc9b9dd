"""The files of invoices and credit notes through the API: as they were issued, whatever the records say by now."""

import itertools
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import httpx
import pytest
import pytest_asyncio
from facturx import get_facturx_xml_from_pdf
from pypdf import PdfReader
from sqlalchemy import text as sql

from activities.store import billables, credit_notes, customers, invoices, invoicing, legal_entities
from activities.store.billables import Debtor
from activities.store.database import Database
from api.samples import LEGAL_ENTITY
from domain.billing.credit_notes import CreditNote
from domain.billing.entities import LegalEntity
from domain.billing.evidence import Evidence
from domain.billing.gathering import Billable
from domain.billing.invoices import Invoice
from domain.customers import Customer
from domain.money import Money
from domain.roles import Role
from tests.activities.adapters.documents.rules import CII, UBL_CREDIT_NOTE, UBL_INVOICE, broken
from tests.activities.adapters.documents.samples import credit_of, invoice_of
from tests.api.conftest import KeyFor
from tests.domain.billing.line_samples import line

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
NUMBERS = itertools.count(1)
ADDRESS = {"lines": ["Hafenweg 3"], "postcode": "20457", "city": "Hamburg"}


def seller(**changes: Any) -> LegalEntity:
    return LegalEntity.model_validate(LEGAL_ENTITY | {"id": "documents", "name": "Acme GmbH"} | changes)


def buyer(number: int, **changes: Any) -> Customer:
    given = {"id": f"doc-{number}", "name": "Nordwind AG", "country": "DE", "address": ADDRESS, "language": "de"}
    return Customer.model_validate(given | changes)


@dataclass
class Issued:
    """An invoice of 100.00 and 19 % of VAT, issued with what is kept in evidence."""

    database: Database

    async def __call__(self, selling: LegalEntity | None = None, kept: bool = True, **buying: Any) -> Invoice:
        number = next(NUMBERS)
        customer, selling = buyer(number, **buying), selling or seller()
        made = invoice_of([line(10_000)]).model_copy(
            update={"id": f"DOC-{number}", "number": f"DOC/26-{number}", "customer": customer.id, "legal_entity": selling.id}
        )
        async with self.database.transaction() as connection:
            await legal_entities.put(connection, selling)
            await customers.put(connection, customer, NOW)
            await invoices.issue(connection, made, Evidence(seller=selling, buyer=customer), NOW)
            if not kept:
                await connection.execute(sql("SET LOCAL session_replication_role = replica"))
                await connection.execute(sql("UPDATE invoices SET evidence = '{}' WHERE id = :id"), {"id": made.id})
        return made


@pytest_asyncio.fixture(scope="module")
async def issued(database: Database) -> Issued:
    return Issued(database)


async def credited(database: Database, invoice: Invoice) -> CreditNote:
    """50.00 of it and the tax."""
    note = credit_of(invoice, amount=Money(minor=5_000, currency="EUR"))
    note = note.model_copy(update={"id": f"{invoice.id}:credit:1", "number": f"CN/{invoice.number}"})
    async with database.transaction() as connection:
        await credit_notes.add(connection, note, NOW)
    return note


def text(pdf: bytes) -> str:
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages))


async def test_an_invoice_is_a_pdf_for_people(api: httpx.AsyncClient, issued: Issued) -> None:
    """100.00 and 19.00 of tax."""
    invoice = await issued()
    answer = await api.get(f"/v1/invoices/{invoice.id}/pdf")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    name = f"DOC-26-{invoice.id.removeprefix('DOC-')}.pdf"
    assert answer.headers["content-disposition"] == f'inline; filename="{name}"'
    for part in (
        f"Rechnungsnummer {invoice.number}",
        "Acme GmbH",
        "Nordwind AG",
        "Hafenweg 3",
        "119,00 €",
        "DE136695976",
        "HRB 123456 B",
    ):
        assert part in text(answer.content)


async def test_factur_x_has_the_electronic_invoice_inside(api: httpx.AsyncClient, issued: Issued) -> None:
    invoice = await issued()
    pdf = (await api.get(f"/v1/invoices/{invoice.id}/pdf", params={"format": "factur-x"})).content
    name, xml = get_facturx_xml_from_pdf(pdf, check_xsd=True)
    cii = await api.get(f"/v1/invoices/{invoice.id}/xml", params={"format": "cii"})

    assert (name, xml) == ("factur-x.xml", cii.content)
    assert broken(cii.content, CII) == []
    assert cii.headers["content-type"] == "application/xml"


async def test_xml_is_ubl_unless_asked_otherwise(api: httpx.AsyncClient, database: Database, issued: Issued) -> None:
    invoice = await issued()
    note = await credited(database, invoice)
    ubl = await api.get(f"/v1/invoices/{invoice.id}/xml")
    credit_note = await api.get(f"/v1/credit-notes/{note.id}/xml")

    assert broken(ubl.content, UBL_INVOICE) == []
    assert broken(credit_note.content, UBL_CREDIT_NOTE) == []
    assert ubl.headers["content-disposition"].startswith('attachment; filename="DOC-26-')
    assert f">{note.number}<" in credit_note.text


async def test_a_credit_note_is_a_pdf_too(api: httpx.AsyncClient, database: Database, issued: Issued) -> None:
    """50.00 and 9.50 of tax."""
    invoice = await issued(language="en")
    note = await credited(database, invoice)
    shown = text((await api.get(f"/v1/credit-notes/{note.id}/pdf")).content)

    assert f"Credit note {note.number}" in shown.replace("Credit note number", "Credit note")
    assert "Total credit 59,50 €" in shown


async def test_what_was_issued_stays_as_it_was(api: httpx.AsyncClient, issued: Issued) -> None:
    invoice = await issued()
    before = await api.get(f"/v1/invoices/{invoice.id}/pdf")
    await api.patch(f"/v1/customers/{invoice.customer}", json={"name": "Somebody else"})
    await api.put("/v1/legal-entities/documents", json=LEGAL_ENTITY | {"id": "documents", "name": "Other"})
    after = await api.get(f"/v1/invoices/{invoice.id}/pdf")

    assert (after.content, after.headers["etag"]) == (before.content, before.headers["etag"])


async def test_a_copy_at_hand_is_not_sent_again(api: httpx.AsyncClient, issued: Issued) -> None:
    address = f"/v1/invoices/{(await issued()).id}/pdf"
    tag = (await api.get(address)).headers["etag"]
    again = await api.get(address, headers={"If-None-Match": f'"other", W/{tag}'})
    other = await api.get(address, params={"format": "factur-x"}, headers={"If-None-Match": tag})

    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert other.status_code == 200


async def test_an_invoice_of_the_first_release_is_made_of_the_present_records(
    api: httpx.AsyncClient, database: Database, issued: Issued
) -> None:
    invoice = await issued(kept=False, language="en")
    await api.patch(f"/v1/customers/{invoice.customer}", json={"name": "Renamed AG"})

    assert "Renamed AG" in text((await api.get(f"/v1/invoices/{invoice.id}/pdf")).content)


async def test_what_is_missing_is_named_and_the_pdf_is_made_all_the_same(api: httpx.AsyncClient, issued: Issued) -> None:
    invoice = await issued(seller(id="bare", address={}), address=None)
    refused = await api.get(f"/v1/invoices/{invoice.id}/xml")

    assert refused.status_code == 409
    assert refused.json()["detail"].startswith(
        f"{invoice.number} was issued without address.lines of legal entity bare, address.city of legal entity bare, "
        f"address.lines of customer {invoice.customer}, address.city of customer {invoice.customer};"
    )
    assert (await api.get(f"/v1/invoices/{invoice.id}/pdf", params={"format": "factur-x"})).status_code == 409
    assert "119,00 €" in text((await api.get(f"/v1/invoices/{invoice.id}/pdf")).content)


async def test_a_draft_is_shown_as_one_and_never_kept(api: httpx.AsyncClient, database: Database) -> None:
    customer, charged = buyer(0, language="en"), line(10_000, charge="draft")
    async with database.transaction() as connection:
        await customers.put(connection, customer, NOW)
        await billables.add(connection, [Billable(line=charged, customer=customer.id, legal_entity="main", due_at=NOW)])
        debtor = Debtor(customer=customer.id, legal_entity="main", currency="EUR")
        [draft] = await invoicing.gather_debtor(connection, debtor, NOW)
    answer = await api.get(f"/v1/invoices/{draft}/pdf")

    assert "Draft" in text(answer.content)
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers
    assert answer.headers["content-disposition"] == f'inline; filename="draft-{draft}.pdf"'.replace(":", "-")
    assert (await api.get(f"/v1/invoices/{draft}/xml")).status_code == 409


@pytest.mark.parametrize("place", ["invoices/none/pdf", "invoices/none/xml", "credit-notes/none/pdf", "credit-notes/none/xml"])
async def test_there_are_no_documents_of_nothing(api: httpx.AsyncClient, place: str) -> None:
    assert (await api.get(f"/v1/{place}")).status_code == 404


@pytest.mark.parametrize("place", ["pdf?format=ubl", "xml?format=factur-x", "xml?form=ubl"])
async def test_an_unknown_format_names_its_field(api: httpx.AsyncClient, issued: Issued, place: str) -> None:
    answer = await api.get(f"/v1/invoices/none/{place}")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == re.split("[?=]", place)[1]


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.finance, 404), (Role.operator, 404), (Role.viewer, 404), (Role.approver, 403), (Role.partner, 403)],
)
async def test_who_reads_invoices_reads_their_documents(base_url: str, key_for: KeyFor, role: Role, status: int) -> None:
    headers = {"Authorization": f"Bearer {await key_for(role)}"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers, trust_env=False) as client:
        assert (await client.get("/v1/invoices/none/pdf")).status_code == status
