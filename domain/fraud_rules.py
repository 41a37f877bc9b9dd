"""Fraud rules as data: CEL expressions over an order's facts, each giving a band or points towards one.

Sources: the Common Expression Language, https://github.com/google/cel-spec.
"""

import functools
import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Self

import cel
from pydantic import Field, model_validator

from domain.customers import Risk
from domain.errors import BadInput
from domain.fraud import Band, Fired, Screening, by_risk, strictest
from domain.fraud_scores import KeptScore, Score, ScoringPolicy, without
from domain.money import CurrencyCode, Money
from domain.plans import Identifier
from domain.values import Instant, StrictValue, Value
from domain.velocity import Counted, VelocityTraits, asked_about

Count = Annotated[int, Field(strict=True, ge=0, le=10**15)]
Word = Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")]
Points = Annotated[int, Field(strict=True, ge=1, le=1000)]
Expression = Annotated[
    str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["order.total > 50000"])
]
Reason = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class OrderTraits(StrictValue):
    """`total` is in minor units of `currency`."""

    total: Count = 0
    currency: CurrencyCode = "EUR"
    items: Count = 1
    coupons: Count = 0


class CustomerTraits(StrictValue):
    """`age_days` is how long ago the record was made, in whole days; `orders_before` counts completed orders, to 1000 at the
    most; `disputes` those of any time."""

    id: Word = ""
    country: Word = ""
    risk: Risk = Risk.normal
    verified: bool = False
    business: bool = False
    age_days: Count = 0
    orders_before: Count = 0
    disputes: Count = 0


class MethodTraits(StrictValue):
    """What is not known is an empty text. Of a token that is not on file nothing is known; `stored` says whether it is."""

    kind: Word = ""
    brand: Word = ""
    country: Word = ""
    stored: bool = False
    fingerprinted: bool = False


class ScoreTraits(StrictValue):
    """What a fraud service outside says: `value` from 0 to 100, and 0 where it is not `known`."""

    value: Score = 0
    known: bool = False


class Traits(StrictValue):
    """All that a rule may ask about. There is no null in it, so that no rule has to think of one."""

    order: OrderTraits = OrderTraits()
    customer: CustomerTraits = CustomerTraits()
    method: MethodTraits = MethodTraits()
    velocity: VelocityTraits = VelocityTraits()
    score: ScoreTraits = ScoreTraits()

    def scored(self, kept: KeptScore | None) -> Self:
        known = kept is not None and kept.score is not None
        return self.model_copy(update={"score": ScoreTraits(value=(kept.score if kept else None) or 0, known=known)})


class FraudRule(StrictValue):
    """Holds where `when` is true. Exactly one of `band` and `points` says what then; rules of a lower `priority` are named
    first."""

    id: Identifier
    priority: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] = 100
    when: Expression
    band: Band | None = None
    points: Points | None = None
    reason: Reason

    @model_validator(mode="after")
    def _one_consequence(self) -> Self:
        if (self.band is None) == (self.points is None):
            raise ValueError("exactly one of band and points says what a rule does")
        if self.band is Band.allow:
            raise ValueError("band should be step_up, review or reject: what no rule is about is allowed")
        return self


class PublishedFraudRule(Value):
    """A rule as it was published: its versions count from 1, and a screening names the ones that held."""

    rule: FraudRule
    version: int
    published_at: Instant
    published_by: str

    @property
    def name(self) -> str:
        return f"{self.rule.id}@{self.version}"


class Thresholds(StrictValue):
    """From how many points on an order gets a band."""

    step_up: Points = 30
    review: Points = 60
    reject: Points = 100

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if not self.step_up <= self.review <= self.reject:
            raise ValueError("step_up should not be above review, nor review above reject")
        return self

    def band(self, score: int) -> Band:
        reached = [band for band in (Band.step_up, Band.review, Band.reject) if score >= getattr(self, band)]
        return strictest(reached)


class FraudPolicy(Value):
    """Of the settings the version too, which is 0 where nothing was ever set."""

    rules: tuple[PublishedFraudRule, ...] = ()
    thresholds: Thresholds = Thresholds()
    thresholds_version: int = 0
    scoring: ScoringPolicy = ScoringPolicy()
    scoring_version: int = 0

    @functools.cached_property
    def counted(self) -> frozenset[Counted]:
        """Whose counters the rules ask about."""
        return asked_about(each.rule.when for each in self.rules)

    @functools.cached_property
    def asks_method(self) -> bool:
        """Whether a rule asks what an order is paid with."""
        return Counted.card in self.counted or self._asks("method")

    @functools.cached_property
    def asks_score(self) -> bool:
        """Whether a rule asks about the score that a fraud service outside gives."""
        return self._asks("score")

    def _asks(self, group: str) -> bool:
        named = (_FIELD.findall(_TEXT.sub('""', each.rule.when)) for each in self.rules)
        return any(each == group for found in named for each, _, _ in found)

    def without_score(self, kept: KeptScore | None) -> list[Fired]:
        """What holds for an order whose score was asked for and not had."""
        return without(kept, self.scoring, f"scoring@{self.scoring_version}") if self.asks_score else []


_GROUPS: dict[str, type[StrictValue]] = {
    "order": OrderTraits,
    "customer": CustomerTraits,
    "method": MethodTraits,
    "velocity": VelocityTraits,
    "score": ScoreTraits,
}
_TEXT = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_FUNCTIONS = frozenset({"startsWith", "endsWith", "contains", "matches", "int", "string", "double", "has"})
_LOOP = re.compile(r"\.\s*(all|exists|exists_one|existsOne|map|filter)\s*\(")
_FIELD = re.compile(r"(?<![\w.])(order|customer|method|velocity|score)\b\s*(\.\s*(\w+))?")


