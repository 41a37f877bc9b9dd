"""The subscription: the one writer of a live service. It opens when something is due or asked, and closes when nothing is."""

from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import changes
    from activities.contracts.changes import Changes
    from activities.contracts.subscriptions import Asked, Command, Subscriptions
    from domain.subscriptions.changes import Change, ChangeCommand, DropCommand
    from domain.subscriptions.commands import ByCommand, HoldCommand
    from domain.subscriptions.ending import CancelCommand, Cancellation
    from domain.subscriptions.facts import Opening
    from domain.subscriptions.pausing import PauseCommand
    from domain.subscriptions.suspension import SuspendCommand, UnsuspendCommand
    from workflows.calls import ensure_here
    from workflows.changing import Changing, concerns
    from workflows.messages import parse

CANCEL_EXAMPLE = {"by": "your name", "when": "period_end"}
BY_EXAMPLE = {"by": "your name"}
CHANGE_EXAMPLE = {"by": "your name", "plan": "crm-pro", "quantity": 5, "when": "now"}
DROP_EXAMPLE = {"by": "your name", "number": 3}
PAUSE_EXAMPLE = {"by": "your name", "when": "now", "until": "2026-12-31T00:00:00Z"}
SUSPEND_EXAMPLE = {"by": "your name", "reason": "request"}
HOLD_EXAMPLE = {"by": "your name", "reason": "lawsuit 4711"}


