"""What is done to the installation, in rounds: made up from a seed, so that a round can be done again."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from tests.reliability.torture.shapes import CALLBACKS, TARGETS, Target
from workers.sandbox.faults import CALLBACK_MODES, Mode, applies

PROCESSES = ("worker", "api", "temporal", "postgres", "sandbox")


class Moment(StrEnum):
    before = "before"
    """The call is on its way and nothing has happened yet."""
    during = "during"
    """It has happened, and the answer is on its way."""
    after = "after"
    """The answer has just come."""


class How(StrEnum):
    fault = "fault"
    """The sandbox misbehaves; nothing is killed."""
    kill = "kill"
    freeze = "freeze"
    """SIGSTOP, for longer than whoever waits has patience."""
    restart = "restart"
    """Everything is killed, the supervisor too, and started again."""


@dataclass(frozen=True)
class Case:
    """One order caught at one step."""

    target: Target
    moment: Moment
    mode: Mode
    delay: float = 0.0
    count: int = 1


@dataclass(frozen=True)
class Round:
    """`focus` is the case whose moment is waited for, where not all are held at once."""

    name: str
    how: How
    victims: tuple[str, ...]
    cases: tuple[Case, ...]
    seed: int
    focus: int | None = None


HOLD = 8.5
"""Seconds for which a call is held, so that all orders of a round are at their step when it is disturbed."""


def rounds(seed: int, cases: int) -> list[Round]:
    """At least this many cases, or all there are; which come first is drawn from the seed."""
    draw = random.Random(seed)
    everything = [*_disturbances(draw)]
    draw.shuffle(everything)
    faults = list(_faults(draw))
    chosen: list[Round] = []
    for one in [*faults[:1], *everything[:4], *faults[1:], *everything[4:]]:
        if sum(len(round_.cases) for round_ in chosen) >= cases:
            break
        chosen.append(one)
    return chosen


def named(seed: int, name: str) -> list[Round]:
    """The round of this name in the plan of this seed. ValueError where there is none."""
    found = [one for one in rounds(seed, 10**6) if one.name == name]
    if not found:
        raise ValueError(f"the plan of seed {seed} has no round {name!r}")
    return found


def shortened(plan: list[Round], most: int) -> list[Round]:
    """No more than `most` cases a round, for a machine that is busy with other tests."""
    return [replace(one, cases=one.cases[:most], focus=None if one.focus is None else 0) for one in plan]


def _faults(draw: random.Random) -> Iterator[Round]:
    """Every step, met by every way in which the sandbox can misbehave there, some of them several times over."""
    cases = [
        Case(target, Moment.during, mode, draw.choice([0.1, 3.0, 11.0]) if mode in _SLOW else 0.0, draw.choice([1, 1, 1, 2, 3]))
        for target in TARGETS
        for mode in Mode
        if mode not in CALLBACK_MODES and applies(mode, target.operation)
    ]
    lines = next(target for target in TARGETS if target.name == "create at a slow partner")
    cases += [Case(lines, Moment.during, mode, 4.0 if mode is Mode.late_callback else 0.0) for mode in CALLBACKS]
    draw.shuffle(cases)
    for number, part in enumerate(_parts(cases, 40)):
        yield Round(f"faults-{number + 1}", How.fault, (), tuple(part), draw.getrandbits(32))


_SLOW = {Mode.slow, Mode.timeout_before, Mode.timeout_after}


def _parts(cases: list[Case], size: int) -> Iterator[list[Case]]:
    for begin in range(0, len(cases), size):
        yield cases[begin : begin + size]


def _disturbances(draw: random.Random) -> Iterator[Round]:
    for victim in PROCESSES:
        for moment in (Moment.before, Moment.during):
            yield _held(f"kill-{victim}-{moment}", How.kill, (victim,), moment, draw)
        for number in range(3):
            yield _after(f"kill-{victim}-after-{number + 1}", (victim,), draw)
        yield _held(f"freeze-{victim}", How.freeze, (victim,), draw.choice([Moment.before, Moment.during]), draw)
    for pair in itertools.combinations(PROCESSES, 2):
        yield _held(f"kill-{'-'.join(pair)}", How.kill, pair, draw.choice([Moment.before, Moment.during]), draw)
    for moment in (Moment.before, Moment.during):
        yield _held(f"restart-{moment}", How.restart, PROCESSES, moment, draw)


def _held(name: str, how: How, victims: tuple[str, ...], moment: Moment, draw: random.Random) -> Round:
    mode = Mode.timeout_before if moment is Moment.before else Mode.slow
    cases = tuple(Case(target, moment, mode, HOLD) for target in TARGETS)
    return Round(name, how, victims, cases, draw.getrandbits(32))


def _after(name: str, victims: tuple[str, ...], draw: random.Random) -> Round:
    """One step is waited for, and the blow comes within moments of its answer."""
    target = draw.choice(TARGETS)
    return Round(name, How.kill, victims, (Case(target, Moment.after, Mode.slow),), draw.getrandbits(32), focus=0)
