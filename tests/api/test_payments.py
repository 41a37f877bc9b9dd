"""Payments, routing rules and gateways through the API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from activities.runtime.gateway_watch import GatewayWatch
from activities.store import attempts
from activities.store.database import Database
from api.metrics import Metrics
from api.samples import GATEWAY_COST, ROUTING_RULE
from domain.money import Money
from domain.payments import Outcome, PaymentRequest, PaymentResult
from domain.roles import Role
from domain.routing import Decision, Look
from tests.api.conftest import KeyFor

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TRIAL = {"amount": {"minor": 5_000, "currency": "EUR"}, "method": "tok_visa"}


async def _asked(database: Database, key: str, outcome: Outcome, *, gateway: str, customer: str, at: datetime = NOW) -> None:
    request = PaymentRequest(key=key, amount=Money(minor=1_000, currency="EUR"), method="tok_visa", customer=customer)
    decision = Decision(gateway=gateway, rule="default", looks=(Look(rule="default", decided=True, why="no rule"),))
    async with database.transaction() as connection:
        await attempts.begin(connection, request, decision, at)
        result = PaymentResult(outcome=outcome, gateway=gateway, code="insufficient_funds" if "declined" in outcome else None)
        await attempts.answer(connection, key, result, timedelta(milliseconds=80), at)


async def test_payments_are_listed_from_the_newest_in_pages_and_narrowed(api: httpx.AsyncClient, database: Database) -> None:
    for number in range(3):
        at = NOW + timedelta(seconds=number)
        await _asked(database, f"L-1:payment:{number}", Outcome.succeeded, gateway="sandbox", customer="pay-1", at=at)
    await _asked(database, "L-2:payment:1", Outcome.declined_hard, gateway="backup", customer="pay-1")

    first = (await api.get("/v1/payments", params={"customer": "pay-1", "limit": 2})).json()
    rest = (await api.get("/v1/payments", params={"customer": "pay-1", "limit": 2, "cursor": first["next"]})).json()
    declined = (await api.get("/v1/payments", params={"customer": "pay-1", "outcome": "declined_hard"})).json()

    assert [each["key"] for each in first["items"]] == ["L-1:payment:2", "L-1:payment:1"]
    assert {each["key"] for each in rest["items"]} == {"L-1:payment:0", "L-2:payment:1"}
    assert rest["next"] is None
    assert [(each["gateway"], each["code"]) for each in declined["items"]] == [("backup", "insufficient_funds")]


async def test_one_payment_says_by_which_rule_it_went_where(api: httpx.AsyncClient, database: Database) -> None:
    await _asked(database, "L-3:payment:1", Outcome.succeeded, gateway="sandbox", customer="pay-3")

    found = (await api.get("/v1/payments/L-3:payment:1")).json()

    assert (found["gateway"], found["rule"], found["latency_ms"]) == ("sandbox", "default", 80)
    assert found["looks"] == [{"rule": "default", "decided": True, "why": "no rule"}]
    assert (await api.get("/v1/payments/L-3:payment:9")).status_code == 404


async def test_what_is_definite_is_not_taken_back_by_what_is_not_known(database: Database, api: httpx.AsyncClient) -> None:
    await _asked(database, "L-4:payment:1", Outcome.succeeded, gateway="sandbox", customer="pay-4")
    await _asked(database, "L-4:payment:1", Outcome.unknown, gateway="sandbox", customer="pay-4")

    assert (await api.get("/v1/payments/L-4:payment:1")).json()["outcome"] == "succeeded"


async def test_a_rule_is_published_in_versions_tried_and_retired(api: httpx.AsyncClient) -> None:
    rule = ROUTING_RULE | {"id": "big", "when": {"currencies": ["CHF"]}, "shares": [], "gateways": ["backup", "sandbox"]}
    first = await api.put("/v1/routing-rules/big", json=rule)
    same = await api.put("/v1/routing-rules/big", json=rule)
    second = await api.put("/v1/routing-rules/big", json=rule | {"priority": 5})
    assert [answer.json()["version"] for answer in (first, same, second)] == [1, 1, 2]

    went = (await api.post("/v1/routing-rules/try", json=TRIAL)).json()
    assert (went["gateway"], went["rule"]) == ("sandbox", "default")
    assert {"rule": "big@2", "decided": False, "why": "currency EUR is not one of CHF"} in went["looks"]
    francs = (await api.post("/v1/routing-rules/try", json=TRIAL | {"amount": {"minor": 1, "currency": "CHF"}})).json()
    assert (francs["gateway"], francs["rule"]) == ("sandbox", "big@2"), "a bare token is one of the default gateway"
    assert "backup holds no token of the method" in francs["looks"][-1]["why"]

    versions = (await api.get("/v1/routing-rules/big/versions")).json()["items"]
    assert [(each["version"], each["rule"]["priority"]) for each in versions] == [(1, 10), (2, 5)]
    assert (await api.delete("/v1/routing-rules/big")).status_code == 204
    assert (await api.delete("/v1/routing-rules/big")).status_code == 404
    assert "big" not in [each["rule"]["id"] for each in (await api.get("/v1/routing-rules")).json()["items"]]
    assert (await api.put("/v1/routing-rules/big", json=rule)).json()["version"] == 4, "a retired rule goes on counting"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"gateways": ["nowhere"], "shares": []}, "gateways"),
        ({"gateways": ["sandbox"]}, "shares"),
        ({"when": {"amount_from": 5}}, "amount_from"),
        ({"priority": -1}, "priority"),
        ({"when": {"currencies": ["XYZ"]}}, "XYZ"),
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused_and_names_what_is_wrong(
    api: httpx.AsyncClient, changes: dict[str, Any], field: str
) -> None:
    answer = await api.put("/v1/routing-rules/odd", json=ROUTING_RULE | {"id": "odd"} | changes)

    assert answer.status_code in {400, 422}
    assert field in answer.text
    assert (await api.get("/v1/routing-rules/odd/versions")).status_code == 404


async def test_a_trial_where_no_gateway_can_be_asked_says_so(api: httpx.AsyncClient) -> None:
    answer = await api.post("/v1/routing-rules/try", json=TRIAL | {"gateway": "backup"})

    assert answer.status_code == 422
    assert "holds no token of this payment method" in answer.json()["detail"]


async def test_a_draft_is_tried_before_it_is_published(api: httpx.AsyncClient) -> None:
    rule = ROUTING_RULE | {"id": "later", "priority": 50, "when": {}}
    await api.put("/v1/routing-rules/later", json=rule)
    draft = ROUTING_RULE | {"id": "first", "priority": 1, "when": {}, "shares": [], "gateways": ["sandbox"]}

    went = (await api.post("/v1/routing-rules/try", json=TRIAL | {"draft": draft})).json()

    assert (went["gateway"], went["rule"]) == ("sandbox", "first@0")
    assert {"rule": "later@1", "decided": False, "why": "not looked at: first@0 decides"} in went["looks"]
    assert (await api.get("/v1/routing-rules/first/versions")).status_code == 404
    await api.delete("/v1/routing-rules/later")


async def test_a_payment_leads_to_what_was_asked_before_and_after_it(api: httpx.AsyncClient, database: Database) -> None:
    await _asked(database, "IN-6:payment:1", Outcome.not_attempted, gateway="sandbox", customer="pay-6")
    await _asked(
        database,
        "IN-6:payment:2",
        Outcome.succeeded,
        gateway="backup",
        customer="pay-6",
        at=NOW + timedelta(seconds=1),
    )

    shown = (await api.get("/v1/payments/IN-6:payment:2")).json()
    listed = (await api.get("/v1/payments", params={"invoice": "IN-6", "state": "captured"})).json()["items"]

    assert [(each["gateway"], each["state"]) for each in shown["asked"]] == [("sandbox", "authorizing"), ("backup", "captured")]
    assert shown["links"]["invoice"].endswith("/v1/invoices/IN-6")
    assert [each["key"] for each in listed] == ["IN-6:payment:2"]


async def test_a_gateway_shows_what_it_costs_and_how_well_it_is(api: httpx.AsyncClient, database: Database) -> None:
    assert (await api.put("/v1/gateways/backup/costs/EUR", json=GATEWAY_COST)).status_code == 200
    now = datetime.now(UTC)
    for number in range(5):
        await _asked(database, f"L-5:payment:{number}", Outcome.unknown, gateway="backup", customer="pay-5", at=now)
    await GatewayWatch(database, ["backup"]).look(now)

    found = {each["name"]: each for each in (await api.get("/v1/gateways")).json()["items"]}

    assert found["backup"]["costs"] == [GATEWAY_COST]
    assert (found["backup"]["health"]["healthy"], found["backup"]["health"]["failed"]) == (False, 5)
    assert found["backup"]["down"]
    measured = await Metrics().text(database)
    assert b'turnup_gateway_healthy{gateway="backup"} 0.0' in measured
    assert b'turnup_gateway_failed{gateway="backup"} 5.0' in measured
    assert sum(each["failed"] for each in found["backup"]["last_hour"]) == 5
    assert found["sandbox"]["default"]
    assert (await api.delete("/v1/gateways/backup/costs/EUR")).status_code == 204
    assert (await api.put("/v1/gateways/nowhere/costs/EUR", json=GATEWAY_COST)).status_code == 404


async def test_only_finance_says_where_payments_go(api: httpx.AsyncClient, key_for: KeyFor) -> None:
    operator = {"Authorization": f"Bearer {await key_for(Role.operator)}"}
    finance = {"Authorization": f"Bearer {await key_for(Role.finance)}"}
    rule = ROUTING_RULE | {"id": "mine"}

    assert (await api.put("/v1/routing-rules/mine", json=rule, headers=operator)).status_code == 403
    assert (await api.put("/v1/routing-rules/mine", json=rule, headers=finance)).status_code == 200
    await api.delete("/v1/routing-rules/mine")
