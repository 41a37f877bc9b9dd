"""Fraud rules through the API: who may publish them, their versions, and trials."""

import httpx
import pytest

from api.samples import FRAUD_RULE
from domain.roles import Role
from tests.api.conftest import KeyFor
from tests.world import Json


async def test_a_rule_is_published_in_versions_and_retired(api: httpx.AsyncClient) -> None:
    rule = FRAUD_RULE | {"id": "mine"}
    first = await api.put("/v1/fraud-rules/mine", json=rule)
    same = await api.put("/v1/fraud-rules/mine", json=rule)
    second = await api.put("/v1/fraud-rules/mine", json=rule | {"priority": 5})

    assert [answer.json()["version"] for answer in (first, same, second)] == [1, 1, 2]
    versions = (await api.get("/v1/fraud-rules/mine/versions")).json()["items"]
    assert [each["rule"]["priority"] for each in versions] == [10, 5]
    assert (await api.delete("/v1/fraud-rules/mine")).status_code == 204
    assert (await api.delete("/v1/fraud-rules/mine")).status_code == 404
    assert "mine" not in [each["rule"]["id"] for each in (await api.get("/v1/fraud-rules")).json()["items"]]


async def test_a_misspelt_name_is_refused_and_nothing_published(api: httpx.AsyncClient) -> None:
    answer = await api.put("/v1/fraud-rules/odd", json=FRAUD_RULE | {"id": "odd", "when": "order.totl > 1"})

    assert answer.status_code == 422
    assert "order.totl" in answer.text
    assert "when" in answer.text
    assert (await api.get("/v1/fraud-rules/odd/versions")).status_code == 404


async def test_a_trial_says_which_rules_hold_for_made_up_facts(api: httpx.AsyncClient) -> None:
    facts = {"order": {"total": 50_001, "currency": "EUR"}}

    held = (await api.post("/v1/fraud-rules/try", json={"facts": facts, "draft": FRAUD_RULE})).json()
    known = {"facts": facts | {"customer": {"orders_before": 1}}, "draft": FRAUD_RULE}
    let_through = (await api.post("/v1/fraud-rules/try", json=known)).json()

    assert (held["screening"]["band"], held["screening"]["fired"][0]["rule"]) == ("review", "new-and-dear@0")
    assert let_through["screening"]["band"] == "allow"
    assert let_through["looked_at"] == ["new-and-dear@0"]


async def test_a_trial_needs_an_order_or_facts(api: httpx.AsyncClient) -> None:
    assert (await api.post("/v1/fraud-rules/try", json={})).status_code == 422
    assert (await api.post("/v1/fraud-rules/try", json={"order": "O-0"})).status_code == 404


@pytest.mark.parametrize(
    ("setting", "changed", "wrong"),
    [
        ("thresholds", {"step_up": 30, "review": 40, "reject": 100}, {"review": 10}),
        ("scoring", {"when_unknown": "allow", "seconds": 2}, {"seconds": 0}),
    ],
)
async def test_settings_are_kept_in_versions(api: httpx.AsyncClient, setting: str, changed: Json, wrong: Json) -> None:
    at = f"/v1/fraud-{setting}"
    before = (await api.get(at)).json()

    assert (await api.get(f"{at}/versions")).json()["items"] == []
    answers = [(await api.put(at, json=said)).json() for said in (changed, changed, before)]
    assert [answer["version"] for answer in answers] == [1, 1, 2]
    assert (await api.put(at, json=before | wrong)).status_code == 422
    assert (await api.get(at)).json() == before
    listed = (await api.get(f"{at}/versions")).json()["items"]
    assert [(each["version"], each["setting"], each["published_by"]) for each in listed] == [
        (1, changed, "admin"),
        (2, before, "admin"),
    ]


async def test_rules_are_for_those_who_keep_them(api: httpx.AsyncClient, key_for: KeyFor) -> None:
    operator = {"Authorization": f"Bearer {await key_for(Role.operator)}"}
    keeper = {"Authorization": f"Bearer {await key_for(Role.fraud)}"}

    assert (await api.get("/v1/fraud-rules", headers=operator)).status_code == 403
    assert (await api.get("/v1/fraud-rules", headers=keeper)).status_code == 200
