"""One way through which every call is answered: well, or as a fault orders."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Header
from starlette.responses import Response

from domain.payments import Outcome
from workers.sandbox.faults import Fault, Mode
from workers.sandbox.replies import HangUp, Late, Problem, Reply, garbled

IdempotencyKey = Annotated[str, Header(pattern=r"^[^\s/]{1,200}$")]

Act = Callable[[Outcome | None], Reply]
"""Does the call and answers it; the argument is a decline to answer with instead."""

_DECLINES = {Mode.decline_soft: Outcome.declined_soft, Mode.decline_hard: Outcome.declined_hard}
_NOTHING_HAPPENED = {
    Mode.error_500: Problem(500, "internal_error", "something went wrong"),
    Mode.rate_limit: Problem(429, "rate_limited", "too many calls"),
    Mode.not_attempted: Problem(503, "not_attempted", "the call was turned away before anything was done"),
}


def serve(fault: Fault | None, act: Act) -> Response:
    """Raises Problem for a call that is refused; where the reply is lost, the refusal is lost with it."""
    if fault is None:
        return act(None).response()
    if fault.mode is Mode.timeout_before:
        return HangUp(fault.delay)
    if fault.mode in _NOTHING_HAPPENED:
        headers = {"Retry-After": "1"} if fault.mode is Mode.rate_limit else None
        return _NOTHING_HAPPENED[fault.mode].reply().response(headers)
    if fault.mode in _DECLINES:
        return act(_DECLINES[fault.mode]).response()
    return _spoilt(fault, _reply(act))


def _reply(act: Act) -> Reply:
    try:
        return act(None)
    except Problem as problem:
        return problem.reply()


def _spoilt(fault: Fault, reply: Reply) -> Response:
    if fault.mode is Mode.timeout_after:
        return HangUp(fault.delay)
    return garbled(reply) if fault.mode is Mode.garbled else Late(reply, fault.delay)
