"""Runs rounds of lives through an installation that is being broken, and waits until all of them have come to rest."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from tests.e2e.installation import Installation
from tests.reliability.torture.blows import strike
from tests.reliability.torture.campaign import CAUGHT_WITHIN, Say, in_parts
from tests.reliability.torture.life_plan import LIVES, LifeCase, LifeRound, Part
from tests.reliability.torture.lives import Caught, Life
from tests.reliability.torture.plan import How
from tests.reliability.torture.shapes import Json
from workers.sandbox.faults import Mode, Operation

OF_PAYMENTS = frozenset(
    {Operation.purchase, Operation.authorize, Operation.capture, Operation.void, Operation.status, Operation.refund}
)

SLOWEST = 40.0
"""Seconds that the first of a round has to reach its call; from then on the others have as long as it is held."""


@dataclass
class LifeCampaign:
    installation: Installation
    say: Say
    part: Part = LIVES
    lives: list[Life] = field(default_factory=list)
    rounds: list[str] = field(default_factory=list)
    cases: int = 0
    caught: int = 0
    blows: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    async def run(self, plan: list[LifeRound], seconds: float) -> list[str]:
        """The names of the rounds that there was no time for."""
        began = time.monotonic()
        await self.part.stock(self.installation)
        left: list[str] = []
        for number, one in enumerate(plan):
            if time.monotonic() - began > seconds:
                left = [each.name for each in plan[number:]]
                break
            await self._round(one)
        return left

    async def _round(self, one: LifeRound) -> None:
        began = time.monotonic()
        lives = [Life(self.installation, f"{one.name}-{number}", one.name) for number in range(len(one.cases))]
        self.lives += lives
        pairs = list(zip(one.cases, lives, strict=True))
        await in_parts([_prepare(case, life) for case, life in pairs])
        faults = [_fault(case, life) for case, life in pairs] + [
            _leading(case, life) for case, life in pairs if case.caught.led_by
        ]
        (await self.installation.sandbox.put("/faults", json=faults)).raise_for_status()
        acting = [asyncio.create_task(case.caught.act(life)) for case, life in pairs]
        struck = await self._caught(one, acting)
        await strike(self.installation, one.blow)
        await asyncio.gather(*acting)
        (await self.installation.sandbox.put("/faults", json=[])).raise_for_status()
        await in_parts([life.rest() for life in lives])
        self._count(one, struck)
        self.say(f"{one.name}: {struck} of {len(one.cases)} caught, {time.monotonic() - began:.1f} s")

    async def _caught(self, one: LifeRound, acting: Sequence[asyncio.Task[None]]) -> int:
        """How many are at their call. A fault has all the time there is, a blow comes while calls are held."""
        if one.blow.how is How.fault:
            await asyncio.wait(acting)
            return await self._struck(len(one.cases))
        wanted, struck, deadline = 1 if one.blow.focus is not None else len(one.cases), 0, time.monotonic() + SLOWEST
        while struck < wanted and time.monotonic() < deadline and not all(task.done() for task in acting):
            await asyncio.sleep(0.02)
            before, struck = struck, await self._struck(len(one.cases))
            if struck and not before:
                deadline = time.monotonic() + CAUGHT_WITHIN
        await asyncio.sleep(random.Random(one.blow.seed).uniform(0, 0.15) if one.blow.focus is not None else 0)
        return struck

    async def _struck(self, cases: int) -> int:
        with contextlib.suppress(httpx.HTTPError):
            return sum(bool(state["struck"]) for state in (await self.installation.sandbox.get("/faults")).json()[:cases])
        return 0

    def _count(self, one: LifeRound, struck: int) -> None:
        self.rounds.append(one.name)
        self.cases += len(one.cases)
        self.caught += struck
        self.blows.update(f"{one.blow.how} {victim}" for victim in one.blow.victims)
        self.faults.update(str(case.mode) for case in one.cases)


async def _prepare(case: LifeCase, life: Life) -> None:
    await life.begin()
    await case.caught.before(life)


def _fault(case: LifeCase, life: Life) -> Json:
    gateway = {"gateway": case.caught.gateway} if case.caught.gateway else {}
    return {
        **_at(case.caught, case.caught.operation, case.mode, life),
        "count": case.count,
        "delay_seconds": case.delay,
        **gateway,
    }


def _leading(case: LifeCase, life: Life) -> Json:
    operation, mode = case.caught.led_by or (case.caught.operation, case.mode)
    gateway = {"gateway": "sandbox"} if case.caught.gateway else {}
    return {**_at(case.caught, operation, mode, life), "count": 1, "delay_seconds": 0, **gateway}


def _at(caught: Caught, operation: Operation, mode: Mode, life: Life) -> Json:
    subject = life.subscription if operation in OF_PAYMENTS and not caught.of_order else life.order
    return {"operation": operation, "mode": mode, "order": subject}
