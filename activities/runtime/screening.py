"""Judges orders by the fraud rules, inside the transaction that checks them."""

import time
from datetime import datetime

from activities.store import fraud, fraud_lists, fraud_scores, payment_methods, token_facts, velocity
from activities.store.database import Connection
from domain.customers import Customer, Risk
from domain.fraud import Screening, screen
from domain.fraud_lists import FraudLists, ListedBy, marks
from domain.fraud_rules import FraudPolicy, judge
from domain.orders import Order
from domain.payment_methods import is_stored

FRESH = 1.0
"""Seconds for which rules as they were read are good for: one query a second, not one an order."""


class Screener:
    def __init__(self) -> None:
        self._read: tuple[float, FraudPolicy] | None = None
        self._lists = FraudLists()

    async def is_asked(self, connection: Connection) -> bool:
        """Whether there is any rule or list."""
        return bool((await self._policy(connection)).rules or self._lists.listed)

    async def judge(self, connection: Connection, order: Order, customer: Customer, now: datetime, *, count: bool) -> Screening:
        """The lists first, then the rules; nothing of an order is looked up where there are none. `count` it where it is
        placed, not where it is thought of; then each version of it is judged once, however often that is asked."""
        found = await self._judged(connection, order, customer, now, count=count)
        return await fraud.keep(connection, order, found, now) if count and await self.is_asked(connection) else found

    async def _judged(
        self, connection: Connection, order: Order, customer: Customer, now: datetime, *, count: bool
    ) -> Screening:
        policy = await self._policy(connection)
        listed = await by_lists(connection, self._lists, order, customer, now)
        if policy.rules and listed is None:
            traits = await fraud.traits(connection, order, customer, now, policy.counted, count=count)
            kept = await fraud_scores.find(connection, order.id) if policy.asks_score else None
            return judge(policy, traits, order.total, kept)
        if count:
            await velocity.note(connection, order, customer, now)
        return listed or screen(customer.risk, order.total)

    async def lacks_facts(self, connection: Connection, order: Order, now: datetime) -> bool:
        """Whether a rule asks what the order is paid with, and its gateway was not asked yet what its bare token stands for."""
        policy, method = await self._policy(connection), order.payment_method
        if not policy.asks_method or method is None or is_stored(method):
            return False
        known = await token_facts.find(connection, method)
        return known is None or not known.is_good(now)

    async def lacks_score(self, connection: Connection, order: Order, customer: Customer, now: datetime) -> bool:
        """Whether a rule asks about the order's score, and it was not asked for yet."""
        policy = await self._policy(connection)
        if not policy.asks_score or customer.risk is Risk.blocked:
            return False
        if await by_lists(connection, self._lists, order, customer, now) is not None:
            return False
        return await fraud_scores.find(connection, order.id) is None

    async def _policy(self, connection: Connection) -> FraudPolicy:
        if self._read is None or time.monotonic() - self._read[0] > FRESH:
            self._lists = await fraud_lists.current(connection, self._lists)
            self._read = (time.monotonic(), await fraud.policy(connection))
        return self._read[1]


async def by_lists(
    connection: Connection, lists: FraudLists, order: Order, customer: Customer, now: datetime
) -> Screening | None:
    """None where no list says anything of the order."""
    if not lists.listed:
        return None
    marked = await marks_of(connection, order, customer, look_up=lists.by_card)
    return lists.judge(customer.risk, marked, now)


async def marks_of(connection: Connection, order: Order, customer: Customer, *, look_up: bool) -> dict[ListedBy, str]:
    """What the order can be listed by; its stored card, if any, only with `look_up`, which costs a statement."""
    method = order.payment_method
    stored = await payment_methods.find(connection, method) if look_up and method and is_stored(method) else None
    return marks(order, customer, (stored.facts.fingerprint or stored.id) if stored else None)
