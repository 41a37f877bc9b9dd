"""Collects what falls due by the thousand: a payment each, without a process where the gateway answers at once."""

import asyncio
from datetime import UTC, datetime, timedelta

from activities.contracts.payments import Payments
from activities.store import collections, due_rows
from activities.store.database import Database
from domain.collection import UNSETTLED, Answered, CollectionRequest, Known
from domain.errors import Refused, Unavailable, Unknown
from domain.payments import Outcome, PaymentRequest, PaymentResult

AT_ONCE = 3.0
"""Seconds that a gateway has. What takes longer, or is undecided, goes on in a process of its own."""
LEASE = timedelta(seconds=60)
"""How long nobody else asks for a payment that was begun here: longer than all that is done about it can take."""


class Collector:
    """`gateway` names the cash account of payments that no attempt says it of."""

    def __init__(self, database: Database, payments: Payments, gateway: str) -> None:
        self._database = database
        self._payments = payments
        self._gateway = gateway

    async def collect(self, asked: CollectionRequest, due: str) -> CollectionRequest | None:
        """None where nothing is left to do, and the row `due` is gone; else what the invoice's process is to go on with. Its
        customer is on no test clock. Killed at any point, it comes again: what was written down is asked about, and what was
        booked is not booked again."""
        now = datetime.now(UTC)
        async with self._database.transaction() as connection:
            claim = await collections.claim(connection, asked, now, now + LEASE)
            if claim.request is None and claim.wait_until is None:
                await due_rows.remove(connection, [due])
        if claim.request is None:
            return None if claim.wait_until is None else asked
        result = await self._asked_for(claim.request)
        if result is None or result.elsewhere or result.outcome in UNSETTLED:
            return await self._hand_over(asked, claim.request, result)
        async with self._database.transaction() as connection:
            answered = Answered(invoice=asked.invoice, key=claim.request.key, result=result, at=now)
            await collections.settle(connection, answered, self._gateway, in_real_time=True)
            await due_rows.remove(connection, [due])
        return None

    async def _hand_over(
        self, asked: CollectionRequest, request: PaymentRequest, result: PaymentResult | None
    ) -> CollectionRequest:
        async with self._database.transaction() as connection:
            await collections.hand_over(connection, request.key)
        known = Known(key=request.key, result=result) if result else None
        return asked.model_copy(update={"known": known})

    async def _asked_for(self, request: PaymentRequest) -> PaymentResult | None:
        """None where nothing is known: it may have been made."""
        try:
            async with asyncio.timeout(AT_ONCE):
                return await self._payments.purchase(request)
        except Refused as error:
            return PaymentResult(outcome=Outcome.declined_hard, code="refused", message=str(error))
        except (Unavailable, Unknown, TimeoutError):
            return None
