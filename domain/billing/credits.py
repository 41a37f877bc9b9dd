"""Prepaid credit: what was granted to a customer, what is held for something that is going on, and what was used."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.errors import BadInput, Conflict, NotFound
from domain.money import CurrencyCode, Money, total
from domain.plans import Identifier
from domain.values import Instant, StrictValue, Value


class CreditSource(StrEnum):
    """Who paid for a grant: decides how it is posted, and which of two equal grants is drawn first."""

    purchased = "purchased"
    promotional = "promotional"


Priority = Annotated[int, Field(ge=0, le=100)]
"""0 is drawn first, 100 last."""


class GrantRequest(StrictValue):
    """Purchased credit is paid from the customer's balance, promotional credit is given. It is usable from `effective_at`, from
    now unless given, until before `expires_at`, for good unless given."""

    customer: Identifier
    amount: Money
    source: CreditSource
    reason: Annotated[str, Field(min_length=1, max_length=500, examples=["sorry for the outage in March"])]
    priority: Priority = 50
    effective_at: Instant | None = None
    expires_at: Instant | None = None

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.amount.minor <= 0:
            raise ValueError("amount: must be more than zero")
        if self.effective_at and self.expires_at and self.expires_at <= self.effective_at:
            raise ValueError("expires_at: must be after effective_at")
        return self


class CreditGrant(Value):
    """Credit usable in `[effective_at, expires_at)`; no expiry is for good. `by` gave it, for a `reason`."""

    id: str
    amount: Money
    source: CreditSource
    effective_at: Instant
    expires_at: Instant | None = None
    priority: Priority = 50
    used: Money | None = None
    expired: Money | None = None
    revoked: Money | None = None
    reason: str = ""
    by: str = ""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.amount.minor <= 0:
            raise ValueError("amount: must be more than zero")
        if self.expires_at is not None and self.expires_at <= self.effective_at:
            raise ValueError("expires_at: must be after effective_at")
        if self.left.minor < 0:
            raise ValueError("used: a grant is never used beyond its amount")
        return self

    @property
    def left(self) -> Money:
        """The amount less what was used, expired or revoked; what is held still counts as left."""
        gone = [amount for amount in (self.used, self.expired, self.revoked) if amount is not None]
        return self.amount - total(gone, self.amount.currency)

    def usable(self, now: datetime) -> bool:
        return self.effective_at <= now and (self.expires_at is None or now < self.expires_at)


class Draw(Value):
    """An amount taken from one grant."""

    grant: str
    amount: Money


class ReservationState(StrEnum):
    held = "held"
    committed = "committed"
    released = "released"


class Reservation(Value):
    """Credit set aside under a business key; what it took from which grant, in the order of drawing."""

    key: str
    draws: tuple[Draw, ...]
    state: ReservationState = ReservationState.held


class Wallet(Value):
    """All prepaid credit of one customer in one currency. The store locks its row around each function below.

    `promotional_first` draws what was given before what was paid for, where priority and expiry are equal: Stripe and Stigg
    do, others draw the oldest.
    """

    customer: str
    currency: CurrencyCode
    promotional_first: bool = False
    grants: tuple[CreditGrant, ...] = ()
    reservations: tuple[Reservation, ...] = ()

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        for index, each in enumerate(self.grants):
            if each.amount.currency != self.currency:
                raise ValueError(f"grants[{index}].amount: is in {each.amount.currency}, the wallet in {self.currency}")
        return self

    def reservation(self, key: str) -> Reservation | None:
        return next((each for each in self.reservations if each.key == key), None)

    def held(self, grant: str) -> Money:
        """What open reservations hold of a grant."""
        draws = [draw for each in self.reservations if each.state is ReservationState.held for draw in each.draws]
        return total([draw.amount for draw in draws if draw.grant == grant], self.currency)


def drawing_order(grant: CreditGrant, promotional_first: bool = False) -> tuple[int, bool, float, bool, float, str]:
    """Priority, then soonest expiry (none is last), then the oldest; the id settles what is left equal."""
    expiry = grant.expires_at.timestamp() if grant.expires_at else 0.0
    later = promotional_first and grant.source is CreditSource.purchased
    return grant.priority, grant.expires_at is None, expiry, later, grant.effective_at.timestamp(), grant.id


def granted(wallet: Wallet, grant: CreditGrant) -> Wallet:
    """The wallet with one more grant; the same grant twice is there once, another under its id is a Conflict."""
    known = next((each for each in wallet.grants if each.id == grant.id), None)
    if known is None:
        if grant.amount.currency != wallet.currency:
            raise ValueError(f"amount: is in {grant.amount.currency}, the wallet in {wallet.currency}")
        return wallet.model_copy(update={"grants": (*wallet.grants, grant)})
    if known.model_copy(update={"used": grant.used, "expired": grant.expired, "revoked": grant.revoked}) != grant:
        raise Conflict(f"credit grant {grant.id} exists with another content")
    return wallet


def requested(wish: GrantRequest, id_: str, by: str, now: datetime) -> CreditGrant:
    """The grant as it is made at `now`. BadInput for credit that would have expired already."""
    effective_at = wish.effective_at or now
    if wish.expires_at is not None and wish.expires_at <= max(now, effective_at):
        raise BadInput("expires_at", f"must be after {max(now, effective_at).isoformat()}")
    given = wish.model_dump(include={"source", "reason", "priority", "expires_at"})
    return CreditGrant(id=id_, amount=wish.amount, effective_at=effective_at, by=by, **given)


def answers(grant: CreditGrant, wish: GrantRequest) -> bool:
    """Whether the grant is what is wished for, also where that is said again later."""
    same = ("amount", "source", "reason", "priority", "expires_at")
    return wish.effective_at in (None, grant.effective_at) and all(getattr(grant, each) == getattr(wish, each) for each in same)


def available(wallet: Wallet, now: datetime) -> Money:
    """What may be reserved at `now`: usable grants, less what is used, expired or held."""
    free = [each.left - wallet.held(each.id) for each in wallet.grants if each.usable(now)]
    return total(free, wallet.currency)


def reserve(wallet: Wallet, key: str, wanted: Money, now: datetime) -> tuple[Wallet, Reservation]:
    """Set aside up to `wanted`; a shorter reservation means there was no more. The same key again returns the first one."""
    known = wallet.reservation(key)
    if known is not None:
        return wallet, known
    if wanted.currency != wallet.currency or wanted.minor < 0:
        raise ValueError(f"wanted: must be zero or more in {wallet.currency}, not {wanted}")
    made = Reservation(key=key, draws=_draws(wallet, wanted, now))
    return wallet.model_copy(update={"reservations": (*wallet.reservations, made)}), made


def reserve_whole(wallet: Wallet, key: str, wanted: Money, now: datetime) -> tuple[Wallet, Reservation]:
    """As `reserve`, but all or nothing: Conflict where the credit does not cover `wanted`."""
    after, made = reserve(wallet, key, wanted, now)
    if reserved(made, wallet.currency) < wanted:
        raise Conflict(f"customer {wallet.customer} has {available(wallet, now)} of prepaid credit, less than {wanted}")
    return after, made


def reserved(reservation: Reservation, currency: str) -> Money:
    return total([draw.amount for draw in reservation.draws], currency)


def _draws(wallet: Wallet, wanted: Money, now: datetime) -> tuple[Draw, ...]:
    draws, missing = [], wanted.minor
    usable = [each for each in wallet.grants if each.usable(now)]
    for grant in sorted(usable, key=lambda each: drawing_order(each, wallet.promotional_first)):
        taken = min(missing, (grant.left - wallet.held(grant.id)).minor)
        if taken > 0:
            draws.append(Draw(grant=grant.id, amount=Money(minor=taken, currency=wallet.currency)))
            missing -= taken
    return tuple(draws)


def commit(wallet: Wallet, key: str, amount: Money | None = None) -> Wallet:
    """Use up a reservation, or only `amount` of it (first drawn, first used) and free the rest.

    A grant that has expired meanwhile still pays what was reserved of it in time. A repeated commit changes nothing;
    a released reservation, or more than was reserved, is a Conflict.
    """
    held = _known(wallet, key)
    wanted = reserved(held, wallet.currency) if amount is None else amount
    if held.state is ReservationState.committed and wanted == reserved(held, wallet.currency):
        return wallet
    if held.state is not ReservationState.held:
        raise Conflict(f"reservation {key} is {held.state} and cannot be committed with {wanted}")
    if reserved(held, wallet.currency) < wanted or wanted.minor < 0:
        raise Conflict(f"reservation {key} holds {reserved(held, wallet.currency)}, not {wanted}")
    used = _first(held.draws, wanted)
    settled = Reservation(key=key, draws=used, state=ReservationState.committed)
    grants = tuple(_use(grant, used) for grant in wallet.grants)
    return _settled(wallet, settled).model_copy(update={"grants": grants})


def _first(draws: tuple[Draw, ...], wanted: Money) -> tuple[Draw, ...]:
    used, missing = [], wanted.minor
    for draw in draws:
        taken = min(missing, draw.amount.minor)
        if taken > 0:
            used.append(Draw(grant=draw.grant, amount=Money(minor=taken, currency=wanted.currency)))
            missing -= taken
    return tuple(used)


def _use(grant: CreditGrant, draws: tuple[Draw, ...]) -> CreditGrant:
    taken = [draw.amount for draw in draws if draw.grant == grant.id]
    before = [grant.used] if grant.used else []
    return grant.model_copy(update={"used": total([*before, *taken], grant.amount.currency)}) if taken else grant


def release(wallet: Wallet, key: str) -> Wallet:
    """Free a reservation; one that never came to be is as good as free. Conflict where it was committed."""
    held = wallet.reservation(key)
    if held is None or held.state is ReservationState.released:
        return wallet
    if held.state is ReservationState.committed:
        raise Conflict(f"reservation {key} is committed and cannot be released")
    return _settled(wallet, held.model_copy(update={"state": ReservationState.released}))


def given_back(wallet: Wallet, key: str) -> Wallet:
    """What a reservation used or holds is free again, in the grants that it came from; what of these has expired meanwhile
    expires at the next call of `expire`. Again changes nothing."""
    known = wallet.reservation(key)
    if known is None or known.state is not ReservationState.committed:
        return release(wallet, key)
    undone = tuple(Draw(grant=draw.grant, amount=-draw.amount) for draw in known.draws)
    grants = tuple(_use(grant, undone) for grant in wallet.grants)
    freed = known.model_copy(update={"state": ReservationState.released})
    return _settled(wallet, freed).model_copy(update={"grants": grants})


def _known(wallet: Wallet, key: str) -> Reservation:
    held = wallet.reservation(key)
    if held is None:
        raise NotFound("credit reservation", key)
    return held


def _settled(wallet: Wallet, reservation: Reservation) -> Wallet:
    kept = tuple(reservation if each.key == reservation.key else each for each in wallet.reservations)
    return wallet.model_copy(update={"reservations": kept})


def revoke(wallet: Wallet, grant: str) -> tuple[Wallet, Money]:
    """Take back what is left of a grant, and say how much that is: nothing where it was used, expired or taken back already.

    NotFound where there is no such grant, Conflict while a reservation holds some of it.
    """
    known = next((each for each in wallet.grants if each.id == grant), None)
    if known is None:
        raise NotFound("credit grant", grant)
    if held := wallet.held(grant):
        raise Conflict(f"{held} of credit grant {grant} is held by open reservations; revoke it when they are settled")
    before = known.revoked or Money.zero(wallet.currency)
    after = known.model_copy(update={"revoked": before + known.left})
    grants = tuple(after if each.id == grant else each for each in wallet.grants)
    return wallet.model_copy(update={"grants": grants}), known.left


def expire(wallet: Wallet, now: datetime) -> tuple[Wallet, tuple[Draw, ...]]:
    """Write off what expired grants still have beyond what is held of them; returns what was written off of each.

    What a held reservation frees later expires at the next call.
    """
    gone = tuple(
        Draw(grant=each.id, amount=free)
        for each in wallet.grants
        if each.expires_at is not None and each.expires_at <= now and (free := each.left - wallet.held(each.id))
    )
    grants = tuple(_expired(grant, gone) for grant in wallet.grants)
    return (wallet.model_copy(update={"grants": grants}) if gone else wallet), gone


def _expired(grant: CreditGrant, draws: tuple[Draw, ...]) -> CreditGrant:
    taken = [draw.amount for draw in draws if draw.grant == grant.id]
    before = [grant.expired] if grant.expired else []
    return grant.model_copy(update={"expired": total([*before, *taken], grant.amount.currency)}) if taken else grant
