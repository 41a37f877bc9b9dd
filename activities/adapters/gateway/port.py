"""What the rest of the product may ask of a payment gateway."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol, runtime_checkable

from domain.billing.reconciliation.comparison import MovementPage
from domain.gateway_events import Evidence, GatewayEvent
from domain.payment_methods import MethodFacts
from domain.payments import CaptureRequest, PaymentRequest, PaymentResult, RefundRequest


class Gateway(Protocol):
    """One payment gateway; every call carries its own idempotency key, so the same call may be repeated.

    A decline is an answer, never an exception. Every call but `status` answers

    - `unknown` when it may have happened: no answer after sending, a 5xx, an unreadable answer. The other fields
      then say nothing, and `status(key)` must be asked before anything else is done to that payment;
    - `not_attempted` when it certainly did not happen: no connection, rate limit, or the gateway's own word.

    Raises Refused when the request itself is wrong and repeating it cannot help: more captured than authorized, more
    refunded than captured, a key used before with another body.

    `reference` is the answer's own of an earlier call, where it is known: it saves looking for the key. What it names is the
    payment only where that has the key; otherwise the key is looked for.

    In an answer, `authorized` is what the gateway once agreed to, and does not shrink when part of it is captured or
    all of it voided: `state` says whether money is still held. A payment is `refunded` once all of it is.
    """

    async def tokenize(self, key: str, customer: str, nonce: str) -> PaymentResult:
        """Exchange a single-use `nonce`, which the customer's browser got for its card, for a lasting token.

        The token is the answer's `reference`; `message` is what a person may be shown of it (brand and last four).
        """
        ...

    async def authorize(self, request: PaymentRequest) -> PaymentResult:
        """Hold the amount."""
        ...

    async def capture(self, request: CaptureRequest) -> PaymentResult:
        """Take all or part of what is held, once; the remainder is released."""
        ...

    async def purchase(self, request: PaymentRequest) -> PaymentResult:
        """Authorize and capture in one step."""
        ...

    async def void(self, key: str, reference: str | None = None) -> PaymentResult:
        """Release what is held. A payment that never was or was declined has nothing to undo: `succeeded`.

        Raises Refused with code `already_captured` when it takes a refund instead.
        """
        ...

    async def refund(self, request: RefundRequest) -> PaymentResult:
        """Give back all or part of what was captured."""
        ...

    async def status(self, key: str, reference: str | None = None) -> PaymentResult:
        """What has become of a payment: its outcome, state and amounts.

        `not_attempted` with state `absent` means that the gateway itself says it never saw the key. When the gateway
        cannot be asked, or something else answers for it, the result is `unknown`: that proves nothing about the
        payment, also if there was no connection. Never raises.
        """
        ...

    async def report(self, since: datetime, until: datetime, cursor: str | None = None) -> MovementPage:
        """What moved in `[since, until)`, in pages; a capture has the payment's key and a refund its own.

        Raises Unavailable where the gateway cannot be asked or its answer not be read: that says nothing about what moved.
        """
        ...


class Vault(Protocol):
    """What a gateway knows of the tokens that it gave out."""

    async def describe(self, token: str) -> MethodFacts:
        """What a person may be shown of a token. Raises Refused for one that the gateway does not know or does not hold for
        later use, and Unavailable where it cannot be asked."""
        ...

    async def forget(self, token: str) -> None:
        """Have the gateway hold a token no more: it pays for nothing from then on, and what was paid with it stays. May be
        repeated, and one that the gateway does not know is forgotten already. Raises Refused, Unavailable and Unknown; all are
        worth another try, since none of them says that it is gone."""
        ...


@runtime_checkable
class Keeper(Vault, Protocol):
    """A gateway as the API needs it: to keep what customers pay with."""

    async def tokenize(self, key: str, customer: str, nonce: str) -> PaymentResult:
        """As of a `Gateway`."""
        ...


class Herald(Protocol):
    """What a gateway tells of its own accord, and what it is told against a dispute."""

    def read_event(self, headers: Mapping[str, str], body: bytes) -> GatewayEvent | None:
        """One webhook message, its signature checked first and in constant time; None for a kind that means nothing to us.

        Raises Refused with code `bad_signature` for a message that the gateway did not sign, or signed too long ago, and with
        code `unreadable` for one that it did sign and that cannot be read. Header names are in lower case.
        """
        ...

    async def submit_evidence(self, dispute: str, key: str, evidence: Evidence) -> None:
        """Contest a dispute, once: `key` is the idempotency key, where the gateway needs one. Raises Refused where it is
        closed or past its deadline, and Unavailable or Unknown where it may be worth another try."""
        ...

    async def accept_dispute(self, dispute: str, key: str) -> None:
        """Give in to a dispute, once: `key` is the idempotency key. Raises as `submit_evidence` does."""
        ...
