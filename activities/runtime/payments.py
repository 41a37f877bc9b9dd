"""Payment activities, on the gateway port.

Whatever may have happened before is asked for with the same key first; only a definite "never seen" lets a call go out again.
"""

from temporalio import activity

from activities.adapters.gateway.port import Gateway
from activities.contracts.payments import Payments, Release
from activities.runtime.failures import may_have_happened
from domain.errors import Refused, Unavailable, Unknown
from domain.money import Money
from domain.payments import CaptureRequest, Outcome, PaymentRequest, PaymentResult, RefundRequest, RemotePayment


class PaymentActivities(Payments):
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    @activity.defn(name="authorize")
    async def authorize(self, request: PaymentRequest) -> PaymentResult:
        if may_have_happened():
            found = await self._found(request.key)
            if found.state is not RemotePayment.absent:
                return found
        return _definite(await self._gateway.authorize(request), "authorize")

    @activity.defn(name="payment_status")
    async def status(self, release: Release) -> PaymentResult:
        return await self._found(release.key)

    @activity.defn(name="capture")
    async def capture(self, request: CaptureRequest) -> PaymentResult:
        if may_have_happened():
            found = await self._found(request.key)
            if found.state is RemotePayment.captured and found.captured == request.amount:
                return found
        return _done(await self._gateway.capture(request), "capture")

    @activity.defn(name="refund")
    async def refund(self, request: RefundRequest) -> PaymentResult:
        return _done(await self._gateway.refund(request), "refund")

    @activity.defn(name="release_payment")
    async def release(self, release: Release) -> PaymentResult:
        found = await self._found(release.key)
        if found.state in {RemotePayment.authorized, RemotePayment.pending}:
            return _done(await self._gateway.void(release.key), "void")
        if found.state is RemotePayment.captured and (left := _left(found)):
            refund = RefundRequest(key=release.key, refund_key=f"{release.key}:refund:rest", amount=left)
            return _done(await self._gateway.refund(refund), "refund")
        return found

    async def _found(self, key: str) -> PaymentResult:
        """What the gateway holds; a key that it never saw is `absent`. Unknown where it cannot be asked."""
        found = await self._gateway.status(key)
        if found.outcome is Outcome.unknown:
            raise Unknown(f"the gateway cannot say what has become of payment {key}")
        return found


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


def _done(result: PaymentResult, verb: str) -> PaymentResult:
    """An answer that says it was done. A soft decline is worth another try, a hard one is Refused."""
    _definite(result, verb)
    if result.outcome is Outcome.declined_soft:
        raise Unavailable(f"declined to {verb} for now: {result.code or result.outcome}")
    if result.outcome is not Outcome.succeeded:
        raise Refused(f"declined to {verb}: {result.code or result.outcome}")
    return result
