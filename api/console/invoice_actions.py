"""What finance may do to an invoice from its page."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import partial

from nicegui import ui

from activities.adapters.documents.press import Form
from activities.store import documents
from activities.store.invoices import StoredInvoice
from api import invoices
from api.auth import demand
from api.console.dialog import asking, choices, reason_field
from api.console.visit import Visit
from domain.billing.credit_notes import CreditReason, CreditRequest
from domain.billing.invoice_states import OPEN, InvoiceState
from domain.billing.tax.reversal import Basis
from domain.errors import BadInput
from domain.money import Money, exponent
from domain.roles import Principal, Right

Command = Callable[[Principal], Awaitable[str]]
CREDITED = frozenset({*OPEN, InvoiceState.paid, InvoiceState.uncollectible})


def buttons(visit: Visit, stored: StoredInvoice, refresh: Callable[[], Awaitable[None]]) -> None:
    """The file for everybody who sees the page, and what may be done now for whoever may bill."""
    actions = InvoiceActions(visit, stored, refresh)
    _button("PDF", "picture_as_pdf", actions.download)
    if not visit.may(Right.bill):
        return
    state, invoice = stored.invoice.state, stored.invoice
    if state is InvoiceState.draft:
        _button("Issue now", "send", actions.issue)
        _button("Issue on another day", "event", actions.ask_day)
    if state in CREDITED:
        _button("Credit note", "undo", actions.ask_credit)
    if state in OPEN:
        _button("Uncollectible", "money_off", actions.ask_write_off)
    if state is InvoiceState.draft or (state in OPEN and not invoice.paid and not invoice.credited):
        _button("Void", "block", actions.ask_void, grave=True)


def _button(word: str, icon: str, do: Callable[[], Awaitable[None] | None], *, grave: bool = False) -> None:
    button = ui.button(word, icon=icon, on_click=do).props(f"outline dense color={'negative' if grave else 'primary'}")
    button.classes("px-3")


class InvoiceActions:
    def __init__(self, visit: Visit, stored: StoredInvoice, refresh: Callable[[], Awaitable[None]]) -> None:
        self._visit = visit
        self._context = visit.console.context
        self._id = stored.invoice.id
        self._invoice = stored.invoice
        self._name = stored.invoice.number or "the draft"
        self._refresh = refresh

    async def download(self) -> None:
        await self._visit.perform(self._made)

    async def _made(self, _who: Principal) -> str:
        async with self._context.database.transaction() as connection:
            document = await documents.of_invoice(connection, self._id)
        ui.download.content(await self._context.press.make(Form.pdf, document), f"{self._invoice.number or 'draft'}.pdf")
        return f"{self._name} is downloaded"

    async def issue(self) -> None:
        await self._visit.perform(self._correction("finalize", "is issued"))

    def ask_day(self) -> None:
        with asking(self._visit, "Issue on another day") as dialog:
            tomorrow = self._visit.now().date() + timedelta(days=1)
            day = ui.input("Issue date", value=tomorrow.isoformat()).props("outlined type=date")

            async def do() -> bool:
                return await self._visit.perform(lambda who: self._reschedule(who, day.value or ""))

            choices(dialog, "Issue on that day", do)

    async def _reschedule(self, who: Principal, day: str) -> str:
        try:
            wanted = date.fromisoformat(day)
        except ValueError:
            raise BadInput("issue_date", "is a day, such as 2026-12-01") from None
        return await self._correction("reschedule", f"is to be issued on {wanted}", issue_date=wanted.isoformat())(who)

    def ask_void(self) -> None:
        said = "Its number stays used; what it took from credit is given back. The lines of a draft are never invoiced."
        self._ask_why("Void", said, "void", "is void")

    def ask_write_off(self) -> None:
        said = f"{self._invoice.amount_due} are given up. Money that comes for it later is a recovery."
        self._ask_why("Mark uncollectible", said, "write_off", "is uncollectible")

    def _ask_why(self, word: str, meaning: str, verb: str, outcome: str) -> None:
        with asking(self._visit, f"{word}: {self._name}") as dialog:
            ui.label(meaning).classes("soft")
            reason = reason_field("Reason", "Kept with your name and the invoice")

            async def do() -> bool:
                why = (reason.value or "").strip()
                return await self._visit.perform(lambda who: self._because(who, verb, outcome, why))

            choices(dialog, word, do, grave=True)

    async def _because(self, who: Principal, verb: str, outcome: str, why: str) -> str:
        if not why:
            raise BadInput("reason", "is kept with the invoice, so say something")
        return await self._correction(verb, outcome, reason=why)(who)

    def _correction(self, verb: str, outcome: str, **asked: str) -> Command:
        async def do(who: Principal) -> str:
            demand(who, Right.bill)
            after = await invoices.correct(self._context, who, self._id, verb, **asked)
            await self._refresh()
            return f"{after.number or self._name} {outcome}"

        return do

    def ask_credit(self) -> None:
        opened = self._visit.now().isoformat()
        with asking(self._visit, f"Credit note for {self._name}") as dialog:
            ui.label("First against what is still due; what was paid of it becomes the customer’s credit.").classes("soft")
            reasons = {str(reason): reason.replace("_", " ") for reason in CreditReason}
            why = ui.select(reasons, label="Why", value=str(CreditReason.billing_error)).props("outlined")
            hint = "All that is left where it is empty"
            amount = ui.input(f"Amount with tax, in {self._invoice.currency}", placeholder=hint).props("outlined maxlength=20")
            memo = reason_field("Note on the document")

            async def do() -> bool:
                request = partial(self._request, CreditReason(why.value), (amount.value or "").strip(), memo.value or "")
                return await self._visit.perform(lambda who: self._credit(who, request, opened))

            choices(dialog, "Issue the credit note", do, grave=True)

    def _request(self, reason: CreditReason, amount: str, memo: str) -> CreditRequest:
        given = self._amount(amount) if amount else None
        return CreditRequest(reason=reason, memo=memo.strip(), amount=given, basis=Basis.gross)

    async def _credit(self, who: Principal, request: Callable[[], CreditRequest], opened: str) -> str:
        """Pressed again after an answer that was lost, the same dialog makes the same credit note."""
        demand(who, Right.bill)
        note = await invoices.credit(self._context, who, self._id, request(), f"console {opened}")
        await self._refresh()
        return f"Credit note {note.number} over {note.taxed.gross} is issued"

    def _amount(self, text: str) -> Money:
        currency = self._invoice.currency
        try:
            given = Money.rounded(Decimal(text), currency)
            exact = Decimal(given.minor).scaleb(-exponent(currency)) == Decimal(text)
        except (ValueError, InvalidOperation):
            exact = False
        if not exact or given.minor <= 0:
            raise BadInput("amount", f"is more than nothing, such as 10.00, with the decimals of {currency}")
        return given
