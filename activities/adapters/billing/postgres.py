"""The billing port on our own database."""

from activities.store import attempts, billing
from activities.store.database import Database
from domain import keys
from domain.billing.order_billing import Bill, Credit


class PostgresBilling:
    """The billing engine. The cash account is that of the payment's gateway; `gateway` names it for payments that are older
    than the rows that say so."""

    def __init__(self, database: Database, gateway: str) -> None:
        self._database = database
        self._gateway = gateway

    async def bill(self, bill: Bill) -> None:
        async with self._database.transaction() as connection:
            await billing.bill_order(connection, bill, self._gateway)

    async def credit(self, credit: Credit) -> None:
        async with self._database.transaction() as connection:
            gateway = await attempts.gateway_of(connection, keys.refunded_payment(credit.refund), self._gateway)
            await billing.credit_item(connection, credit, gateway)
