"""Who is signed in. The session keeps the id of a key, never the key, and is worth nothing once the key is revoked."""

import time
from collections.abc import Callable

from nicegui import app

from activities.store import api_keys
from activities.store.api_keys import ApiKey
from activities.store.database import Connection, Database
from api.auth import Keyring
from api.console.attempts import Attempts
from domain.errors import NotFound
from domain.roles import Principal

TRUSTED_FOR = 0.5
"""Seconds for which a key that was good is not looked up again."""
LONGEST_SESSION = 12 * 3600.0
"""Seconds after which the key has to be shown again."""


class Sessions:
    """Sessions as the browser's signed cookie names them, of keys as the store knows them."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._clock = clock
        self._wall_clock = wall_clock
        self._trusted: dict[str, tuple[float, Principal | None]] = {}
        self.attempts = Attempts(clock)

    async def sign_in(self, key: str, client: str) -> str | None:
        """Sign the present browser in, or say in one line why not."""
        if (wait := self.attempts.wait(client)) > 0:
            return f"too many wrong keys; try again in {wait:.0f} seconds"
        principal = await self._keyring.principal(key.strip())
        if principal is None:
            self.attempts.failed(client)
            return "this key is unknown or was revoked"
        app.storage.user.update(key_id=principal.key_id, signed_in_at=self._wall_clock())
        return None

    def sign_out(self) -> None:
        for name in ("key_id", "signed_in_at"):
            app.storage.user.pop(name, None)

    async def principal(self) -> Principal | None:
        """Who uses the present browser; None where nobody is signed in, or their key was revoked meanwhile."""
        key_id, since = app.storage.user.get("key_id"), app.storage.user.get("signed_in_at", 0.0)
        if not key_id or self._wall_clock() - since > LONGEST_SESSION:
            return None
        return await self._holder(str(key_id))

    async def _holder(self, key_id: str) -> Principal | None:
        at, known = self._trusted.get(key_id, (0.0, None))
        if known is not None and self._clock() - at < TRUSTED_FOR:
            return known
        asked_at = self._clock()
        async with self._database.transaction() as connection:
            record = await _record(connection, key_id)
        good = record is not None and record.revoked_at is None
        holder = Principal(key_id=key_id, name=record.name, roles=record.roles) if record and good else None
        self._trusted[key_id] = (asked_at, holder)
        return holder


async def _record(connection: Connection, key_id: str) -> ApiKey | None:
    try:
        return await api_keys.get(connection, key_id)
    except NotFound:
        return None
