"""Customers' tax facts, legal entities and tax rates through the API."""

from typing import Any

import httpx
import pytest


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
