"""Prepaid credit is given once, paid from the balance, and what is left of it can be taken back; the books agree throughout."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from activities.store import balances, customers, ledger, prepaid_credits, wallets
from activities.store.database import Connection, Database
from domain import keys
from domain.billing.credits import CreditGrant, GrantRequest, Wallet, available, commit, given_back, reserve
from domain.customers import Customer
from domain.errors import BadInput, Conflict, NotFound
from domain.money import Money
from tests.activities.store.conftest import new_database
from tests.domain.samples import eur
from workers.embedded.postgres import Cluster

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest_asyncio.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    """Rolled back after the test. The customer has 100.00 on its balance, which came by transfer."""
    async with database.transaction() as connection:
        await own(connection, "c-1", eur(10000))
        yield connection
        await connection.rollback()


async def own(connection: Connection, customer: str, credit: Money) -> None:
    await customers.put(connection, Customer(id=customer, name="Someone", country="DE"), NOW)
    await balances.change(connection, customer, credit)


def wish(minor: int = 5000, **changes: Any) -> GrantRequest:
    given = {"customer": "c-1", "amount": {"minor": minor, "currency": "EUR"}, "source": "promotional", "reason": "outage"}
    return GrantRequest.model_validate(given | changes)


async def give(connection: Connection, wanted: GrantRequest, key: str = "k", now: datetime = NOW) -> CreditGrant:
    return (await prepaid_credits.grant(connection, wanted, key, "anna", now)).grant


async def purse(connection: Connection) -> Wallet:
    return await wallets.lock(connection, "c-1", "EUR")


async def accounts(connection: Connection) -> dict[str, int]:
    return {account: minor for (account, _), minor in (await ledger.trial_balance(connection)).items() if minor}


async def test_promotional_credit_is_given_and_costs_promotions(connection: Connection) -> None:
    made = await give(connection, wish())

    assert (made.amount, made.effective_at, made.by, made.reason) == (eur(5000), NOW, "anna", "outage")
    assert available(await purse(connection), NOW) == eur(5000)
    assert await balances.of_customer(connection, "c-1") == [eur(10000)]
    assert await accounts(connection) == {"promotions": 5000, "prepaid_credit": -5000}


async def test_purchased_credit_is_paid_from_the_balance(connection: Connection) -> None:
    await give(connection, wish(6000, source="purchased"))

    assert available(await purse(connection), NOW) == eur(6000)
    assert await balances.of_customer(connection, "c-1") == [eur(4000)]
    assert await accounts(connection) == {"customer_credit": 6000, "prepaid_credit": -6000}


async def test_a_balance_that_does_not_pay_for_it_is_said(connection: Connection) -> None:
    with pytest.raises(Conflict, match=r"c-1 has 100\.00 EUR on its balance, which does not pay for 100\.01 EUR of credit"):
        await give(connection, wish(10001, source="purchased"))


async def test_the_same_key_gives_once_also_when_it_is_said_later(connection: Connection) -> None:
    first = await give(connection, wish(expires_at=NOW + DAY))
    again = await prepaid_credits.grant(connection, wish(expires_at=NOW + DAY), "k", "ben", NOW + 2 * DAY)

    assert (again.grant, again.new) == (first, False)
    assert (await accounts(connection))["promotions"] == 5000


@pytest.mark.parametrize(
    "other",
    [wish(5001), wish(priority=1), wish(source="purchased"), wish(amount={"minor": 5000, "currency": "USD"}), wish(reason="r")],
)
async def test_a_key_that_gave_something_else_is_refused(connection: Connection, other: GrantRequest) -> None:
    await give(connection, wish())

    with pytest.raises(Conflict, match="this Idempotency-Key has granted c-1 other credit before"):
        await give(connection, other)


async def test_customers_have_keys_of_their_own(connection: Connection) -> None:
    await own(connection, "c-2", eur(0))
    ids = {(await give(connection, wish())).id, (await give(connection, wish(customer="c-2"))).id}

    assert {keys.credited_customer(each) for each in ids} == {"c-1", "c-2"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"customer": "nobody"}, "customer"),
        ({"expires_at": NOW}, "expires_at"),
        ({"expires_at": NOW - DAY, "effective_at": NOW - 2 * DAY}, "expires_at"),
    ],
)
async def test_what_cannot_be_given_names_its_field(connection: Connection, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        await give(connection, wish(**changes))

    assert refused.value.field == field


async def test_credit_is_given_once_and_the_balance_spent_once_at_the_same_moment(cluster: Cluster) -> None:
    """100.00 pay for one of three purchases of 60.00."""
    async with new_database(cluster, "prepaid_credits_at_once") as database:
        async with database.transaction() as connection:
            await own(connection, "c-1", eur(10000))

        async def act(wanted: GrantRequest, key: str) -> str:
            try:
                async with database.transaction() as connection:
                    return "new" if (await prepaid_credits.grant(connection, wanted, key, "anna", NOW)).new else "known"
            except Conflict:
                return "refused"

        same = await asyncio.gather(*(act(wish(), "same") for _ in range(4)))
        bought = await asyncio.gather(*(act(wish(6000, source="purchased"), f"buy-{number}") for number in range(3)))

        assert sorted(same) == ["known", "known", "known", "new"]
        assert sorted(bought) == ["new", "refused", "refused"]
        async with database.transaction() as connection:
            assert available(await purse(connection), NOW) == eur(11000)
            assert await balances.of_customer(connection, "c-1") == [eur(4000)]


async def test_what_is_left_is_taken_back_once(connection: Connection) -> None:
    """Of 60.00 that were bought, 20.00 are used, and 40.00 go back to the 40.00 on the balance."""
    made = await give(connection, wish(6000, source="purchased"))
    reserved, _ = reserve(await purse(connection), "I-1", eur(2000), NOW)
    await wallets.save(connection, commit(reserved, "I-1"))
    for _ in range(2):
        after = await prepaid_credits.void(connection, made.id, NOW)

    assert (after.used, after.revoked, after.left) == (eur(2000), eur(4000), eur(0))
    assert await balances.of_customer(connection, "c-1") == [eur(8000)]
    assert await accounts(connection) == {"customer_credit": 2000, "prepaid_credit": -2000}


async def test_promotional_credit_that_is_taken_back_cost_nothing(connection: Connection) -> None:
    made = await give(connection, wish())
    await prepaid_credits.void(connection, made.id, NOW)

    assert await accounts(connection) == {}
    assert await balances.of_customer(connection, "c-1") == [eur(10000)]


async def test_what_a_voided_invoice_gave_back_can_be_taken_back_too(connection: Connection) -> None:
    """20.00 of 50.00 are used, 30.00 revoked; the invoice is voided and its 20.00 are revoked."""
    made = await give(connection, wish())
    reserved, _ = reserve(await purse(connection), "I-1", eur(2000), NOW)
    await wallets.save(connection, commit(reserved, "I-1"))
    await prepaid_credits.void(connection, made.id, NOW)
    await wallets.save(connection, given_back(await purse(connection), "I-1"))
    after = await prepaid_credits.void(connection, made.id, NOW)

    assert (after.revoked, after.left) == (eur(5000), eur(0))
    assert await accounts(connection) == {}


async def test_what_is_held_is_not_taken_back(connection: Connection) -> None:
    made = await give(connection, wish())
    reserved, _ = reserve(await purse(connection), "I-1", eur(2000), NOW)
    await wallets.save(connection, reserved)

    with pytest.raises(Conflict, match=r"20\.00 EUR of credit grant c-1:credit:\w+ is held"):
        await prepaid_credits.void(connection, made.id, NOW)


async def test_there_is_no_grant_of_another_name(connection: Connection) -> None:
    with pytest.raises(NotFound, match="there is no credit grant c-1:credit:0"):
        await prepaid_credits.void(connection, "c-1:credit:0", NOW)
