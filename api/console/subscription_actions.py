"""What may be done to a subscription from its page, each after a look at what it comes to."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from nicegui import ui

from api import subscription_endings
from api.auth import demand
from api.console import moments, subscription_changing
from api.console.dialog import asking, choices, reason_field
from api.console.panel import Panel
from api.console.table import sums
from api.console.visit import Visit
from api.subscription_endings import CancellationPreview, CancelRequest
from api.subscriptions import SubscriptionDetail, instruct
from domain.errors import BadInput, TurnupError
from domain.roles import Principal, Right
from domain.subscriptions.ending import When

AT_A_DATE = "date"
WHEN = {
    str(When.period_end): "At the end of what is billed",
    str(When.now): "Now",
    AT_A_DATE: "At a date",
}
Refresh = Callable[[], Awaitable[None]]


def buttons(visit: Visit, shown: SubscriptionDetail, refresh: Refresh) -> None:
    """What may be done now, by whoever looks."""
    if shown.ended_at is None:
        if subscription_changing.may_suspend(visit, shown, lift=True):
            _button("Unsuspend", "lock_open", lambda: subscription_changing.ask_suspend(visit, shown, refresh, lift=True))
        if subscription_changing.may_suspend(visit, shown, lift=False):
            _button("Suspend", "lock", lambda: subscription_changing.ask_suspend(visit, shown, refresh, lift=False))
    if not visit.may(Right.keep_subscriptions):
        return
    if shown.ended_at is None:
        _button("Change", "swap_horiz", subscription_changing.ChangeDialog(visit, shown, refresh).open)
        if shown.pausing is None and shown.paused_since is None:
            _button("Pause", "pause", lambda: subscription_changing.ask_pause(visit, shown, refresh))
    actions = SubscriptionActions(visit, shown, refresh)
    if shown.legal_hold:
        _button("Lift legal hold", "lock_open", actions.ask_lift)
    else:
        _button("Legal hold", "gavel", actions.ask_hold)
    if shown.ended_at is not None:
        return
    if shown.ending is not None:
        _button("Uncancel", "event_available", actions.ask_uncancel)
    if shown.pausing is not None:
        _button("Resume", "play_arrow", actions.ask_resume)
    _button("Cancel" if shown.ending is None else "Move the end", "event_busy", actions.ask_cancel, grave=True)


def _button(word: str, icon: str, do: Callable[[], Awaitable[None] | None], *, grave: bool = False) -> None:
    button = ui.button(word, icon=icon, on_click=do).props(f"outline dense color={'negative' if grave else 'primary'}")
    button.classes("px-3")


class SubscriptionActions:
    def __init__(self, visit: Visit, shown: SubscriptionDetail, refresh: Refresh) -> None:
        self._visit = visit
        self._context = visit.console.context
        self._shown = shown
        self._refresh = refresh

    async def ask_cancel(self) -> None:
        await CancelDialog(self._visit, self._shown, self._refresh).open()

    async def ask_uncancel(self) -> None:
        onwards = await subscription_endings.onwards(self._context, self._shown.id)
        with asking(self._visit, f"Let {self._shown.id} go on") as dialog:
            ui.label("The end that was decided is taken back, with what was to be charged for it.")
            if onwards.renewal and onwards.charge:
                said = f"It then goes on with {onwards.charge} before discounts and tax on {moments.day(onwards.renewal)}."
                ui.label(said).classes("strong")

            async def do() -> bool:
                return await self._visit.perform(lambda who: self._told(who, "uncancel", "goes on"))

            choices(dialog, "Let it go on", do)

    def ask_resume(self) -> None:
        pausing = self._shown.pausing
        with asking(self._visit, f"Resume {self._shown.id}") as dialog:
            if pausing is not None:
                ui.label(f"Its pause of {moments.day(pausing.at)} ends now: it is billed and may be used again.").classes(
                    "strong"
                )

            async def do() -> bool:
                return await self._visit.perform(lambda who: self._told(who, "resume", "goes on"))

            choices(dialog, "Resume it", do)

    def ask_hold(self) -> None:
        with asking(self._visit, f"Legal hold on {self._shown.id}") as dialog:
            ui.label("Its data is not taken down as long as the hold is there, also after it has ended.").classes("soft")
            reason = reason_field("Reason", "Such as: lawsuit 4711")

            async def do() -> bool:
                why = (reason.value or "").strip()
                return await self._visit.perform(lambda who: self._hold(who, why))

            choices(dialog, "Keep its data", do)

    async def _hold(self, who: Principal, why: str) -> str:
        if not why:
            raise BadInput("reason", "is kept with the hold, so say why, such as: lawsuit 4711")
        return await self._told(who, "hold", "is held", reason=why)

    def ask_lift(self) -> None:
        with asking(self._visit, f"Lift the legal hold on {self._shown.id}") as dialog:
            ui.label(f"Its data is kept for: {self._shown.legal_hold}").classes("strong")
            ui.label("Without the hold it is taken down once its time of keeping is over after the end.").classes("soft")

            async def do() -> bool:
                return await self._visit.perform(lambda who: self._told(who, "hold", "is not held any more", reason=""))

            choices(dialog, "Lift the hold", do, grave=True)

    async def _told(self, who: Principal, update: str, outcome: str, **asked: str) -> str:
        demand(who, Right.keep_subscriptions)
        await instruct(self._context, who, self._shown.id, update, **asked)
        await self._refresh()
        return f"{self._shown.id} {outcome}"


class CancelDialog:
    """Asks when it is to end, and shows what that comes to, which is what it is then held to."""

    def __init__(self, visit: Visit, shown: SubscriptionDetail, refresh: Refresh) -> None:
        self._visit = visit
        self._shown = shown
        self._refresh = refresh
        self._preview: CancellationPreview | None = None

    async def open(self) -> None:
        with asking(self._visit, f"Cancel {self._shown.id}") as dialog:
            self._when = ui.select(WHEN, label="When", value=str(When.period_end), on_change=self._look).props("outlined")
            self._date = ui.input("Date and time, UTC", placeholder="2026-12-01T09:00", on_change=self._look)
            self._date.props("outlined debounce=300").bind_visibility_from(self._when, "value", value=AT_A_DATE)
            self._sums = Panel(self._draw)
            self._words = reason_field("Why", "Kept with your name")
            choices(dialog, "Cancel the subscription", self._do, grave=True)
        await self._look()

    async def _look(self) -> None:
        """What the present choice comes to, or what would be right."""
        self._preview, trouble = None, ""
        try:
            principal = await self._visit.console.sessions.principal()
            if principal is None:
                self._visit.leave()
                return
            self._preview = await subscription_endings.preview(
                self._visit.console.context, principal, self._shown.id, self._request()
            )
        except TurnupError as error:
            trouble = str(error)
        self._sums.show(self._preview, trouble)

    def _request(self) -> CancelRequest:
        return CancelRequest(when=self._moment(), words=(self._words.value or "").strip(), version=self._shown.version)

    def _moment(self) -> When | datetime:
        if self._when.value != AT_A_DATE:
            return When(self._when.value)
        return moments.given(self._date.value or "", "when")

    def _draw(self, preview: CancellationPreview | None, trouble: str) -> None:
        if preview is None:
            ui.label(trouble).classes("wrong")
            return
        ends, given_back = moments.day(preview.at), str(preview.given_back)
        sums([("Ends", ends), ("Given back", given_back), ("Fee", str(preview.fee))], "cancel-sums")
        ui.label(
            f"It may be used until {moments.absolute(preview.access_until)}; its data is kept until "
            f"{moments.day(preview.data_until)}."
        ).classes("soft small")

    async def _do(self) -> bool:
        done = await self._visit.perform(self._cancel)
        if not done:
            await self._look()
        return done

    async def _cancel(self, who: Principal) -> str:
        demand(who, Right.keep_subscriptions)
        request = self._request()
        if self._preview is None:
            raise BadInput("when", "choose an end that is possible first")
        token = self._preview.token
        made = await subscription_endings.cancel(self._visit.console.context, who, self._shown.id, request, token)
        await self._refresh()
        return f"{self._shown.id} ends on {moments.day(made.at)}; {made.given_back} are given back"
