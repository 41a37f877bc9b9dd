"""/console/disputes: money that payers have taken back through their banks, by when evidence is due, and refunds."""

from datetime import datetime
from functools import partial

from nicegui import ui
from starlette.requests import Request

from activities.store import disputes, evidence, refunds
from api.console import frame, moments, notices, processes
from api.console.addresses import DISPUTES, of_customer, of_payment
from api.console.chip import chip
from api.console.console import Console
from api.console.dialog import asking, choices, reason_field
from api.console.facts import link
from api.console.panel import Panel
from api.console.table import table
from api.console.visit import Visit
from api.routes.disputes import ask
from domain import keys
from domain.disputes import CLOSED, URGENT, Dispute, DisputeState
from domain.errors import BadInput
from domain.gateway_events import Evidence
from domain.refunds import Refund
from domain.roles import Principal, Right

MOST = 100
"""Of each list, the newest."""


def install(console: Console) -> None:
    @frame.page(console, DISPUTES, "Disputes and refunds", "disputes", Right.read_billing)
    async def disputes_page(visit: Visit, _request: Request) -> None:
        page = DisputesPage(visit)
        await page.refresh()
        visit.follow(page.refresh)


class DisputesPage:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        notices.heading("Disputes and refunds", 1)
        text = "While a dispute is open its customer is not charged. Evidence is submitted once, before its deadline."
        ui.label(text).classes("soft")
        self._disputes = Panel(self._draw_disputes, "card flush")
        self._refunds = Panel(self._draw_refunds, "card flush")

    async def refresh(self) -> None:
        async with self._visit.console.database.transaction() as connection:
            found = await disputes.page(connection, None, MOST)
            owners = await evidence.owners(connection)
            given = await refunds.page(connection, None, MOST)
        minute = moments.minute(self._visit.now())
        self._disputes.show(sorted(found, key=_urgency), owners, minute)
        self._refunds.show(given, minute)

    def _draw_disputes(self, found: list[Dispute], owners: dict[str, str], _minute: datetime) -> None:
        notices.card_head("Disputes")
        if not found:
            _nothing("No payment is disputed")
            return
        settings = self._visit.console.settings
        rows = [
            (
                link(each.payment, of_payment(each.payment)),
                link(each.customer, of_customer(each.customer)) if each.customer else "",
                each.reason.replace("_", " "),
                partial(chip, each.state.value),
                partial(self._deadline, each, owners.get(each.id)),
                str(each.amount),
                partial(processes.link, settings, keys.dispute_workflow(each.id)),
                partial(self._actions, each),
            )
            for each in found
        ]
        table(("Payment", "Customer", "Why", "State", "Evidence", ">Amount", "Process", ""), rows)

    def _deadline(self, dispute: Dispute, owner: str | None) -> None:
        """With who sees to it: it is handed over as the deadline comes near."""
        if dispute.state is not DisputeState.open or dispute.deadline is None:
            return
        near = dispute.deadline - self._visit.now() <= URGENT
        due = ui.label(f"due {moments.until(dispute.deadline, self._visit.now())}").classes("wrong" if near else "")
        due.tooltip(moments.absolute(dispute.deadline))
        if owner is not None:
            ui.label(f"owner {owner}").classes("soft small")

    def _actions(self, dispute: Dispute) -> None:
        if dispute.state is DisputeState.open and self._visit.principal.may(Right.bill):
            with ui.row().classes("gap-2 no-wrap"):
                self._button("Contest", partial(self._ask_contest, dispute))
                self._button("Accept", partial(self._ask_accept, dispute))

    def _button(self, word: str, act: partial[None]) -> None:
        ui.button(word, on_click=act).props("dense outline").classes("px-3")

    def _ask_contest(self, dispute: Dispute) -> None:
        with asking(self._visit, f"Contest {dispute.amount} of {dispute.payment}") as dialog:
            ui.label("A person at the payer’s bank reads it. It is submitted once.").classes("soft")
            text = reason_field("Evidence", "What speaks for the payment: what was delivered, when, how it was used")

            async def do() -> bool:
                return await self._visit.perform(lambda who: self._contest(who, dispute, (text.value or "").strip()))

            choices(dialog, "Submit", do)

    async def _contest(self, who: Principal, dispute: Dispute, text: str) -> str:
        if not text:
            raise BadInput("explanation", "say what speaks for the payment")
        evidence = Evidence(explanation=text).model_dump()
        await ask(self._visit.console.context, dispute.id, "evidence", who, evidence=evidence)
        await self.refresh()
        return f"Evidence for {dispute.payment} is submitted"

    def _ask_accept(self, dispute: Dispute) -> None:
        with asking(self._visit, f"Give in over {dispute.amount} of {dispute.payment}") as dialog:
            ui.label("No evidence can be submitted afterwards; the money is lost.").classes("soft")

            async def do() -> bool:
                return await self._visit.perform(lambda who: self._accept(who, dispute))

            choices(dialog, "Give in", do)

    async def _accept(self, who: Principal, dispute: Dispute) -> str:
        await ask(self._visit.console.context, dispute.id, "accept", who)
        await self.refresh()
        return f"The dispute of {dispute.payment} is accepted"

    def _draw_refunds(self, given: list[Refund], _minute: datetime) -> None:
        notices.card_head("Refunds")
        if not given:
            _nothing("Nothing was refunded")
            return
        settings = self._visit.console.settings
        rows = [
            (
                each.payment,
                each.customer or "",
                each.message or each.reason,
                partial(chip, each.state.value),
                f"access {'kept' if each.access == 'keep' else 'revoked'}",
                each.requested_by,
                moments.ago(each.requested_at, self._visit.now()),
                str(each.amount),
                partial(processes.link, settings, keys.refund_workflow(each.id)),
            )
            for each in given
        ]
        table(("Payment", "Customer", "Why", "State", "Access", "Asked by", "When", ">Amount", "Process"), rows)


def _urgency(dispute: Dispute) -> tuple[bool, bool, float]:
    """What is open comes first, and of that what is due first."""
    due = dispute.deadline.timestamp() if dispute.deadline else 0
    return dispute.state in CLOSED, dispute.state is not DisputeState.open, due


def _nothing(text: str) -> None:
    with ui.element("div").classes("empty"):
        ui.icon("task_alt")
        notices.heading(text)
