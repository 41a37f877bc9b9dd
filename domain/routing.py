"""Which gateway a payment goes to, and why: rules as data, tried in order, the first that matches deciding."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from hashlib import sha256
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.errors import Refused
from domain.money import CurrencyCode, Money, exponent
from domain.payment_methods import MethodFacts, MethodKind, StoredMethod
from domain.payments import PaymentRequest
from domain.plans import Identifier
from domain.values import CountryCode, Instant, Name, StrictValue, Value

EXPLICIT = "explicit"
"""The rule's name where the caller chose the gateway."""
DEFAULT = "default"
"""The rule's name where none matched, or no gateway of the one that did may be asked."""
MOST = 50
Minor = Annotated[int, Field(strict=True, ge=0, le=10**15)]


class Conditions(StrictValue):
    """What a payment must be for a rule to hold; what is left out holds for every payment. `amount_from` and `amount_to`, in
    minor units and both inclusive, need exactly one currency beside them: 100 yen are no 100 cents."""

    currencies: Annotated[tuple[CurrencyCode, ...], Field(max_length=MOST)] = ()
    countries: Annotated[tuple[CountryCode, ...], Field(max_length=300)] = ()
    kinds: Annotated[tuple[MethodKind, ...], Field(max_length=MOST)] = ()
    brands: Annotated[tuple[Name, ...], Field(max_length=MOST)] = ()
    customers: Annotated[tuple[Identifier, ...], Field(max_length=MOST)] = ()
    amount_from: Minor | None = None
    amount_to: Minor | None = None

    @model_validator(mode="after")
    def _amounts_of_one_currency(self) -> Self:
        bounds = (self.amount_from, self.amount_to)
        if any(bound is not None for bound in bounds) and len(self.currencies) != 1:
            raise ValueError("amount_from and amount_to need exactly one of currencies, whose minor units they are in")
        if None not in bounds and bounds[0] > bounds[1]:  # type: ignore[operator]
            raise ValueError("amount_from should not be above amount_to")
        return self

    def unmet(self, payment: "Payment") -> str | None:
        """The first that the payment does not meet, in words; None where it meets all."""
        sets = (
            ("currency", payment.amount.currency, self.currencies),
            ("country", payment.country, self.countries),
            ("method", payment.kind, self.kinds),
            ("brand", payment.brand, self.brands),
            ("customer", payment.customer, self.customers),
        )
        for name, value, wanted in sets:
            if wanted and value not in wanted:
                return f"{name} {value or 'not known'} is not one of {', '.join(wanted)}"
        if self.amount_from is not None and payment.amount.minor < self.amount_from:
            return f"{payment.amount} is less than {Money(minor=self.amount_from, currency=payment.amount.currency)}"
        if self.amount_to is not None and payment.amount.minor > self.amount_to:
            return f"{payment.amount} is more than {Money(minor=self.amount_to, currency=payment.amount.currency)}"
        return None


class Share(StrictValue):
    """`weight` of the sum of a rule's weights goes to `gateway`."""

    gateway: Identifier
    weight: Annotated[int, Field(strict=True, ge=1, le=10_000)]


class RoutingRule(StrictValue):
    """A lower `priority` is looked at first. Exactly one of `gateways` (the first that may be asked), `shares` (by a hash of
    the payment's key) and `cheapest` (of these, by the cost table) says where to."""

    id: Identifier
    priority: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] = 100
    when: Conditions = Conditions()
    gateways: Annotated[tuple[Identifier, ...], Field(max_length=MOST)] = ()
    shares: Annotated[tuple[Share, ...], Field(max_length=MOST)] = ()
    cheapest: Annotated[tuple[Identifier, ...], Field(max_length=MOST)] = ()

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if sum(map(bool, (self.gateways, self.shares, self.cheapest))) != 1:
            raise ValueError("exactly one of gateways, shares and cheapest says where a payment goes")
        if len(set(self.names)) != len(self.names):
            raise ValueError("a gateway should be named once")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        return self.gateways or self.cheapest or tuple(share.gateway for share in self.shares)


class PublishedRule(Value):
    """A rule as it was published: its versions count from 1, and each attempt says which one decided it."""

    rule: RoutingRule
    version: int
    published_at: Instant
    published_by: str

    @property
    def name(self) -> str:
        return f"{self.rule.id}@{self.version}"


