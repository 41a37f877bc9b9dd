"""Policies of subscriptions through the API."""

from typing import Any

import httpx
import pytest

from domain.roles import Role
from tests.api.conftest import KeyFor


async def test_a_policy_is_set_by_finance_and_stays_on_record(api: httpx.AsyncClient, key_for: KeyFor) -> None:
    finance = {"Authorization": f"Bearer {await key_for(Role.finance, name='fiona of policies')}"}
    before = (await api.get("/v1/policies/ending")).json()
    assert (before["notice"], before["unused"]) == ("PT0S", "credit")
    for notice in ("P30D", "PT0S"):
        answer = await api.put(
            "/v1/policies/ending", json={"notice": notice}, params={"note": f"now {notice}"}, headers=finance
        )
        assert (answer.status_code, answer.json()) == (200, before | {"notice": notice})
    first = (await api.get("/v1/policies/ending/versions", params={"limit": 1})).json()
    second = (await api.get("/v1/policies/ending/versions", params={"cursor": first["next"]})).json()
    assert [each["policy"]["notice"] for each in (first["items"][0], second["items"][0])] == ["PT0S", "P30D"]
    assert [first["items"][0]["note"], second["items"][0]["note"]] == ["now PT0S", "now P30D"]
    assert {first["items"][0]["by"], second["items"][0]["by"]} == {"fiona of policies"}


async def test_each_version_of_a_dunning_policy_stays_on_record(api: httpx.AsyncClient) -> None:
    for end in (30, 60, 60):
        answer = await api.put("/v1/dunning-policies/kept", json={"id": "kept", "end": end})
        assert answer.status_code == 200, answer.text
    versions = (await api.get("/v1/dunning-policies/kept/versions")).json()
    assert [(each["version"], each["policy"]["end"]) for each in versions] == [(2, 60), (1, 30)]
    assert (await api.get("/v1/dunning-policies/default/versions")).json() == []
    assert (await api.get("/v1/dunning-policies/nobody/versions")).status_code == 404


async def test_others_may_look_at_most(api: httpx.AsyncClient, key_for: KeyFor) -> None:
    operator = {"Authorization": f"Bearer {await key_for(Role.operator)}"}
    assert (await api.get("/v1/policies/renewal", headers=operator)).status_code == 200
    assert (await api.put("/v1/policies/renewal", json={}, headers=operator)).status_code == 403


@pytest.mark.parametrize(
    ("path", "wrong", "field"),
    [
        ("ending", {"notice": "a month"}, "notice"),
        ("ending", {"retention": "P99999D"}, "retention"),
        ("ending", {"early_fee_percent": "101"}, "early_fee_percent"),
        ("renewal", {"missed_cycles": "all"}, "missed_cycles"),
        ("renewal", {"missed": "one"}, "missed"),
    ],
)
async def test_a_wrong_value_names_its_field(api: httpx.AsyncClient, path: str, wrong: dict[str, Any], field: str) -> None:
    answer = await api.put(f"/v1/policies/{path}", json=wrong)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
