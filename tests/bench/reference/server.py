"""The references as a process: endpoint and worker in one, with one client, so that workflows and activities start eagerly."""

import argparse
import asyncio
import contextlib
import itertools
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import httpx
import uvicorn
from fastapi import FastAPI
from sqlalchemy import Column, DateTime, MetaData, String, Table, func, insert
from sqlalchemy.dialects.postgresql import JSONB
from temporalio.client import Client
from temporalio.worker import Worker

from activities.adapters.gateway.sandbox import SandboxGateway
from activities.adapters.provisioning.partner import PartnerProvisioner
from activities.store.database import Database
from domain.money import Money
from domain.orders import OrderRequest
from tests.bench.connection import pooled
from tests.bench.reference.phases import phases
from tests.bench.reference.workflows import BareActivities, BareWorkflow, SagaWorkflow, TimerWorkflow
from tests.bench.rows import Insertion, Pattern

QUEUE = "reference"
STARTED_AT_ONCE = 20
FIRST_NUMBER = 10_000_000
"""Far from the product's own, with which the references share Temporal and the sandbox."""

accepted = Table(
    "bench_accepted",
    MetaData(),
    Column("id", String, primary_key=True),
    Column("document", JSONB, nullable=False),
    Column("at", DateTime(timezone=True), server_default=func.now()),
)


class Reference:
    """The endpoints. Each validates the same body and answers 202 with the order's id."""

    def __init__(self, database: Database, pool: "asyncpg.Pool", client: Client, acceptance: Insertion) -> None:
        self._database = database
        self._pool = pool
        self._client = client
        self._acceptance = acceptance
        self._numbers = itertools.count(FIRST_NUMBER)

    def app(self) -> FastAPI:
        app = FastAPI()
        app.add_api_route("/bare", self.bare, methods=["POST"], status_code=202)
        app.add_api_route("/saga", self.saga, methods=["POST"], status_code=202)
        app.add_api_route("/timers", self.timers, methods=["POST"])
        app.add_api_route("/insert", self.insert, methods=["POST"], status_code=202)
        app.add_api_route("/ready", self.ready, methods=["GET"])
        return app

    async def ready(self) -> str:
        return "ready"

    async def bare(self, request: OrderRequest) -> dict[str, str]:
        """The order's first rows, and its workflow."""
        number = next(self._numbers)
        await self._pool.execute(self._acceptance.statement, self._acceptance.values(number, "B-1"))
        return await self._start("bare", f"O-{number}")

    async def saga(self, request: OrderRequest) -> dict[str, str]:
        return await self._start("saga", f"O-{next(self._numbers)}")

    async def _start(self, workflow: str, order: str) -> dict[str, str]:
        await self._client.start_workflow(
            workflow,
            order,
            id=f"{workflow}-{order}",
            task_queue=QUEUE,
            request_eager_start=True,
            task_timeout=timedelta(seconds=10),
        )
        return {"id": order}

    async def timers(self, count: int, at: float) -> None:
        """Start this many that fire at `at`; returns when all of them sleep."""
        names = (f"timer-{at}-{number}" for number in range(count))

        async def some() -> None:
            for name in names:
                await self._client.start_workflow("timer", args=[name, at], id=name, task_queue=QUEUE, request_eager_start=True)

        await asyncio.gather(*(some() for _ in range(STARTED_AT_ONCE)))

    async def insert(self, request: OrderRequest) -> dict[str, str]:
        """One row, and nothing else."""
        order = f"O-{next(self._numbers)}"
        async with self._database.transaction() as connection:
            await connection.execute(insert(accepted).values(id=order, document=request.model_dump(mode="json")))
        return {"id": order}


@contextlib.asynccontextmanager
async def at_work(client: Client, activities: BareActivities) -> AsyncIterator[None]:
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[BareWorkflow, SagaWorkflow, TimerWorkflow],
        activities=activities.every,
        max_cached_workflows=2000,
    )
    async with worker:
        yield


async def run(arguments: argparse.Namespace) -> None:
    pattern = Pattern.model_validate_json(arguments.pattern.read_text(encoding="utf-8"))
    written = phases(pattern)
    amount = Money(minor=pattern.rows["orders"][0]["total"], currency=pattern.rows["orders"][0]["currency"])
    url = os.environ["TURNUP_DATABASE_URL"]
    client = await Client.connect(arguments.temporal)
    database = Database(url)
    async with (
        pooled(url) as pool,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        partner = PartnerProvisioner(f"{arguments.sandbox}/partners/mailhub", "mailhub", http)
        gateway = SandboxGateway(f"{arguments.sandbox}/gateway", http)
        async with at_work(client, BareActivities(pool, gateway, partner, written, amount)):
            app = Reference(database, pool, client, written["accepted"]).app()
            await uvicorn.Server(_configuration(app, arguments.port)).serve()
    await database.close()


def _configuration(app: FastAPI, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        app, host="127.0.0.1", port=port, log_config=None, http="httptools", access_log=False, server_header=False
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--temporal", required=True)
    parser.add_argument("--sandbox", required=True)
    parser.add_argument("--pattern", type=Path, required=True)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    with asyncio.Runner(loop_factory=uvicorn.Config(FastAPI()).get_loop_factory()) as runner:
        runner.run(run(arguments))
    sys.stderr.flush()
    os._exit(0)  # Temporal's client may crash a process that ends in the ordinary way


if __name__ == "__main__":
    main()
