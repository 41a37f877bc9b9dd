"""Fraud lists through the API: who is on them, what is refused, and what stays on record."""

import httpx
import pytest

from api.samples import FRAUD_LISTING
from domain.roles import Role
from tests.api.conftest import KeyFor


async def test_a_listing_is_added_once_replaced_and_removed_on_record(api: httpx.AsyncClient) -> None:
    first = (await api.post("/v1/fraud-lists", json=FRAUD_LISTING)).json()
    same = (await api.post("/v1/fraud-lists", json=FRAUD_LISTING | {"value": "@Throwaway.Example"})).json()
    other = (await api.post("/v1/fraud-lists", json=FRAUD_LISTING | {"reason": "another"})).json()
    shown = (await api.get("/v1/fraud-lists", params={"list": "blocked", "by": "email_domain"})).json()["items"]
    removed = await api.delete(f"/v1/fraud-lists/{first['id']}")

    assert first == same
    assert (other["id"], other["version"], other["listed_by"]) == (first["id"], 2, "admin")
    assert shown == [other]
    assert (await api.get("/v1/fraud-lists", params={"list": "trusted"})).json()["items"] == []
    assert (removed.status_code, (await api.delete(f"/v1/fraud-lists/{first['id']}")).status_code) == (204, 404)
    changes = (await api.get(f"/v1/fraud-lists/{first['id']}/versions")).json()["items"]
    assert [(each["version"], each["by"], each["listing"] is None) for each in changes] == [
        (1, "admin", False),
        (2, "admin", False),
        (3, "admin", True),
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"by": "country", "value": "DEU"}, "value"),
        ({"by": "address", "value": "Hauptstr.1"}, "value"),
        ({"by": "email_domain", "value": "nobody"}, "value"),
        ({"by": "card", "value": "4111111111111111"}, "value"),
        ({"until": "2020-01-01T00:00:00Z"}, "until"),
        ({"list": "grey"}, "list"),
        ({"reason": ""}, "reason"),
    ],
)
async def test_a_bad_listing_is_refused_by_its_field(api: httpx.AsyncClient, change: dict[str, str], field: str) -> None:
    answer = await api.post("/v1/fraud-lists", json=FRAUD_LISTING | change)

    assert answer.status_code == 422
    assert field in answer.text


async def test_lists_are_for_those_who_keep_the_rules(api: httpx.AsyncClient, key_for: KeyFor) -> None:
    operator = {"Authorization": f"Bearer {await key_for(Role.operator)}"}

    assert (await api.get("/v1/fraud-lists", headers=operator)).status_code == 403
    assert (await api.post("/v1/fraud-lists", json=FRAUD_LISTING, headers=operator)).status_code == 403
