"""The gate before fulfilment and again before payment: waiting until nothing that an order depends on is in its way."""

from datetime import datetime, timedelta

from temporalio import workflow

from activities.contracts.checks import Assessment, Checks
from activities.contracts.fraud_scores import FraudScores
from activities.contracts.tokens import Tokens
from domain.states import OrderState
from workflows.book import Book, Wait
from workflows.calls import ensure, ensure_here

ASSESSED = "look at what the order depends on, and at fraud rules"
LONGEST_LOOK = timedelta(hours=6)
"""Between two looks at a blocker whose clearing nobody told."""


class StillBlocked(Exception):
    """The deadline came first."""


class Gate:
    """`woken` tells it that something it may wait for has changed."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._wakes = 0

    def woken(self) -> None:
        self._wakes += 1

    async def passed(self) -> Assessment:
        """Nothing blocks, and what fraud rules want to know was asked for: once, and for a bounded time."""
        assessment = await self._unblocked()
        while assessment.lacks_facts or assessment.lacks_score:
            if assessment.lacks_facts:
                await ensure(Tokens.describe, self._book.order, summary="what the token stands for")
            if assessment.lacks_score:
                await ensure(FraudScores.ask, self._book.order, summary="ask for the fraud score")
            assessment = await self._unblocked()
        return assessment

    async def _unblocked(self) -> Assessment:
        """Wait until nothing blocks. Woken by what clears a blocker, and by a slow look of its own in case a word was lost."""
        deadline = workflow.now() + timedelta(seconds=self._book.order.patience.blocker)
        look = timedelta(seconds=self._book.order.patience.recheck)
        while (assessment := await ensure_here(Checks.assess, self._book.order, summary=ASSESSED)).blockers:
            wait = Wait(
                text="blocked: " + "; ".join(blocker.message for blocker in assessment.blockers),
                owner="operations",
                deadline=deadline,
                state=OrderState.pending,
                blockers=[blocker.subject for blocker in assessment.blockers],
            )
            with self._book.waiting("checks", wait):
                await self._wait_for_clearing(deadline, look)
            look = min(2 * look, LONGEST_LOOK)
        return assessment

    async def _wait_for_clearing(self, deadline: datetime, look: timedelta) -> None:
        """Written down, then looked at once more: what clears in between is not missed. StillBlocked at the deadline."""
        seen = self._wakes
        await self._book.save()
        if not (await ensure_here(Checks.assess, self._book.order, summary=ASSESSED)).blockers:
            return
        left = deadline - workflow.now()
        if left <= timedelta(0):
            raise StillBlocked(f"still {self._book.waits['checks'].text} at the deadline")
        try:
            await workflow.wait_condition(lambda: self._wakes > seen, timeout=min(left, look), timeout_summary="look again")
        except TimeoutError:
            return
