"""Commands to an invoice: it opens when one is asked for, carries it out, and closes when none is in hand."""

from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts.invoices import Asked, Command, Invoices
    from domain.billing.corrections import CreditCommand, FinalizeCommand, GiveUpCommand, RescheduleCommand
    from domain.billing.credit_notes import CreditNote
    from domain.plans import Retry
    from workflows.calls import attempt, ensure_here
    from workflows.messages import parse

FINALIZE_EXAMPLE = {"by": "your name"}
GIVE_UP_EXAMPLE = {"by": "your name", "reason": "sent to the wrong customer"}
RESCHEDULE_EXAMPLE = {"by": "your name", "issue_date": "2026-12-01"}
CREDIT_EXAMPLE = {"reason": "goodwill", "by": "your name", "amount": {"minor": 1000, "currency": "EUR"}}
WHILE_SOMEONE_WAITS = Retry(attempts=3, first_wait=1, longest_wait=2)


@workflow.defn(name="invoice")
class InvoiceWorkflow:
    @workflow.init
    def __init__(self, invoice: str) -> None:
        self._invoice = invoice

    @workflow.run
    async def run(self, invoice: str) -> None:
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.update(name="finalize", description='Issue this draft now. Type {"by": "your name"}.')
    async def finalize(self, raw: Any) -> str:
        asked = self._asked(parse(FinalizeCommand, raw, FINALIZE_EXAMPLE))
        return _said(await attempt(Invoices.finalize, asked, summary=f"issue {self._invoice}", retry=WHILE_SOMEONE_WAITS))

    @finalize.validator
    def _check_finalize(self, raw: Any) -> None:
        parse(FinalizeCommand, raw, FINALIZE_EXAMPLE)

    @workflow.update(
        name="void",
        description='Take this unpaid invoice or draft back: {"by": "your name", "reason": "sent to the wrong customer"}',
    )
    async def void(self, raw: Any) -> str:
        return _said(
            await ensure_here(
                Invoices.void, self._asked(parse(GiveUpCommand, raw, GIVE_UP_EXAMPLE)), summary="void the invoice"
            )
        )

    @void.validator
    def _check_void(self, raw: Any) -> None:
        parse(GiveUpCommand, raw, GIVE_UP_EXAMPLE)

    @workflow.update(
        name="write_off",
        description='Give up what this invoice is due: {"by": "your name", "reason": "the customer is bankrupt"}',
    )
    async def write_off(self, raw: Any) -> str:
        return _said(
            await ensure_here(
                Invoices.write_off, self._asked(parse(GiveUpCommand, raw, GIVE_UP_EXAMPLE)), summary="write the invoice off"
            )
        )

    @write_off.validator
    def _check_write_off(self, raw: Any) -> None:
        parse(GiveUpCommand, raw, GIVE_UP_EXAMPLE)

    @workflow.update(
        name="reschedule", description='Issue this draft on another day: {"by": "your name", "issue_date": "2026-12-01"}'
    )
    async def reschedule(self, raw: Any) -> str:
        return _said(
            await ensure_here(
                Invoices.reschedule,
                self._asked(parse(RescheduleCommand, raw, RESCHEDULE_EXAMPLE)),
                summary="move its issue date",
            )
        )

    @reschedule.validator
    def _check_reschedule(self, raw: Any) -> None:
        parse(RescheduleCommand, raw, RESCHEDULE_EXAMPLE)

    @workflow.update(
        name="credit",
        description='Issue a credit note: {"reason": "goodwill", "by": "your name"}, with "lines" or "amount" over a part.',
    )
    async def credit(self, raw: Any) -> CreditNote:
        """What comes without a key is made once for this update."""
        command = parse(CreditCommand, raw, CREDIT_EXAMPLE)
        if command.key is None:
            command = command.model_copy(update={"key": _update_id()})
        note = await ensure_here(Invoices.credit, self._asked(command), summary="issue a credit note")
        _said(f"credit note {note.number} over {note.taxed.gross} was issued")
        return note

    @credit.validator
    def _check_credit(self, raw: Any) -> None:
        parse(CreditCommand, raw, CREDIT_EXAMPLE)

    def _asked(self, command: Command) -> Asked[Command]:
        return Asked(invoice=self._invoice, command=command)


def _update_id() -> str | None:
    update = workflow.current_update_info()
    return update.id if update else None


def _said(words: str) -> str:
    workflow.set_current_details(words)
    return words
