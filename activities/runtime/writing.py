"""What an order's process brings along with a call is written down before the call is made."""

import asyncio
from typing import Any

from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.contracts.facts import NOT_WRITTEN, SETTLED, Bringing
from activities.runtime.facts import StoredFacts
from activities.runtime.failures import may_have_happened
from domain.errors import TurnupError
from domain.facts import OrderChange

PATIENCE = 5.0
"""Seconds to write in. After that the process writes by itself, for as long as it takes, and the call is made later."""


class WritingFirst(Interceptor):
    """Around every activity. One that is brought nothing is as it was."""

    def __init__(self, facts: StoredFacts) -> None:
        self._facts = facts

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        return _Writing(next, self._facts)


class _Writing(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, facts: StoredFacts) -> None:  # noqa: A002 - the SDK's name
        super().__init__(next)
        self._facts = facts

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        asked = input.args[0] if input.args else None
        if not isinstance(asked, Bringing) or asked.first is None:
            return await super().execute_activity(input)
        written = await self._write(asked.first)
        input.args = [asked.model_copy(update={"first": None}), *input.args[1:]]
        answer = await super().execute_activity(input)
        return answer.model_copy(update={"written": written})

    async def _write(self, change: OrderChange) -> bool:
        """Whether it is written. What cannot be is not called, as the error says; but where an earlier try may have called, the
        call is brought to its end: only another try of it knows that it may have happened."""
        try:
            async with asyncio.timeout(PATIENCE):
                recorded = await self._facts.record(change)
        except (TurnupError, TimeoutError) as error:
            if may_have_happened():
                return False
            why = str(error) or f"PostgreSQL did not answer within {PATIENCE:g} s"
            raise ApplicationError(f"not written, so not called: {why}", type=NOT_WRITTEN, non_retryable=True) from None
        if recorded.settled is not None:
            said = f"the order is already {recorded.settled}, so not called"
            raise ApplicationError(said, recorded.settled, type=SETTLED, non_retryable=True)
        return True
