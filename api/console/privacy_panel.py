"""On a customer's page: what is held of it given out, and erased."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from activities.store import erasures
from api import privacy
from api.auth import demand
from api.console import moments, notices
from api.console.chip import chip
from api.console.dialog import asking, choices
from api.console.facts import facts
from api.console.visit import Visit
from domain.errors import BadInput
from domain.privacy import Erasure, ErasureRequest, ErasureState
from domain.roles import Principal, Right

Refresh = Callable[[], Awaitable[None]]


class PrivacyPanel:
    def __init__(self, visit: Visit, customer: str, refresh: Refresh) -> None:
        self._visit = visit
        self._customer = customer
        self._refresh = refresh

    def draw(self, erasure: Erasure | None) -> None:
        """For whoever may do something here, and for whoever finds a customer that is erased."""
        may = self._visit.may(Right.keep_privacy)
        if erasure is None and not may:
            return
        with ui.element("div").classes("card").mark("privacy"):
            with ui.element("div").classes("row-line"):
                notices.heading("Privacy")
                ui.element("div").classes("spread")
                if may:
                    self._buttons(erasure)
            if erasure is not None:
                _draw(erasure)

    def _buttons(self, erasure: Erasure | None) -> None:
        ui.button("Export", icon="download", on_click=self._export).props("outline dense color=primary").classes("px-3")
        if erasure is None:
            button = ui.button("Erase", icon="person_off", on_click=self._ask_erase)
            button.props("outline dense color=negative").classes("px-3")
        elif erasure.state is ErasureState.waiting:
            button = ui.button("Withdraw erasure", icon="undo", on_click=self._ask_withdraw)
            button.props("outline dense color=primary").classes("px-3")

    async def _export(self) -> None:
        async def give(who: Principal) -> str:
            demand(who, Right.keep_privacy)
            parts = [part async for part in privacy.document(self._visit.console.database, self._customer)]
            ui.download(b"".join(parts), privacy.file_name(self._customer), "application/json")
            return f"all that is held of {self._customer} is in the file"

        await self._visit.perform(give)

    def _ask_erase(self) -> None:
        with asking(self._visit, f"Erase {self._customer}") as dialog:
            ui.label(
                "Name, addresses, payment methods, messages and everything that people wrote are erased for good once nothing"
                " goes on with this customer. Until then it takes no new order. Invoices stay as long as a law needs them."
            ).classes("soft")
            reason = ui.input("Why", placeholder="Such as: asked by mail on 3 March").props("outlined maxlength=500")
            typed = ui.input(f"Type {self._customer} to confirm").props("outlined")

            async def do() -> bool:
                return await self._visit.perform(lambda who: self._erase(who, reason.value or "", typed.value or ""))

            choices(dialog, "Erase it", do, grave=True)

    async def _erase(self, who: Principal, why: str, typed: str) -> str:
        demand(who, Right.keep_privacy)
        if typed.strip() != self._customer:
            raise BadInput("confirmation", f"should be {self._customer}, as this cannot be undone")
        if not why.strip():
            raise BadInput("reason", "is kept with the request until it is done, so say why it was asked for")
        console = self._visit.console
        async with console.database.transaction() as connection:
            request = ErasureRequest(reason=why.strip())
            made = await erasures.ask(connection, self._customer, request, who.name, self._visit.now())
        await self._refresh()
        return "it is erased in a minute" if not made.blockers else "it is erased once nothing goes on with it"

    def _ask_withdraw(self) -> None:
        with asking(self._visit, f"Keep {self._customer}") as dialog:
            ui.label("The request is taken back: the customer stays, and may order again.").classes("soft")

            async def do() -> bool:
                return await self._visit.perform(self._withdraw)

            choices(dialog, "Keep it", do)

    async def _withdraw(self, who: Principal) -> str:
        demand(who, Right.keep_privacy)
        async with self._visit.console.database.transaction() as connection:
            await erasures.withdraw(connection, self._customer)
        await self._refresh()
        return f"{self._customer} stays"


def _draw(erasure: Erasure) -> None:
    facts(
        {
            "Erasure": lambda: chip(erasure.state),
            "Asked": f"{moments.day(erasure.asked_at)} by {erasure.asked_by}",
            "Why": erasure.reason,
            "To be done by": moments.day(erasure.deadline) if erasure.state is ErasureState.waiting else "",
            "Erased": moments.day(erasure.erased_at) if erasure.erased_at else "",
            "Kept until": moments.day(erasure.kept_until) if erasure.kept_until else "",
            "Kept": ", ".join(f"{kept.count} {kept.what}" for kept in erasure.kept),
        }
    )
    if erasure.blockers:
        ui.label("Still going on:").classes("soft small")
        for words in erasure.blockers:
            ui.label(words).classes("small")
