"""The one place where domain errors become Temporal's: an interceptor around every activity."""

from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.errors import BadInput, Conflict, NotFound, Refused, TurnupError, Unavailable, Unknown

FINAL = (BadInput, Conflict, NotFound, Refused)
"""Errors that the same call would meet again."""


class FailureTranslation(Interceptor):
    """Refused ends the activity; Unavailable and Unknown are retried by its policy; anything else is a bug and says so."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        return _Translating(next)


class _Translating(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        try:
            return await super().execute_activity(input)
        except FINAL as error:
            raise ApplicationError(str(error), type=type(error).__name__, non_retryable=True) from None
        except (Unavailable, Unknown) as error:
            raise ApplicationError(str(error), type=type(error).__name__) from None
        except TurnupError as error:
            raise ApplicationError(str(error), type="Refused", non_retryable=True) from None


def may_have_happened() -> bool:
    """Whether an earlier try of the running activity may have had its effect: on every try but the first."""
    return activity.in_activity() and activity.info().attempt > 1
