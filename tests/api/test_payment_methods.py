"""Payment methods through the API, with a real gateway process behind it that says what a token is."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import insert, text

from activities.adapters.gateway.sandbox import SandboxGateway
from activities.store.database import Database
from activities.store.tables.services import subscriptions
from domain.roles import Role
from tests.api import samples
from tests.api.conftest import KeyFor
from tests.sandbox_server import NOBODY, RunningSandbox, running_sandbox

METHODS = "/v1/payment-methods"
Json = dict[str, Any]


@pytest_asyncio.fixture(scope="module")
async def gateway(app: FastAPI, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningSandbox]:
    """A gateway under two names, so that one card can be known to two."""
    folder: Path = tmp_path_factory.mktemp("gateway")
    before = app.state.context
    async with running_sandbox(folder, callback_url=NOBODY) as sandbox, httpx.AsyncClient(trust_env=False) as client:
        adapter = SandboxGateway(sandbox.gateway_url, client, total_seconds=1)
        app.state.context = replace(before, keepers={"sandbox": adapter, "second": adapter})
        yield sandbox
        app.state.context = before


@pytest_asyncio.fixture(autouse=True)
async def behaving(gateway: RunningSandbox) -> None:
    await gateway.faults()


async def customer(api: httpx.AsyncClient, name: str, **changes: Any) -> str:
    body = {"id": name, "name": "Someone", "country": "DE", "verified": True} | changes
    (await api.put(f"/v1/customers/{name}", json=body)).raise_for_status()
    return name


async def added(api: httpx.AsyncClient, owner: str, token: str = "tok_visa", **changes: Any) -> Json:
    answer = await api.post(METHODS, json={"customer": owner, "token": token} | changes)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def fields(answer: httpx.Response) -> list[str]:
    return [error["field"] for error in answer.json()["errors"]]


async def default_of(api: httpx.AsyncClient, owner: str) -> Any:
    return (await api.get(f"/v1/customers/{owner}")).json()["payment_method"]


@pytest.mark.parametrize(
    ("token", "kind", "brand", "last4"),
    [
        ("tok_visa", "card", "visa", "4242"),
        ("tok_mastercard", "card", "mastercard", "4444"),
        ("tok_wallet", "wallet", "visa", "1881"),
        ("tok_sepa_debit", "sepa_debit", "bank", "3000"),
        ("tok_ach_debit", "ach_debit", "bank", "6789"),
    ],
)
async def test_the_gateway_says_what_a_token_is(api: httpx.AsyncClient, token: str, kind: str, brand: str, last4: str) -> None:
    shown = await added(api, await customer(api, f"pm-{token}"), token)
    assert (shown["kind"], shown["brand"], shown["last4"], shown["gateways"]) == (kind, brand, last4, ["sandbox"])
    assert bool(shown["mandate"]) is kind.endswith("debit")
    assert "token" not in str(sorted(shown))


async def test_the_same_token_again_is_the_same_method(api: httpx.AsyncClient) -> None:
    owner = await customer(api, "pm-twice")
    first = await added(api, owner)
    assert await added(api, owner) == first
    listed = (await api.get(METHODS, params={"customer": owner})).json()["items"]
    assert [method["id"] for method in listed] == [first["id"]]


async def test_the_first_becomes_the_default_and_another_only_when_asked(api: httpx.AsyncClient) -> None:
    owner = await customer(api, "pm-default")
    first = await added(api, owner)
    second = await added(api, owner, "tok_mastercard")
    assert (first["default"], second["default"]) == (True, False)
    assert (await api.post(f"{METHODS}/{second['id']}/default")).json()["default"]
    assert await default_of(api, owner) == second["id"]
    third = await added(api, owner, "tok_amex", default=True)
    assert await default_of(api, owner) == third["id"]


async def test_a_nonce_is_exchanged_once_and_its_repetition_is_the_same_method(api: httpx.AsyncClient) -> None:
    owner = await customer(api, "pm-nonce")
    body = {"customer": owner, "nonce": "nonce_visa"}
    first, second = await api.post(METHODS, json=body), await api.post(METHODS, json=body)
    assert first.status_code == 201, first.text
    assert first.json()["id"] == second.json()["id"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"token": "tok_nothing"}, "token"),
        ({"token": None, "nonce": "nonce_nothing"}, "nonce"),
        ({"customer": "nobody"}, "customer"),
        ({"gateway": "elsewhere"}, "gateway"),
        ({"token": None}, "token"),
        ({"nonce": "nonce_visa"}, "token"),
        ({"token": "4242424242424242"}, "token"),
        ({"kind": "transfer", "token": None, "gateway": "sandbox"}, "gateway"),
    ],
)
async def test_what_is_wrong_is_named(api: httpx.AsyncClient, changes: Json, field: str) -> None:
    owner = await customer(api, "pm-wrong")
    answer = await api.post(METHODS, json={"customer": owner, "token": "tok_visa"} | changes)
    assert (answer.status_code, fields(answer)) == (422, [field])


@pytest.mark.parametrize("mode", ["error_500", "not_attempted", "timeout_before", "garbled"])
async def test_where_the_gateway_does_not_answer_nothing_is_kept(
    api: httpx.AsyncClient, gateway: RunningSandbox, mode: str
) -> None:
    owner = await customer(api, f"pm-{mode}")
    await gateway.fault("describe", mode)
    answer = await api.post(METHODS, json={"customer": owner, "token": "tok_visa"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert (await api.get(METHODS, params={"customer": owner})).json()["items"] == []


async def test_a_lost_answer_to_a_nonce_is_asked_for_again(api: httpx.AsyncClient, gateway: RunningSandbox) -> None:
    owner = await customer(api, "pm-lost")
    await gateway.fault("tokenize", "timeout_after", count=1)
    body = {"customer": owner, "nonce": "nonce_visa"}
    assert (await api.post(METHODS, json=body)).status_code == 503
    assert (await api.post(METHODS, json=body)).status_code == 201
    assert len((await api.get(METHODS, params={"customer": owner})).json()["items"]) == 1


async def test_a_second_gateways_token_belongs_to_the_same_method(api: httpx.AsyncClient) -> None:
    method = await added(api, await customer(api, "pm-two"))
    path = f"{METHODS}/{method['id']}/tokens"
    both = await api.post(path, json={"gateway": "second", "token": "tok_visa"})
    assert (both.status_code, both.json()["gateways"]) == (200, ["sandbox", "second"])
    other = await api.post(path, json={"gateway": "second", "token": "tok_mastercard"})
    assert other.status_code == 409
    assert "mastercard card ending 4444" in other.json()["detail"]


async def test_a_transfer_needs_no_token_and_pays_no_order(api: httpx.AsyncClient) -> None:
    owner = await customer(api, "pm-transfer")
    answer = await api.post(METHODS, json={"customer": owner, "kind": "transfer"})
    assert (answer.status_code, answer.json()["kind"], answer.json()["gateways"]) == (201, "transfer", [])
    order = await api.post("/v1/orders", json=samples.order(customer=owner, payment_method=None))
    assert (order.status_code, fields(order)) == (422, ["payment_method"])


async def test_an_order_is_paid_with_the_customers_default(api: httpx.AsyncClient) -> None:
    owner = await customer(api, "pm-order")
    method = await added(api, owner)
    order = (await api.post("/v1/orders", json=samples.order(customer=owner, payment_method=None))).json()
    detail = (await api.get(f"/v1/orders/{order['id']}")).json()
    assert detail["order"]["payment_method"] == method["id"]


async def test_anothers_method_is_nobodys(api: httpx.AsyncClient) -> None:
    method = await added(api, await customer(api, "pm-mine"))
    other = await customer(api, "pm-other")
    order = await api.post("/v1/orders", json=samples.order(customer=other, payment_method=method["id"]))
    assert (order.status_code, fields(order)) == (422, ["payment_method"])
    changed = await api.patch(f"/v1/customers/{other}", json={"payment_method": method["id"]})
    assert (changed.status_code, fields(changed)) == (422, ["payment_method"])


async def test_what_is_taken_away_is_charged_no_more(api: httpx.AsyncClient) -> None:
    owner = await customer(api, "pm-gone")
    method = await added(api, owner)
    gone = await api.delete(f"{METHODS}/{method['id']}")
    assert (gone.status_code, gone.json()["state"], await default_of(api, owner)) == (200, "revoked", None)
    assert (await api.delete(f"{METHODS}/{method['id']}")).status_code == 200
    assert (await api.post(f"{METHODS}/{method['id']}/default")).status_code == 409
    history = (await api.get(f"{METHODS}/{method['id']}")).json()["events"]
    assert [event["type"] for event in history] == ["payment_method.added", "payment_method.revoked"]


async def test_it_stays_while_an_open_order_is_paid_with_it(api: httpx.AsyncClient) -> None:
    owner = await customer(api, "pm-busy")
    method = await added(api, owner)
    order = (await api.post("/v1/orders", json=samples.order(customer=owner, payment_method=method["id"]))).json()
    kept = await api.delete(f"{METHODS}/{method['id']}")
    assert kept.status_code == 409
    assert order["id"] in kept.json()["detail"]


async def overdue_invoice(database: Database, owner: str) -> None:
    """As the invoice run leaves one that nobody has paid."""
    async with database.transaction() as connection:
        row = {"id": f"I-{owner}", "customer": owner, "at": datetime(2026, 1, 31, tzinfo=UTC)}
        await connection.execute(_OVERDUE, row)


_OVERDUE = text("""
    INSERT INTO invoices (id, number, state, customer, legal_entity, currency, issue_date, due_date, total, amount_due, paid,
                          credited, written_off, write_offs, document, evidence, gathered_at, issued_at)
    VALUES (:id, :id, 'overdue', :customer, 'main', 'EUR', '2026-01-31', '2026-02-14', 1000, 1000, 0, 0, 0, 0, '{}', '{}',
            :at, :at)
