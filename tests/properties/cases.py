"""What a case is made of: an order of random items, what goes wrong at the partners, and what people do to it meanwhile.

Everything is a frozen value whose text can be pasted into `tests.properties.found`. Numbers that pick something, an item or an
open fallout, are taken modulo how many there are, so that a case stays playable while it is made smaller.
"""

from dataclasses import MISSING, dataclass, fields
from enum import Enum, StrEnum
from typing import Any, TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.workflows import plans
from workers.sandbox.faults import Mode, Operation, applies

Json = dict[str, Any]
PARTNERS = ("mailhub", "fibreworks")
"""The first answers at once, the second calls back."""


class Brief:
    """Writes itself with no more than what differs from the defaults, in words that can be read back."""

    def __repr__(self) -> str:
        said = ((field.name, getattr(self, field.name), field.default) for field in fields(self))  # type: ignore[arg-type]
        told = (f"{name}={_text(value)}" for name, value, usual in said if usual is MISSING or value != usual)
        return f"{type(self).__name__}({', '.join(told)})"


def _text(value: object) -> str:
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_text, value))}{',' if len(value) == 1 else ''})"
    return repr(value)


class Kind(StrEnum):
    build = "build"
    """Create the service at the partner."""
    wait = "wait"
    """Wait for its callback."""
    check = "check"
    hand = "hand"
    """A person's task."""
    approval = "approval"
    open = "open"
    """Activate it at the partner, after the capture."""
    access = "access"
    """Grant the entitlements, after the capture."""


@dataclass(frozen=True, repr=False)
class Step(Brief):
    """`needs` are places of earlier steps. `late` is after the capture, `final` a point of no return, and `gives_up` fails the
    item without asking."""

    kind: Kind
    partner: str = PARTNERS[0]
    needs: frozenset[int] = frozenset()
    late: bool = False
    final: bool = False
    gives_up: bool = False

    def json(self, place: int) -> Json:
        """As the API takes it."""
        step: Json = {"id": f"s{place}", "name": f"{self.kind} {place}", "needs": [f"s{need}" for need in sorted(self.needs)]}
        step |= {"stage": "activate" if self.late else "provision", "on_failure": "compensate" if self.gives_up else "fallout"}
        return step | self._doing() | ({"point_of_no_return": True, "undo": None} if self.final else {})

    def _doing(self) -> Json:
        match self.kind:
            case Kind.build:
                return {"adapter": self.partner, "verb": "create", "undo": "terminate", "retry": plans.QUICK}
            case Kind.wait:
                return {"kind": "wait_partner", "adapter": self.partner, "timeout": 3600, "poll_every": 600}
            case Kind.check:
                return {"adapter": self.partner, "verb": "verify", "retry": plans.QUICK}
            case Kind.hand:
                return {"kind": "manual", "timeout": 7200}
            case Kind.approval:
                return {"kind": "approval", "timeout": 7200}
            case Kind.open:
                return {"adapter": self.partner, "verb": "activate", "undo": "terminate", "retry": plans.QUICK}
            case Kind.access:
                return {"adapter": "entitlements", "verb": "activate", "undo": "terminate", "retry": plans.QUICK}


@dataclass(frozen=True, repr=False)
class Item(Brief):
    """`after` are places of earlier items that it depends on. `wish` has its partners refuse it, or fail at it."""

    steps: tuple[Step, ...]
    quantity: int = 1
    price: str = "10.00"
    after: frozenset[int] = frozenset()
    wish: str = ""


@dataclass(frozen=True, repr=False)
class Fault(Brief):
    operation: Operation
    mode: Mode
    count: int = 1

    def json(self, order: str) -> Json:
        """Narrowed to one order, as the sandbox takes it."""
        fault: Json = {"operation": self.operation, "mode": self.mode, "count": self.count, "order": order}
        return fault | {"delay_seconds": 0.02}


@dataclass(frozen=True, repr=False)
class Approve(Brief):
    """A decision about the order, or about one of its approval steps, asked for or not yet."""

    by: str = "ana"
    decision: str = "approve"
    step: int | None = None


@dataclass(frozen=True, repr=False)
class Cancel(Brief):
    """All items, or some of them."""

    items: frozenset[int] = frozenset()
    accept_partial: bool = False


@dataclass(frozen=True, repr=False)
class CancelInTemporal(Brief):
    """The cancellation that the button of Temporal's own page asks for."""


class Change(StrEnum):
    more = "more"
    fewer = "fewer"
    remove = "remove"
    add = "add"
    put_back = "put back"
    """An item that was removed, under its id."""


@dataclass(frozen=True, repr=False)
class Amend(Brief):
    change: Change
    item: int = 0
    method: str | None = None


@dataclass(frozen=True, repr=False)
class Decide(Brief):
    """About one of the open fallout records. `corrected` sends data that the partner can work with, and a good card."""

    verb: str = "retry"
    pick: int = 0
    corrected: bool = True


@dataclass(frozen=True, repr=False)
class Help(Brief):
    """Everybody who is asked for something does it, so that the order gets on."""


