"""The whole product for tests, each part real: PostgreSQL, Temporal with a virtual clock, sandbox, API and workers."""

import asyncio
import contextlib
import itertools
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import yaml
from pydantic import SecretStr
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment

from activities.adapters.gateway.port import Gateway
from activities.contracts.attributes import SEARCH_ATTRIBUTES
from activities.runtime.collector import Collector
from activities.runtime.due_sweep import StoredDueSweep
from activities.runtime.payments import PaymentActivities
from activities.runtime.processes import Processes
from activities.runtime.settings import Settings
from activities.runtime.subscriptions import StoredSubscriptions
from activities.runtime.temporal import DATA_CONVERTER
from activities.store import api_keys
from activities.store.database import Database
from api.app import create_app
from domain.roles import Role
from tests.sandbox_server import SECRET, RunningSandbox, running_sandbox, serving
from workers import migrate
from workers.embedded.ports import free_port
from workers.embedded.postgres import Cluster
from workers.embedded.temporal import server_arguments, temporal_binary
from workers.worker import at_work, sandbox_adapters, sandbox_runner

SAMPLES = Path(__file__).resolve().parents[1] / "deploy" / "samples"
PATIENCE = 60.0
"""Real seconds that a test waits for something to become true."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Money:
    """What the gateway says of an order, over all its payments, in minor units. `open` is what it still holds for it."""

    captured: int
    refunded: int
    open: int


@dataclass
class World:
    """`api` carries an admin key. `client_for` makes one for other roles, signed with a name of its own. What is due at a
    business date is swept only when a test has `due_sweep` do it. `gateways` are those of the workers, by name."""

    database: Database
    database_url: str
    settings: Settings
    temporal: WorkflowEnvironment
    sandbox: RunningSandbox
    api: httpx.AsyncClient
    due_sweep: StoredDueSweep
    gateways: dict[str, Gateway]
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1001))

    async def client_for(self, name: str, *roles: Role) -> httpx.AsyncClient:
        """A client whose key is called `name`."""
        if name not in self.clients:
            async with self.database.transaction() as connection:
                _, key = await api_keys.create(connection, name, list(roles), datetime.now(UTC))
            headers = {"Authorization": f"Bearer {key}"}
            self.clients[name] = httpx.AsyncClient(base_url=self.api.base_url, headers=headers, trust_env=False, timeout=30)
        return self.clients[name]

    async def customer(self, **changes: Any) -> str:
        """A new verified customer with a good card."""
        customer = {"id": f"C-{next(self.numbers)}", "name": "Someone", "country": "DE", "verified": True}
        customer |= {"payment_method": "tok_visa"} | changes
        await self.succeed(self.api.post("/v1/customers", json=customer))
        return str(customer["id"])

    async def product(
        self, *steps: Json, price: str = "10.00", entitlements: Json | None = None, **changes: Any
    ) -> tuple[str, str]:
        """A new product with one plan of these steps and one price an item; returns (product, plan)."""
        number = next(self.numbers)
        product, plan = f"product-{number}", f"plan-{number}"
        await self.succeed(self.api.post("/v1/products", json={"id": product, "name": product, **changes}))
        granted = {"feature": "1"} if entitlements is None else entitlements
        body = {"id": plan, "product": product, "name": plan, "entitlements": granted, "steps": list(steps)}
        await self.succeed(self.api.post("/v1/plans", json=body))
        charge = {"kind": "one_time", "name": "Fee", "unit_amount": price, "per": "unit"}
        await self.succeed(
            self.api.post("/v1/prices", json={"id": f"price-{number}", "plan": plan, "currency": "EUR", "charges": [charge]})
        )
        return product, plan

    async def order(self, customer: str, *items: Json, **changes: Any) -> str:
        """Place an order; items get ids 1, 2, … unless given."""
        numbered = [{"id": str(index), **item} for index, item in enumerate(items, start=1)]
        body = {"customer": customer, "currency": "EUR", "items": numbered, **changes}
        answer = await self.succeed(self.api.post("/v1/orders", json=body))
        return str(answer["id"])

    async def draft(self, customer: str, *items: Json, **changes: Any) -> str:
        """An order that waits to be submitted, so that faults can be narrowed to it before it begins."""
        return await self.order(customer, *items, submit=False, **changes)

    async def submit(self, order: str) -> None:
        await self.succeed(self.api.post(f"/v1/orders/{order}/submit"))

    async def money(self, order: str) -> Money:
        """By the gateway's own journal. A capture of part of an authorization releases the rest of it."""
        payments = (await self.sandbox.summary(order)).payments
        held = [p.authorized.minor for p in payments if not p.captured.minor and not p.voided.minor]
        captured, refunded = sum(p.captured.minor for p in payments), sum(p.refunded.minor for p in payments)
        return Money(captured=captured, refunded=refunded, open=sum(held))

    async def struck(self, order: str) -> bool:
        """Whether a fault narrowed to this order has struck."""
        states = (await self.sandbox.client.get("/faults")).json()
        return any(state["struck"] for state in states if state["fault"]["order"] == order)

    async def happened(self, order: str, *kinds: str) -> list[str]:
        """Facts of these kinds from the sandbox's journal, in order of happening."""
        return [kind for kind in await self.sandbox.kinds(order) if kind in kinds]

    async def succeed(self, request: Awaitable[httpx.Response]) -> Json:
        """The body of an answer that has to be a success."""
        response = await request
        assert response.is_success, f"{response.request.method} {response.request.url}: {response.status_code} {response.text}"
        return dict(response.json()) if response.content else {}

    async def get(self, order: str) -> Json:
        return await self.succeed(self.api.get(f"/v1/orders/{order}"))

    def workflow(self, order: str) -> WorkflowHandle[Any, Any]:
        return self.temporal.client.get_workflow_handle(f"order-{order}")

    async def until(self, holds: Callable[[], Awaitable[Any]], what: str, patience: float = PATIENCE) -> Any:
        """Ask again and again until it holds, the longer it has taken the less often; the answer. Fails after `patience` real
        seconds."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            answer = await holds()
            if answer:
                return answer
            waited = loop.time() - began
            assert waited < patience, f"{what}: not within {patience:.0f} s"
            await asyncio.sleep(min(max(0.02, waited / 5), 0.5))

    async def state(self, order: str, *states: str, patience: float = PATIENCE) -> Json:
        """The order once it is in one of `states`."""
        last: Json = {}

        async def reached() -> Json | None:
            last.update(await self.get(order))
            return last if last["state"] in states else None

        try:
            return dict(await self.until(reached, f"{order} to be {' or '.join(states)}", patience))
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {json.dumps(last, indent=1)[:3000]}") from None

    async def skip(self, order: str, by: timedelta) -> None:
        """Move the order's own clock. One that has not begun or has ended is given a moment instead."""
        try:
            await self.temporal.fast_forward(self.workflow(order), by)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            await asyncio.sleep(0.05)

    async def settled(self, order: str, step: timedelta = timedelta(seconds=40), most: int = 60) -> Json:
        """The order once it is terminal, its clock moved on as long as it is not."""
        for _ in range(most):
            found = await self.get(order)
            if found["state"] in TERMINAL:
                return found
            await self.skip(order, step)
        raise AssertionError(f"{order} does not settle: {json.dumps(await self.get(order), indent=1)[:3000]}")

    async def events(self, order: str) -> list[Json]:
        answer = await self.succeed(self.api.get(f"/v1/orders/{order}/events", params={"limit": 200}))
        return list(answer["items"])

    async def fallout(self, order: str) -> Json:
        """The order's open fallout, once there is one."""

        async def opened() -> Json | None:
            answer = await self.succeed(self.api.get("/v1/fallout", params={"order": order}))
            return next((record for record in answer["items"] if record["verb"] is None), None)

        return dict(await self.until(opened, f"fallout of {order}"))

    async def stuck(self, order: str, step: timedelta = timedelta(seconds=40), most: int = 30) -> Json:
        """The order's open fallout, its clock moved on until there is one."""
        for _ in range(most):
            answer = await self.succeed(self.api.get("/v1/fallout", params={"order": order, "open": "true"}))
            if answer["items"]:
                return dict(answer["items"][0])
            await self.skip(order, step)
        raise AssertionError(f"{order} is not stuck: {json.dumps(await self.get(order), indent=1)[:3000]}")

    async def resolve(self, record: Json, verb: str, **answer: Any) -> None:
        """Decide about a fallout record, as the admin."""
        await self.succeed(self.api.post(f"/v1/fallout/{record['id']}/{verb}", json=answer))


