"""The subscription: the one writer of a live service. It opens when something is due or asked, and closes when nothing is."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts.subscriptions import Subscriptions
    from domain.subscriptions.facts import Opening
    from workflows.calls import ensure_here


@workflow.defn(name="subscription")
class SubscriptionWorkflow:
    @workflow.init
    def __init__(self, opening: Opening) -> None:
        self._due: list[str] = []

    @workflow.run
    async def run(self, opening: Opening) -> str:
        """What the subscription is at last, in words."""
        said = ""
        if opening.activated_at is not None:
            said = f"subscription {opening.subscription} is {await ensure_here(Subscriptions.activate, opening)}"
        while self._due:
            said = await ensure_here(Subscriptions.due, self._due.pop(0)) or said
        workflow.set_current_details(said)
        return said

    @workflow.signal(name="due", description="Sent by the sweep: the row with this key is due.")
    def due(self, key: str) -> None:
        if key not in self._due:
            self._due.append(key)
