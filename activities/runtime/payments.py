"""Payment activities, on the gateway port.

A payment goes to one gateway, which is written down before it is asked. Whatever may have happened before is asked for with the
same key first; only a definite "never seen" lets a call go out again, and only a definite "not done" lets another gateway be
asked, under another key.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar

from temporalio import activity

from activities.adapters.gateway.port import Gateway
from activities.contracts.payments import AuthorizeCall, CaptureCall, Payments, Release
from activities.runtime.failures import may_have_happened
from activities.runtime.routing import Router
from activities.store import attempts, late_payments, reconciliation, refunds
from activities.store.attempts import Attempt
from activities.store.database import Database
from domain import keys
from domain.billing.ledger import cash
from domain.billing.reconciliation.comparison import Difference, DifferenceKind
from domain.errors import Refused, Unavailable, Unknown
from domain.money import Money
from domain.payments import CaptureRequest, Outcome, PaymentRequest, PaymentResult, RefundRequest, RemotePayment
from domain.refunds import Paid
from domain.routing import EXPLICIT


class Holder(NamedTuple):
    """The gateway that holds a payment, and its own name of it, where an answer has said it."""

    gateway: Gateway
    reference: str | None


Asked = TypeVar("Asked", CaptureRequest, RefundRequest)
_ELSEWHERE = {Outcome.not_attempted, Outcome.declined_soft}


class PaymentActivities(Payments):
    """`default` is the gateway of payments that are older than their attempts' rows, and of those that no rule is for."""

    def __init__(self, database: Database, gateways: Mapping[str, Gateway], default: str) -> None:
        self._database = database
        self._gateways = gateways
        self._router = Router(database, gateways, default)
        self._default = default

    @activity.defn(name="authorize")
    async def authorize(self, request: AuthorizeCall) -> PaymentResult:
        return await self._start(request, lambda gateway, sent: gateway.authorize(sent), "authorize")

    @activity.defn(name="purchase")
    async def purchase(self, request: PaymentRequest) -> PaymentResult:
        return await self._start(request, lambda gateway, sent: gateway.purchase(sent), "purchase")

    async def _start(
        self, request: PaymentRequest, call: Callable[[Gateway, PaymentRequest], Awaitable[PaymentResult]], verb: str
    ) -> PaymentResult:
        route = await self._router.begun(request, again=may_have_happened())
        attempt, gateway = route.attempt, self._gateway(route.attempt.gateway)
        if route.before:
            found = await _found(Holder(gateway, attempt.reference), request.key)
            if found.state is not RemotePayment.absent:
                return (await self._noted(attempt, found, None)).model_copy(update={"terms": route.terms})
        if route.token is None:
            raise Refused(f"payment method {request.method} cannot be charged at gateway {attempt.gateway!r}")
        began = time.monotonic()
        result = await call(gateway, request.model_copy(update={"method": route.token, "gateway": attempt.gateway}))
        free = bool(route.alternatives) and attempt.rule != EXPLICIT
        result = result.model_copy(update={"elsewhere": free and result.outcome in _ELSEWHERE})
        noted = await self._noted(attempt, result, timedelta(seconds=time.monotonic() - began))
        noted = noted.model_copy(update={"terms": route.terms})
        return noted if noted.elsewhere else _definite(noted, verb)

    async def _noted(self, attempt: Attempt, result: PaymentResult, latency: timedelta | None) -> PaymentResult:
        said = result.model_copy(update={"gateway": attempt.gateway})
        async with self._database.transaction(statement=True) as connection:
            await attempts.answer(connection, attempt.key, said, latency, datetime.now(UTC))
        return said

    @activity.defn(name="payment_status")
    async def status(self, release: Release) -> PaymentResult:
        found = await _found(await self._holder(release.key), release.key)
        async with self._database.transaction() as connection:
            known = await attempts.find(connection, release.key)
            if known is not None and found.state is not RemotePayment.absent and found.outcome != known.outcome:
                await attempts.answer(connection, release.key, found, None, datetime.now(UTC))
        return found.model_copy(update={"gateway": known.gateway if known else self._default})

    @activity.defn(name="capture")
    async def capture(self, request: CaptureCall) -> PaymentResult:
        holder = await self._holder(request.key)
        if may_have_happened():
            found = await _found(holder, request.key)
            if found.state is RemotePayment.captured and found.captured == request.amount:
                return found
        return _done(await holder.gateway.capture(_by_name(request, holder)), "capture")

    @activity.defn(name="refund")
    async def refund(self, request: RefundRequest) -> PaymentResult:
        """Promised before it is asked for. One that the gateway takes days for counts as given: should it fail, it says so."""
        async with self._database.transaction() as connection:
            await refunds.reserve_item(connection, request, datetime.now(UTC))
        try:
            holder = await self._holder(request.key)
            return _given(await holder.gateway.refund(_by_name(request, holder)))
        except Refused as refusal:
            async with self._database.transaction() as connection:
                await refunds.refuse_item(connection, request.refund_key, str(refusal), datetime.now(UTC))
            raise

    @activity.defn(name="release_payment")
    async def release(self, release: Release) -> PaymentResult:
        holder = await self._holder(release.key)
        found = await _found(holder, release.key)
        if found.state in {RemotePayment.authorized, RemotePayment.pending}:
            return await self._voided(holder, release.key)
        if found.state is RemotePayment.captured and (left := _left(found)):
            refund = RefundRequest(key=release.key, refund_key=keys.rest(release.key), amount=left)
            async with self._database.transaction() as connection:
                await refunds.reserve_item(connection, refund, datetime.now(UTC))
            result = _given(await holder.gateway.refund(_by_name(refund, holder)))
            await self._book_undone(release.key, found)
            return result
        if found.state is RemotePayment.refunded:
            await self._book_undone(release.key, found)
        if found.state is RemotePayment.absent:
            await self._watch(release.key)
        return found

    async def _voided(self, holder: Holder, key: str) -> PaymentResult:
        """What the gateway will not void, as a bank debit under way, is watched, whatever an operator makes of it."""
        try:
            return _done(await holder.gateway.void(key, holder.reference), "void")
        except Refused:
            await self._watch(key)
            raise

    async def _watch(self, key: str) -> None:
        async with self._database.transaction() as connection:
            await late_payments.watch(connection, key, datetime.now(UTC))

    async def _book_undone(self, key: str, found: PaymentResult) -> None:
        """A capture that was given up and went back is booked both ways, and finance is told, once."""
        async with self._database.transaction() as connection:
            attempt = await attempts.find(connection, key)
            if attempt is None or not found.captured:
                return
            now = datetime.now(UTC)
            undone = Paid(
                key=key,
                account=cash(attempt.gateway),
                customer=attempt.customer,
                amount=found.captured,
                parts=(),
                over=found.captured,
                at=now,
            )
            if await refunds.settle_rest(connection, undone, now):
                await reconciliation.note(connection, attempt.gateway, now.date(), [], [_undone(undone)], now)

    async def _holder(self, key: str) -> Holder:
        """An attempt without a row is of a release before this one, and held by the default gateway."""
        async with self._database.transaction(statement=True) as connection:
            attempt = await attempts.find(connection, key)
        if attempt is None:
            return Holder(self._gateway(self._default), None)
        return Holder(self._gateway(attempt.gateway), attempt.reference)

    def _gateway(self, name: str) -> Gateway:
        """One that was taken out of the settings still holds money: its payments wait until it is back in them."""
        gateway = self._gateways.get(name)
        if gateway is None:
            raise Unavailable(f"gateway {name!r} is not among the settings of this worker")
        return gateway


