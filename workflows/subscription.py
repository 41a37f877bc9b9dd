"""The subscription: the one writer of a live service. It opens when something is due or asked, and closes when nothing is."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts.subscriptions import Subscriptions
    from domain.facts import HandOver
    from workflows.calls import ensure_here


@workflow.defn(name="subscription")
class SubscriptionWorkflow:
    @workflow.run
    async def run(self, service: HandOver) -> str:
        """Take over what is handed over. Returns the state the subscription is in then."""
        state = await ensure_here(Subscriptions.activate, service)
        workflow.set_current_details(
            f"## Subscription {service.subscription} is {state}\n\n{service.plan} × {service.quantity} for {service.customer}"
        )
        return state