@workflow.defn(name="subscription")
class SubscriptionWorkflow:
    @workflow.init
    def __init__(self, opening: Opening) -> None:
        self._subscription = opening.subscription
        self._due: list[str] = []
        self._said = ""
        self._changing = Changing(opening.subscription)

    @workflow.run
    async def run(self, opening: Opening) -> str:
        """What the subscription is at last, in words."""
        said = ""
        if opening.activated_at is not None:
            state = await ensure_here(Subscriptions.activate, opening, summary="take the service over")
            said = f"subscription {opening.subscription} is {state}"
        while self._due or not workflow.all_handlers_finished():
            if self._due:
                said = await self._carry_out(self._due.pop(0)) or said
            else:
                await workflow.wait_condition(lambda: bool(self._due) or workflow.all_handlers_finished())
        workflow.set_current_details(said or self._said)
        return said or self._said

    async def _carry_out(self, key: str) -> str:
        async with self._changing.lock:
            if concerns(self._subscription, key):
                return await self._changing.due(key)
            return await ensure_here(Subscriptions.due, key, summary=key)

    @workflow.signal(name="due", description="Sent by the sweep: the row with this key is due.")
    def due(self, key: str) -> None:
        if key not in self._due:
            self._due.append(key)

    @workflow.update(
        name="cancel",
        description='End it: {"by": "your name", "when": "period_end"}, or "now", or a date such as "2026-12-31T00:00:00Z".',
    )
    async def cancel(self, raw: Any) -> Cancellation:
        async with self._changing.lock:
            made = await ensure_here(
                Subscriptions.cancel, self._asked(parse(CancelCommand, raw, CANCEL_EXAMPLE)), summary="cancel"
            )
        self._said = f"subscription {self._subscription} is to end on {made.at:%Y-%m-%d %H:%M} UTC"
        return made

    @cancel.validator
    def _check_cancel(self, raw: Any) -> None:
        parse(CancelCommand, raw, CANCEL_EXAMPLE)

    @workflow.update(name="uncancel", description='Let it go on after all: {"by": "your name"}.')
    async def uncancel(self, raw: Any) -> str:
        async with self._changing.lock:
            self._said = await ensure_here(
                Subscriptions.uncancel, self._asked(parse(ByCommand, raw, BY_EXAMPLE)), summary="take the cancellation back"
            )
        return self._said

    @uncancel.validator
    def _check_uncancel(self, raw: Any) -> None:
        parse(ByCommand, raw, BY_EXAMPLE)

    @workflow.update(
        name="hold", description='Keep its data: {"by": "your name", "reason": "lawsuit 4711"}; without a reason no longer.'
    )
    async def hold(self, raw: Any) -> str:
        async with self._changing.lock:
            self._said = await ensure_here(
                Subscriptions.hold, self._asked(parse(HoldCommand, raw, HOLD_EXAMPLE)), summary="set or lift the legal hold"
            )
        return self._said

    @hold.validator
    def _check_hold(self, raw: Any) -> None:
        parse(HoldCommand, raw, HOLD_EXAMPLE)

    @workflow.update(
        name="change",
        description='Change it: {"by": "your name", "plan": "crm-pro", "quantity": 5, "when": "now"}; either is enough.',
    )
    async def change(self, raw: Any) -> Change:
        async with self._changing.lock:
            made = await self._changing.change(parse(ChangeCommand, raw, CHANGE_EXAMPLE))
        self._said = f"subscription {self._subscription}: {made.plan} × {made.quantity} from {made.at:%Y-%m-%d %H:%M} UTC on"
        return made

    @change.validator
    def _check_change(self, raw: Any) -> None:
        parse(ChangeCommand, raw, CHANGE_EXAMPLE)

    @workflow.update(name="drop_change", description='Not make a change that is decided: {"by": "your name", "number": 3}.')
    async def drop_change(self, raw: Any) -> str:
        command = parse(DropCommand, raw, DROP_EXAMPLE)
        async with self._changing.lock:
            asked = changes.Asked(subscription=self._subscription, command=command)
            self._said = await ensure_here(Changes.drop, asked, summary="drop a change that lies ahead")
        return self._said

    @drop_change.validator
    def _check_drop_change(self, raw: Any) -> None:
        parse(DropCommand, raw, DROP_EXAMPLE)

    @workflow.update(
        name="pause",
        description='Pause it: {"by": "your name", "when": "now"}, or "period_end", or a date; "until" resumes it.',
    )
    async def pause(self, raw: Any) -> str:
        """One that is for later is due then."""
        command = parse(PauseCommand, raw, PAUSE_EXAMPLE)
        async with self._changing.lock:
            asked = changes.Asked(subscription=self._subscription, command=command)
            self._said = await self._at_once(await ensure_here(Changes.pause, asked, summary="decide on a pause"))
        return self._said

    @pause.validator
    def _check_pause(self, raw: Any) -> None:
        parse(PauseCommand, raw, PAUSE_EXAMPLE)

    @workflow.update(name="resume", description='Let it go on: {"by": "your name"}.')
    async def resume(self, raw: Any) -> str:
        command = parse(ByCommand, raw, BY_EXAMPLE)
        async with self._changing.lock:
            asked = changes.Asked(subscription=self._subscription, command=command)
            self._said = await self._at_once(await ensure_here(Changes.resume, asked, summary="end a pause"))
        return self._said

    @resume.validator
    def _check_resume(self, raw: Any) -> None:
        parse(ByCommand, raw, BY_EXAMPLE)

    async def _at_once(self, key: str) -> str:
        """Whoever asked is told what came of it, where it was due at once."""
        return await self._changing.due(key) if key else f"subscription {self._subscription} goes on"

    @workflow.update(
        name="suspend",
        description='Close access for a reason: {"by": "your name", "reason": "request", "words": "…"}, "policy" or "fraud".',
    )
    async def suspend(self, raw: Any) -> str:
        self._said = await ensure_here(
            Subscriptions.suspend, self._asked(parse(SuspendCommand, raw, SUSPEND_EXAMPLE)), summary="suspend"
        )
        return self._said

    @suspend.validator
    def _check_suspend(self, raw: Any) -> None:
        parse(SuspendCommand, raw, SUSPEND_EXAMPLE)

    @workflow.update(name="unsuspend", description='Lift this reason alone: {"by": "your name", "reason": "request"}.')
    async def unsuspend(self, raw: Any) -> str:
        self._said = await ensure_here(
            Subscriptions.unsuspend, self._asked(parse(UnsuspendCommand, raw, SUSPEND_EXAMPLE)), summary="lift a suspension"
        )
        return self._said

    @unsuspend.validator
    def _check_unsuspend(self, raw: Any) -> None:
        parse(UnsuspendCommand, raw, SUSPEND_EXAMPLE)

    def _asked(self, command: Command) -> Asked[Command]:
        return Asked(subscription=self._subscription, command=command)