def check(rule: FraudRule) -> None:
    """BadInput, in one line that names the place, for an expression that is no rule: it is compiled, its names are looked up,
    and it is answered for facts of every shape. Loops are refused: nested ones would take for ever."""
    bare = _TEXT.sub('""', rule.when)
    loop = _LOOP.search(bare)
    if loop is not None:
        raise BadInput("when", f"{loop[1]}() is not available in rules; compare with `in [...]`")
    for group, _, name in _FIELD.findall(bare):
        known = sorted(_GROUPS[group].model_fields)
        if name not in known:
            said = f"there is no {group}.{name}" if name else f"{group} needs one of its fields"
            raise BadInput("when", f"{said}; there are {', '.join(f'{group}.{each}' for each in known)}")
    _check_names(rule.when)
    for traits in _samples():
        try:
            _holds(rule.when, _context(traits))
        except ValueError as error:
            raise BadInput("when", str(error)) from None


def _check_names(expression: str) -> None:
    """Also where no fact leads to them: `a || b` answers without `b`."""
    try:
        program = _program(expression)
    except ValueError as error:
        raise BadInput("when", _first_line(error)) from None
    if unknown := sorted(set(program.variables()) - set(_GROUPS)):
        raise BadInput("when", f"there is no {unknown[0]}; there are {', '.join(_GROUPS)}")
    called = (name for name in program.functions() if "_" not in name and not name.startswith("@"))
    if odd := sorted(set(called) - _FUNCTIONS):
        raise BadInput("when", f"there is no function {odd[0]}; there are {', '.join(sorted(_FUNCTIONS))}")


def judge(policy: FraudPolicy, traits: Traits, total: Money, kept: KeptScore | None = None) -> Screening:
    """The strictest of what the customer's mark, the rules and the sum of their points say, each named in the version that
    held. A rule that fails has the order looked at: it never lets one through in silence. `kept` is its score, if asked for."""
    context = _context(traits.scored(kept) if kept is not None else traits)
    fired = [*by_risk(traits.customer.risk, total), *policy.without_score(kept)]
    for published in policy.rules:
        if (found := _tried(published, context)) is not None:
            fired.append(found)
    score = sum(each.points for each in fired)
    scored = policy.thresholds.band(score)
    if scored is not Band.allow:
        reason = f"{score} points, {scored.replace('_', ' ')} from {getattr(policy.thresholds, scored)}"
        fired.append(Fired(rule=f"thresholds@{policy.thresholds_version}", reason=reason, band=scored))
    reasons = list(dict.fromkeys(each.reason for each in fired))
    bands = [each.band for each in fired if each.band is not None]
    return Screening(band=strictest(bands), reasons=reasons, score=score, fired=fired)


def in_order(rules: Iterable[PublishedFraudRule]) -> tuple[PublishedFraudRule, ...]:
    return tuple(sorted(rules, key=lambda each: (each.rule.priority, each.rule.id)))


def _tried(published: PublishedFraudRule, context: dict[str, Any]) -> Fired | None:
    rule = published.rule
    try:
        holds = _holds(rule.when, context)
    except ValueError as error:
        return Fired(rule=published.name, reason=f"rule {published.name} failed: {error}", band=Band.review)
    if not holds:
        return None
    return Fired(rule=published.name, reason=rule.reason, band=rule.band, points=rule.points or 0)


def _holds(expression: str, context: dict[str, Any]) -> bool:
    """Raises ValueError, in words, for whatever is wrong with it."""
    try:
        answer = _program(expression).execute(context)
    except KeyError as error:
        raise ValueError(f"there is no field {error}") from None
    except Exception as error:
        raise ValueError(_first_line(error)) from None
    if not isinstance(answer, bool):
        raise ValueError(f"answers with {type(answer).__name__}; a rule should be true or false, as in order.total > 50000")
    return answer


@functools.lru_cache(maxsize=1000)
def _program(expression: str) -> cel.Program:
    return cel.compile(expression)


def _first_line(error: Exception) -> str:
    said = str(error)
    place = re.search(r"ERROR: <input>:1:(\d+): ([^\n]*)", said)
    line = f"at character {place[1]}: {place[2]}" if place else (said.splitlines() or [type(error).__name__])[0]
    return line.split(" CEL does not coerce")[0][:200]


def _context(traits: Traits) -> dict[str, Any]:
    return traits.model_dump(mode="json")


def _samples() -> Sequence[Traits]:
    """Nothing known, everything known, and what is between."""
    orders = (OrderTraits(), OrderTraits(total=10**9, currency="USD", items=100, coupons=10))
    customers = (
        CustomerTraits(),
        CustomerTraits(id="C-1", country="DE", verified=True, business=True, age_days=4000, orders_before=1000, disputes=50),
        CustomerTraits(id="C-2", country="US", risk=Risk.high, age_days=1),
    )
    methods = (
        MethodTraits(),
        MethodTraits(kind="card", brand="visa", country="DE", stored=True, fingerprinted=True),
        MethodTraits(kind="sepa_debit", country="FR", stored=True),
    )
    counters = (VelocityTraits(), VelocityTraits.model_validate(dict.fromkeys(VelocityTraits.model_fields, 10**9)))
    scores = (ScoreTraits(), ScoreTraits(value=100, known=True))
    return [
        Traits(order=order, customer=customer, method=method, velocity=velocity, score=score)
        for (order, velocity, score), customer, method in itertools.product(
            zip(orders, counters, scores, strict=True), customers, methods
        )
    ]
