"""Runs rounds of orders through an installation that is being broken, and waits until all of it has come to rest."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from activities.store import views
from activities.store.database import Database
from domain.states import ORDER, OrderState, is_terminal
from tests.e2e.installation import Installation
from tests.reliability.torture import fraud
from tests.reliability.torture.blows import strike
from tests.reliability.torture.plan import Case, How, Round
from tests.reliability.torture.shapes import COMPANIONS, Json
from tests.reliability.torture.shop import AT_ONCE, SLOW, Shop
from workers.sandbox.faults import Mode, Operation

CAUGHT_WITHIN = 8.0
"""Seconds that the orders of a round have to reach their steps; shorter than a call is held."""

AT_REST = 150.0
"""Seconds without any order coming to its end after which the rest is taken to be stuck."""

LONGEST_RECOVERY = 15.0

Say = Callable[[str], None]
Answer = TypeVar("Answer")


@dataclass
class Tally:
    """What was done. `caught` counts cases whose call had been struck when the blow came; `recovered` is how many seconds
    after all processes were back from a blow a new order took, `LONGEST_RECOVERY` where it took longer; `decisions` counts what
    a person had to decide."""

    rounds: list[str] = field(default_factory=list)
    cases: int = 0
    caught: int = 0
    blows: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    recovered: dict[str, float] = field(default_factory=dict)
    decisions: int = 0


class Campaign:
    def __init__(self, installation: Installation, say: Say) -> None:
        self.installation = installation
        self.shop = Shop(installation, undecided=frozenset({fraud.UNDECIDED}))
        self.tally = Tally()
        self._say = say
        self._settling: list[asyncio.Task[None]] = []

    async def run(self, plan: list[Round], seconds: float) -> list[str]:
        """The names of the rounds that there was no time for."""
        began = time.monotonic()
        await self.shop.stock()
        await fraud.stock(self.installation.api)
        helping = asyncio.create_task(self.shop.help())
        try:
            for number, one in enumerate(plan):
                if time.monotonic() - began > seconds:
                    return [left.name for left in plan[number:]]
                await self._round(one)
            return []
        finally:
            await self._come_to_rest()
            self.tally.decisions = self.shop.decisions
            helping.cancel()
            await asyncio.gather(helping, *self._settling, return_exceptions=True)

    async def _round(self, one: Round) -> None:
        began = time.monotonic()
        orders = await self._draft(one)
        await self._arm(one, orders)
        await in_parts([self.shop.submit(order) for order in orders if order])
        placing = asyncio.create_task(self._companions(one))
        struck = await self._caught(one)
        await asyncio.gather(self._surprises(one, orders), strike(self.installation, one))
        await placing
        if one.how is not How.fault:
            self.tally.recovered[one.name] = await self._recovers(one)
        self._count(one, struck)
        self._say(f"{one.name}: {struck} of {len(one.cases)} caught, {time.monotonic() - began:.1f} s")

    async def _draft(self, one: Round) -> list[str | None]:
        """As drafts, so that the faults are set before anything begins."""
        return await in_parts(
            [
                self.shop.place(f"{one.name}-{number}", case.target.order, one.name, submit=False)
                for number, case in enumerate(one.cases)
            ]
        )

    async def _arm(self, one: Round, orders: list[str | None]) -> None:
        armed = [(case, order) for case, order in zip(one.cases, orders, strict=True) if order]
        leading = [_leading(*case.target.led_by, order) for case, order in armed if case.target.led_by]
        faults = [_fault(case, order) for case, order in armed] + leading
        (await self.installation.sandbox.put("/faults", json=faults)).raise_for_status()

    async def _companions(self, one: Round) -> None:
        await asyncio.gather(*(self.shop.place(f"{one.name}-{kind}", kind, one.name) for kind in COMPANIONS))
        await self.shop.place(f"{one.name}-poor", "mail", one.name, "C-poor")
        slow = [await self.shop.place(f"{one.name}-{slow}", "mail", one.name, f"C-{slow}") for slow in SLOW]
        self._settle([order for order in slow if order])

    def _settle(self, orders: Iterable[str]) -> None:
        self._settling += [asyncio.create_task(self.shop.settle(order)) for order in orders]

    async def _caught(self, one: Round) -> int:
        """How many cases are at their step. All of them are waited for, or the one in focus."""
        deadline = time.monotonic() + (CAUGHT_WITHIN if one.how is not How.fault else 3 * CAUGHT_WITHIN)
        struck = 0
        while struck < len(one.cases) and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
            struck = sum(bool(count) for count in (await self._struck())[: len(one.cases)])
        if one.focus is not None:
            await asyncio.sleep(random.Random(one.seed).uniform(0, 0.15))
        return struck

    async def _struck(self) -> list[int]:
        try:
            states = (await self.installation.sandbox.get("/faults")).json()
        except httpx.HTTPError:
            return []
        return [state["struck"] for state in states]

    async def _surprises(self, one: Round, orders: list[str | None]) -> None:
        """What happens to come together with the blow: new orders, some of them for fraud rules, and a cancellation."""
        draw = random.Random(one.seed)
        victim = draw.choice([order for order in orders if order] or [""])
        placing = [
            self.shop.place(f"{one.name}-now-{number}", draw.choice(["mail", "line", "mixed"]), one.name) for number in range(3)
        ]
        cancelling = [self.shop.cancel(victim)] if victim and one.how is not How.fault and draw.random() < 0.6 else []
        await asyncio.gather(self._judged(one), *placing, *cancelling)

    async def _judged(self, one: Round) -> None:
        self._settle(await fraud.place(self.shop, one.name))

    async def _recovers(self, one: Round) -> float:
        """Seconds until a new order has gone all the way, so that the next round finds everything at work."""
        began = time.monotonic()
        order = await self.shop.place(f"{one.name}-first", "free", one.name)
        while order and time.monotonic() - began < LONGEST_RECOVERY:
            if await self.shop.state(order) == OrderState.completed:
                break
            await asyncio.sleep(0.1)
        return round(time.monotonic() - began, 1)

    def _count(self, one: Round, struck: int) -> None:
        self.tally.rounds.append(one.name)
        self.tally.cases += len(one.cases)
        self.tally.caught += struck
        self.tally.blows.update(f"{one.how} {victim}" for victim in one.victims)
        self.tally.faults.update(str(case.mode) for case in one.cases)

    async def _come_to_rest(self) -> None:
        """All systems serve; wait until every order is at its end, as long as they go on getting there."""
        (await self.installation.sandbox.put("/faults", json=[])).raise_for_status()
        database = Database(self.installation.running.database_url, pool_size=2)
        open_orders, since = -1, time.monotonic()
        while open_orders and time.monotonic() - since < AT_REST:
            async with database.transaction() as connection:
                counts = await views.counts_by_state(connection)
            left = sum(count for state, count in counts.items() if _at_work(state))
            since = time.monotonic() if left != open_orders else since
            open_orders = left
            await asyncio.sleep(0.5)
        await database.close()
        self._say(f"at rest, {open_orders} orders are not at their end")


def _at_work(state: OrderState) -> bool:
    return not is_terminal(ORDER, state) and state is not OrderState.draft


def _fault(case: Case, order: str) -> Json:
    return {
        "operation": case.target.operation,
        "mode": case.mode,
        "order": order,
        "count": case.count,
        "delay_seconds": case.delay,
    }


def _leading(operation: Operation, mode: Mode, order: str) -> Json:
    return {"operation": operation, "mode": mode, "order": order, "count": 1, "delay_seconds": 0}


async def in_parts(work: Sequence[Coroutine[Any, Any, Answer]]) -> list[Answer]:
    """All of it, some at a time; in the order given."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def through(one: Coroutine[Any, Any, Answer]) -> Answer:
        async with gate:
            return await one

    return list(await asyncio.gather(*map(through, work)))
