"""Who is asking, and whether they may."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request

from activities.store import api_keys
from activities.store.database import Database
from api.problems import Forbidden, Unauthorized
from domain.roles import RIGHTS, Principal, Right

TRUSTED_FOR = 1.0
"""Seconds for which a key that was good is not looked up again; a revoked one is refused after at most that long."""
MOST_TRUSTED = 10_000
_FORM = re.compile(r"tk_[A-Za-z0-9]{1,40}_[A-Za-z0-9_-]{16,200}")

bearer = HTTPBearer(auto_error=False, scheme_name="key", description="An API key: `Authorization: Bearer tk_…`")


class Keyring:
    """Keys by their text, as the store knows them."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._trusted: dict[str, tuple[float, Principal]] = {}
        self._asked: dict[str, asyncio.Task[Principal | None]] = {}

    async def principal(self, key: str) -> Principal | None:
        """Whose key this is; None for an unknown, wrong or revoked one."""
        if not _FORM.fullmatch(key):
            return None
        known = self._trusted.get(key)
        if known and self._clock() - known[0] < TRUSTED_FOR:
            return known[1]
        if known is None:
            return await self._look_up(key)
        return await asyncio.shield(self._look_up_once(key))

    def _look_up_once(self, key: str) -> "asyncio.Task[Principal | None]":
        """For all who come with a key in use at the moment when it is to be looked up again."""
        if key not in self._asked:
            self._asked[key] = asyncio.create_task(self._look_up(key))
            self._asked[key].add_done_callback(lambda _: self._asked.pop(key, None))
        return self._asked[key]

    async def _look_up(self, key: str) -> Principal | None:
        asked_at = self._clock()
        async with self._database.transaction() as connection:
            found = await api_keys.principal(connection, key)
        self._trusted.pop(key, None)
        if found:
            self._trust(key, asked_at, found)
        return found

    def _trust(self, key: str, at: float, principal: Principal) -> None:
        if len(self._trusted) >= MOST_TRUSTED:
            self._trusted.clear()
        self._trusted[key] = (at, principal)

    def forget(self, key_id: str) -> None:
        """Look this key up again at its next use."""
        self._trusted = {key: kept for key, kept in self._trusted.items() if kept[1].key_id != key_id}


def demand(principal: Principal, *rights: Right) -> None:
    """Raises Forbidden unless the principal has one of `rights`, naming them and the roles that carry them."""
    if any(principal.may(right) for right in rights):
        return
    roles = sorted({str(role) for role, given in RIGHTS.items() if given & set(rights)})
    needed = " or ".join(f"'{right}'" for right in rights)
    raise Forbidden(f"key {principal.name} lacks the right {needed}; a role that carries it: {', '.join(roles)}")


def requires(*rights: Right) -> Callable[..., Awaitable[Principal]]:
    """A dependency that gives the principal, who has at least one of `rights`."""

    async def check(
        request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)] = None
    ) -> Principal:
        if given is None:
            raise Unauthorized("this needs an API key, sent as Authorization: Bearer tk_…")
        keyring: Keyring = request.app.state.keyring
        principal = await keyring.principal(given.credentials)
        if principal is None:
            raise Unauthorized("this API key is unknown or was revoked")
        request.state.principal = principal.name
        demand(principal, *rights)
        return principal

    return check