async def refuse_broken(world: World) -> None:
    """No process of this world has failed, and none is stuck in an error of its code. A task that only timed out is none: tests
    without a loop stop the workers beside them for as long as they run, and Temporal hands such a task out again by itself."""
    for trouble in ("ExecutionStatus = 'Failed'", "TemporalReportedProblems = 'category=WorkflowTaskFailed'"):
        broken = [found.id async for found in world.temporal.client.list_workflows(trouble)]
        assert not broken, f"{trouble}: {', '.join(broken)}"


def cash(order: Json) -> int:
    """What our own ledger says was taken for an order and not given back, in minor units."""
    return sum(entry["amount"]["minor"] for entry in order["ledger"] if entry["account"].startswith("cash"))


TERMINAL = {"completed", "partial", "failed", "cancelled", "rejected", "superseded"}


@asynccontextmanager
async def running_world(cluster: Cluster, folder: Path) -> AsyncIterator[World]:
    """Everything on free ports of the loopback, on a database of its own."""
    database_url = await cluster.create_database(f"world_{secrets.token_hex(4)}")
    await migrate.upgrade(database_url)
    database = Database(database_url)
    port = free_port()
    async with contextlib.AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(
            running_sandbox(folder, callback_url=f"http://127.0.0.1:{port}", callback_attempts=50, callback_backoff_seconds=0.1)
        )
        settings = Settings(
            database_url=database_url,
            sandbox_url=sandbox.url,
            api_port=port,
            temporal_ui_url="http://127.0.0.1:1",
            partner_secrets={"fibreworks": SecretStr(SECRET), "mailhub": SecretStr(SECRET)},
            gateway_secrets={"sandbox": SecretStr(SECRET), "backup": SecretStr(SECRET)},
        )
        temporal = await stack.enter_async_context(
            await WorkflowEnvironment.start_time_skipping_v2(
                ts_config=TimeSkippingConfig(enabled=False),
                data_converter=DATA_CONVERTER,
                dev_server_existing_path=str(temporal_binary()),
                dev_server_log_level="error",
                dev_server_extra_args=server_arguments(time_skipping=True),
                search_attributes=SEARCH_ATTRIBUTES,
            )
        )
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        played = sandbox_adapters(sandbox.url, ["fibreworks", "mailhub"], database, http)
        adapters = replace(played, gateways=(gateways := dict(played.gateways)))
        crew = at_work(temporal.client, database, adapters, "sandbox", 500, sandbox_runner(), judged=False)
        await stack.enter_async_context(crew)
        app = create_app(settings, database=database, client=temporal.client)
        api_url = await stack.enter_async_context(serving(app, port))
        async with database.transaction() as connection:
            _, key = await api_keys.create(connection, "admin", [Role.admin], datetime.now(UTC))
        headers = {"Authorization": f"Bearer {key}"}
        api = await stack.enter_async_context(httpx.AsyncClient(base_url=api_url, headers=headers, trust_env=False, timeout=30))
        collector = Collector(database, PaymentActivities(database, adapters.gateways, "sandbox"), "sandbox")
        sweep = StoredDueSweep(database, Processes(temporal.client), StoredSubscriptions(database), collector)
        world = World(database, database_url, settings, temporal, sandbox, api, sweep, gateways)
        await load_samples(api)
        yield world
        for client in world.clients.values():
            await client.aclose()
    await database.close()


async def load_samples(api: httpx.AsyncClient) -> None:
    """The sample catalogue, through the API as a user would."""
    samples = yaml.safe_load((SAMPLES / "catalogue.yaml").read_text(encoding="utf-8"))
    for noun in ("products", "plans", "prices", "customers"):
        for record in samples[noun]:
            (await api.post(f"/v1/{noun}", json=record)).raise_for_status()
    for policy in samples["approval_policies"]:
        (await api.put(f"/v1/approval-policies/{policy['id']}", json=policy)).raise_for_status()
