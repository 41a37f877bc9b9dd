"""Billing activities, on the billing port."""

from temporalio import activity

from activities.adapters.billing.port import Billing as BillingPort
from activities.contracts.billing import Bill, Billing, Credit


class BillingActivities(Billing):
    def __init__(self, billing: BillingPort) -> None:
        self._billing = billing

    @activity.defn(name="bill")
    async def bill(self, bill: Bill) -> None:
        lines = [(item.item, line) for item in bill.items for line in item.lines]
        invoice = await self._billing.open_invoice(bill.order, bill.customer, lines, bill.total, bill.at)
        await self._billing.mark_paid(invoice, bill.payment, bill.total, bill.at)

    @activity.defn(name="credit")
    async def credit(self, credit: Credit) -> None:
        await self._billing.credit(credit.order, credit.item, credit.amount, credit.reason, credit.at)
