"""Money at the gateway. Each activity makes one effective call with one key, and asks before it repeats one."""

from abc import ABC, abstractmethod

from temporalio import activity

from activities.contracts.facts import Bringing
from domain.payments import CaptureRequest, PaymentRequest, PaymentResult, RefundRequest
from domain.values import Value


class Release(Value):
    """Whatever the gateway holds of this payment goes back: an authorization is voided, a capture refunded."""

    key: str


class AuthorizeCall(PaymentRequest, Bringing):
    """To hold an amount."""


class CaptureCall(CaptureRequest, Bringing):
    """To take what is held."""


class Payments(ABC):
    @abstractmethod
    @activity.defn(name="authorize")
    async def authorize(self, request: AuthorizeCall) -> PaymentResult:
        """Succeeded, pending or declined, or `elsewhere`: not done, and another gateway may be asked under another key. Fails
        as Unknown or Unavailable where it is not known after all tries."""

    @abstractmethod
    @activity.defn(name="purchase")
    async def purchase(self, request: PaymentRequest) -> PaymentResult:
        """As `authorize`, and the money is taken at once."""

    @abstractmethod
    @activity.defn(name="payment_status")
    async def status(self, release: Release) -> PaymentResult:
        """What the gateway holds of this payment."""

    @abstractmethod
    @activity.defn(name="capture")
    async def capture(self, request: CaptureCall) -> PaymentResult:
        """Succeeded, or fails as Refused, Unknown or Unavailable."""

    @abstractmethod
    @activity.defn(name="refund")
    async def refund(self, request: RefundRequest) -> PaymentResult:
        """Refund part of a capture; again with the same refund key: the same refund."""

    @abstractmethod
    @activity.defn(name="release_payment")
    async def release(self, release: Release) -> PaymentResult:
        """Void or refund what is held; nothing held: nothing happens. What the gateway knows nothing of is watched from then
        on: a call that was given up may yet arrive."""
