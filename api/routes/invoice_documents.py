"""The files of invoices and credit notes: for people as PDF, for machines by EN 16931."""

import re
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query
from starlette.responses import Response

from activities.adapters.documents.press import Form
from activities.store import documents
from api.context import Context
from api.dependencies import BillingReader, Ctx
from api.openapi import declares
from domain.billing.documents.document import BillingDocument
from domain.values import StrictValue

router = APIRouter(prefix="/v1", tags=["invoices"])

PDF, XML = "application/pdf", "application/xml"
DocumentId = Annotated[str, Path(max_length=200, examples=["O-1001:invoice"])]
Known = Annotated[str | None, Header(alias="If-None-Match", max_length=1000, description="the `ETag` of a copy at hand")]


class PdfFormat(StrEnum):
    pdf = "pdf"
    factur_x = "factur-x"


class XmlFormat(StrEnum):
    ubl = "ubl"
    cii = "cii"


class PdfQuery(StrictValue):
    """`factur-x` is PDF/A-3 with the electronic invoice inside, also known as ZUGFeRD."""

    format: PdfFormat = PdfFormat.pdf


class XmlQuery(StrictValue):
    """UBL 2.1, or UN/CEFACT's Cross Industry Invoice, which is the XML of Factur-X."""

    format: XmlFormat = XmlFormat.ubl


def _answers(media_type: str) -> dict[int | str, dict[str, Any]]:
    file = {"content": {media_type: {"schema": {"type": "string", "format": "binary"}}}}
    shown = {"headers": {"ETag": {"description": "of what was issued; a draft has none", "schema": {"type": "string"}}}}
    return declares(404, 409, {304: "The copy at hand is still right"}) | {200: {"description": "The file"} | file | shown}


@router.get("/invoices/{invoice_id}/pdf", summary="An invoice as PDF", response_class=Response, responses=_answers(PDF))
async def invoice_pdf(
    invoice_id: DocumentId,
    query: Annotated[PdfQuery, Query()],
    principal: BillingReader,
    context: Ctx,
    known: Known = None,
) -> Response:
    """In the customer's language, as it was issued; a draft and a voided invoice carry a mark. Factur-X is refused where
    EN 16931 has no such invoice."""
    return await _file(context, await _invoice(context, invoice_id), Form(query.format), known)


@router.get("/invoices/{invoice_id}/xml", summary="An electronic invoice", response_class=Response, responses=_answers(XML))
async def invoice_xml(
    invoice_id: DocumentId,
    query: Annotated[XmlQuery, Query()],
    principal: BillingReader,
    context: Ctx,
    known: Known = None,
) -> Response:
    """By EN 16931. Refused with what is missing or in the way: a draft, another tax than VAT, a party without an address."""
    return await _file(context, await _invoice(context, invoice_id), Form(query.format), known)


@router.get("/credit-notes/{note_id}/pdf", summary="A credit note as PDF", response_class=Response, responses=_answers(PDF))
async def credit_note_pdf(
    note_id: DocumentId, query: Annotated[PdfQuery, Query()], principal: BillingReader, context: Ctx, known: Known = None
) -> Response:
    """As of an invoice."""
    return await _file(context, await _credit_note(context, note_id), Form(query.format), known)


@router.get(
    "/credit-notes/{note_id}/xml", summary="An electronic credit note", response_class=Response, responses=_answers(XML)
)
async def credit_note_xml(
    note_id: DocumentId, query: Annotated[XmlQuery, Query()], principal: BillingReader, context: Ctx, known: Known = None
) -> Response:
    """As of an invoice."""
    return await _file(context, await _credit_note(context, note_id), Form(query.format), known)


async def _invoice(context: Context, invoice: str) -> BillingDocument:
    async with context.database.transaction() as connection:
        return await documents.of_invoice(connection, invoice)


async def _credit_note(context: Context, note: str) -> BillingDocument:
    async with context.database.transaction() as connection:
        return await documents.of_credit_note(connection, note)


async def _file(context: Context, document: BillingDocument, form: Form, known: str | None) -> Response:
    """What was issued may be kept, and is asked about by its tag; a draft is made anew each time."""
    tag = None if document.is_draft else _tag(document, form, context.press.edition())
    headers = {"Cache-Control": "no-store"} if tag is None else {"Cache-Control": "private, no-cache", "ETag": tag}
    if tag is not None and known is not None and _names(known, tag):
        return Response(status_code=304, headers=headers)
    made = await context.press.make(form, document)
    media_type = PDF if form in (Form.pdf, Form.factur_x) else XML
    return Response(made, headers=headers | {"Content-Disposition": _disposition(document, media_type)}, media_type=media_type)


def _tag(document: BillingDocument, form: Form, edition: str) -> str:
    """Of everything that the file is made of."""
    digest = sha256(f"{form}\n{edition}\n{document.model_dump_json()}".encode())
    return f'"{digest.hexdigest()[:32]}"'


def _names(known: str, tag: str) -> bool:
    """RFC 9110, section 13.1.2: compared weakly, and `*` is any."""
    given = {each.strip().removeprefix("W/") for each in known.split(",")}
    return bool(given & {tag, "*"})


def _disposition(document: BillingDocument, media_type: str) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]", "-", document.number or f"draft-{document.invoice.id}")
    return f'inline; filename="{name}.pdf"' if media_type == PDF else f'attachment; filename="{name}.xml"'
