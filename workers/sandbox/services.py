"""The life of one service at a partner: which verb is possible when, and what it then is."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field

from domain.provisioning import Characteristics, ExportState, RemoteState
from domain.values import Instant, StrictValue, Value
from workers.sandbox.faults import Mode
from workers.sandbox.journal import FactKind
from workers.sandbox.replies import Problem

Reference = Annotated[str, Field(pattern=r"^[^\s/]{1,200}$")]
Quantity = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)]


class ServiceBody(StrictValue):
    """`characteristics` may hold `sandbox`: `refuse` is a definite no at once, `fail` is work that fails."""

    reference: Reference
    customer: Annotated[str, Field(max_length=200)]
    product: Annotated[str, Field(max_length=200)]
    plan: Annotated[str, Field(max_length=200)]
    quantity: Quantity
    characteristics: Characteristics = Field(default_factory=dict)

    @property
    def wish(self) -> str:
        return self.characteristics.get("sandbox", "")


class ChangeBody(StrictValue):
    plan: Annotated[str, Field(max_length=200)]
    quantity: Quantity
    characteristics: Characteristics = Field(default_factory=dict)


class SimpleVerb(StrEnum):
    activate = "activate"
    suspend = "suspend"
    resume = "resume"
    terminate = "terminate"
    throttle = "throttle"
    unthrottle = "unthrottle"


class Export(Value):
    """A file of what is in a service; `url` is where it is served, which is as good as a password."""

    state: ExportState
    url: str
    expires_at: Instant | None = None

    def is_there(self, now: datetime) -> bool:
        return self.state is not ExportState.failed and (self.expires_at is None or self.expires_at > now)


class Service(Value):
    """`sequence` is that of the last callback; `misbehaviour` is how its callbacks go wrong, once a fault has struck."""

    partner: str
    reference: str
    customer: str
    product: str
    plan: str
    quantity: int
    characteristics: Characteristics
    state: RemoteState
    remote_id: str
    throttled: bool = False
    sequence: int = 0
    message: str = ""
    misbehaviour: Mode | None = None
    callback_delay: float = 0
    export: Export | None = None

    @property
    def is_at_work(self) -> bool:
        exporting = self.export is not None and self.export.state is ExportState.working
        return exporting or self.state is RemoteState.working

    def to(self, state: RemoteState, message: str = "") -> Self:
        return self.model_copy(update={"state": state, "message": message})

    def changed(self, body: ChangeBody) -> Self:
        self.must_be(RemoteState.inactive, RemoteState.active, RemoteState.suspended)
        return self.model_copy(update=dict(body))

    def exported(self, export: Export) -> Self:
        self.must_be(RemoteState.inactive, RemoteState.active, RemoteState.suspended)
        return self.model_copy(update={"export": export})

    def moved(self, verb: SimpleVerb) -> Self:
        """After the verb; unchanged if it is already there."""
        if verb in SPEEDS:
            return self._at_speed(verb is SimpleVerb.throttle)
        move = MOVES[verb]
        if self.state is move.to:
            return self
        self.must_be(*move.allowed_from)
        there = self.to(move.to)
        return there.model_copy(update={"export": None}) if verb in {SimpleVerb.terminate, SimpleVerb.resume} else there

    def _at_speed(self, throttled: bool) -> Self:
        self.must_be(RemoteState.inactive, RemoteState.active, RemoteState.suspended)
        return self if self.throttled is throttled else self.model_copy(update={"throttled": throttled})

    def must_be(self, *states: RemoteState) -> None:
        if self.state not in states:
            raise Problem(409, f"service_{self.state}", f"the service is {self.state}")

    @property
    def wish(self) -> str:
        return self.characteristics.get("sandbox", "")


class Move(Value):
    allowed_from: frozenset[RemoteState]
    to: RemoteState
    fact: FactKind


SPEEDS = {SimpleVerb.throttle: FactKind.throttled, SimpleVerb.unthrottle: FactKind.unthrottled}
MOVES = {
    SimpleVerb.activate: Move(allowed_from=frozenset({RemoteState.inactive}), to=RemoteState.active, fact=FactKind.activated),
    SimpleVerb.suspend: Move(allowed_from=frozenset({RemoteState.active}), to=RemoteState.suspended, fact=FactKind.suspended),
    SimpleVerb.resume: Move(allowed_from=frozenset({RemoteState.suspended}), to=RemoteState.active, fact=FactKind.resumed),
    SimpleVerb.terminate: Move(
        allowed_from=frozenset(RemoteState) - {RemoteState.terminated},
        to=RemoteState.terminated,
        fact=FactKind.terminated,
    ),
}
