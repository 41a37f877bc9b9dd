"""Sends a payment to a gateway: the one it was sent to before, or the one that rules and health say."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from activities.adapters.gateway.port import Gateway
from activities.runtime.tokens import Described
from activities.store import attempts, charge_stops, life_policies, payment_methods, routing
from activities.store.attempts import Attempt
from activities.store.database import Database
from domain.capture import CapturePolicy, Terms, terms_of
from domain.errors import Refused
from domain.payment_methods import MethodFacts, StoredMethod, is_stored
from domain.payments import PaymentRequest
from domain.routing import Payment, Surroundings, payment_of, route
from domain.values import Value

FRESH = 1.0
"""Seconds for which rules, costs, health, stops of charges and the policy of captures are good: no query for each payment."""


class Route(Value):
    """`token` is what the attempt's gateway calls the method; None where it is expired or revoked, is none to be charged, or
    that gateway does not know it any more. `before` says that it was begun before, so that the gateway may have been asked.
    `terms` are what the policy says of how it is captured; None for what goes without saying."""

    attempt: Attempt
    token: str | None
    alternatives: tuple[str, ...]
    before: bool
    terms: Terms | None


class Router:
    def __init__(self, database: Database, gateways: Mapping[str, Gateway], default: str) -> None:
        self._database = database
        self._gateways = gateways
        self._default = default
        self._tokens = Described(database, gateways, default)
        self._stops: dict[str, str] = {}
        self._policy = CapturePolicy()
        self._read: tuple[float, Surroundings] | None = None
        self._reading = asyncio.Lock()

    async def begun(self, request: PaymentRequest, *, again: bool) -> Route:
        """The attempt's row is in the database when this returns; `again` for a payment whose row may be there already.

        Raises Refused where no gateway may be asked.
        """
        method = await self._method(request.method)
        surroundings = await self._surroundings()
        said = await self._said(request, surroundings) if method is None else None
        payment = payment_of(request, method, self._default, said)
        facts = method.facts if method is not None else said
        terms = self._terms(facts, request)
        attempt = await self._before(request.key) if again else None
        if attempt is not None:
            token = _token(request.method, method, attempt.gateway)
            return Route(attempt=attempt, token=token, alternatives=_others(payment, attempt), before=True, terms=terms)
        decision = route(payment, surroundings)
        if stop := self._stops.get(request.customer):
            raise Refused(f"customer {request.customer} is not charged now: {stop}")
        now = datetime.now(UTC)
        async with self._database.transaction(statement=True) as connection:
            attempt = await attempts.begin(connection, request, decision, now)
        token = _token(request.method, method, attempt.gateway)
        return Route(
            attempt=attempt,
            token=token,
            alternatives=_others(payment, attempt),
            before=attempt.asked_at != now,
            terms=terms,
        )

    def _terms(self, facts: MethodFacts | None, request: PaymentRequest) -> Terms | None:
        terms = terms_of(self._policy, facts.kind if facts is not None else None, request.amount)
        return terms if terms != Terms() else None

    async def _said(self, request: PaymentRequest, surroundings: Surroundings) -> MethodFacts | None:
        """What its gateway says of a bare token, where anything goes by it."""
        asked = surroundings.ask_method or self._policy != CapturePolicy()
        return await self._tokens.facts(request.method) if asked else None

    async def _before(self, key: str) -> Attempt | None:
        async with self._database.transaction(statement=True) as connection:
            return await attempts.find(connection, key)

    async def _method(self, name: str) -> StoredMethod | None:
        """None for a bare token."""
        if not is_stored(name):
            return None
        async with self._database.transaction(statement=True) as connection:
            method = await payment_methods.find(connection, name)
        if method is None:
            raise Refused(f"payment_method: there is no {name}")
        return method

    async def _surroundings(self) -> Surroundings:
        if (fresh := self._fresh()) is not None:
            return fresh
        async with self._reading:  # one payment asks for all that have come meanwhile
            if (fresh := self._fresh()) is not None:
                return fresh
            async with self._database.transaction() as connection:
                found = await routing.surroundings(connection, self._gateways, self._default, datetime.now(UTC))
                self._stops = await charge_stops.every(connection)
                self._policy = await life_policies.get(connection, CapturePolicy)
            self._read = (time.monotonic(), found)
            return found

    def _fresh(self) -> Surroundings | None:
        if self._read is None or time.monotonic() - self._read[0] > FRESH:
            return None
        return self._read[1]


def _token(name: str, method: StoredMethod | None, gateway: str) -> str | None:
    if method is None:
        return name
    return method.tokens.get(gateway) if method.is_charged else None


def _others(payment: Payment, attempt: Attempt) -> tuple[str, ...]:
    """The gateways that could be asked next."""
    return tuple(name for name in payment.able if name != attempt.gateway and name not in payment.tried)
