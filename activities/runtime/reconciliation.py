"""Reconciliation, carried out on the gateways and the store."""

from collections.abc import Mapping
from datetime import UTC, datetime

from temporalio import activity

from activities.adapters.gateway.port import Gateway
from activities.contracts.reconciliation import Compared, Fetched, Reconciliation
from activities.store import reconciliation
from activities.store.database import Database
from domain.billing.reconciliation.comparison import ComparisonSettings, compare, unsettled, window
from domain.errors import NotFound

PAGE = 500


class StoredReconciliation(Reconciliation):
    def __init__(self, database: Database, gateways: Mapping[str, Gateway], settings: ComparisonSettings | None = None) -> None:
        self._database = database
        self._gateways = gateways
        self._settings = settings or ComparisonSettings()

    @activity.defn(name="reconciliation_fetch")
    async def fetch(self, here: Fetched) -> Fetched:
        """Raises Unavailable while the gateway does not answer, so that no report is never taken for an empty one."""
        gateway = self._gateways.get(here.day.gateway)
        if gateway is None:
            raise NotFound("gateway", here.day.gateway)
        since, until = window(here.day.date, self._settings.tolerance)
        page = await gateway.report(since, until, here.cursor)
        async with self._database.transaction() as connection:
            await reconciliation.keep_movements(connection, here.day.gateway, page.movements)
        return Fetched(day=here.day, cursor=page.next, movements=here.movements + len(page.movements))

    @activity.defn(name="reconciliation_movements")
    async def compare_movements(self, here: Compared) -> Compared | None:
        gateway, day = here.day.gateway, here.day.date
        async with self._database.transaction() as connection:
            keys = await reconciliation.keys_of(connection, gateway, window(day), here.after, PAGE)
            if not keys:
                return None
            reported = await reconciliation.reported(connection, gateway, keys)
            found = compare(reported, await reconciliation.booked(connection, gateway, keys))
            await reconciliation.note(connection, gateway, day, keys, found, datetime.now(UTC))
        return Compared(day=here.day, after=keys[-1], count=here.count + len(keys))

    @activity.defn(name="reconciliation_invoices")
    async def compare_invoices(self, here: Compared) -> Compared | None:
        gateway, day = here.day.gateway, here.day.date
        async with self._database.transaction() as connection:
            standings = await reconciliation.standings(connection, window(day), here.after, PAGE)
            if not standings:
                return None
            seen = [standing.invoice for standing in standings]
            await reconciliation.note(connection, gateway, day, seen, unsettled(standings), datetime.now(UTC))
        return Compared(day=here.day, after=seen[-1], count=here.count + len(seen))

    @activity.defn(name="reconciliation_finish")
    async def finish(self, here: Compared) -> int:
        async with self._database.transaction() as connection:
            return await reconciliation.finish(connection, here.day.gateway, here.day.date, here.count, datetime.now(UTC))
