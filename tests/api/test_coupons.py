"""Coupons through the API: kept, shown with what was redeemed, and never limited below it."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from activities.store import coupons, customers
from activities.store.database import Database
from api.samples import COUPON
from domain.customers import Customer
from domain.roles import Role
from tests.api.conftest import KeyFor

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
FIVE_EUROS = {"kind": "amount", "amount": {"minor": 500, "currency": "EUR"}}


async def put(api: httpx.AsyncClient, name: str, **changes: Any) -> httpx.Response:
    return await api.put(f"/v1/coupons/{name}", json=COUPON | {"id": name} | changes)


async def redeemed(database: Database, coupon: str, *names: str) -> None:
    async with database.transaction() as connection:
        for name in names:
            await customers.put(connection, Customer(id=name, name="Someone", country="DE"), NOW)
            redemption = await coupons.look(connection, coupon, name, NOW, lock=True)
            await coupons.redeem_for(connection, redemption, None)


async def test_a_coupon_is_added_and_replaced(api: httpx.AsyncClient) -> None:
    added = await put(api, "spring")
    assert (added.status_code, added.json()["off"]["percent"], added.json()["redeemed"]) == (200, "25", 0)
    replaced = await put(api, "spring", off=FIVE_EUROS, valid_until="2030-01-01T00:00:00Z")
    assert replaced.json() == (await api.get("/v1/coupons/spring")).json()
    assert replaced.json()["off"] == FIVE_EUROS


async def test_redemptions_are_counted_and_listed_in_pages(api: httpx.AsyncClient, database: Database) -> None:
    await put(api, "summer")
    await redeemed(database, "summer", "cp-1", "cp-2", "cp-3")
    seen: list[str] = []
    asked: dict[str, Any] = {"limit": 2}
    while True:
        body = (await api.get("/v1/coupons/summer/redemptions", params=asked)).json()
        seen += [each["redemption"]["customer"] for each in body["items"]]
        if body["next"] is None:
            break
        asked["cursor"] = body["next"]

    assert seen == ["cp-1", "cp-2", "cp-3"]
    assert (await api.get("/v1/coupons/summer")).json()["redeemed"] == 3


async def test_one_that_came_to_nothing_is_shown_as_released(api: httpx.AsyncClient, database: Database) -> None:
    await put(api, "autumn")
    await redeemed(database, "autumn", "cp-4")
    async with database.transaction() as connection:
        await coupons.release(connection, ["autumn:cp-4:redemption:1"])
    [item] = (await api.get("/v1/coupons/autumn/redemptions")).json()["items"]

    assert (item["released"], item["order"]) == (True, None)
    assert (await api.get("/v1/coupons/autumn")).json()["redeemed"] == 0


async def test_a_limit_below_what_was_redeemed_is_refused(api: httpx.AsyncClient, database: Database) -> None:
    await put(api, "winter")
    await redeemed(database, "winter", "cp-5", "cp-6")
    refused = await put(api, "winter", redemption_limit=1)

    assert refused.status_code == 409
    assert "has been redeemed 2 times; its redemption_limit cannot be less" in refused.json()["detail"]
    assert (await put(api, "winter", redemption_limit=2)).status_code == 200


async def test_coupons_are_listed_in_pages(api: httpx.AsyncClient) -> None:
    for name in ("page-1", "page-2", "page-3"):
        await put(api, name)
    first = (await api.get("/v1/coupons", params={"limit": 2, "cursor": "page-0"})).json()
    rest = (await api.get("/v1/coupons", params={"limit": 1, "cursor": first["next"]})).json()

    assert [each["id"] for each in first["items"] + rest["items"]] == ["page-1", "page-2", "page-3"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"id": "other"}, "id"),
        ({"off": {"kind": "percent", "percent": "101"}}, "off.percent"),
        ({"off": {"kind": "percent", "percent": "0"}}, "off.percent"),
        ({"off": {"kind": "amount", "amount": {"minor": 0, "currency": "EUR"}}}, "off.amount"),
        ({"off": {"kind": "amount", "amount": {"minor": 5, "currency": "EUX"}}}, "off.amount.currency"),
        ({"off": {"kind": "gift"}}, "off"),
        ({"duration": "once"}, "periods"),
        ({"periods": 0}, "periods"),
        ({"redemption_limit": 0}, "redemption_limit"),
        ({"valid_from": "2026-01-01T00:00:00"}, "valid_from"),
        ({"valid_from": "2026-01-02T00:00:00Z", "valid_until": "2026-01-01T00:00:00Z"}, "valid_until"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_wrong_coupon_names_its_field(api: httpx.AsyncClient, wrong: dict[str, Any], field: str) -> None:
    answer = await api.put("/v1/coupons/wrong", json=COUPON | {"id": "wrong"} | wrong)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_there_is_no_coupon_of_another_name(api: httpx.AsyncClient) -> None:
    assert (await api.get("/v1/coupons/none")).status_code == 404
    assert (await api.get("/v1/coupons/none/redemptions")).status_code == 404
    assert (await api.get("/v1/coupons", params={"cursor": "a b"})).json()["errors"][0]["field"] == "cursor"


@pytest.mark.parametrize(
    ("role", "read", "written"),
    [(Role.finance, 200, 422), (Role.operator, 200, 403), (Role.viewer, 200, 403), (Role.approver, 403, 403)],
)
async def test_finance_gives_coupons(base_url: str, key_for: KeyFor, role: Role, read: int, written: int) -> None:
    headers = {"Authorization": f"Bearer {await key_for(role)}"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers, trust_env=False) as client:
        assert (await client.get("/v1/coupons")).status_code == read
        assert (await client.put("/v1/coupons/x", json={})).status_code == written
