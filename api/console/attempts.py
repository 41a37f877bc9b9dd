"""How often someone may try a wrong key."""

import time
from collections import deque
from collections.abc import Callable

MOST = 5
WINDOW = 60.0
"""Seconds in which a client may be wrong `MOST` times."""
MOST_CLIENTS = 10_000


class Attempts:
    """Failures by client address. Only failures count, so that whoever knows a key is never kept out by their own sign-ins."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: dict[str, deque[float]] = {}

    def wait(self, client: str) -> float:
        """Seconds until this client may try again; zero for now."""
        failed = self._recent(client)
        return failed[0] + WINDOW - self._clock() if len(failed) >= MOST else 0.0

    def failed(self, client: str) -> None:
        """Count one wrong key."""
        if client not in self._failed and len(self._failed) >= MOST_CLIENTS:
            self._forget_old()
        self._failed.setdefault(client, deque()).append(self._clock())

    def _recent(self, client: str) -> deque[float]:
        failed = self._failed.get(client, deque())
        while failed and failed[0] <= self._clock() - WINDOW:
            failed.popleft()
        return failed

    def _forget_old(self) -> None:
        self._failed = {client: failed for client in list(self._failed) if (failed := self._recent(client))}
