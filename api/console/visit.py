"""One person's look at one page: who they are, what they may do, and how the page hears of changes."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from nicegui import Client, background_tasks, ui
from nicegui.client import ClientConnectionTimeout
from nicegui.element import Element

from activities.store.listener import Watch
from api.console.addresses import SIGN_IN
from api.console.console import Console
from domain.errors import TurnupError, Unavailable
from domain.roles import Principal, Right

BREATH = 0.5
"""Seconds between two refreshes of one page, however much happens."""
CHECK_EVERY = 0.5
"""Seconds after which a page asks whether its reader is still signed in."""
IDLE = 15.0
"""Seconds after which a page is refreshed although nothing was heard, for its spans of time."""
log = structlog.get_logger()

Refresh = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Visit:
    """`layer` holds dialogs and messages, so that they outlive whatever is drawn anew below them. `stale` is shown while
    what the page shows may be old. `around` refreshes what is around the page."""

    console: Console
    principal: Principal
    client: Client
    layer: Element
    stale: Element
    around: Refresh

    def may(self, right: Right) -> bool:
        return self.principal.may(right)

    def now(self) -> datetime:
        return self.console.context.now()

    def tell(self, message: str, kind: str = "positive") -> None:
        """A passing message of one line."""
        with self.layer:
            ui.notify(" ".join(message.split()), type=kind, position="top", timeout=6000)  # type: ignore[arg-type]

    def leave(self) -> None:
        """To the sign-in page."""
        with self.layer:
            ui.navigate.to(SIGN_IN)

    async def perform(self, command: Callable[[Principal], Awaitable[str]]) -> bool:
        """Do what was asked for as whoever is signed in now, and say what came of it; False where it was refused."""
        try:
            principal = await self.console.sessions.principal()
            if principal is None:
                self.leave()
                return False
            self.tell(await command(principal))
        except TurnupError as error:
            self.tell(str(error), "negative")
            return False
        except Exception:
            log.exception("unforeseen error in the console", by=self.principal.name)
            self.tell("this was not foreseen; the log has more", "negative")
            return False
        return True

    def follow(self, refresh: Refresh, order: str | None = None, every: float = IDLE) -> None:
        """Refresh the page whenever something happened to `order` (none: to any), and `every` so many seconds, as long as it is
        open and its reader signed in."""
        task = background_tasks.create(self._follow(refresh, order, every), name=f"following {order or 'all orders'}")
        self.client.on_delete(lambda: task.cancel())

    async def _follow(self, refresh: Refresh, order: str | None, every: float) -> None:
        with contextlib.suppress(ClientConnectionTimeout):
            await self.client.connected()
            async with self.console.listener.watch(order) as watch:
                watch.wake()
                while await self._is_welcome():
                    await self._keep_fresh(watch, refresh, every)
                self.leave()

    async def _is_welcome(self) -> bool:
        try:
            return await self.console.sessions.principal() is not None
        except Unavailable:
            return True

    async def _keep_fresh(self, watch: Watch, refresh: Refresh, every: float) -> None:
        """Wait for one piece of news, or a while, and refresh."""
        began = time.monotonic()
        while not await watch.changed(within=CHECK_EVERY):
            if not await self._is_welcome():
                return
            if time.monotonic() - began > every:
                break
        await self._refresh(refresh)
        await asyncio.sleep(BREATH)

    async def _refresh(self, refresh: Refresh) -> None:
        try:
            with self.layer:
                await refresh()
                await self.around()
            self.stale.set_visibility(False)
        except Unavailable:
            self.stale.set_visibility(True)
        except Exception:
            log.exception("a page of the console could not be refreshed")
            self.stale.set_visibility(True)
