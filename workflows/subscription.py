"""The subscription: the one writer of a live service. It opens when something is due or asked, and closes when nothing is."""

from collections import deque

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts.subscriptions import Subscriptions
    from domain.facts import HandOver
    from workflows.calls import ensure_here


@workflow.defn(name="subscription")
class SubscriptionWorkflow:
    @workflow.init
    def __init__(self, subscription: str) -> None:
        self._subscription = subscription
        self._taken: deque[HandOver] = deque()

    @workflow.run
    async def run(self, subscription: str) -> str:
        """Take over what is handed over; a message that comes while it closes opens it again."""
        state = "pending"
        await workflow.wait_condition(lambda: bool(self._taken))
        while self._taken:
            service = self._taken.popleft()
            state = await ensure_here(Subscriptions.activate, service)
            workflow.set_current_details(
                f"## Subscription {subscription} is {state}\n\n{service.plan} × {service.quantity} for {service.customer}"
            )
        await workflow.wait_condition(workflow.all_handlers_finished)
        return state

    @workflow.signal(name="take_over", description="Sent by the dispatcher: a service has gone live.")
    def take_over(self, service: HandOver) -> None:
        self._taken.append(service)
