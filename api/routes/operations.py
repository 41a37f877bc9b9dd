"""Whether this process is alive, whether it can serve, and how it is doing."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from enum import StrEnum

import httpx
from fastapi import APIRouter, Response
from starlette.requests import Request
from temporalio.client import Client
from temporalio.service import RPCError

from activities.runtime.settings import Settings
from activities.store import dispatches
from activities.store.database import Database
from api.dependencies import Config, Db
from api.metrics import Metrics
from domain.errors import TurnupError, Unavailable
from domain.values import Value

router = APIRouter(tags=["operations"])

TAKEN_WITHIN = 30
PATIENCE = 3.0
"""Seconds each dependency has to answer."""


class Health(StrEnum):
    ready = "ready"
    degraded = "degraded"
    """Orders are accepted and kept; they go on when what is missing is back."""
    unready = "unready"


class Dependency(Value):
    up: bool
    detail: str


class Alive(Value):
    status: str = "alive"


class Readiness(Value):
    status: Health
    dependencies: dict[str, Dependency]


@router.get("/healthz", summary="Whether the process is alive")
async def healthz() -> Alive:
    """Asks nothing else, so that a slow database does not get the process restarted."""
    return Alive()


@router.get("/readyz", summary="Whether it can serve", responses={503: {"model": Readiness, "description": "It cannot"}})
async def readyz(request: Request, response: Response, settings: Config, database: Db) -> Readiness:
    """Each dependency. Only PostgreSQL is needed to accept orders: without workers, Temporal or the gateway it is degraded, and
    still 200."""
    names = ("postgres", "workers", "temporal", "gateway")
    probes: list[Callable[[], Awaitable[str]]] = [
        lambda: _postgres(database),
        lambda: _workers(database),
        lambda: _temporal(request.app.state.temporal),
        lambda: _gateway(settings),
    ]
    dependencies = dict(zip(names, await asyncio.gather(*(_probed(probe) for probe in probes)), strict=True))
    status = _health(dependencies)
    if status is Health.unready:
        response.status_code = 503
    return Readiness(status=status, dependencies=dependencies)


@router.get("/metrics", summary="Measures for Prometheus", response_class=Response)
async def metrics(request: Request, database: Db) -> Response:
    measures: Metrics = request.app.state.metrics
    return Response(await measures.text(database), media_type="text/plain; version=0.0.4; charset=utf-8")


def _health(dependencies: dict[str, Dependency]) -> Health:
    if not dependencies["postgres"].up:
        return Health.unready
    return Health.ready if all(each.up for each in dependencies.values()) else Health.degraded


async def _probed(probe: Callable[[], Awaitable[str]]) -> Dependency:
    try:
        return Dependency(up=True, detail=await asyncio.wait_for(probe(), PATIENCE))
    except TimeoutError:
        return Dependency(up=False, detail=f"no answer within {PATIENCE:.0f} s")
    except TurnupError as error:
        return Dependency(up=False, detail=str(error))


async def _postgres(database: Database) -> str:
    await database.ping()
    return "answers"


async def _workers(database: Database) -> str:
    """They take what is due within a second, so that what lies longer says that none is at work."""
    async with database.transaction() as connection:
        left = await dispatches.unsent(connection, TAKEN_WITHIN)
    if left:
        raise Unavailable(f"{left} orders or messages have waited for a worker for more than {TAKEN_WITHIN} s")
    return "nothing waits for them"


async def _temporal(client: Client) -> str:
    try:
        await client.service_client.check_health(timeout=timedelta(seconds=PATIENCE))
    except (RPCError, RuntimeError) as error:
        raise Unavailable(f"does not answer ({type(error).__name__})") from None
    return f"answers, namespace {client.namespace}"


async def _gateway(settings: Settings) -> str:
    if settings.sandbox_url is None:
        return "not asked: it is not the sandbox"
    try:
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            (await client.get(f"{settings.sandbox_url}/healthz")).raise_for_status()
    except httpx.HTTPError as error:
        raise Unavailable(f"the sandbox does not answer ({type(error).__name__})") from None
    return "the sandbox answers"
