"""What a customer pays with, as far as we may know it: a vault token, and what a person may be shown of it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain import keys
from domain.values import Instant, Value

EXPIRING_WITHIN = timedelta(days=30)
_LAST_ZONE = timedelta(hours=12)
"""The last place on earth where a day ends is twelve hours behind UTC."""


class MethodKind(StrEnum):
    card = "card"
    wallet = "wallet"
    sepa_debit = "sepa_debit"
    ach_debit = "ach_debit"
    transfer = "transfer"
    """The customer sends the money; it comes by statement and is matched."""

    @property
    def is_debit(self) -> bool:
        """Collected by the customer's bank over days, and returned weeks after it succeeded."""
        return self in {MethodKind.sepa_debit, MethodKind.ach_debit}


class MethodFacts(Value):
    """What a gateway says of a token. `fingerprint` is the same for the same card or account under other tokens; `mandate` is
    the reference of the payer's authority for a debit."""

    kind: MethodKind
    brand: str | None = None
    last4: str | None = None
    exp_month: Annotated[int, Field(ge=1, le=12)] | None = None
    exp_year: Annotated[int, Field(ge=2000, le=2999)] | None = None
    fingerprint: str | None = None
    country: str | None = None
    mandate: str | None = None


class MethodState(StrEnum):
    active = "active"
    expired = "expired"
    """Its month is over. The account updater may bring it back with a new date."""
    revoked = "revoked"
    """Taken away by the customer or the gateway, for good."""


class StoredMethod(Value):
    """What a customer has on file. `tokens` are by gateway: the same card may be known to several. `expires_at` is the first
    moment at which it is good no more; None where it does not expire."""

    id: str
    customer: str
    facts: MethodFacts
    tokens: dict[str, str] = {}
    state: MethodState = MethodState.active
    added_at: Instant
    expires_at: Instant | None = None

    @property
    def is_charged(self) -> bool:
        """Whether money may be asked of it. A transfer is never asked for: the customer sends it."""
        return self.state is MethodState.active and self.facts.kind is not MethodKind.transfer

    def expires_soon(self, now: datetime) -> bool:
        return self.state is MethodState.active and self.expires_at is not None and self.expires_at <= now + EXPIRING_WITHIN


def good_until(facts: MethodFacts) -> datetime | None:
    """The first moment at which a card is good no more; None where no date is known.

    A card is good through the last day of the month on it (ISO/IEC 7813, Visa Core Rules "expiration date"), wherever the payer
    is; so it is given up only when that month is over everywhere.
    """
    if facts.exp_month is None or facts.exp_year is None:
        return None
    year, month = divmod(facts.exp_year * 12 + facts.exp_month, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC) + _LAST_ZONE


def state_at(state: MethodState, expires_at: datetime | None, now: datetime) -> MethodState:
    """What a method is at `now`. Revoked is for good."""
    if state is MethodState.revoked:
        return state
    return MethodState.expired if expires_at is not None and expires_at <= now else MethodState.active


def is_stored(method: str) -> bool:
    """Whether it names a stored method, and not a gateway's own token."""
    return method.startswith(keys.PAYMENT_METHOD)


def choose(own: str | None, default: str | None, known: Mapping[str, StoredMethod]) -> str | None:
    """What a subscription is charged with: its own method where that is good, else the customer's default where that is; None
    where neither is. `known` holds the stored ones by id; a gateway's token is good until the gateway says otherwise.

    A transfer is chosen too, where it is what was asked for: it is waited for, and nothing else is charged in its place.
    """
    return next((method for method in (own, default) if method and _is_good(method, known)), None)


def _is_good(method: str, known: Mapping[str, StoredMethod]) -> bool:
    if not is_stored(method):
        return True
    return method in known and known[method].state is MethodState.active
