"""Payment methods whose time is over are called expired; of those whose time ends soon it is told once."""

from temporalio import activity

from activities.contracts.expiry_watch import ExpiryWatch, Watching
from activities.store import payment_methods
from activities.store.database import Database

PAGE = 200


class StoredExpiryWatch(ExpiryWatch):
    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="watch_payment_methods")
    async def watch(self, watching: Watching) -> Watching | None:
        async with self._database.transaction() as connection:
            expired = await payment_methods.expire(connection, watching.began, PAGE)
            expiring = await payment_methods.tell_expiring(connection, watching.began, PAGE)
        if not expired and not expiring:
            return None
        return watching.model_copy(
            update={"expired": watching.expired + len(expired), "expiring": watching.expiring + len(expiring)}
        )
