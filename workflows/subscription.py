"""The subscription: the one writer of a live service. It opens when something is due or asked, and closes when nothing is."""

from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts.subscriptions import Asked, Command, Subscriptions
    from domain.subscriptions.commands import ByCommand, HoldCommand
    from domain.subscriptions.ending import CancelCommand, Cancellation
    from domain.subscriptions.facts import Opening
    from workflows.calls import ensure_here
    from workflows.messages import parse

CANCEL_EXAMPLE = {"by": "your name", "when": "period_end"}
BY_EXAMPLE = {"by": "your name"}
HOLD_EXAMPLE = {"by": "your name", "reason": "lawsuit 4711"}


@workflow.defn(name="subscription")
class SubscriptionWorkflow:
    @workflow.init
    def __init__(self, opening: Opening) -> None:
        self._subscription = opening.subscription
        self._due: list[str] = []
        self._said = ""

    @workflow.run
    async def run(self, opening: Opening) -> str:
        """What the subscription is at last, in words."""
        said = ""
        if opening.activated_at is not None:
            said = f"subscription {opening.subscription} is {await ensure_here(Subscriptions.activate, opening)}"
        while self._due or not workflow.all_handlers_finished():
            if self._due:
                said = await ensure_here(Subscriptions.due, self._due.pop(0)) or said
            else:
                await workflow.wait_condition(lambda: bool(self._due) or workflow.all_handlers_finished())
        workflow.set_current_details(said or self._said)
        return said or self._said

    @workflow.signal(name="due", description="Sent by the sweep: the row with this key is due.")
    def due(self, key: str) -> None:
        if key not in self._due:
            self._due.append(key)

    @workflow.update(
        name="cancel",
        description='End it: {"by": "your name", "when": "period_end"}, or "now", or a date such as "2026-12-31T00:00:00Z".',
    )
    async def cancel(self, raw: Any) -> Cancellation:
        made = await ensure_here(Subscriptions.cancel, self._asked(parse(CancelCommand, raw, CANCEL_EXAMPLE)))
        self._said = f"subscription {self._subscription} is to end on {made.at:%Y-%m-%d %H:%M} UTC"
        return made

    @cancel.validator
    def _check_cancel(self, raw: Any) -> None:
        parse(CancelCommand, raw, CANCEL_EXAMPLE)

    @workflow.update(name="uncancel", description='Let it go on after all: {"by": "your name"}.')
    async def uncancel(self, raw: Any) -> str:
        self._said = await ensure_here(Subscriptions.uncancel, self._asked(parse(ByCommand, raw, BY_EXAMPLE)))
        return self._said

    @uncancel.validator
    def _check_uncancel(self, raw: Any) -> None:
        parse(ByCommand, raw, BY_EXAMPLE)

    @workflow.update(
        name="hold", description='Keep its data: {"by": "your name", "reason": "lawsuit 4711"}; without a reason no longer.'
    )
    async def hold(self, raw: Any) -> str:
        self._said = await ensure_here(Subscriptions.hold, self._asked(parse(HoldCommand, raw, HOLD_EXAMPLE)))
        return self._said

    @hold.validator
    def _check_hold(self, raw: Any) -> None:
        parse(HoldCommand, raw, HOLD_EXAMPLE)

    def _asked(self, command: Command) -> Asked[Command]:
        return Asked(subscription=self._subscription, command=command)