class GatewayCost(StrictValue):
    """What a payment in `currency` costs at `gateway`: `percent` of it, and `fixed` minor units beside."""

    gateway: Identifier
    currency: CurrencyCode
    percent: Annotated[Decimal, Field(ge=0, le=100, decimal_places=6, examples=["1.4"])] = Decimal(0)
    fixed: Minor = 0

    def of(self, amount: Money) -> Decimal:
        """In minor units, exact."""
        return amount.minor * self.percent / 100 + self.fixed


class Payment(Value):
    """What is known of a payment that is to be routed. `able` are the gateways that hold a token of its method, `tried` those
    that were asked before, and `wanted` the caller's own choice."""

    key: str
    amount: Money
    customer: str = ""
    country: str = ""
    kind: MethodKind | None = None
    brand: str | None = None
    able: tuple[str, ...]
    tried: tuple[str, ...] = ()
    wanted: str | None = None


def payment_of(request: PaymentRequest, method: StoredMethod | None, default: str, token: MethodFacts | None = None) -> Payment:
    """What routing may know of it. A bare token (no `method`) is one of the default gateway, which may know it as `token`."""
    facts = method.facts if method else token
    return Payment(
        key=request.key,
        amount=request.amount,
        customer=request.customer or (method.customer if method else ""),
        country=(facts.country if facts else None) or request.country,
        kind=facts.kind if facts else None,
        brand=facts.brand if facts else None,
        able=tuple(method.tokens) if method else (default,),
        tried=request.tried,
        wanted=request.gateway,
    )


class Surroundings(Value):
    """`rules` in any order, `default` the gateway of a payment that none is for, `down` those not well."""

    rules: tuple[PublishedRule, ...] = ()
    costs: tuple[GatewayCost, ...] = ()
    default: str
    down: frozenset[str] = frozenset()

    @property
    def ask_method(self) -> bool:
        """Whether a rule asks what a payment is made with."""
        conditions = [each.rule.when for each in self.rules]
        return any(when.kinds or when.brands or when.countries for when in conditions)


class Look(Value):
    """What became of one rule: `why` it decided, or did not."""

    rule: str
    decided: bool
    why: str


class Decision(Value):
    """`alternatives` are the gateways that could be asked next, in that order; none where the caller chose."""

    gateway: str
    rule: str
    looks: tuple[Look, ...]
    alternatives: tuple[str, ...] = ()

    @property
    def why(self) -> str:
        return next((look.why for look in self.looks if look.decided), "")


def route(payment: Payment, here: Surroundings) -> Decision:
    """Raises Refused where no gateway may be asked. The same payment in the same surroundings always goes the same way."""
    if payment.wanted is not None:
        return _wanted(payment, payment.wanted)
    looks: list[Look] = []
    for published in sorted(here.rules, key=lambda each: (each.rule.priority, each.rule.id)):
        unmet = published.rule.when.unmet(payment)
        if unmet is not None:
            looks.append(Look(rule=published.name, decided=False, why=unmet))
            continue
        order, how = _preferred(published.rule, payment, here)
        first, words = _first_able(order, payment, here)
        if first is None:
            looks.append(Look(rule=published.name, decided=False, why=words))
            continue
        looks.append(Look(rule=published.name, decided=True, why=f"{first}: {how}{words}"))
        return _decided(first, published.name, looks, payment, here, order)
    order = (here.default, *(name for name in payment.able if name != here.default))
    first, words = _first_able(order, payment, here)
    if first is None:
        raise Refused(f"no gateway can be asked for payment {payment.key}: {words}")
    looks.append(Look(rule=DEFAULT, decided=True, why=f"{first}: no rule says otherwise{words}"))
    return _decided(first, DEFAULT, looks, payment, here, order)


def _wanted(payment: Payment, name: str) -> Decision:
    """The caller's choice wins over rules and health, and there is no other."""
    if name not in payment.able:
        raise Refused(
            f"gateway {name!r} holds no token of this payment method; it is known at {', '.join(payment.able) or 'none'}"
        )
    if name in payment.tried:
        raise Refused(f"gateway {name!r} was asked before for this payment")
    return Decision(gateway=name, rule=EXPLICIT, looks=(Look(rule=EXPLICIT, decided=True, why=f"{name}: the caller chose it"),))