""")


async def test_the_only_one_stays_while_something_is_past_due(api: httpx.AsyncClient, database: Database) -> None:
    owner = await customer(api, "pm-due")
    first = await added(api, owner)
    await overdue_invoice(database, owner)
    kept = await api.delete(f"{METHODS}/{first['id']}")
    assert (kept.status_code, "I-pm-due is past due" in kept.json()["detail"]) == (409, True)
    await added(api, owner, "tok_mastercard")
    assert (await api.delete(f"{METHODS}/{first['id']}")).status_code == 200


async def asked_of(database: Database, invoice: str) -> list[str]:
    """Why it is to be collected, each once."""
    query = text("SELECT payload ->> 'reason' FROM dispatches WHERE kind = 'collect' AND subject = :invoice ORDER BY key")
    async with database.transaction() as connection:
        return list((await connection.execute(query, {"invoice": invoice})).scalars())


async def test_a_new_one_becomes_the_default_and_is_asked_for_what_is_past_due(
    api: httpx.AsyncClient, database: Database
) -> None:
    owner = await customer(api, "pm-late", payment_method="tok_declined_hard")
    await overdue_invoice(database, owner)
    first = await added(api, owner)
    assert (first["default"], await default_of(api, owner)) == (True, first["id"])
    assert await asked_of(database, "I-pm-late") == ["new_method"]
    await added(api, owner)
    assert await asked_of(database, "I-pm-late") == ["new_method"]
    await added(api, owner, "tok_mastercard")
    assert await asked_of(database, "I-pm-late") == ["new_method", "new_method"]


async def test_one_that_is_not_to_be_the_default_and_a_transfer_are_asked_for_nothing(
    api: httpx.AsyncClient, database: Database
) -> None:
    owner = await customer(api, "pm-aside")
    await overdue_invoice(database, owner)
    await added(api, owner, default=False)
    await api.post(METHODS, json={"customer": owner, "kind": "transfer", "default": True})
    assert await asked_of(database, "I-pm-aside") == []


async def test_those_expiring_are_listed(api: httpx.AsyncClient) -> None:
    owner = await customer(api, "pm-expiring")
    soon = await added(api, owner, "tok_expiring")
    await added(api, owner, "tok_mastercard")
    past = await added(api, owner, "tok_expired")
    assert (soon["expires_soon"], past["state"]) == (True, "expired")
    ends = {"customer": owner, "expiring_before": soon["expires_at"]}
    listed = (await api.get(METHODS, params=ends)).json()["items"]
    assert [method["id"] for method in listed] == [soon["id"]]


async def test_a_subscription_may_have_one_of_its_own(api: httpx.AsyncClient, database: Database) -> None:
    owner = await customer(api, "pm-own")
    default, own = await added(api, owner), await added(api, owner, "tok_mastercard")
    subscription = await subscribed(api, database, owner)
    path = f"/v1/subscriptions/{subscription}/payment-method"
    assert (await api.get(path)).json() == {"subscription": subscription, "own": None, "charged": default["id"]}
    changed = (await api.put(path, json={"payment_method": own["id"]})).json()
    assert (changed["own"], changed["charged"]) == (own["id"], own["id"])
    await api.delete(f"{METHODS}/{own['id']}")
    assert (await api.get(path)).json()["charged"] == default["id"]
    assert (await api.put(path, json={"payment_method": "pm_nothing"})).status_code == 422
    assert (await api.put("/v1/subscriptions/S-0/payment-method", json={"payment_method": None})).status_code == 404


async def subscribed(api: httpx.AsyncClient, database: Database, owner: str) -> str:
    order = (await api.post("/v1/orders", json=samples.order(customer=owner))).json()["id"]
    name = f"S-{order}"
    row = {"id": name, "customer": owner, "order_id": order, "item": "1", "state": "active", "document": {}, "version": 1}
    async with database.transaction() as connection:
        await connection.execute(insert(subscriptions).values(**row, created_at=datetime(2026, 1, 31, tzinfo=UTC)))
    return name


@pytest.mark.parametrize(
    ("role", "reads", "writes"),
    [(Role.viewer, 200, 403), (Role.finance, 200, 201), (Role.approver, 403, 403), (Role.partner, 403, 403)],
)
async def test_who_may_read_and_keep_them(
    api: httpx.AsyncClient, base_url: str, key_for: KeyFor, role: Role, reads: int, writes: int
) -> None:
    owner = await customer(api, "pm-roles")
    headers = {"Authorization": f"Bearer {await key_for(role)}"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers, trust_env=False) as theirs:
        assert (await theirs.get(METHODS)).status_code == reads
        assert (await theirs.post(METHODS, json={"customer": owner, "token": "tok_visa"})).status_code == writes
