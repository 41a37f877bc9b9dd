"""The tax engine of a legal entity."""

from activities.adapters.tax.engine import TableEngine, TaxEngine
from activities.adapters.tax.tables import TaxTables
from activities.store.database import Connection
from domain.billing.entities import TaxSource
from domain.errors import Unavailable


class TaxEngines:
    def __init__(self, tables: TaxTables | None = None, external: TaxEngine | None = None) -> None:
        self.tables = tables or TaxTables()
        self._external = external

    async def of(self, connection: Connection, source: TaxSource) -> TaxEngine:
        """Ask it once the transaction has ended, since an external one takes its time. Unavailable where there is none."""
        if source is TaxSource.table:
            return TableEngine(await self.tables.current(connection))
        return self.external()

    def external(self) -> TaxEngine:
        """Unavailable where there is none."""
        if self._external is None:
            raise Unavailable("there is no external tax engine; name one by TURNUP_TAX_ENGINE_URL")
        return self._external
