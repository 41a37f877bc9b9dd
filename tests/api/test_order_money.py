"""What an order is charged: tax and coupons at acceptance, the same in preview and commit."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from activities.store import coupons, orders
from activities.store.database import Database
from api.preview_tokens import token_of
from domain.billing.coupons import Coupon
from domain.values import Value
from tests.api import samples
from tests.api.samples import CRM, REPORTS

SELLER: dict[str, Any] = {
    "id": "berlin",
    "name": "Berlin GmbH",
    "country": "DE",
    "registrations": [{"jurisdiction": {"country": "DE"}, "number": "DE136695976", "valid_from": "2020-01-01"}],
}
OF_BERLIN: dict[str, Any] = {"id": "C-TAXED", "name": "Someone", "country": "DE", "verified": True, "legal_entity": "berlin"}


@pytest_asyncio.fixture(scope="module")
async def taxed(app: object, base_url: str, admin_key: str) -> str:
    """A customer of a seller that is registered in Germany."""
    async with httpx.AsyncClient(base_url=base_url, headers={"Authorization": f"Bearer {admin_key}"}) as api:
        assert (await api.put("/v1/legal-entities/berlin", json=SELLER)).status_code == 200
        assert (await api.post("/v1/customers", json=OF_BERLIN)).status_code == 201
    return str(OF_BERLIN["id"])


async def with_coupon(database: Database, coupon: str, percent: str = "10", **changes: Any) -> str:
    off = {"kind": "percent", "percent": percent}
    given = Coupon.model_validate({"id": coupon, "name": coupon, "off": off, "limit_per_customer": None} | changes)
    async with database.transaction() as connection:
        await coupons.put(connection, given, datetime.now(UTC))
    return coupon


async def previewed(api: httpx.AsyncClient, request: dict[str, Any]) -> dict[str, Any]:
    answer = await api.post("/v1/orders/preview", json=request)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_tax_is_added_by_the_seller_s_registration_and_shown_by_line(api: httpx.AsyncClient, taxed: str) -> None:
    """5 × 19.00 and 50.00 at 19 %: 18.05 and 9.50."""
    request = samples.order(customer=taxed)
    preview = await previewed(api, request)
    placed = await api.post("/v1/orders", json=request)

    assert (preview["total"]["minor"], preview["tax"]["minor"]) == (14500 + 2755, 2755)
    assert [line["tax"]["minor"] for line in preview["items"][0]["lines"]] == [1805, 950]
    assert placed.json()["total"] == preview["total"]


async def test_a_seller_that_is_registered_for_nothing_charges_no_tax(api: httpx.AsyncClient) -> None:
    preview = await previewed(api, samples.order())

    assert (preview["total"]["minor"], preview["tax"]["minor"]) == (14500, 0)


async def test_a_coupon_comes_off_before_tax_and_is_counted_once_accepted(
    api: httpx.AsyncClient, database: Database, taxed: str
) -> None:
    """90 % of 145.00 is 130.50; 19 % of it 24.795, so 24.80."""
    coupon = await with_coupon(database, "ten-off")
    request = samples.order(customer=taxed, coupons=[coupon])
    preview = await previewed(api, request)
    async with database.transaction() as connection:
        before = (await coupons.get(connection, coupon)).redeemed
    placed = await api.post("/v1/orders", json=request)
    async with database.transaction() as connection:
        after = (await coupons.get(connection, coupon)).redeemed
        open_ones = await coupons.open_ones(connection, taxed)

    assert preview["total"]["minor"] == placed.json()["total"]["minor"] == 13050 + 2480
    assert (before, after) == (0, 1)
    assert open_ones == []  # it takes nothing off another invoice before this order is billed


@pytest.mark.money_case(28)
async def test_a_coupon_for_one_is_redeemed_once_by_ten_orders_at_a_time(api: httpx.AsyncClient, database: Database) -> None:
    coupon = await with_coupon(database, "only-one", redemption_limit=1)
    request = samples.order(coupons=[coupon])
    answers = await asyncio.gather(*(api.post("/v1/orders", json=request) for _ in range(10)))

    assert sorted(answer.status_code for answer in answers) == [202] + [422] * 9
    refused = next(answer for answer in answers if answer.status_code == 422).json()["errors"][0]
    assert refused["field"] == "coupons[0]"
    assert "has been redeemed 1 times" in refused["message"]


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        (["nowhere"], "coupons[0]", "no coupon nowhere"),
        (["for-reports"], "coupons[0]", "takes nothing off this order"),
        (["over"], "coupons[0]", "was valid until"),
        (["for-crm", "for-crm"], "coupons", "each coupon once"),
    ],
)
async def test_a_coupon_that_does_not_hold_is_named(
    api: httpx.AsyncClient, database: Database, given: list[str], field: str, words: str
) -> None:
    await with_coupon(database, "for-reports", plans=["reports-basic"])
    await with_coupon(database, "for-crm", plans=["crm-team"])
    await with_coupon(database, "over", valid_until="2020-01-01T00:00:00Z")
    answer = await api.post("/v1/orders", json=samples.order(coupons=given))

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert words in answer.json()["errors"][0]["message"]


async def test_an_amendment_keeps_the_coupon_and_taxes_what_is_new(
    api: httpx.AsyncClient, database: Database, taxed: str, processes: Any
) -> None:
    """90 % of 145.00 and 7.50 is 130.50 and 6.75; 19 % of 137.25 is 26.0775, so 26.08."""
    coupon = await with_coupon(database, "stays")
    order = (await api.post("/v1/orders", json=samples.order(customer=taxed, coupons=[coupon]))).json()["id"]
    processes.answer = {"version": 2, "message": "amended"}
    answer = await api.patch(f"/v1/orders/{order}", json={"version": 1, "items": [CRM, REPORTS]})
    asked = processes.asked[-1].argument["order"]

    assert answer.status_code == 200
    assert sum(item["due"]["minor"] for item in asked["items"]) == 13725 + 2608
    assert set(asked["taxes"]) == {"crm", "reports"}


async def test_the_token_of_a_preview_pins_what_is_charged(api: httpx.AsyncClient, database: Database) -> None:
    request = samples.order(REPORTS, CRM)
    token = (await previewed(api, request))["token"]
    placed = await api.post("/v1/orders", json=request, headers={"Preview-Token": token})
    async with database.transaction() as connection:
        order = (await orders.get(connection, placed.json()["id"])).order

    assert placed.status_code == 202
    assert order is not None
    assert order.placed_at < datetime.now(UTC)
    other = await api.post("/v1/orders", json=samples.order(CRM), headers={"Preview-Token": token})
    assert (other.status_code, "preview again" in other.json()["detail"]) == (409, True)


async def test_a_preview_is_stale_once_a_price_has_changed(api: httpx.AsyncClient) -> None:
    plan = {"id": "moved", "product": "crm", "name": "Moved", "steps": samples.PLANS[0]["steps"]}
    price = {"id": "moved-eur", "plan": "moved", "currency": "EUR"}
    charge = {"kind": "one_time", "name": "Fee"}
    await api.post("/v1/plans", json=plan)
    await api.post("/v1/prices", json=price | {"charges": [charge | {"unit_amount": "10.00"}]})
    request = samples.order({"id": "1", "product": "crm", "plan": "moved"})
    token = (await previewed(api, request))["token"]
    await api.put("/v1/prices/moved-eur", json=price | {"charges": [charge | {"unit_amount": "11.00"}]})
    answer = await api.post("/v1/orders", json=request, headers={"Preview-Token": token})

    assert answer.status_code == 409


class Nothing(Value):
    pass


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("rubbish", 422),
        (token_of(datetime.now(UTC) - timedelta(hours=2), Nothing()), 409),
        (token_of(datetime.now(UTC) + timedelta(hours=2), Nothing()), 409),
    ],
)
async def test_what_is_no_fresh_token_is_refused(api: httpx.AsyncClient, token: str, status: int) -> None:
    answer = await api.post("/v1/orders", json=samples.order(), headers={"Preview-Token": token})

    assert answer.status_code == status
    assert "Preview-Token" in answer.text or "preview again" in answer.text


async def test_a_plan_s_price_is_previewed_for_a_customer_and_its_token_holds_for_the_order(
    api: httpx.AsyncClient, taxed: str
) -> None:
    asked = {"plan": "crm-team", "currency": "EUR", "quantity": 5, "customer": taxed}
    shown = (await api.post("/v1/prices/preview", json=asked)).json()
    placed = await api.post("/v1/orders", json=samples.order(customer=taxed), headers={"Preview-Token": shown["token"]})

    assert (shown["total"]["minor"], shown["tax"]["minor"]) == (14500 + 2755, 2755)
    assert shown["lines"][0]["explanation"] == "5 × 19.00 = 95.00 EUR."
    assert placed.json()["total"] == shown["total"]


async def test_a_price_for_anybody_in_a_country_has_no_token(api: httpx.AsyncClient) -> None:
    """What it requires is not asked for, since it is about the price alone."""
    answer = await api.post("/v1/prices/preview", json={"plan": "reports-basic", "currency": "EUR", "country": "FR"})

    assert answer.status_code == 200
    assert (answer.json()["total"]["minor"], answer.json()["token"]) == (750, None)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"plan": "nothing"}, "plan"),
        ({"currency": "USD"}, "currency"),
        ({"quantity": -1}, "quantity"),
        ({"country": None}, "customer"),
        ({"customer": "nobody", "country": None}, "customer"),
        ({"coupons": ["any"]}, "coupons"),
    ],
)
async def test_a_price_preview_names_what_is_wrong(api: httpx.AsyncClient, changes: dict[str, Any], field: str) -> None:
    asked = {"plan": "crm-team", "currency": "EUR", "country": "DE"} | changes
    answer = await api.post("/v1/prices/preview", json=asked)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_nothing_is_accepted_untaxed_while_the_tax_engine_is_out(api: httpx.AsyncClient, database: Database) -> None:
    seller = SELLER | {"id": "outside", "tax_source": "external"}
    buyer = OF_BERLIN | {"id": "C-OUTSIDE", "legal_entity": "outside"}
    await api.put("/v1/legal-entities/outside", json=seller)
    await api.post("/v1/customers", json=buyer)
    answer = await api.post("/v1/orders", json=samples.order(customer="C-OUTSIDE"), headers={"Idempotency-Key": "untaxed"})
    known = await api.get("/v1/orders", params={"customer": "C-OUTSIDE"})

    assert (answer.status_code, "tax engine" in answer.json()["detail"]) == (503, True)
    assert known.json()["items"] == []
