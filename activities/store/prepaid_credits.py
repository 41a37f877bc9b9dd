"""Prepaid credit that is given and taken back: wallet, balance and ledger change together, once."""

from datetime import datetime

from activities.store import balances, customers, erasures, ledger, wallets
from activities.store.database import Connection
from domain import keys
from domain.billing.cash_postings import CreditMovement, credit_granted, credit_revoked
from domain.billing.credits import CreditGrant, CreditSource, GrantRequest, Wallet, answers, granted, requested, revoke
from domain.billing.ledger import AccountKind
from domain.errors import BadInput, Conflict, NotFound
from domain.money import Money
from domain.values import Value


class Granted(Value):
    """`new` is false where the same key had it granted before."""

    grant: CreditGrant
    new: bool


async def grant(connection: Connection, wish: GrantRequest, key: str, by: str, now: datetime) -> Granted:
    """Give credit; the same key again gives nothing more. Raises BadInput for an unknown customer, and Conflict for one who is
    erased or has asked to be, where the balance does not pay for purchased credit, or the key has granted something else.
    """
    await _check_customer(connection, wish.customer)
    id_ = keys.credit_grant(wish.customer, key)
    balance = await balances.lock(connection, wish.customer, wish.amount.currency)
    wallet = await wallets.lock(connection, wish.customer, wish.amount.currency)
    known = next((each for each in wallet.grants if each.id == id_), None)
    if known is not None and answers(known, wish):
        return Granted(grant=known, new=False)
    await erasures.refuse(connection, wish.customer)
    made = requested(wish, id_, by, now)
    movement = _movement(wish.customer, made, id_, made.amount, now)
    if id_ not in await ledger.post(connection, [credit_granted(movement, _payer(made))]):
        raise Conflict(f"this Idempotency-Key has granted {wish.customer} other credit before; take a new one")
    await _pay(connection, wish, balance)
    await wallets.save(connection, granted(wallet, made))
    return Granted(grant=made, new=True)


async def _check_customer(connection: Connection, customer: str) -> None:
    """Held until the transaction ends, so that it is not erased meanwhile."""
    try:
        await customers.get(connection, customer, lock=True)
    except NotFound as error:
        raise BadInput("customer", str(error)) from None


def _payer(grant: CreditGrant) -> str | None:
    return AccountKind.customer_credit if grant.source is CreditSource.purchased else None


async def _pay(connection: Connection, wish: GrantRequest, balance: Money) -> None:
    if wish.source is not CreditSource.purchased:
        return
    if balance < wish.amount:
        raise Conflict(f"customer {wish.customer} has {balance} on its balance, which does not pay for {wish.amount} of credit")
    await balances.change(connection, wish.customer, -wish.amount)


def _movement(customer: str, grant: CreditGrant, key: str, amount: Money, now: datetime) -> CreditMovement:
    return CreditMovement(key=key, at=now, customer=customer, amount=amount, source=grant.source)


async def void(connection: Connection, id_: str, now: datetime) -> CreditGrant:
    """Take back what is left of a grant; what was paid for it goes back to the balance. Again changes nothing. Raises NotFound,
    and Conflict while a reservation holds some of it."""
    customer = keys.credited_customer(id_)
    currency = await _currency(connection, customer, id_)
    await balances.lock(connection, customer, currency)
    wallet, left = revoke(await wallets.lock(connection, customer, currency), id_)
    after = next(each for each in wallet.grants if each.id == id_)
    if not left:
        return after
    key = keys.credit_revocation(id_, after.revoked.minor if after.revoked else 0)
    await ledger.post(connection, [credit_revoked(_movement(customer, after, key, left, now))])
    if after.source is CreditSource.purchased:
        await balances.change(connection, customer, left)
    await wallets.save(connection, wallet)
    return after


async def _currency(connection: Connection, customer: str, id_: str) -> str:
    holding = [wallet for wallet in await wallets.of_customer(connection, customer) if _has(wallet, id_)]
    if not holding:
        raise NotFound("credit grant", id_)
    return holding[0].currency


def _has(wallet: Wallet, grant_id: str) -> bool:
    return any(each.id == grant_id for each in wallet.grants)
