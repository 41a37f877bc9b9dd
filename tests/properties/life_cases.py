"""What the life of a subscription is made of: what its customer does, how long passes between, and how it ends."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from hypothesis import strategies as st

from tests.properties.cases import Brief

GOOD, BAD = "tok_visa", "tok_declined_soft"


@dataclass(frozen=True, repr=False)
class Pass(Brief):
    """So many days and hours go by, or up to just when it renews next."""

    days: int = 0
    hours: int = 0
    to_renewal: bool = False


@dataclass(frozen=True, repr=False)
class Ask(Brief):
    """A command to the subscription. `after` says for when: so many days from now. `stale` is made against a version that has
    passed; `times` is how often it is asked at once."""

    what: str
    body: tuple[tuple[str, Any], ...] = ()
    after: int | None = None
    stale: bool = False
    times: int = 1


@dataclass(frozen=True, repr=False)
class Card(Brief):
    token: str


@dataclass(frozen=True, repr=False)
class Pay(Brief):
    """What is overdue is paid by hand."""


@dataclass(frozen=True, repr=False)
class Race(Brief):
    """A command while time goes on: which of the two comes first is open at each instant."""

    ask: Ask
    days: int


Move: TypeAlias = Pass | Ask | Card | Pay | Race


@dataclass(frozen=True, repr=False)
class Life(Brief):
    moves: tuple[Move, ...]
    quantity: int = 1


_passes = st.one_of(
    st.builds(Pass, days=st.integers(0, 45), hours=st.integers(0, 23)),
    st.builds(Pass, to_renewal=st.just(True)),
)
_whens = st.sampled_from([("now", None), ("period_end", None), (None, 3), (None, 20)])


@st.composite
def _asked(draw: st.DrawFn, what: str) -> Ask:
    when, after = draw(_whens)
    body: dict[str, Any] = {"when": when} if when else {}
    if what == "changes":
        body["quantity"] = draw(st.integers(1, 4))
    return Ask(
        what,
        tuple(sorted(body.items())),
        after=after,
        stale=draw(st.integers(0, 9)) == 0,
        times=draw(st.sampled_from([1, 1, 2])),
    )


_plain = st.builds(Ask, st.sampled_from(["resume", "uncancel"]), times=st.sampled_from([1, 2]))
_suspensions = st.builds(
    Ask,
    st.sampled_from(["suspend", "unsuspend"]),
    st.sampled_from(["request", "policy"]).map(lambda reason: (("reason", reason),)),
    times=st.sampled_from([1, 2]),
)
_asks = st.one_of(_asked("changes"), _asked("pause"), _asked("cancel"), _plain, _suspensions)
_moves = st.one_of(
    _passes,
    _passes,
    _asked("changes"),
    _asked("changes"),
    _asked("pause"),
    _asked("cancel"),
    _plain,
    _suspensions,
    st.builds(Card, st.sampled_from([GOOD, BAD, BAD])),
    st.just(Pay()),
    st.builds(Race, _asks, st.integers(1, 45)),
)
lives = st.builds(Life, st.lists(_moves, min_size=4, max_size=9).map(tuple), st.integers(1, 3))
