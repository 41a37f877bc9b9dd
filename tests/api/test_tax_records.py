"""Customers' tax facts, legal entities and tax rates through the API."""

from typing import Any

import httpx
import pytest

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
