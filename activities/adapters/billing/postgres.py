"""The billing port on our own database."""

from activities.store import billing
from activities.store.database import Database
from domain.billing.order_billing import Bill, Credit


class PostgresBilling:
    """The billing engine; `gateway` names the cash account."""

    def __init__(self, database: Database, gateway: str) -> None:
        self._database = database
        self._gateway = gateway

    async def bill(self, bill: Bill) -> None:
        async with self._database.transaction() as connection:
            await billing.bill_order(connection, bill, self._gateway)

    async def credit(self, credit: Credit) -> None:
        async with self._database.transaction() as connection:
            await billing.credit_item(connection, credit, self._gateway)
