"""What happens at a partner without anyone asking: work ends, and callbacks go out."""

import asyncio
import time
from contextlib import suppress

from workers.sandbox.partners import PartnerDesk


async def beat(partners: PartnerDesk) -> None:
    """Runs until cancelled; sleeps until something is due or `wake` is set."""
    wake = partners.callbacks.wake
    while True:
        wake.clear()
        partners.finish_due()
        partners.callbacks.deliver_due()
        await _until(_next_due(partners), wake)


def _next_due(partners: PartnerDesk) -> float | None:
    due = [moment for moment in (partners.next_due(), partners.callbacks.next_due()) if moment is not None]
    return min(due, default=None)


async def _until(moment: float | None, wake: asyncio.Event) -> None:
    timeout = None if moment is None else max(moment - time.time(), 0)
    with suppress(TimeoutError):
        await asyncio.wait_for(wake.wait(), timeout)
