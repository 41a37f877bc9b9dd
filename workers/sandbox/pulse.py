"""What happens at a partner without anyone asking: work ends, and callbacks go out."""

import asyncio
import time
from contextlib import suppress

from workers.sandbox.partners import PartnerDesk
from workers.sandbox.webhooks import Webhooks


async def beat(partners: PartnerDesk, webhooks: Webhooks) -> None:
    """Runs until cancelled; sleeps until something is due or `wake` is set."""
    wake = partners.callbacks.wake
    while True:
        wake.clear()
        partners.finish_due()
        partners.callbacks.deliver_due()
        webhooks.deliver_due()
        await _until(_next_due(partners, webhooks), wake)


def _next_due(partners: PartnerDesk, webhooks: Webhooks) -> float | None:
    found = (partners.next_due(), partners.callbacks.next_due(), webhooks.next_due())
    return min((moment for moment in found if moment is not None), default=None)


async def _until(moment: float | None, wake: asyncio.Event) -> None:
    timeout = None if moment is None else max(moment - time.time(), 0)
    with suppress(TimeoutError):
        await asyncio.wait_for(wake.wait(), timeout)
