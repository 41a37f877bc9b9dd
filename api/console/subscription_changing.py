"""The dialogs that change, pause, suspend and unsuspend a subscription from its page."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from nicegui import ui

from activities.store import catalogue
from api import subscription_changes
from api.auth import demand
from api.console import moments
from api.console.dialog import asking, choices, reason_field
from api.console.panel import Panel
from api.console.table import sums, table
from api.console.visit import Visit
from api.context import Context
from api.subscription_changes import ChangePreview, ChangeRequest
from api.subscriptions import SubscriptionDetail, instruct
from domain.catalogue import Plan, Price, RecurringCharge
from domain.errors import BadInput, TurnupError
from domain.roles import Principal, Right
from domain.subscriptions.ending import When
from domain.subscriptions.suspension import Reason
from domain.values import LARGEST_QUANTITY, Value

ANY = "any"
BY_POLICY = "policy"
AT_A_DATE = "date"
WHEN = {str(When.now): "Now", str(When.period_end): "At the end of what is billed", AT_A_DATE: "At a date"}
Refresh = Callable[[], Awaitable[None]]


class Timing:
    """Fields that ask when: now, at the end of the period, at a date, and where `by_policy`, as the policy says."""

    def __init__(self, *, by_policy: bool, look: Refresh | None = None) -> None:
        options = ({BY_POLICY: "As the policy says"} if by_policy else {}) | WHEN
        self._when = ui.select(options, label="When", value=next(iter(options)), on_change=look).props("outlined")
        self._date = ui.input("Date and time, UTC", placeholder="2026-12-01T09:00", on_change=look)
        self._date.props("outlined debounce=300").bind_visibility_from(self._when, "value", value=AT_A_DATE)

    def given(self) -> When | datetime | None:
        """Raises BadInput."""
        if self._when.value == BY_POLICY:
            return None
        if self._when.value == AT_A_DATE:
            return moments.given(self._date.value or "", "when")
        return When(self._when.value)


class Offer(Value):
    """A plan that a subscription may become. `span` is how often it is charged, empty where nothing of it recurs or in several
    ways; `words` are what it is called and costs."""

    plan: str
    span: str
    words: str


async def offers(context: Context, shown: SubscriptionDetail) -> list[Offer]:
    """The plan that it has, and those of its product that are sold in its currency."""
    async with context.database.transaction() as connection:
        offered = await catalogue.load(connection)
    prices = {price.plan: price for price in offered.prices.values() if price.currency == shown.currency}
    plans = [each for each in offered.plans.values() if each.product == shown.product and each.id in prices]
    found = [_offer(each, prices[each.id]) for each in sorted(plans, key=lambda plan: plan.name)]
    if shown.plan not in {each.plan for each in found}:
        found.insert(0, Offer(plan=shown.plan, span="", words=shown.plan_name))
    return found


def _offer(plan: Plan, price: Price) -> Offer:
    charges = [each for each in price.charges if isinstance(each, RecurringCharge)]
    spans = {interval(each) for each in charges}
    span = spans.pop() if len(spans) == 1 else ""
    only = charges[0].unit_amount if len(charges) == 1 and len(price.charges) == 1 else None
    costs = f": {only:f} {price.currency} {span}" if only is not None else f", {span}" if span else ""
    return Offer(plan=plan.id, span=span, words=f"{plan.name}{costs}")


def interval(charge: RecurringCharge) -> str:
    """`every month`, `every 3 months`."""
    return f"every {charge.interval}" if charge.interval_count == 1 else f"every {charge.interval_count} {charge.interval}s"


class ChangeDialog:
    """Asks for the plan, the quantity and when, and shows what that comes to, which is what it is then held to."""

    def __init__(self, visit: Visit, shown: SubscriptionDetail, refresh: Refresh) -> None:
        self._visit = visit
        self._context = visit.console.context
        self._shown = shown
        self._refresh = refresh
        self._preview: ChangePreview | None = None

    async def open(self) -> None:
        self._offered = await offers(self._context, self._shown)
        with asking(self._visit, f"Change {self._shown.id}") as dialog:
            if len(self._spans()) > 1:
                self._span = ui.select(self._spans(), label="Billed", value=ANY, on_change=self._narrow).props("outlined")
            self._plan = ui.select(self._plans(ANY), label="Plan", value=self._shown.plan, on_change=self._look)
            self._plan.props("outlined")
            self._quantity = ui.number("Quantity", value=self._shown.quantity, min=1, precision=0, on_change=self._look)
            self._quantity.props("outlined debounce=300")
            self._timing = Timing(by_policy=True, look=self._look)
            self._sums = Panel(self._draw)
            self._words = reason_field("Why", "Kept with your name")
            choices(dialog, "Change it", self._do)
        await self._look()

    def _spans(self) -> dict[str, str]:
        """The intervals that its product is sold by."""
        spans = dict.fromkeys(each.span for each in self._offered if each.span)
        return {ANY: "At any interval"} | {span: span.capitalize() for span in spans} if len(spans) > 1 else {ANY: ""}

    def _plans(self, span: str) -> dict[str, str]:
        return {each.plan: each.words for each in self._offered if span in {ANY, each.span}}

    async def _narrow(self) -> None:
        plans = self._plans(self._span.value)
        kept = self._plan.value if self._plan.value in plans else next(iter(plans))
        self._plan.set_options(plans, value=kept)
        await self._look()

    def _request(self) -> ChangeRequest:
        plan = self._plan.value if self._plan.value != self._shown.plan else None
        quantity = self._asked_quantity()
        return ChangeRequest(
            plan=plan,
            quantity=quantity if quantity != self._shown.quantity else None,
            when=self._timing.given(),
            words=(self._words.value or "").strip(),
            version=self._shown.version,
        )

    def _asked_quantity(self) -> int:
        value = self._quantity.value
        if value is None or value != int(value) or not 1 <= value <= LARGEST_QUANTITY:
            raise BadInput("quantity", f"is a whole number from 1 to {LARGEST_QUANTITY}")
        return int(value)

    async def _look(self) -> None:
        """What the present choice comes to, or what would be right."""
        self._preview, trouble = None, ""
        try:
            principal = await self._visit.console.sessions.principal()
            if principal is None:
                self._visit.leave()
                return
            request = self._request()
            if request.plan is None and request.quantity is None:
                trouble = "Choose another plan, or another quantity."
            else:
                self._preview = await subscription_changes.preview(self._context, principal, self._shown.id, request)
        except TurnupError as error:
            trouble = str(error)
        self._sums.show(self._preview, trouble)

    def _draw(self, preview: ChangePreview | None, trouble: str) -> None:
        if preview is None:
            ui.label(trouble).classes("soft" if trouble.startswith("Choose") else "wrong")
            return
        at, total = moments.day(preview.at), str(preview.total)
        sums([("Changes", at), ("In all", total), ("Taken now", str(preview.due))], "change-sums")
        if preview.lines:
            spans = [(each, f"{moments.day(each.start)} to {moments.day(each.end)}") for each in preview.lines]
            table(("What", "For", ">Before tax"), [(each.description, span, str(each.amount)) for each, span in spans])
        else:
            ui.label("What it is charged follows from how things stand then.").classes("soft small")
        if preview.dropped:
            ui.label(f"Add-ons that end with it: {', '.join(preview.dropped)}").classes("wrong small")

    async def _do(self) -> bool:
        done = await self._visit.perform(self._change)
        if not done:
            await self._look()
        return done

    async def _change(self, who: Principal) -> str:
        demand(who, Right.keep_subscriptions)
        request = self._request()
        if self._preview is None:
            raise BadInput("plan", "choose a change that is possible first")
        made = await subscription_changes.change(self._context, who, self._shown.id, request, self._preview.token)
        await self._refresh()
        return f"{self._shown.id}: {made.plan} × {made.quantity} from {moments.day(made.at)}; {made.due} are taken now"


def ask_pause(visit: Visit, shown: SubscriptionDetail, refresh: Refresh) -> None:
    with asking(visit, f"Pause {shown.id}") as dialog:
        ui.label("Nothing is billed and nothing may be used. What was billed for the time is not lost.").classes("soft")
        timing = Timing(by_policy=False)
        until = ui.input("Goes on by itself, UTC", placeholder="2026-12-31T00:00").props(
            "outlined hint='Left empty, it waits to be resumed.'"
        )

        async def pause(who: Principal) -> str:
            demand(who, Right.keep_subscriptions)
            end = moments.given(until.value, "until") if (until.value or "").strip() else None
            asked = {"when": timing.given(), "until": end, "version": shown.version}
            await instruct(visit.console.context, who, shown.id, "pause", **asked)
            await refresh()
            return f"{shown.id} is to be paused"

        choices(dialog, "Pause it", lambda: visit.perform(pause), grave=True)


def ask_suspend(visit: Visit, shown: SubscriptionDetail, refresh: Refresh, *, lift: bool) -> None:
    """By the reasons that this person may suspend for; with `lift`, those of them that it is suspended for."""
    mine = [each for each in Reason if visit.may(each.right) and (each in shown.suspended_for) is lift]
    word = "Unsuspend" if lift else "Suspend"
    with asking(visit, f"{word} {shown.id}") as dialog:
        said = "Access opens once no other reason is left." if lift else "Access is closed until each reason is lifted."
        ui.label(said).classes("soft")
        reason = ui.select({str(each): str(each).capitalize() for each in mine}, label="Reason", value=str(mine[-1]))
        reason.props("outlined")
        field = None if lift else reason_field("Why", "Kept with your name")

        async def do(who: Principal) -> str:
            chosen = Reason(reason.value)
            demand(who, chosen.right)
            asked = {"reason": chosen} | ({"words": (field.value or "").strip()} if field else {})
            answer = await instruct(visit.console.context, who, shown.id, word.lower(), **asked)
            await refresh()
            return f"{shown.id}: {answer}"

        choices(dialog, f"{word} it", lambda: visit.perform(do), grave=not lift)


def may_suspend(visit: Visit, shown: SubscriptionDetail, *, lift: bool) -> bool:
    return any(visit.may(each.right) and (each in shown.suspended_for) is lift for each in Reason)
