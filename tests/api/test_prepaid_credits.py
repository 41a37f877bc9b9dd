"""Prepaid credit through the API: given once, shown with what is held, taken back."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio

from activities.store import balances, customers, wallets
from activities.store.database import Database
from domain.billing.credits import reserve
from domain.customers import Customer
from domain.roles import Role
from tests.api.conftest import KeyFor
from tests.domain.samples import eur

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def body(customer: str = "pc-1", **changes: Any) -> dict[str, Any]:
    given = {"customer": customer, "amount": {"minor": 5000, "currency": "EUR"}, "source": "promotional", "reason": "outage"}
    return given | changes


async def give(api: httpx.AsyncClient, given: dict[str, Any], key: str) -> httpx.Response:
    return await api.post("/v1/credits", json=given, headers={"Idempotency-Key": key})


@pytest_asyncio.fixture(autouse=True)
async def customer(database: Database) -> None:
    async with database.transaction() as connection:
        for name in ("pc-1", "pc-2"):
            await customers.put(connection, Customer(id=name, name="Someone", country="DE"), NOW)


async def test_credit_is_given_once_and_shown_with_what_is_held(api: httpx.AsyncClient, database: Database) -> None:
    """Of 50.00, 20.00 are held, and 30.00 are available."""
    first, again = [await give(api, body(), "outage in March / 1") for _ in range(2)]
    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
    async with database.transaction() as connection:
        held, _ = reserve(await wallets.lock(connection, "pc-1", "EUR"), "I-1", eur(2000), datetime.now(UTC))
        await wallets.save(connection, held)
        await balances.change(connection, "pc-1", eur(700))
    account = (await api.get("/v1/credits", params={"customer": "pc-1"})).json()
    [wallet] = account["wallets"]
    [grant] = wallet["grants"]

    assert (wallet["available"]["minor"], wallet["held"]["minor"], account["balances"][0]["minor"]) == (3000, 2000, 700)
    assert (grant["id"], grant["by"], grant["remaining"]["minor"], grant["usable_now"]) == (
        first.json()["id"],
        "admin",
        5000,
        True,
    )
    assert (await api.post(f"/v1/credits/{grant['id']}/void")).status_code == 409


async def test_purchased_credit_is_paid_from_the_balance_and_goes_back_there(
    api: httpx.AsyncClient, database: Database
) -> None:
    wanted = body("pc-2", source="purchased")
    assert (await give(api, wanted, "top-up")).status_code == 409
    async with database.transaction() as connection:
        await balances.change(connection, "pc-2", eur(5000))
    made = await give(api, wanted, "top-up")
    assert made.status_code == 201
    voided = [await api.post(f"/v1/credits/{made.json()['id']}/void") for _ in range(2)]

    assert [each.json()["revoked"]["minor"] for each in voided] == [5000, 5000]
    assert (await api.get("/v1/credits", params={"customer": "pc-2"})).json()["balances"][0]["minor"] == 5000


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"customer": "nobody"}, "customer"),
        ({"amount": {"minor": 0, "currency": "EUR"}}, "amount"),
        ({"amount": {"minor": 10, "currency": "EUX"}}, "amount.currency"),
        ({"amount": {"minor": 1.5, "currency": "EUR"}}, "amount.minor"),
        ({"source": "found"}, "source"),
        ({"reason": ""}, "reason"),
        ({"priority": 101}, "priority"),
        ({"expires_at": "2026-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ({"effective_at": "2030-01-02T00:00:00Z", "expires_at": "2030-01-01T00:00:00Z"}, "expires_at"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_wrong_wish_names_its_field(api: httpx.AsyncClient, wrong: dict[str, Any], field: str) -> None:
    answer = await give(api, body(**wrong), "wrong")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_credit_is_never_given_without_a_key(api: httpx.AsyncClient) -> None:
    answer = await api.post("/v1/credits", json=body())

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Idempotency-Key")


async def test_nobodys_credit_is_not_found(api: httpx.AsyncClient) -> None:
    assert (await api.get("/v1/credits", params={"customer": "nobody"})).status_code == 404
    assert (await api.get("/v1/credits")).json()["errors"][0]["field"] == "customer"
    assert (await api.post("/v1/credits/pc-1:credit:0/void")).status_code == 404


@pytest.mark.parametrize(
    ("role", "read", "written"),
    [(Role.finance, 200, 422), (Role.operator, 200, 403), (Role.viewer, 200, 403), (Role.partner, 403, 403)],
)
async def test_finance_gives_credit(base_url: str, key_for: KeyFor, role: Role, read: int, written: int) -> None:
    headers = {"Authorization": f"Bearer {await key_for(role)}", "Idempotency-Key": "role"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers, trust_env=False) as client:
        assert (await client.get("/v1/credits", params={"customer": "pc-1"})).status_code == read
        assert (await client.post("/v1/credits", json={})).status_code == written