@dataclass(frozen=True, repr=False)
class Tell(Brief):
    """A callback of a partner. A `number` that was used before repeats the same message."""

    item: int = 0
    status: str = "completed"
    sequence: int = 9
    number: int = 0


@dataclass(frozen=True, repr=False)
class Skip(Brief):
    """Time passes, for this order."""

    seconds: int = 60


@dataclass(frozen=True, repr=False)
class Misbehave(Brief):
    """From now on these go wrong, in place of what went wrong before."""

    faults: tuple[Fault, ...] = ()


Command: TypeAlias = Approve | Cancel | CancelInTemporal | Amend | Decide | Help | Tell | Skip | Misbehave


@dataclass(frozen=True, repr=False)
class Move(Brief):
    """Commands that come at once; `calmly`, only after whatever the order does by itself has come to rest."""

    commands: tuple[Command, ...]
    calmly: bool = True


class Ending(StrEnum):
    """How the order is brought to its end."""

    fulfil = "fulfil"
    give_up = "give up"
    silence = "silence"
    """Nobody decides on anything but what could not be undone: the deadlines do."""


@dataclass(frozen=True, repr=False)
class Case(Brief):
    """`spare` is the item that an amendment adds; `quorum` the approvals that the order needs."""

    items: tuple[Item, ...]
    moves: tuple[Move, ...] = ()
    faults: tuple[Fault, ...] = ()
    quorum: int = 0
    card: str = "tok_visa"
    spare: Item = Item(steps=(Step(Kind.build), Step(Kind.access, late=True)))
    ending: Ending = Ending.fulfil


places = st.integers(0, 3)
some_places = st.frozensets(places, max_size=2)
USUAL = (Kind.build, Kind.build, Kind.wait, Kind.hand, Kind.hand, Kind.open, Kind.access, Kind.check, Kind.approval)


@st.composite
def steps(draw: DrawFn) -> tuple[Step, ...]:
    """One to three, of which the later may need the earlier."""
    made: list[Step] = []
    for place in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(USUAL))
        late = kind in {Kind.open, Kind.access} or (kind in {Kind.build, Kind.hand, Kind.approval} and draw(seldom))
        possible = [earlier for earlier in range(place) if late or not made[earlier].late]
        needs = draw(st.frozensets(st.sampled_from(possible))) if possible else frozenset()
        partner = draw(st.sampled_from(PARTNERS))
        made.append(Step(kind, partner, needs, late, final=draw(seldom), gives_up=draw(seldom)))
    return tuple(made)


CARDS = ("tok_pending", "tok_never_confirmed", "tok_declined_soft", "tok_declined_hard")
seldom = st.integers(0, 3).map(lambda drawn: drawn == 3)


@st.composite
def orders(draw: DrawFn) -> tuple[Item, ...]:
    """One to four items, of which the later may depend on the earlier."""
    return tuple(
        Item(
            steps=draw(steps()),
            quantity=draw(st.integers(1, 3)),
            price=draw(st.sampled_from(["10.00", "3.33", "0.00"])),
            after=draw(st.frozensets(st.integers(0, place - 1), max_size=2)) if place else frozenset(),
            wish=draw(st.sampled_from(["", "", "", "refuse", "fail"])),
        )
        for place in range(draw(st.integers(1, 4)))
    )


SUITING = [(operation, mode) for operation in Operation for mode in Mode if applies(mode, operation)]
faults = st.sampled_from(SUITING).flatmap(
    lambda suiting: st.builds(Fault, st.just(suiting[0]), st.just(suiting[1]), st.sampled_from([1, 1, 2, 5, 10]))
)
some_faults = st.lists(faults, max_size=3).map(tuple)

commands: SearchStrategy[Command] = st.one_of(
    st.builds(
        Decide, st.sampled_from(["retry", "resolve", "resolve", "skip", "compensate"]), pick=places, corrected=st.booleans()
    ),
    st.builds(Skip, st.sampled_from([5, 60, 700, 3700, 7300, 90_000, 270_000])),
    st.builds(Cancel, some_places, st.booleans()),
    st.builds(Amend, st.sampled_from(Change), places, st.sampled_from([None, None, "tok_visa", "tok_declined_hard"])),
    st.builds(
        Approve,
        st.sampled_from(["ana", "ben"]),
        st.sampled_from(["approve", "approve", "approve", "reject"]),
        st.none() | places,
    ),
    st.builds(
        Tell,
        places,
        st.sampled_from(["accepted", "in_progress", "completed", "failed"]),
        st.integers(1, 9),
        st.integers(0, 2),
    ),
    st.builds(Misbehave, some_faults),
    st.just(Help()),
    st.just(Help()),
    st.just(CancelInTemporal()),
)
moves = st.builds(Move, st.lists(commands, min_size=1, max_size=2).map(tuple), st.integers(0, 2).map(lambda drawn: drawn < 2))
cases = st.builds(
    Case,
    items=orders(),
    moves=st.lists(moves, max_size=6).map(tuple),
    faults=some_faults,
    quorum=st.sampled_from([0, 0, 1, 2]),
    card=st.sampled_from([*4 * ["tok_visa"], *CARDS]),
    spare=st.builds(Item, steps(), st.integers(1, 2)),
    ending=st.sampled_from(Ending),
)
