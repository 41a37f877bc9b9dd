"""What every action needs besides its request."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Protocol

from activities.adapters.documents.press import Press
from activities.adapters.gateway.port import Herald, Keeper
from activities.adapters.tax.engines import TaxEngines
from activities.store import catalogue, entry, orders
from activities.store.database import Connection, Database
from activities.store.entry import Asking, Circumstances, Made
from activities.store.orders import Acceptance
from activities.store.together import Together
from domain.catalogue import Catalogue
from domain.clocks import Advance
from domain.orders import Order


class Processes(Protocol):
    """How a running process is told something; `activities.runtime.processes` does it through Temporal."""

    async def command(self, order: Order, update: str, argument: Any, update_id: str) -> Any: ...

    async def correct(self, invoice: str, update: str, argument: Any, update_id: str) -> Any: ...

    async def instruct(self, subscription: str, update: str, argument: Any, update_id: str) -> Any: ...

    async def advance(self, advance: Advance) -> Awaitable[str]: ...

    async def contest(self, dispute: str, update: str, argument: Any, update_id: str) -> Any: ...


class Catalogues:
    """The current catalogue, loaded anew only when its revision has moved."""

    def __init__(self) -> None:
        self._kept: Catalogue | None = None

    async def current(self, connection: Connection) -> Catalogue:
        """One cheap query, where nothing was published since."""
        return await self.at(connection, await catalogue.revision(connection))

    async def at(self, connection: Connection, revision: int) -> Catalogue:
        """The catalogue at `revision`, which is the current one; loaded only where something was published since."""
        if self._kept is None or self._kept.revision != revision:
            self._kept = await catalogue.load(connection)
        return self._kept


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Context:
    database: Database
    processes: Processes
    now: Callable[[], datetime] = utc_now
    catalogues: Catalogues = field(default_factory=Catalogues)
    taxes: TaxEngines = field(default_factory=TaxEngines)
    press: Press = field(default_factory=Press)
    keepers: Mapping[str, Keeper] = field(default_factory=dict)
    """Gateways by name, as keepers of payment methods."""
    default_gateway: str = "sandbox"
    heralds: Mapping[str, Herald] = field(default_factory=dict)

    @cached_property
    def circumstances(self) -> Together[Asking, Circumstances | Made | None]:
        """What new orders are frozen against, read for all that come at one moment."""
        return Together(self.database, entry.read)

    @cached_property
    def accepting(self) -> Together[Acceptance, bool]:
        """New orders that need nothing but to be accepted, written with all that come at one moment."""
        return Together(self.database, orders.accept_all)
