"""Asking the default gateway what a bare token stands for, and keeping it."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from temporalio import activity

from activities.adapters.gateway.port import Gateway, Keeper
from activities.contracts.tokens import Tokens
from activities.store import token_facts
from activities.store.database import Database
from domain.errors import TurnupError
from domain.orders import Order
from domain.payment_methods import MethodFacts, is_stored

LONGEST = 3.0
"""Seconds that a payment waits for it: what is not known then, it goes without."""


class Described(Tokens):
    def __init__(self, database: Database, gateways: Mapping[str, Gateway], default: str) -> None:
        self._database = database
        self._gateways = gateways
        self._default = default

    @activity.defn(name="describe_token")
    async def describe(self, order: Order) -> MethodFacts | None:
        method = order.payment_method
        return None if method is None or is_stored(method) else await self.facts(method)

    async def facts(self, token: str) -> MethodFacts | None:
        async with self._database.transaction() as connection:
            known = await token_facts.find(connection, token)
        if known is not None and known.is_good(datetime.now(UTC)):
            return known.facts
        said = await self._asked(token)
        async with self._database.transaction() as connection:
            await token_facts.keep(connection, token, said, datetime.now(UTC))
        return said or (known.facts if known is not None else None)

    async def _asked(self, token: str) -> MethodFacts | None:
        """None where it cannot say: no such token, no answer, or no answer in time."""
        gateway = self._gateways.get(self._default)
        if not isinstance(gateway, Keeper):
            return None
        try:
            async with asyncio.timeout(LONGEST):
                return await gateway.describe(token)
        except (TimeoutError, TurnupError):
            return None
