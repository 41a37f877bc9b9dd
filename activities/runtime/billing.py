"""Billing activities, on the billing port."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from temporalio import activity

from activities.adapters.billing.port import Billing as BillingPort
from activities.contracts.billing import Billing
from domain.billing.order_billing import Bill, Credit
from domain.errors import Refused, TurnupError

TRIES = 3
log = structlog.get_logger()


class BillingActivities(Billing):
    def __init__(self, billing: BillingPort) -> None:
        self._billing = billing

    @activity.defn(name="bill")
    async def bill(self, bill: Bill) -> None:
        with _bounded():
            await self._billing.bill(bill)

    @activity.defn(name="credit")
    async def credit(self, credit: Credit) -> None:
        with _bounded():
            await self._billing.credit(credit)


@contextmanager
def _bounded() -> Iterator[None]:
    """Our database is waited for without end. What else goes wrong is tried again, and then refused, so that people look at
    it: money was taken or given back and is not in the books."""
    try:
        yield
    except TurnupError:
        raise
    except Exception as error:
        if activity.info().attempt < TRIES:
            raise
        log.exception("not booked", reason=str(error))
        raise Refused(f"an error of the software ({type(error).__name__}), which the worker's log describes") from error
