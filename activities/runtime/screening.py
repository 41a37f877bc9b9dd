"""Judges orders by the fraud rules, inside the transaction that checks them."""

import time
from datetime import datetime

from activities.store import fraud, velocity
from activities.store.database import Connection
from domain.customers import Customer
from domain.fraud import Screening, screen
from domain.fraud_rules import FraudPolicy, judge
from domain.orders import Order

FRESH = 1.0
"""Seconds for which rules as they were read are good for: one query a second, not one an order."""


class Screener:
    def __init__(self) -> None:
        self._read: tuple[float, FraudPolicy] | None = None

    async def judge(self, connection: Connection, order: Order, customer: Customer, now: datetime, *, count: bool) -> Screening:
        """Nothing of an order is looked up where there are no rules. `count` it where it is placed, not where it is thought
        of."""
        policy = await self._policy(connection)
        if not policy.rules:
            if count:
                await velocity.note(connection, order, customer, now)
            return screen(customer.risk, order.total)
        return judge(policy, await fraud.traits(connection, order, customer, now, policy.counted, count=count), order.total)

    async def _policy(self, connection: Connection) -> FraudPolicy:
        if self._read is None or time.monotonic() - self._read[0] > FRESH:
            self._read = (time.monotonic(), await fraud.policy(connection))
        return self._read[1]
