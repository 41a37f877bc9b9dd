"""One call to Stripe, with everything that can go wrong sorted into a decline, Refused, Unavailable or Unknown.

The SDK does not repeat a call by itself: Temporal does, and asks first. Texts of errors name the call and Stripe's code, never
its message, which may hold what a person has entered.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, Protocol

import httpx
import stripe

from activities.adapters.http import TOTAL_SECONDS
from domain.errors import Refused, Unavailable, Unknown

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
IN_USE = "idempotency_key_in_use"
MISSING = "resource_missing"


class Declined(Exception):
    """The card was declined; `intent` is the PaymentIntent as it is then, where Stripe sends it along."""

    def __init__(self, code: str, intent: dict[str, Any] | None) -> None:
        super().__init__(code)
        self.code = code
        self.intent = intent


class _Answer(Protocol):
    def to_dict(self) -> dict[str, Any]: ...


async def call(what: str, answer: Awaitable[_Answer]) -> dict[str, Any]:
    """The answer as plain data. Raises Declined, Refused, Unavailable and Unknown; `what` is for their texts."""
    try:
        async with asyncio.timeout(TOTAL_SECONDS):
            return (await answer).to_dict()
    except stripe.CardError as error:
        raise Declined(_decline_code(error), _intent(error)) from None
    except stripe.RateLimitError:
        raise Unavailable(f"stripe: {what}: rate limited") from None
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise Unavailable(f"stripe: {what}: the API key is not accepted ({error.code or 'not authorized'})") from None
    except stripe.IdempotencyError as error:
        raise _reused(what, error) from None
    except stripe.InvalidRequestError as error:
        raise _refused(what, error) from None
    except stripe.APIConnectionError as error:
        raise _unconnected(what, error) from None
    except stripe.StripeError as error:
        raise Unknown(f"stripe: {what}: {error.code or type(error).__name__} (HTTP {error.http_status})") from None
    except TimeoutError:
        raise Unknown(f"stripe: {what}: no complete answer within {TOTAL_SECONDS:g} s") from None


def _decline_code(error: stripe.CardError) -> str:
    told = getattr(error.error, "decline_code", None) if error.error else None
    return told or error.code or "card_declined"


def _intent(error: stripe.CardError) -> dict[str, Any] | None:
    told = (error.json_body or {}).get("error", {}).get("payment_intent") if isinstance(error.json_body, dict) else None
    return told if isinstance(told, dict) else None


def _reused(what: str, error: stripe.IdempotencyError) -> Refused | Unknown:
    """In use: the first call under the key has not ended, so that nothing is known of it yet."""
    if error.code == IN_USE or error.http_status == httpx.codes.CONFLICT:
        return Unknown(f"stripe: {what}: the same call is under way")
    return Refused(f"stripe: {what}: this idempotency key came before with another request", "idempotency_conflict")


def _refused(what: str, error: stripe.InvalidRequestError) -> Refused | Unknown:
    if error.code == IN_USE:
        return Unknown(f"stripe: {what}: the same call is under way")
    code = error.code or (MISSING if error.http_status == httpx.codes.NOT_FOUND else "invalid_request")
    place = f"{error.param}: " if error.param else ""
    return Refused(f"stripe: {what}: {place}{code} (HTTP {error.http_status})", code)


def _unconnected(what: str, error: stripe.APIConnectionError) -> Unavailable | Unknown:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _NOT_SENT):
            return Unavailable(f"stripe: {what}: could not connect ({type(cause).__name__})")
        cause = cause.__cause__ or cause.__context__
    return Unknown(f"stripe: {what}: no complete answer")
