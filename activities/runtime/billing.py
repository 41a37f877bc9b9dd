"""Billing activities, on the billing port."""

from temporalio import activity

from activities.adapters.billing.port import Billing as BillingPort
from activities.contracts.billing import Billing
from domain.billing.order_billing import Bill, Credit


class BillingActivities(Billing):
    def __init__(self, billing: BillingPort) -> None:
        self._billing = billing

    @activity.defn(name="bill")
    async def bill(self, bill: Bill) -> None:
        await self._billing.bill(bill)

    @activity.defn(name="credit")
    async def credit(self, credit: Credit) -> None:
        await self._billing.credit(credit)
