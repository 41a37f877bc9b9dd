"""The two ways a workflow calls out: `attempt` gives up in bounded time, `ensure` never does; and what outlives both."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError
from temporalio.exceptions import TimeoutError as CallTimeout
from temporalio.workflow import ActivityCancellationType

from domain.plans import Retry

Answer = TypeVar("Answer")
Call = Callable[[Any, Any], Coroutine[Any, Any, Answer]]

CALL_FAILED = (ActivityError, ApplicationError)
"""What a call that came to nothing raises: one to our own database its bare cause, one to the outside the same in a wrapper."""

OWN_DATABASE = timedelta(seconds=10)
OUTSIDE = timedelta(seconds=30)
SILENCE = timedelta(seconds=6)
"""A worker beats every 2 s while a call is out; after this long without one it is taken to be dead, and the call made again."""
LONGEST_SUMMARY = 200
WAIT = ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
FOREVER = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))


def _bounded(retry: Retry) -> RetryPolicy:
    return RetryPolicy(
        initial_interval=timedelta(seconds=retry.first_wait),
        maximum_interval=timedelta(seconds=max(retry.longest_wait, retry.first_wait)),
        maximum_attempts=retry.attempts,
    )


async def attempt(call: Call[Answer], request: object, *, summary: str, retry: Retry, patience: timedelta = OUTSIDE) -> Answer:
    """A forward call to the outside: ActivityError after `retry.attempts` tries of at most `patience` each.

    A cancellation waits for the running try to end, so that what is undone next has happened or has not.
    """
    return await _to_its_end(
        workflow.execute_activity_method(
            call,
            request,
            start_to_close_timeout=patience,
            heartbeat_timeout=SILENCE,
            retry_policy=_bounded(retry),
            cancellation_type=WAIT,
            summary=summary,
        )
    )


async def ensure(call: Call[Answer], request: object, *, summary: str) -> Answer:
    """An undo at an outside system: tried for ever, a minute apart at the most. ActivityError only on a definite refusal."""
    return await _to_its_end(
        workflow.execute_activity_method(
            call,
            request,
            start_to_close_timeout=OUTSIDE,
            heartbeat_timeout=SILENCE,
            retry_policy=FOREVER,
            cancellation_type=WAIT,
            summary=summary,
        )
    )


async def attempt_here(call: Call[Answer], request: object, *, summary: str, retry: Retry) -> Answer:
    """A forward call that touches only our own database. One of CALL_FAILED after `retry.attempts` tries. `summary` is what
    Temporal's UI says of it, beside its name."""
    return await _here(call, request, _bounded(retry), summary)


async def ensure_here(call: Call[Answer], request: object, *, summary: str) -> Answer:
    """A read or write of our own database, tried for ever. `summary` is as for `attempt_here`."""
    return await _here(call, request, FOREVER, summary)


async def _here(call: Call[Answer], request: object, retry: RetryPolicy, summary: str) -> Answer:
    return await _to_its_end(
        workflow.execute_local_activity_method(
            call,
            request,
            start_to_close_timeout=OWN_DATABASE,
            retry_policy=retry,
            cancellation_type=WAIT,
            summary=summary[:LONGEST_SUMMARY],
        )
    )


async def _to_its_end(call: Coroutine[Any, Any, Answer]) -> Answer:
    """Bring a call to its end, then raise the cancellation that came meanwhile.

    Of itself the SDK forgets it: a call that ends well in spite of it just returns, and one that it ended looks failed.
    """
    task = asyncio.create_task(call)
    cancelled = False
    while not task.done():
        try:
            await workflow.wait([task])
        except asyncio.CancelledError:
            cancelled = True
            task.cancel()
    if cancelled:
        raise asyncio.CancelledError from _error_of(task)
    return task.result()


async def uncancellable(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Let `work` end, whatever is cancelled meanwhile; the cancellation is raised after it, also where a call failed, since
    what it was for is given up."""
    task = asyncio.create_task(work)
    cancelled = False
    while not task.done():
        try:
            await workflow.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    error = _error_of(task)
    if cancelled and (error is None or isinstance(error, ActivityError)):
        raise asyncio.CancelledError from error
    return task.result()


def _error_of(task: "asyncio.Task[Any]") -> BaseException | None:
    return None if task.cancelled() else task.exception()


def explain(error: FailureError) -> str:
    """Why a call failed, in one line for an operator."""
    cause = _cause_of(error)
    if isinstance(cause, ApplicationError):
        return str(cause.message)
    if isinstance(cause, CallTimeout):
        return "no answer in time; it may have happened"
    return str(cause or error)


def is_refusal(error: FailureError) -> bool:
    """Whether the other side said a definite no: it certainly did not happen."""
    cause = _cause_of(error)
    return isinstance(cause, ApplicationError) and cause.type == "Refused"


def _cause_of(error: FailureError) -> BaseException | None:
    return error.cause if isinstance(error, ActivityError) else error


def first_cause(error: BaseException) -> BaseException:
    """The error inside the groups that a TaskGroup wraps it in; a cancellation only where there is nothing else."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    causes = [first_cause(inner) for inner in error.exceptions]
    return next((cause for cause in causes if not isinstance(cause, asyncio.CancelledError)), causes[0])
