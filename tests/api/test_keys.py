"""Who may do what, and how long a key is trusted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest

from activities.store import api_keys
from activities.store.database import Connection, Database
from api.auth import TRUSTED_FOR, Keyring
from domain.roles import Role
from tests.api import samples
from tests.api.conftest import KeyFor
from tests.api.test_orders import placed

READS = ["/v1/orders", "/v1/fallout", "/v1/customers", "/v1/products", "/v1/plans", "/v1/prices", "/v1/services"]


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    "given",
    [{}, {"Authorization": "Basic YTpi"}, bearer("nonsense"), bearer("tk_dev_" + "x" * 43), bearer("tk_a_b")],
)
async def test_without_a_good_key_nothing_is_told(anyone: httpx.AsyncClient, given: dict[str, str]) -> None:
    for path in [*READS, "/v1/api-keys", "/v1/approval-policies", "/v1/orders/O-1", "/v1/orders/O-1/events"]:
        answer = await anyone.get(path, headers=given)
        assert answer.status_code == 401, path
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("role", "method", "path", "body"),
    [
        (Role.viewer, "POST", "/v1/orders", samples.order()),
        (Role.viewer, "POST", "/v1/orders/preview", samples.order()),
        (Role.viewer, "POST", "/v1/customers", samples.CUSTOMERS[0]),
        (Role.viewer, "GET", "/v1/api-keys", None),
        (Role.approver, "POST", "/v1/orders/O-1/cancel", {}),
        (Role.approver, "PATCH", "/v1/orders/O-1", {"version": 1}),
        (Role.operator, "POST", "/v1/orders/O-1/approvals", {"decision": "approve"}),
        (Role.operator, "POST", "/v1/api-keys", {"name": "me", "roles": ["admin"]}),
        (Role.approver, "POST", "/v1/fallout/x/retry", {}),
        (Role.finance, "PUT", "/v1/approval-policies/p", {"id": "p", "name": "P"}),
        (Role.partner, "GET", "/v1/orders", None),
        (Role.partner, "GET", "/v1/customers", None),
    ],
)
async def test_a_role_may_no_more_than_it_says(
    anyone: httpx.AsyncClient, key_for: KeyFor, role: Role, method: str, path: str, body: object
) -> None:
    answer = await anyone.request(method, path, json=body, headers=bearer(await key_for(role)))
    assert answer.status_code == 403
    assert "lacks the right" in answer.json()["detail"]
    assert "admin" in answer.json()["detail"]


@pytest.mark.parametrize("role", [Role.admin, Role.operator, Role.approver, Role.finance, Role.viewer])
async def test_the_roles_of_our_own_people_read_everything(anyone: httpx.AsyncClient, key_for: KeyFor, role: Role) -> None:
    headers = bearer(await key_for(role))
    assert [(await anyone.get(path, headers=headers)).status_code for path in READS] == [200] * len(READS)


async def test_a_partner_sees_the_orders_it_placed_and_no_others(
    api: httpx.AsyncClient, anyone: httpx.AsyncClient, key_for: KeyFor
) -> None:
    headers = bearer(await key_for(Role.partner))
    mine = (await anyone.post("/v1/orders", json=samples.order(), headers=headers)).json()["id"]
    others = (await placed(api))["id"]
    for path in ("", "/events"):
        assert (await anyone.get(f"/v1/orders/{mine}{path}", headers=headers)).status_code == 200
        assert (await anyone.get(f"/v1/orders/{others}{path}", headers=headers)).status_code == 404
    draft = (await placed(api, samples.order(submit=False)))["id"]
    assert (await anyone.post(f"/v1/orders/{draft}/submit", headers=headers)).status_code == 404


async def test_a_key_is_shown_once_and_refused_within_a_second_of_its_revocation(
    api: httpx.AsyncClient, anyone: httpx.AsyncClient
) -> None:
    made = await api.post("/v1/api-keys", json={"name": "short-lived", "roles": ["viewer", "viewer"]})
    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    key, key_id = made.json()["key"], made.json()["id"]
    assert made.json()["roles"] == ["viewer"]
    assert (await anyone.get("/v1/orders", headers=bearer(key))).status_code == 200
    listed = await api.get("/v1/api-keys", params={"limit": 200})
    assert key_id in listed.text
    assert key not in listed.text
    assert (await api.delete(f"/v1/api-keys/{key_id}")).status_code == 204
    await asyncio.sleep(1)
    assert (await anyone.get("/v1/orders", headers=bearer(key))).status_code == 401
    assert (await api.delete("/v1/api-keys/nothing")).status_code == 404


async def test_two_keys_cannot_have_one_name(api: httpx.AsyncClient) -> None:
    body = {"name": "only-one", "roles": ["viewer"]}
    assert (await api.post("/v1/api-keys", json=body)).status_code == 201
    assert (await api.post("/v1/api-keys", json=body)).status_code == 409


async def test_one_principals_idempotency_key_is_not_anothers(
    api: httpx.AsyncClient, anyone: httpx.AsyncClient, key_for: KeyFor
) -> None:
    mine = await placed(api, key="shared")
    headers = bearer(await key_for(Role.operator)) | {"Idempotency-Key": "shared"}
    theirs = await anyone.post("/v1/orders", json=samples.order(), headers=headers)
    assert theirs.status_code == 202
    assert theirs.json()["id"] != mine["id"]


class Counting(Database):
    """Counts its transactions."""

    count = 0

    @asynccontextmanager
    async def transaction(self, *, statement: bool = False) -> AsyncIterator[Connection]:
        self.count += 1
        async with super().transaction(statement=statement) as connection:
            yield connection


async def test_a_key_in_use_is_looked_up_once_for_all_who_come_with_it(postgres_url: str) -> None:
    """And what that says, that it is revoked, holds for all of them."""
    database, now = Counting(postgres_url), [0.0]
    keyring = Keyring(database, clock=lambda: now[0])
    async with database.transaction() as connection:
        record, key = await api_keys.create(connection, "shared", [Role.viewer], datetime.now(UTC))
    await keyring.principal(key)
    now[0] += TRUSTED_FOR
    database.count = 0
    found = await asyncio.gather(*(keyring.principal(key) for _ in range(20)))
    assert [each and each.key_id for each in found] == [record.id] * 20
    assert database.count == 1

    async with database.transaction() as connection:
        await api_keys.revoke(connection, record.id, datetime.now(UTC))
    now[0] += TRUSTED_FOR
    assert await asyncio.gather(*(keyring.principal(key) for _ in range(20))) == [None] * 20
    await database.close()
