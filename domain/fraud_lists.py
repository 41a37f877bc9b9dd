"""Lists of who is blocked and who is trusted, whatever the fraud rules say."""

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain import keys
from domain.cards import NoCardNumber
from domain.customers import Customer, Risk
from domain.errors import BadInput
from domain.fraud import Band, Fired, Screening
from domain.orders import Order
from domain.payment_methods import is_stored
from domain.values import Instant, StrictValue, Value
from domain.velocity import Counted, address_of

MOST_LISTED = 10_000
"""Each process holds them all in memory."""
_DOMAIN = re.compile(r"([^\W_][\w-]{0,62}\.)+[\w-]{2,63}")
_FORMS = {
    "customer": (re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}"), "a customer's id, as C-1001"),
    "card": (re.compile(r"card:[0-9a-f]{32}"), "a card's fingerprint, or card:… as a trial of an order names it"),
    "address": (re.compile(r"address:[0-9a-f]{32}"), "address:… as a trial of an order names it"),
    "email_domain": (_DOMAIN, "the part of an address after the @, as example.com"),
    "country": (re.compile(r"[A-Z]{2}"), "an ISO 3166-1 alpha-2 code, as DE"),
}
_FINGERPRINT = re.compile(r"[A-Za-z0-9_+/=-]{4,100}")


class ListName(StrEnum):
    blocked = "blocked"
    """Rejected; this wins over trusted."""
    trusted = "trusted"
    """Allowed, and no rule is asked."""


class ListedBy(StrEnum):
    customer = "customer"
    card = "card"
    address = "address"
    email_domain = "email_domain"
    country = "country"


class Listing(StrictValue):
    """`until` is the first moment at which it holds no more; null where it holds until it is removed."""

    list: ListName
    by: ListedBy
    value: Annotated[
        str, Field(min_length=2, max_length=253, pattern=r"^[^\x00-\x20\x7f]+$", examples=["example.com"]), NoCardNumber
    ]
    reason: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
    until: Instant | None = None

    @property
    def id(self) -> str:
        return keys.fraud_listing(self.list, self.by, self.value)


class Listed(Value):
    """A listing as it was put there; putting it there otherwise is its next version."""

    id: str
    listing: Listing
    version: int
    listed_at: Instant
    listed_by: str


class ListChange(Value):
    """One thing that became of a listing; None: it was removed."""

    version: int
    listing: Listing | None
    at: Instant
    by: str


def normal(listing: Listing, now: datetime) -> Listing:
    """As it is compared: a fingerprint as its digest, a domain in small letters, a country in capitals. BadInput names the
    field."""
    value = listing.value
    if listing.by is ListedBy.card and _FINGERPRINT.fullmatch(value):
        value = keys.fraud_subject(Counted.card, value)
    if listing.by is ListedBy.email_domain:
        value = value.lower().removeprefix("@")
    if listing.by is ListedBy.country:
        value = value.upper()
    form, words = _FORMS[listing.by]
    if not form.fullmatch(value):
        raise BadInput("value", f"should be {words}")
    if listing.until is not None and listing.until <= now:
        raise BadInput("until", "should lie ahead; leave it out for good")
    return listing.model_copy(update={"value": value})


def marks(order: Order, customer: Customer, fingerprint: str | None) -> dict[ListedBy, str]:
    """What an order can be listed by. `fingerprint` is that of a stored method; a bare token stands for its card."""
    found = {ListedBy.customer: customer.id, ListedBy.country: customer.country}
    method = order.payment_method
    card = fingerprint or (method if method is not None and not is_stored(method) else None)
    if card is not None:
        found[ListedBy.card] = keys.fraud_subject(Counted.card, card)
    if (address := address_of(customer)) is not None:
        found[ListedBy.address] = keys.fraud_subject(Counted.address, address)
    if customer.email is not None:
        found[ListedBy.email_domain] = customer.email.rpartition("@")[2].lower()
    return found


class FraudLists(Value):
    """`revision` changes with every change."""

    revision: int = 0
    listed: Mapping[tuple[ListedBy, str], tuple[Listed, ...]] = {}
    by_card: bool = False
    """Whether a card is listed: only then has a stored one to be looked up."""

    @classmethod
    def of(cls, revision: int, listed: Iterable[Listed]) -> "FraudLists":
        found: dict[tuple[ListedBy, str], tuple[Listed, ...]] = {}
        for each in listed:
            place = (each.listing.by, each.listing.value)
            found[place] = (*found.get(place, ()), each)
        return cls(revision=revision, listed=found, by_card=any(by is ListedBy.card for by, _ in found))

    def judge(self, risk: Risk, marked: Mapping[ListedBy, str], now: datetime) -> Screening | None:
        """None where no list says anything, and the rules decide. A customer marked as blocked is trusted by no list."""
        found = [each for mark in marked.items() for each in self.listed.get(mark, ())]
        holding = [each for each in found if each.listing.until is None or each.listing.until > now]
        blocked = [each for each in holding if each.listing.list is ListName.blocked]
        if blocked:
            return _screening(Band.reject, blocked)
        return _screening(Band.allow, holding) if holding and risk is not Risk.blocked else None


def _screening(band: Band, because: Collection[Listed]) -> Screening:
    fired = [Fired(rule=f"{each.id}@{each.version}", reason=_reason(each.listing), band=band) for each in because]
    return Screening(band=band, reasons=[each.reason for each in fired], fired=fired)


def _reason(listing: Listing) -> str:
    return f"{listing.list} by {listing.by.replace('_', ' ')}: {listing.reason}"
