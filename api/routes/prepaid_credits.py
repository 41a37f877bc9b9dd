"""Prepaid credit: what customers have, and what is given to them and taken back."""

from typing import Annotated

from fastapi import APIRouter, Body, Header, Path, Query, Response

from activities.store import balances, clocks, customers, prepaid_credits, wallets
from api.dependencies import Biller, BillingReader, Ctx
from api.openapi import declares
from api.samples import PREPAID_CREDIT
from domain import keys
from domain.billing.credits import CreditGrant, GrantRequest, Wallet, available
from domain.money import CurrencyCode, Money, total
from domain.plans import Identifier
from domain.values import Instant, StrictValue, Value

router = APIRouter(prefix="/v1/credits", tags=["credits"])

RequiredKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x20-\x7e]{1,200}$",
        description="your own, 1 to 200 printable ASCII characters: the same one gives the credit once",
    ),
]
GrantId = Annotated[str, Path(max_length=200, examples=["C-100:credit:60303ae22b998861"])]


class CreditQuery(StrictValue):
    customer: Identifier


class GrantRecord(CreditGrant):
    """`held` of what is `remaining` is reserved for something that is going on."""

    remaining: Money
    held: Money
    usable_now: bool


class WalletRecord(Value):
    """All prepaid credit in one currency. `available` may be used now."""

    currency: CurrencyCode
    available: Money
    held: Money
    grants: list[GrantRecord]


class CreditAccount(Value):
    """`balances` are the customer's own money by currency: overpaid, credited, or with a minus carried forward as a debt."""

    customer: str
    wallets: list[WalletRecord]
    balances: list[Money]


@router.get("", summary="Look at a customer's credit", responses=declares(404))
async def get_credits(query: Annotated[CreditQuery, Query()], principal: BillingReader, context: Ctx) -> CreditAccount:
    async with context.database.transaction() as connection:
        await customers.get(connection, query.customer)
        found = await wallets.of_customer(connection, query.customer)
        owned = await balances.of_customer(connection, query.customer)
        now = await clocks.business_now(connection, query.customer)
    return CreditAccount(customer=query.customer, wallets=[_wallet(each, now) for each in found], balances=owned)


@router.post(
    "",
    status_code=201,
    summary="Give a customer credit",
    responses=declares(409, {200: "Given before under the same Idempotency-Key"}, model=CreditGrant),
)
async def post_credit(
    wish: Annotated[GrantRequest, Body(examples=[PREPAID_CREDIT])],
    principal: Biller,
    context: Ctx,
    key: RequiredKey,
    response: Response,
) -> CreditGrant:
    """It pays the customer's next invoices, after the balance. Purchased credit is taken from the customer's balance, where the
    money for it has come in before; money that is still in suspense is assigned first."""
    async with context.database.transaction() as connection:
        granted = await prepaid_credits.grant(
            connection, wish, key, principal.name, await clocks.business_now(connection, wish.customer)
        )
    response.status_code = 201 if granted.new else 200
    return granted.grant


@router.post("/{grant_id}/void", summary="Take back what is left of credit", responses=declares(404, 409))
async def void_credit(grant_id: GrantId, principal: Biller, context: Ctx) -> CreditGrant:
    """What was paid for it goes back to the customer's balance. Again changes nothing."""
    async with context.database.transaction() as connection:
        now = await clocks.business_now(connection, keys.credited_customer(grant_id))
        return await prepaid_credits.void(connection, grant_id, now)


def _wallet(wallet: Wallet, now: Instant) -> WalletRecord:
    grants = [_grant(wallet, each, now) for each in wallet.grants]
    return WalletRecord(
        currency=wallet.currency,
        available=available(wallet, now),
        held=total([each.held for each in grants], wallet.currency),
        grants=grants,
    )


def _grant(wallet: Wallet, grant: CreditGrant, now: Instant) -> GrantRecord:
    return GrantRecord(**dict(grant), remaining=grant.left, held=wallet.held(grant.id), usable_now=grant.usable(now))
