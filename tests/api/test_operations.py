"""Health, readiness and measures."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from activities.store import dispatches
from activities.store.database import Database
from activities.store.dispatches import Dispatch, Kind
from api.routes import operations
from api.routes.operations import Dependency, Health
from tests.api.test_orders import placed


async def test_it_is_alive_whatever_else_is_down(anyone: httpx.AsyncClient) -> None:
    answer = await anyone.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


async def test_readiness_tells_of_each_dependency(anyone: httpx.AsyncClient) -> None:
    body = (await anyone.get("/readyz")).json()
    assert set(body["dependencies"]) == {"postgres", "workers", "temporal", "gateway"}
    assert body["dependencies"]["postgres"]["up"]
    assert not body["dependencies"]["temporal"]["up"]
    assert not body["dependencies"]["gateway"]["up"]


@pytest.mark.parametrize(
    ("down", "health"),
    [
        ([], Health.ready),
        (["temporal"], Health.degraded),
        (["gateway"], Health.degraded),
        (["postgres"], Health.unready),
        (["workers"], Health.degraded),
    ],
)
def test_it_serves_as_long_as_orders_can_be_kept(down: list[str], health: Health) -> None:
    names = ("postgres", "workers", "temporal", "gateway")
    found = {name: Dependency(up=name not in down, detail="") for name in names}
    assert operations._health(found) is health


async def test_what_no_worker_takes_is_said(anyone: httpx.AsyncClient, database: Database) -> None:
    due = datetime.now(UTC) - timedelta(seconds=operations.TAKEN_WITHIN + 1)
    row = Dispatch(key=f"left-{uuid4()}", kind=Kind.wake, subject="O-0", due_at=due)
    async with database.transaction() as connection:
        await dispatches.request(connection, [row])

    answer = await anyone.get("/readyz")

    workers = answer.json()["dependencies"]["workers"]
    assert (answer.status_code, workers["up"]) == (200, False)
    assert re.match(r"\d+ orders or messages have waited for a worker for more than 30 s$", workers["detail"])
    async with database.transaction() as connection:
        await dispatches.mark_sent(connection, [row.key], due)


async def test_measures_count_orders_fallout_backlog_and_requests(api: httpx.AsyncClient, anyone: httpx.AsyncClient) -> None:
    await placed(api)
    text = (await anyone.get("/metrics")).text
    for name in (
        'turnup_orders{state="acknowledged"}',
        "turnup_fallout_open",
        "turnup_dispatch_backlog",
        'turnup_patrol_violations{invariant="captured_is_fulfilled"} 0.0',
        "turnup_invoices_waiting",
        "turnup_due_rows_waiting",
        "turnup_subscriptions",
        "turnup_differences_open",
        "# TYPE turnup_suspense_minor_units gauge",
        'turnup_http_requests_total{method="POST",route="/v1/orders",status="202"}',
        'turnup_http_seconds_count{method="POST",route="/v1/orders"}',
    ):
        assert name in text, name
    assert "O-1" not in text
