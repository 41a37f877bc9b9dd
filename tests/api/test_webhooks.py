"""Gateways' webhooks: whose they are, that each counts once, and that nothing is lost between two systems."""

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from activities.store.database import Database
from activities.store.tables.orders import dispatches
from tests.api.conftest import GATEWAY_SECRET
from tests.api.test_callbacks import signed


def message(**changes: Any) -> dict[str, Any]:
    event = {"id": f"evt_{secrets.token_hex(6)}", "kind": "payment_changed", "at": datetime.now(UTC).isoformat()}
    return event | {"payment": f"O-{secrets.randbelow(10**6)}:payment:1"} | changes


async def tell(client: httpx.AsyncClient, event: Any, gateway: str = "sandbox", **headers: Any) -> httpx.Response:
    body = json.dumps(event)
    return await client.post(
        f"/v1/webhooks/{gateway}", content=body, headers=signed(body, **({"secret": GATEWAY_SECRET} | headers))
    )


async def asked_of_temporal(database: Database, event: dict[str, Any]) -> list[dict[str, Any]]:
    query = select(dispatches.c.payload).where(dispatches.c.key == f"gateway:sandbox:{event['id']}")
    async with database.transaction() as connection:
        return [row["event"] for row in (await connection.execute(query)).scalars()]


async def test_a_signed_message_is_kept_together_with_what_temporal_is_told(
    anyone: httpx.AsyncClient, database: Database
) -> None:
    event = message()
    answer = await tell(anyone, event)
    assert (answer.status_code, answer.json()) == (202, {"status": "new"})
    assert [told["payment"] for told in await asked_of_temporal(database, event)] == [event["payment"]]


async def test_a_message_counts_once_also_when_it_is_signed_anew(anyone: httpx.AsyncClient, database: Database) -> None:
    event = message()
    await tell(anyone, event)
    again = await tell(anyone, event)
    assert (again.status_code, again.json()) == (200, {"status": "duplicate"})
    assert len(await asked_of_temporal(database, event)) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"secret": "whsec_c29tZWJvZHkgZWxzZQ=="},
        {"age": timedelta(minutes=6)},
        {"changes": {"webhook-signature": "garbled"}},
        {"changes": {"webhook-timestamp": "9" * 400}},
    ],
)
async def test_what_the_gateway_did_not_sign_or_long_ago_is_refused(
    anyone: httpx.AsyncClient, database: Database, headers: dict[str, Any]
) -> None:
    event = message()
    answer = await tell(anyone, event, **headers)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert await asked_of_temporal(database, event) == []


async def test_a_gateway_without_a_secret_is_not_believed(anyone: httpx.AsyncClient) -> None:
    assert (await tell(anyone, message(), gateway="backup")).status_code == 401


async def test_an_unknown_gateway_is_not_found(anyone: httpx.AsyncClient) -> None:
    answer = await tell(anyone, message(), gateway="stranger")
    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no gateway stranger")


@pytest.mark.parametrize("event", [{"id": "evt_1"}, [], message(kind="unheard"), message(amount={"minor": "x"})])
async def test_what_is_signed_and_cannot_be_read_names_its_field(anyone: httpx.AsyncClient, event: Any) -> None:
    answer = await tell(anyone, event)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "body"


async def test_a_message_that_is_too_large_is_refused(anyone: httpx.AsyncClient) -> None:
    assert (await tell(anyone, message(reason="x" * 1_000_001))).status_code == 413
