"""Faults that the sandbox is told to commit, and the draw that decides which call meets one."""

import random
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from domain.values import StrictValue


class Operation(StrEnum):
    tokenize = "tokenize"
    describe = "describe"
    forget = "forget"
    authorize = "authorize"
    purchase = "purchase"
    capture = "capture"
    void = "void"
    refund = "refund"
    status = "status"
    report = "report"
    create = "create"
    activate = "activate"
    change = "change"
    suspend = "suspend"
    resume = "resume"
    terminate = "terminate"
    throttle = "throttle"
    unthrottle = "unthrottle"
    export = "export"
    verify = "verify"
    check_vat = "check_vat"
    decide_tax = "decide_tax"
    score_fraud = "score_fraud"
    evidence = "evidence"
    accept = "accept"
    webhook = "webhook"
    """A message of a gateway, on its way to us; its subject is the key of the payment."""
    callback = "callback"
    every = "*"


class Mode(StrEnum):
    decline_soft = "decline_soft"
    decline_hard = "decline_hard"
    error_500 = "error_500"
    """Nothing happened, but the caller cannot know."""
    rate_limit = "rate_limit"
    not_attempted = "not_attempted"
    timeout_before = "timeout_before"
    """Nothing happened, and there is no reply."""
    timeout_after = "timeout_after"
    """It happened, and the reply is lost."""
    slow = "slow"
    """It happened at once; the reply takes `delay_seconds`."""
    garbled = "garbled"
    """It happened; the reply cannot be read."""
    duplicate_callback = "duplicate_callback"
    early_callback = "early_callback"
    """The work is done, and the caller told so, before `create` is answered."""
    late_callback = "late_callback"
    """The last callback comes `delay_seconds` after the work is done."""
    no_callback = "no_callback"
    bad_signature = "bad_signature"
    """The first try of each callback is signed with another secret."""


CALLBACK_MODES = frozenset(
    {Mode.duplicate_callback, Mode.early_callback, Mode.late_callback, Mode.no_callback, Mode.bad_signature}
)
_MONEY_MOVES = frozenset({Operation.authorize, Operation.purchase, Operation.capture, Operation.void, Operation.refund})
_DECLINABLE = _MONEY_MOVES | {
    Operation.tokenize,
    Operation.create,
    Operation.activate,
    Operation.change,
    Operation.terminate,
    Operation.export,
    Operation.check_vat,
}
_CALLS = frozenset(Operation) - {Operation.webhook, Operation.callback, Operation.every}
OF_WEBHOOKS = frozenset({Mode.not_attempted, Mode.timeout_before, Mode.timeout_after, Mode.slow, Mode.garbled})
"""With the sandbox as the caller: what is not known to have been taken is sent again."""
_DEFAULT_DELAY = {Mode.slow: 3.0, Mode.late_callback: 30.0}


def applies(mode: Mode, operation: Operation) -> bool:
    """Whether the mode can befall the operation. A callback's faults are drawn by the callback or by its `create`."""
    if mode in CALLBACK_MODES:
        return operation in {Operation.callback, Operation.create}
    if operation is Operation.webhook:
        return mode in OF_WEBHOOKS
    return operation in (_DECLINABLE if mode in {Mode.decline_soft, Mode.decline_hard} else _CALLS)


class Fault(StrictValue):
    """`count` calls meet it, or each with `probability`; with neither, every call until the faults are cleared.

    `partner`, `gateway` and `order` narrow it to one partner, to one gateway, and to the keys and references that start
    `<order>:`.
    """

    operation: Operation
    count: Annotated[int, Field(ge=1)] | None = None
    probability: Annotated[float, Field(gt=0, le=1)] | None = None
    mode: Mode
    partner: str | None = None
    gateway: str | None = None
    order: str | None = None
    seed: int | None = None
    delay_seconds: Annotated[float, Field(ge=0, le=3600)] | None = None

    @field_validator("mode")
    @classmethod
    def _mode_fits_operation(cls, mode: Mode, info: ValidationInfo) -> Mode:
        operation = info.data.get("operation", Operation.every)
        if operation is not Operation.every and not applies(mode, operation):
            raise ValueError(f"{mode} cannot befall {operation}")
        return mode

    @field_validator("probability")
    @classmethod
    def _not_with_count(cls, probability: float | None, info: ValidationInfo) -> float | None:
        if probability is not None and info.data.get("count") is not None:
            raise ValueError("give either count or probability, not both")
        return probability

    @property
    def delay(self) -> float:
        return _DEFAULT_DELAY.get(self.mode, 0.0) if self.delay_seconds is None else self.delay_seconds

    def meets(self, operations: Iterable[Operation], subject: str, partner: str | None, gateway: str | None = None) -> bool:
        return (
            any(self._names(operation) and applies(self.mode, operation) for operation in operations)
            and self.partner in {None, partner}
            and self.gateway in {None, gateway}
            and (self.order is None or subject.startswith(f"{self.order}:"))
        )

    def _names(self, operation: Operation) -> bool:
        return self.operation in {operation, Operation.every}


class FaultState(StrictValue):
    """A fault with how often it has struck; `left` is None where it has no count."""

    fault: Fault
    struck: int
    left: int | None


class _Armed:
    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.struck = 0
        self._random = random.Random(fault.seed)  # noqa: S311 - a repeatable draw is the point

    @property
    def left(self) -> int | None:
        return None if self.fault.count is None else self.fault.count - self.struck

    def strikes(self) -> bool:
        if self.left == 0 or (self.fault.probability is not None and self._random.random() >= self.fault.probability):
            return False
        self.struck += 1
        return True


class Faults:
    """Held in memory only: a restarted sandbox behaves."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def replace(self, faults: list[Fault]) -> None:
        self._armed = [_Armed(fault) for fault in faults]

    def states(self) -> list[FaultState]:
        return [FaultState(fault=armed.fault, struck=armed.struck, left=armed.left) for armed in self._armed]

    def draw(self, operation: Operation, subject: str, partner: str | None = None, gateway: str | None = None) -> Fault | None:
        """The first fault that strikes this call; callback faults are left to `draw_callback`."""
        return self._draw((operation,), subject, partner, gateway, callback=False)

    def draw_callback(self, operations: Iterable[Operation], subject: str, partner: str) -> Fault | None:
        """The first callback fault that strikes."""
        return self._draw(operations, subject, partner, None, callback=True)

    def _draw(
        self, operations: Iterable[Operation], subject: str, partner: str | None, gateway: str | None, *, callback: bool
    ) -> Fault | None:
        for armed in self._armed:
            suits = (armed.fault.mode in CALLBACK_MODES) is callback
            if suits and armed.fault.meets(operations, subject, partner, gateway) and armed.strikes():
                return armed.fault
        return None
