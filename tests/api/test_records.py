"""Customers, catalogue, policies and services as plain records."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from activities.store import dispatches
from activities.store.database import Database
from domain.states import OrderState
from tests.api import samples
from tests.api.samples import CRM, PLANS
from tests.api.test_orders import becomes, placed

STEP: dict[str, Any] = PLANS[1]["steps"][0]


async def test_a_customer_is_added_once_and_changed_by_field(api: httpx.AsyncClient) -> None:
    customer = {"id": "C-10", "name": "Ten", "country": "AT"}
    added = await api.post("/v1/customers", json=customer)
    assert (added.status_code, added.headers["Location"]) == (201, "/v1/customers/C-10")
    assert (await api.post("/v1/customers", json=customer)).status_code == 409
    changed = await api.patch("/v1/customers/C-10", json={"risk": "high", "email": "ten@example.com"})
    assert (changed.json()["risk"], changed.json()["name"]) == ("high", "Ten")
    assert (await api.get("/v1/customers/C-10")).json() == changed.json()
    replaced = await api.put("/v1/customers/C-10", json=customer)
    assert replaced.json()["risk"] == "normal"


@pytest.mark.parametrize(
    ("change", "field"),
    [({"name": ""}, "name"), ({"name": None}, "name"), ({"email": "no"}, "email"), ({"id": "C-11"}, "id")],
)
async def test_a_wrong_change_names_its_field(api: httpx.AsyncClient, change: dict[str, Any], field: str) -> None:
    answer = await api.patch("/v1/customers/C-1", json=change)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_an_address_and_its_body_have_to_agree(api: httpx.AsyncClient) -> None:
    answer = await api.put("/v1/customers/C-1", json={"id": "C-2", "name": "Two", "country": "DE"})
    assert answer.json()["errors"][0]["field"] == "id"


async def test_a_verified_customer_wakes_the_orders_that_wait_for_it(api: httpx.AsyncClient, database: Database) -> None:
    await api.post("/v1/customers", json={"id": "C-12", "name": "Twelve", "country": "DE"})
    order = (await placed(api, samples.order(customer="C-12")))["id"]
    await becomes(database, order, OrderState.pending, blockers=["customer:C-12"])
    async with database.transaction() as connection:
        before = await dispatches.unsent(connection)
    await api.patch("/v1/customers/C-12", json={"verified": True})
    async with database.transaction() as connection:
        known = await connection.exec_driver_sql(f"SELECT key FROM dispatches WHERE subject = '{order}' AND kind = 'wake'")
        assert known.scalar() == f"{order}:wake:customer:C-12:2"
    assert before >= 0


async def test_customers_come_in_pages(api: httpx.AsyncClient) -> None:
    first = (await api.get("/v1/customers", params={"limit": 1})).json()
    rest = (await api.get("/v1/customers", params={"cursor": first["next"]})).json()
    ids = [customer["id"] for customer in first["items"] + rest["items"]]
    assert ids == sorted(set(ids))
    assert len(ids) >= 2


async def test_publishing_again_makes_a_version_and_leaves_accepted_orders_alone(api: httpx.AsyncClient) -> None:
    assert (await api.post("/v1/products", json={"id": "mail", "name": "Mail"})).json() == {"id": "mail", "version": 1}
    plan = {"id": "mail-basic", "product": "mail", "name": "Mail Basic", "steps": [STEP]}
    assert (await api.post("/v1/plans", json=plan)).status_code == 201
    price = {"id": "mail-eur", "plan": "mail-basic", "currency": "EUR"}
    charge = {"kind": "recurring", "name": "Mail", "unit_amount": "3.00"}
    await api.post("/v1/prices", json=price | {"charges": [charge]})
    item = {"id": "1", "product": "mail", "plan": "mail-basic", "quantity": 2}
    before = await placed(api, samples.order(item))
    raised = await api.put("/v1/prices/mail-eur", json=price | {"charges": [charge | {"unit_amount": "4.00"}]})
    assert raised.json()["version"] == 2
    after = await placed(api, samples.order(item))
    assert (before["total"]["minor"], after["total"]["minor"]) == (600, 800)
    assert (await api.get(f"/v1/orders/{before['id']}")).json()["total"]["minor"] == 600


@pytest.mark.parametrize("noun", ["products", "plans", "prices"])
async def test_what_exists_is_not_published_as_new(api: httpx.AsyncClient, noun: str) -> None:
    existing = (await api.get(f"/v1/{noun}", params={"limit": 1})).json()["items"][0]
    answer = await api.post(f"/v1/{noun}", json=existing)
    assert answer.status_code == 409
    assert f"PUT /v1/{noun}/{existing['id']}" in answer.json()["detail"]
    assert (await api.get(f"/v1/{noun}/{existing['id']}")).json() == existing
    assert (await api.get(f"/v1/{noun}/nothing")).status_code == 404


async def test_a_plan_with_a_cycle_is_refused_and_the_cycle_named(api: httpx.AsyncClient) -> None:
    steps = [STEP | {"id": "a", "needs": ["b"]}, STEP | {"id": "b", "needs": ["a"]}]
    answer = await api.post("/v1/plans", json={"id": "round", "product": "crm", "name": "Round", "steps": steps})
    assert answer.status_code == 422
    assert "cycle" in answer.json()["detail"]
    assert "a → b" in answer.json()["detail"]
    assert (await api.get("/v1/plans/round")).status_code == 404


async def test_a_fault_inside_a_charge_is_named_as_the_caller_wrote_it(api: httpx.AsyncClient) -> None:
    charge = {"kind": "recurring", "name": "Seat", "unit_amount": "-1"}
    answer = await api.post("/v1/prices", json={"id": "p", "plan": "crm-team", "currency": "USD", "charges": [charge]})
    assert answer.json()["errors"][0]["field"] == "charges[0].unit_amount"


async def test_a_price_for_a_plan_that_is_not_there_is_refused(api: httpx.AsyncClient) -> None:
    answer = await api.post("/v1/prices", json={"id": "p", "plan": "nope", "currency": "EUR"})
    assert answer.json()["errors"][0]["field"] == "plan"


async def test_an_approval_policy_holds_for_orders_placed_after_it(api: httpx.AsyncClient) -> None:
    policy = {"id": "big", "name": "Above 1000 EUR", "above": [{"minor": 100000, "currency": "EUR"}]}
    assert (await api.put("/v1/approval-policies/big", json=policy)).status_code == 200
    big = samples.order(samples.CRM | {"quantity": 100})
    assert (await api.post("/v1/orders/preview", json=big)).json()["approval"]["reason"] == "Above 1000 EUR"
    assert (await api.post("/v1/orders/preview", json=samples.order())).json()["approval"] is None
    assert [each["id"] for each in (await api.get("/v1/approval-policies")).json()["items"]] == ["big"]
    assert (await api.delete("/v1/approval-policies/big")).status_code == 204
    assert (await api.delete("/v1/approval-policies/big")).status_code == 404


async def test_services_are_read_only(api: httpx.AsyncClient) -> None:
    assert (await api.get("/v1/services", params={"customer": "C-404"})).json() == {"items": [], "next": None}
    assert (await api.get("/v1/services/O-1:1")).status_code == 404
    assert (await api.post("/v1/services", json={})).status_code == 405


@pytest.mark.parametrize(
    ("charge", "field", "right"),
    [
        ({"kind": "usage", "meter": "calls", "unit_amount": "0.01"}, "charges[0].kind", "use 'one_time' or 'recurring'"),
        (
            {"kind": "recurring", "unit_amount": "9", "rate": {"model": "flat", "amount": "9"}},
            "charges[0].rate",
            "one of the two",
        ),
    ],
)
async def test_a_charge_that_cannot_be_charged_is_refused(
    api: httpx.AsyncClient, charge: dict[str, Any], field: str, right: str
) -> None:
    price = {"id": "crm-nok", "plan": "crm-team", "currency": "NOK", "charges": [{"name": "Calls", **charge}]}
    answer = await api.post("/v1/prices", json=price)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert right in answer.text
    assert (await api.get("/v1/prices/crm-nok")).status_code == 404


async def test_an_aligned_period_begins_with_the_customers_own_day(api: httpx.AsyncClient) -> None:
    """A start at midnight of the first in Berlin is a whole month there, and in UTC the last hours of the month before."""
    charge = {"kind": "recurring", "name": "Seat", "unit_amount": "31.00", "alignment": {"day_of_month": 1}}
    await api.post("/v1/prices", json={"id": "crm-dkk", "plan": "crm-team", "currency": "DKK", "charges": [charge]})
    for customer, timezone in (("C-BERLIN", "Europe/Berlin"), ("C-UTC", "UTC")):
        record = {"id": customer, "name": customer, "country": "DE", "timezone": timezone, "payment_method": "tok_visa"}
        assert (await api.post("/v1/customers", json=record)).status_code == 201
    first = (datetime.now(UTC).date().replace(day=1) + timedelta(days=62)).replace(day=1)
    start = datetime(first.year, first.month, 1, tzinfo=ZoneInfo("Europe/Berlin")).isoformat()
    request = samples.order(CRM, currency="DKK", requested_start=start)
    lines = {}
    for customer in ("C-BERLIN", "C-UTC"):
        answer = await api.post("/v1/orders/preview", json=request | {"customer": customer})
        (lines[customer],) = answer.json()["items"][0]["lines"]
    assert lines["C-BERLIN"]["amount"]["minor"] == 3100 * CRM["quantity"]
    assert lines["C-BERLIN"]["portions"] == []
    assert lines["C-UTC"]["amount"]["minor"] < 100 * CRM["quantity"]  # an hour or two of a month
    assert lines["C-UTC"]["explanation"].startswith(f"{CRM['quantity']} × 31.00 = 155.00, of which ")


async def test_tiers_with_a_gap_are_named_where_they_are(api: httpx.AsyncClient) -> None:
    rate = {"model": "graduated", "tiers": [{"up_to": "10", "unit_amount": "5"}, {"up_to": "5", "unit_amount": "4"}]}
    charge = {"kind": "recurring", "name": "Calls", "rate": rate}
    answer = await api.post("/v1/prices", json={"id": "p", "plan": "crm-team", "currency": "NOK", "charges": [charge]})
    assert answer.json()["errors"][0]["field"].startswith("charges[0].rate.tiers")
