"""Customers' tax facts, legal entities and tax rates through the API."""

from typing import Any

import httpx
import pytest

from activities.adapters.tax.tables import shipped
from api.samples import LEGAL_ENTITY
from domain.roles import Role
from tests.api.conftest import KeyFor


async def test_a_customers_tax_facts_are_kept_and_changed_by_field(api: httpx.AsyncClient) -> None:
    given = {
        "id": "C-20",
        "name": "Twenty",
        "country": "DE",
        "tax": {"business": True, "vat_id": "136 695 976"},
        "address": {"lines": ["Ring 1"], "postcode": "10115", "city": "Berlin"},
        "language": "de-DE",
        "timezone": "Europe/Berlin",
    }
    added = await api.post("/v1/customers", json=given)
    assert added.status_code == 201
    assert added.json()["tax"]["vat_id"] == "DE136695976"
    changed = (await api.patch("/v1/customers/C-20", json={"timezone": None, "tax": {"region": "BE"}})).json()
    assert (changed["timezone"], changed["tax"]["region"], changed["tax"]["vat_id"]) == (None, "BE", None)
    assert changed["address"]["city"] == "Berlin"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"tax": {"vat_id": "DE1"}}, "tax.vat_id"),
        ({"country": "FR", "tax": {"vat_id": "DE136695976"}}, "tax.vat_id"),
        ({"timezone": "Berlin"}, "timezone"),
        ({"language": "German"}, "language"),
        ({"tax": {"exemptions": [{}]}}, "tax.exemptions[0].jurisdiction"),
        ({"legal_entity": "nobody"}, "legal_entity"),
        ({"buyer_reference": ""}, "buyer_reference"),
    ],
)
async def test_a_wrong_tax_fact_names_its_field(api: httpx.AsyncClient, wrong: dict[str, Any], field: str) -> None:
    for answer in (
        await api.put("/v1/customers/C-21", json={"id": "C-21", "name": "N", "country": "DE"} | wrong),
        await api.patch("/v1/customers/C-1", json=wrong),
    ):
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == field


async def test_the_main_legal_entity_is_there_without_set_up(api: httpx.AsyncClient) -> None:
    main = (await api.get("/v1/legal-entities/main")).json()
    assert (main["registrations"], main["one_stop_shop"], main["tax_source"]) == ([], False, "table")
    assert "main" in [entity["id"] for entity in (await api.get("/v1/legal-entities")).json()["items"]]


async def test_a_legal_entity_is_set_up_and_customers_belong_to_it(api: httpx.AsyncClient) -> None:
    entity = LEGAL_ENTITY | {"id": "acme-de"}
    assert (await api.put("/v1/legal-entities/acme-de", json=entity)).status_code == 200
    kept = (await api.get("/v1/legal-entities/acme-de")).json()
    assert (kept["registrations"][0]["number"], kept["terms"]["net_days"]) == ("DE136695976", 14)
    customer = {"id": "C-22", "name": "N", "country": "DE", "legal_entity": "acme-de"}
    assert (await api.post("/v1/customers", json=customer)).status_code == 201


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"id": "other"}, "id"),
        ({"country": "Germany"}, "country"),
        ({"currency": "EURO"}, "currency"),
        ({"registrations": [{"jurisdiction": {"country": "DE"}, "number": "1"}]}, "registrations[0].valid_from"),
        ({"terms": {"net_days": -1}}, "terms.net_days"),
        ({"gathering": {"timezone": "Mars"}}, "gathering.timezone"),
        ({"moon": True}, "moon"),
        ({"email": "nobody"}, "email"),
        ({"payment": {}}, "payment.iban"),
        ({"payment": {"iban": "DE00370400440532013000"}}, "payment.iban"),
        ({"legal_information": "a\u0007"}, "legal_information"),
    ],
)
async def test_a_wrong_legal_entity_names_its_field(api: httpx.AsyncClient, wrong: dict[str, Any], field: str) -> None:
    answer = await api.put("/v1/legal-entities/wrong", json=LEGAL_ENTITY | {"id": "wrong"} | wrong)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert (await api.get("/v1/legal-entities/wrong")).status_code == 404


async def test_tax_is_set_up_by_admins_and_finance_alone(base_url: str, key_for: KeyFor) -> None:
    for role, status in ((Role.finance, 200), (Role.operator, 403), (Role.viewer, 403), (Role.partner, 403)):
        headers = {"Authorization": f"Bearer {await key_for(role)}"}
        async with httpx.AsyncClient(base_url=base_url, headers=headers, trust_env=False) as client:
            entity = LEGAL_ENTITY | {"id": "roles"}
            assert (await client.put("/v1/legal-entities/roles", json=entity)).status_code == status
            refused = (await client.post("/v1/tax-rates", json={})).status_code
            assert refused == (422 if status == 200 else 403)