def _by_name(request: Asked, holder: Holder) -> Asked:
    return request.model_copy(update={"reference": holder.reference})


async def _found(holder: Holder, key: str) -> PaymentResult:
    """What the gateway holds; a key that it never saw is `absent`. Unknown where it cannot be asked."""
    found = await holder.gateway.status(key, holder.reference)
    if found.outcome is Outcome.unknown:
        raise Unknown(f"the gateway cannot say what has become of payment {key}")
    return found


def _undone(payment: Paid) -> Difference:
    return Difference(
        kind=DifferenceKind.payment_undone,
        subject=f"payment {payment.key}",
        expected="nothing taken",
        found=f"{payment.amount} taken, and refunded by itself",
        text="A payment that was given up had taken money all the same; it has gone back, and nothing is left to do",
    )


def _left(found: PaymentResult) -> Money | None:
    """What was captured and not yet refunded; None for nothing."""
    if found.captured is None:
        return None
    left = found.captured - found.refunded if found.refunded is not None else found.captured
    return left or None


def _definite(result: PaymentResult, verb: str) -> PaymentResult:
    """An answer that can be acted on; Unknown and Unavailable otherwise."""
    if result.outcome is Outcome.unknown:
        raise Unknown(f"no answer to {verb}; it may have happened")
    if result.outcome is Outcome.not_attempted and result.state is RemotePayment.absent:
        raise Unavailable(f"the gateway did not attempt to {verb}")
    return result


def _given(refund: PaymentResult) -> PaymentResult:
    """As `_done`; a refund that the gateway takes days for counts as given."""
    return refund if refund.outcome is Outcome.pending else _done(refund, "refund")


def _done(result: PaymentResult, verb: str) -> PaymentResult:
    """An answer that says it was done. A soft decline is worth another try, a hard one is Refused."""
    _definite(result, verb)
    if result.outcome is Outcome.declined_soft:
        raise Unavailable(f"declined to {verb} for now: {result.code or result.outcome}")
    if result.outcome is not Outcome.succeeded:
        raise Refused(f"declined to {verb}: {result.code or result.outcome}")
    return result
