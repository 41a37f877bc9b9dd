"""The API on a real PostgreSQL over real HTTP, with Temporal out of reach and a stand-in where running orders are asked."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from activities.runtime.settings import Settings
from activities.runtime.temporal import connect
from activities.store import api_keys, catalogue, customers
from activities.store.database import Database
from api.app import create_app
from domain.catalogue import Plan, Price, Product
from domain.clocks import Advance
from domain.customers import Customer
from domain.orders import Order
from domain.roles import Role
from tests.api import samples
from workers import migrate
from workers.embedded.ports import free_port
from workers.embedded.postgres import Cluster

GATEWAY_SECRET = "whsec_Z2F0ZXdheSBzZWNyZXQgZm9yIHRlc3Rz"
PARTNER_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KeyFor = Callable[..., Awaitable[str]]


@dataclass
class Asked:
    """One update a process was sent."""

    order: Order
    update: str
    argument: Any
    update_id: str


@dataclass
class Corrected:
    """One update an invoice or a subscription was sent."""

    invoice: str
    update: str
    argument: Any
    update_id: str


@dataclass
class StandIn:
    """Answers for running orders and invoices: what was asked is kept, and the next answer is what a test has put there."""

    asked: list[Asked] = field(default_factory=list)
    corrected: list[Corrected] = field(default_factory=list)
    answer: Any = "noted"

    async def command(self, order: Order, update: str, argument: Any, update_id: str) -> Any:
        self.asked.append(Asked(order, update, argument, update_id))
        return self._said()

    async def correct(self, invoice: str, update: str, argument: Any, update_id: str) -> Any:
        self.corrected.append(Corrected(invoice, update, argument, update_id))
        return self._said()

    async def instruct(self, subscription: str, update: str, argument: Any, update_id: str) -> Any:
        self.corrected.append(Corrected(subscription, update, argument, update_id))
        return self._said()

    async def advance(self, advance: Advance) -> Awaitable[str]:
        async def ended() -> str:
            return str(self._said())

        return ended()

    async def contest(self, dispute: str, update: str, argument: Any, update_id: str) -> Any:
        return self._said()

    def _said(self) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest_asyncio.fixture(scope="session")
async def postgres_url(cluster: Cluster) -> str:
    """A database of the API's own, at the newest revision."""
    url = await cluster.create_database("api")
    await migrate.upgrade(url)
    return url


@pytest_asyncio.fixture(scope="session")
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url)
    await _fill(database)
    yield database
    await database.close()


async def _fill(database: Database) -> None:
    now = datetime.now(UTC)
    kinds: tuple[tuple[type[Product | Plan | Price], list[dict[str, Any]]], ...] = (
        (Product, samples.PRODUCTS),
        (Plan, samples.PLANS),
        (Price, samples.PRICES),
    )
    async with database.transaction() as connection:
        for kind, documents in kinds:
            for document in documents:
                await catalogue.publish(connection, kind.model_validate(document), now)
        for customer in samples.CUSTOMERS:
            await customers.put(connection, Customer.model_validate(customer), now)


@pytest.fixture(scope="session")
def settings(postgres_url: str) -> Settings:
    return Settings(
        database_url=postgres_url,
        temporal_address=f"127.0.0.1:{free_port()}",
        temporal_ui_url="http://temporal.example",
        partner_secrets={"fibreworks": SecretStr(PARTNER_SECRET)},
        gateway_secrets={"sandbox": SecretStr(GATEWAY_SECRET)},
        sandbox_url=f"http://127.0.0.1:{free_port()}",
    )


@pytest.fixture(scope="session")
def shared_stand_in() -> StandIn:
    return StandIn()


@pytest.fixture
def processes(shared_stand_in: StandIn) -> StandIn:
    """What running orders answer in this test."""
    shared_stand_in.asked.clear()
    shared_stand_in.corrected.clear()
    shared_stand_in.answer = "noted"
    return shared_stand_in


@pytest_asyncio.fixture(scope="session")
async def app(settings: Settings, database: Database, shared_stand_in: StandIn) -> FastAPI:
    client = await connect(settings, lazy=True)
    return create_app(settings, database=database, client=client, processes=shared_stand_in)


@pytest_asyncio.fixture(scope="session")
async def base_url(app: FastAPI) -> AsyncIterator[str]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, timeout_keep_alive=60, timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve())
    await _until(lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    with contextlib.suppress(asyncio.CancelledError):
        await serving


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - uvicorn offers no event for it
            await asyncio.sleep(0.01)


@pytest.fixture(scope="session")
def key_for(database: Database) -> KeyFor:
    async def make(*roles: Role, name: str | None = None) -> str:
        async with database.transaction() as connection:
            made = await api_keys.create(connection, name or f"key-{secrets.token_hex(4)}", list(roles), datetime.now(UTC))
        return made[1]

    return make


@pytest_asyncio.fixture(scope="session")
async def admin_key(key_for: KeyFor) -> str:
    return await key_for(Role.admin, name="admin")


@pytest_asyncio.fixture(scope="session")
async def api(base_url: str, admin_key: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client with an admin key."""
    headers = {"Authorization": f"Bearer {admin_key}"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=30, trust_env=False) as client:
        yield client


@pytest_asyncio.fixture(scope="session")
async def anyone(base_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key."""
    async with httpx.AsyncClient(base_url=base_url, timeout=30, trust_env=False) as client:
        yield client