async def test_the_shipped_rates_are_listed_with_their_source(api: httpx.AsyncClient) -> None:
    asked = {"country": "DE", "category": "standard", "on": "2026-11-25"}
    (rate,) = (await api.get("/v1/tax-rates", params=asked)).json()["items"]
    assert (rate["percent"], rate["tax"], rate["verified"]) == ("19", "VAT", True)
    assert rate["source"]
    before = (await api.get("/v1/tax-rates", params=asked | {"on": "2020-08-01"})).json()["items"]
    assert [each["percent"] for each in before] == ["16"]
    region = (await api.get("/v1/tax-rates", params={"country": "US", "region": "NY"})).json()["items"]
    assert {each["jurisdiction"]["region"] for each in region} == {"NY"}


async def test_tax_rates_come_in_pages_and_none_is_left_out(api: httpx.AsyncClient) -> None:
    found: list[str] = []
    query: dict[str, Any] = {"country": "CA", "limit": 7}
    while True:
        page = (await api.get("/v1/tax-rates", params=query)).json()
        found += [str(item) for item in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert len(found) == len(set(found)) == len([rate for rate in shipped().rates if rate.jurisdiction.country == "CA"])


def rate(**more: Any) -> dict[str, Any]:
    made = {"jurisdiction": {"country": "LI"}, "tax": "VAT", "percent": "8.5", "valid_from": "2027-01-01", "source": "law"}
    return made | more


async def on(api: httpx.AsyncClient, day: str) -> list[str]:
    asked = {"country": "LI", "category": "standard", "on": day}
    return [each["percent"] for each in (await api.get("/v1/tax-rates", params=asked)).json()["items"]]


async def test_an_added_rate_holds_at_once_and_twice_is_once(api: httpx.AsyncClient) -> None:
    assert (await api.post("/v1/tax-rates", json=rate())).status_code == 201
    assert await on(api, "2027-01-01") == ["8.5"]
    assert (await api.post("/v1/tax-rates", json=rate())).status_code == 201
    assert (await api.post("/v1/tax-rates", json=rate(percent="9", valid_from="2028-01-01"))).status_code == 201
    assert (await on(api, "2027-12-31"), await on(api, "2028-01-01")) == (["8.5"], ["9"])


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"valid_from": None}, "valid_from"),
        ({"valid_from": "2027-02-30"}, "valid_from"),
        ({"percent": 8.1}, "percent"),
        ({"percent": "101"}, "percent"),
        ({"source": ""}, "source"),
        ({"category": "Standard"}, "category"),
    ],
)
async def test_a_wrong_rate_names_its_field(api: httpx.AsyncClient, wrong: dict[str, Any], field: str) -> None:
    answer = await api.post("/v1/tax-rates", json=rate(jurisdiction={"country": "SM"}) | wrong)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_a_rate_without_a_date_and_one_for_taken_days_are_refused(api: httpx.AsyncClient) -> None:
    undated = rate(jurisdiction={"country": "SM"})
    del undated["valid_from"]
    assert (await api.post("/v1/tax-rates", json=undated)).json()["errors"][0]["field"] == "valid_from"
    first = rate(jurisdiction={"country": "AD"}, valid_to="2027-07-01")
    assert (await api.post("/v1/tax-rates", json=first)).status_code == 201
    taken = await api.post("/v1/tax-rates", json=first | {"valid_from": "2027-06-30", "valid_to": None})
    assert (taken.status_code, taken.json()["errors"][0]["field"]) == (422, "valid_from")


async def test_a_business_number_is_due_for_a_check_as_soon_as_it_is_written(api: httpx.AsyncClient) -> None:
    business = {"id": "C-23", "name": "N", "country": "DE", "tax": {"business": True, "vat_id": "DE136695976"}}
    await api.put("/v1/customers/C-23", json=business)
    status = (await api.get("/v1/customers/C-23/vat-check")).json()
    assert (status["vat_id"], status["proof"]) == ("DE136695976", None)
    asked = await api.post("/v1/customers/C-23/vat-check")
    assert asked.status_code == 202
    assert asked.json()["due_at"] > status["due_at"]


async def test_a_customer_without_a_number_has_nothing_to_check(api: httpx.AsyncClient) -> None:
    await api.put("/v1/customers/C-24", json={"id": "C-24", "name": "N", "country": "DE"})
    assert (await api.get("/v1/customers/C-24/vat-check")).json() == {"vat_id": None, "proof": None, "due_at": None}
    assert (await api.post("/v1/customers/C-24/vat-check")).status_code == 409
    assert (await api.post("/v1/customers/C-404/vat-check")).status_code == 404
    assert (await api.get("/v1/customers/C-404/vat-check")).status_code == 404
