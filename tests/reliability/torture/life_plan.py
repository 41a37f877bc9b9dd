"""What is done to the installation while subscriptions live their lives: made up from a seed, as for orders."""

import itertools
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from tests.e2e.installation import Installation
from tests.reliability.torture import afterwards, lives
from tests.reliability.torture.afterwards import AFTERWARDS
from tests.reliability.torture.lives import CATCHES, Caught
from tests.reliability.torture.plan import HOLD, PROCESSES, How, Moment, Round
from workers.sandbox.faults import CALLBACK_MODES, Mode, applies

SIZE = 24
"""Lives of a round of faults."""
SLOW = frozenset({Mode.slow, Mode.timeout_before, Mode.timeout_after})


@dataclass(frozen=True)
class Part:
    """Where subscriptions are caught, and what there has to be for it. Its rounds are called after it."""

    name: str
    catches: tuple[Caught, ...]
    stock: Callable[[Installation], Awaitable[None]]


LIVES = Part("lives", CATCHES, lives.stock)
AFTERMATH = Part("aftermath", AFTERWARDS, afterwards.stock)


@dataclass(frozen=True)
class LifeCase:
    """One subscription caught at one call."""

    caught: Caught
    mode: Mode
    delay: float = 0.0
    count: int = 1


@dataclass(frozen=True)
class LifeRound:
    """`blow` says what is done while its cases are caught."""

    blow: Round
    cases: tuple[LifeCase, ...]

    @property
    def name(self) -> str:
        return self.blow.name


def life_rounds(seed: int, cases: int, part: Part = LIVES) -> list[LifeRound]:
    """At least this many cases, or all there are; which come first is drawn from the seed."""
    draw = random.Random(seed)
    faults, blows = list(_faults(draw, part)), list(_blows(draw, part))
    draw.shuffle(blows)
    mixed = [one for pair in itertools.zip_longest(blows, faults) for one in pair if one is not None]
    chosen: list[LifeRound] = []
    for one in mixed:
        if sum(len(round_.cases) for round_ in chosen) >= cases:
            break
        chosen.append(one)
    return chosen


def _faults(draw: random.Random, part: Part) -> Iterator[LifeRound]:
    cases = [
        LifeCase(caught, mode, draw.choice([0.1, 3.0, 11.0]) if mode in SLOW else 0.0, draw.choice([1, 1, 2, 3]))
        for caught in part.catches
        for mode in Mode
        if mode not in CALLBACK_MODES and applies(mode, caught.operation)
    ]
    draw.shuffle(cases)
    for number, begin in enumerate(range(0, len(cases), SIZE), start=1):
        blow = Round(f"{part.name}-faults-{number}", How.fault, (), (), draw.getrandbits(32))
        yield LifeRound(blow, tuple(cases[begin : begin + SIZE]))


def _blows(draw: random.Random, part: Part) -> Iterator[LifeRound]:
    for victim in PROCESSES:
        for moment in (Moment.before, Moment.during):
            yield _held(f"kill-{victim}-{moment}", How.kill, (victim,), moment, draw, part)
        yield _after(f"kill-{victim}-after", victim, draw, part)
    either = [Moment.before, Moment.during]
    yield _held("freeze-worker", How.freeze, ("worker",), draw.choice(either), draw, part)
    yield _held("restart", How.restart, PROCESSES, draw.choice(either), draw, part)


def _held(name: str, how: How, victims: tuple[str, ...], moment: Moment, draw: random.Random, part: Part) -> LifeRound:
    """Every call held when the blow comes."""
    mode = Mode.timeout_before if moment is Moment.before else Mode.slow
    cases = tuple(LifeCase(caught, mode, HOLD) for caught in part.catches)
    return LifeRound(Round(f"{part.name}-{name}", how, victims, (), draw.getrandbits(32)), cases)


def _after(name: str, victim: str, draw: random.Random, part: Part) -> LifeRound:
    """Nothing is held: the blow comes within moments of the first answer."""
    cases = tuple(LifeCase(caught, Mode.slow, 0.05) for caught in draw.sample(part.catches, 8))
    return LifeRound(Round(f"{part.name}-{name}", How.kill, (victim,), (), draw.getrandbits(32), focus=0), cases)
