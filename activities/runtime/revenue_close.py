"""The revenue close, carried out on the store a page at a time."""

from temporalio import activity

from activities.contracts.revenue_close import Closing, RevenueClose
from activities.store import legal_entities, revenue, wallets
from activities.store.database import Database

PAGE = 100


class StoredRevenueClose(RevenueClose):
    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="revenue_close_lines")
    async def lines(self, here: Closing) -> Closing | None:
        async with self._database.transaction() as connection:
            for seller in await legal_entities.every(connection):
                if lines := await revenue.close_some(connection, seller, here.began, PAGE):
                    return here.model_copy(update={"lines": here.lines + lines})
        return None

    @activity.defn(name="revenue_close_credit")
    async def credit(self, here: Closing) -> Closing | None:
        async with self._database.transaction() as connection:
            page = await wallets.expiring(connection, here.began, here.wallet, PAGE)
            if not page:
                return None
            grants = [await revenue.expire_credit(connection, *owner, here.began) for owner in page]
        return here.model_copy(update={"wallet": page[-1], "grants": here.grants + sum(grants)})