def _preferred(rule: RoutingRule, payment: Payment, here: Surroundings) -> tuple[tuple[str, ...], str]:
    """The rule's gateways, the most wanted first, and the reason for that order."""
    if rule.gateways:
        return rule.gateways, "the first of the rule that can be asked"
    if rule.cheapest:
        priced = _by_cost(rule.cheapest, payment.amount, here.costs)
        words = ", ".join(f"{name} {_shown(cost, payment.amount.currency)}" for cost, name in priced)
        return tuple(name for _, name in priced), f"the cheapest that can be asked ({words})"
    open_ = [share for share in rule.shares if _is_open(share.gateway, payment, here)]
    shares = open_ or list(rule.shares)
    drawn = _drawn(payment.key, rule.id, shares)
    others = (share.gateway for share in rule.shares if share.gateway != drawn)
    parts = " : ".join(f"{share.gateway} {share.weight}" for share in rule.shares)
    return (drawn, *others), f"its share ({parts})"


def _by_cost(names: Sequence[str], amount: Money, costs: Sequence[GatewayCost]) -> list[tuple[Decimal | None, str]]:
    """A gateway whose cost is not known comes last; equal costs keep the rule's order."""
    known: Mapping[str, Decimal] = {each.gateway: each.of(amount) for each in costs if each.currency == amount.currency}
    priced = [(known.get(name), name) for name in names]
    return sorted(priced, key=lambda each: (each[0] is None, each[0] or Decimal(0)))


def _shown(cost: Decimal | None, currency: str) -> str:
    if cost is None:
        return "at a cost not known"
    return str(Money.rounded(cost.scaleb(-exponent(currency)), currency, ROUND_HALF_UP))


def _drawn(key: str, rule: str, shares: Sequence[Share]) -> str:
    """By a hash of the payment's key: the same payment is drawn the same way again."""
    total = sum(share.weight for share in shares)
    place = int.from_bytes(sha256(f"{rule}:{key}".encode()).digest()[:8]) % total
    for share in shares:
        place -= share.weight
        if place < 0:
            return share.gateway
    raise AssertionError("a place below the sum of weights is in one of them")


def _first_able(order: Sequence[str], payment: Payment, here: Surroundings) -> tuple[str | None, str]:
    """The first that can be asked, and what is to be said of those passed over. One that is not well is asked where there is
    no other: it may have recovered, and a payment is not refused for what another one met."""
    hindered = {name: _hindrance(name, payment, here) for name in order}
    well = [name for name in order if hindered[name] is None]
    unwell = [name for name in order if hindered[name] == UNWELL]
    if well and unwell and order.index(unwell[0]) < order.index(well[0]) and _is_trial(payment.key, unwell[0]):
        return unwell[0], " (it is not well, and this payment tries whether it has recovered)"
    first = next(iter(well or unwell), None)
    passed = [f"{name} {why}" for name, why in hindered.items() if why and name != first]
    if first is None:
        return None, "; ".join(passed) or "no gateway is named"
    before = passed if well else ["it is not well, and there is no other"]
    return first, f" ({'; '.join(before)})" if before else ""


UNWELL = "is not well"
TRIALS = 20
"""One in so many of the payments that would go to a gateway that is not well goes there all the same, where another could take
it after that: otherwise nobody would know that it has recovered but by sending it everything at once."""


def _is_trial(key: str, gateway: str) -> bool:
    """By a hash of the payment's key: the same payment is a trial again."""
    return int.from_bytes(sha256(f"trial:{gateway}:{key}".encode()).digest()[:8]) % TRIALS == 0


def _is_open(name: str, payment: Payment, here: Surroundings) -> bool:
    hindrance = _hindrance(name, payment, here)
    return hindrance is None or (hindrance == UNWELL and _is_trial(payment.key, name))


def _hindrance(name: str, payment: Payment, here: Surroundings) -> str | None:
    if name in payment.tried:
        return "was tried before"
    if name not in payment.able:
        return "holds no token of the method"
    return UNWELL if name in here.down else None


def _decided(first: str, rule: str, looks: list[Look], payment: Payment, here: Surroundings, order: Sequence[str]) -> Decision:
    """Others may be asked after it: those of the rule first, then any that could."""
    others = dict.fromkeys([*order, here.default, *payment.able])
    free = [name for name in others if name != first and _hindrance(name, payment, here) in {None, UNWELL}]
    well_first = sorted(free, key=lambda name: name in here.down)
    return Decision(gateway=first, rule=rule, looks=tuple(looks), alternatives=tuple(well_first))
