"""The product as it is started by `turnup start`, in a folder of its own, and the references beside it."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import yaml
from temporalio.client import Client
from temporalio.service import RPCError

from activities.store.database import Database
from tests.bench.connection import connected
from tests.bench.load import Target, complete
from tests.bench.reference.workflows import STEPS
from tests.bench.rows import Pattern, pattern_of
from tests.bench.wire import post
from tests.world import SAMPLES
from workers.embedded.ports import free_port
from workers.embedded.process import Command, spawn, stop
from workers.embedded.running import Running, last_run
from workers.migrate import upgrade

ROOT = Path(__file__).resolve().parents[2]
CUSTOMERS = [f"B-{number}" for number in range(1, 201)]
"""The orders are spread over these, as one customer rarely has thousands of services."""

SAMPLE = {"currency": "EUR", "items": [{"id": "1", "product": "crm", "plan": "crm-team", "quantity": 2}]}
FINISHED = "SELECT id FROM orders WHERE id = ANY($1) AND state = 'completed'"
SAGA_FINISHED = f"SELECT order_id FROM bench_steps WHERE order_id = ANY($1) AND step = '{STEPS[-1]}'"
READY_WITHIN = 120.0


@dataclass
class Installation:
    """One data folder, and the stack on it while it is up."""

    data_dir: Path
    process: asyncio.subprocess.Process | None = None
    reference: "Reference | None" = None
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))

    async def start(self) -> float:
        """Seconds until it was ready."""
        ports = {} if last_run(self.data_dir) else {f"TURNUP_{name}_PORT": str(free_port()) for name in PORTS}
        began, log = time.monotonic(), self.data_dir.parent / "start.log"
        self.process = await _launch("workers.cli.main", "start", log=log, TURNUP_DATA_DIR=str(self.data_dir), **ports)
        while not (run := last_run(self.data_dir)) or not run.ready or run.supervisor.pid != self.process.pid:
            if self.process.returncode is not None or time.monotonic() - began > READY_WITHIN:
                raise RuntimeError(f"the stack does not start: {_end_of(log)}")
            await asyncio.sleep(0.02)
        return time.monotonic() - began

    async def stop(self) -> None:
        if self.process is not None:
            await stop(self.process, signal.SIGTERM, patience=60)
            self.process = None

    @property
    def running(self) -> Running:
        found = last_run(self.data_dir)
        if found is None:
            raise RuntimeError("the installation is not up")
        return found

    @property
    def processes(self) -> dict[str, psutil.Process]:
        """By name, with the supervisor, and the references where they are up."""
        marks = {**self.running.processes, "supervisor": self.running.supervisor}
        found = {name: process for name, mark in marks.items() if (process := mark.process())}
        found["supervisor"] = _without_children(found["supervisor"])
        return found | ({"reference": psutil.Process(self.reference.process.pid)} if self.reference else {})

    @property
    def key(self) -> str:
        return self.running.admin_key_file.read_text(encoding="utf-8").strip()

    @property
    def product(self) -> Target:
        """Orders to the product, of one customer after the other."""
        url = f"{self.running.api_url}/v1/orders"
        requests = [post(url, json.dumps({"customer": customer, **SAMPLE}).encode(), self.key) for customer in CUSTOMERS]
        return Target(url, self.running.database_url, FINISHED, lambda _: requests[next(self.numbers) % len(requests)])

    async def fill(self) -> None:
        """The sample catalogue, and the customers."""
        headers = {"Authorization": f"Bearer {self.key}"}
        async with httpx.AsyncClient(base_url=self.running.api_url, headers=headers, trust_env=False, timeout=30) as api:
            samples = yaml.safe_load((SAMPLES / "catalogue.yaml").read_text(encoding="utf-8"))
            for noun in ("products", "plans", "prices"):
                for record in samples[noun]:
                    (await api.post(f"/v1/{noun}", json=record)).raise_for_status()
            for customer in CUSTOMERS:
                record = {"id": customer, "name": customer, "country": "DE", "verified": True, "payment_method": "tok_visa"}
                (await api.post("/v1/customers", json=record)).raise_for_status()

    async def pattern(self) -> Pattern:
        """The rows that one order leaves."""
        batch = await complete(self.product, 1, 1)
        await asyncio.sleep(3)  # until its subscription has taken over
        database = Database(self.running.database_url)
        try:
            async with database.transaction() as connection:
                return await pattern_of(connection, batch.ids[0])
        finally:
            await database.close()

    async def history_events(self, workflow: str) -> int:
        """How many events Temporal keeps of a workflow; 0 where there is none."""
        client = await Client.connect(self.running.temporal_address)
        with contextlib.suppress(RPCError):
            return len((await client.get_workflow_handle(workflow).fetch_history()).events)
        return 0


PORTS = ("API", "SANDBOX", "POSTGRES", "TEMPORAL", "TEMPORAL_UI")


class _Alone(psutil.Process):
    def children(self, recursive: bool = False) -> list[psutil.Process]:
        return []


def _without_children(process: psutil.Process) -> psutil.Process:
    """The supervisor's children are counted by their own names."""
    return _Alone(process.pid)


@dataclass(frozen=True)
class Reference:
    """The references' process, on a database of its own in the same cluster."""

    process: asyncio.subprocess.Process
    url: str
    database_url: str
    pattern: Pattern

    def target(self, endpoint: str) -> Target:
        """`bare`, `saga` or `insert`."""
        url = f"{self.url}/{endpoint}"
        request = post(url, json.dumps({"customer": CUSTOMERS[0], **SAMPLE}).encode())
        return Target(url, self.database_url, SAGA_FINISHED if endpoint == "saga" else FINISHED, lambda _: request)


@contextlib.asynccontextmanager
async def references(installation: Installation) -> AsyncIterator[Reference]:
    """The references at work beside an installation."""
    pattern = await installation.pattern()
    database_url = await _database(installation)
    folder = installation.data_dir.parent
    written = folder / "pattern.json"
    written.write_text(pattern.model_dump_json(), encoding="utf-8")
    port, running = free_port(), installation.running
    words = ["--port", str(port), "--pattern", str(written)]
    words += ["--temporal", running.temporal_address, "--sandbox", running.sandbox_url]
    log = folder / "reference.log"
    process = await _launch("tests.bench.reference.server", *words, log=log, TURNUP_DATABASE_URL=database_url)
    try:
        reference = Reference(process, f"http://127.0.0.1:{port}", database_url, pattern)
        await _ready(reference, log)
        installation.reference = reference
        yield reference
    finally:
        installation.reference = None
        await stop(process, signal.SIGTERM)


async def _database(installation: Installation) -> str:
    """The product's schema with its catalogue and customers, without its orders."""
    source = installation.running.database_url
    async with connected(source) as connection:
        await connection.execute("DROP DATABASE IF EXISTS reference")
        await connection.execute("CREATE DATABASE reference")
        [(customers,)] = await connection.fetch("SELECT jsonb_agg(c)::text FROM customers c")
    url = source.rpartition("/")[0] + "/reference"
    await upgrade(url)
    async with connected(url) as connection:
        copied = "INSERT INTO customers SELECT * FROM jsonb_populate_recordset(NULL::customers, $1)"
        await connection.execute(copied, customers)
        await connection.execute(
            "CREATE TABLE bench_steps (order_id text, step text, PRIMARY KEY (order_id, step));"
            "CREATE TABLE bench_accepted (id text PRIMARY KEY, document jsonb NOT NULL, at timestamptz DEFAULT now())"
        )
    return url


async def _ready(reference: Reference, log: Path) -> None:
    until = time.monotonic() + READY_WITHIN
    async with httpx.AsyncClient(trust_env=False) as http:
        while time.monotonic() < until and reference.process.returncode is None:
            with contextlib.suppress(httpx.HTTPError):
                if (await http.get(f"{reference.url}/ready")).is_success:
                    return
            await asyncio.sleep(0.1)
    raise RuntimeError(f"the references do not start: {_end_of(log)}")


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A temporary one that root's PostgreSQL can go to."""
    with tempfile.TemporaryDirectory(prefix="turnup-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


async def _launch(module: str, *words: str, log: Path, **settings: str) -> asyncio.subprocess.Process:
    """A process of this code with these settings and no others, which ends when we do, however we end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TURNUP_")} | settings
    return await spawn(Command([sys.executable, "-m", module, *words], log, environment, folder=ROOT))


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8")[-2000:]


@contextlib.asynccontextmanager
async def installed(say: Callable[[str], None]) -> AsyncIterator[Installation]:
    """A filled installation in a temporary folder, up."""
    with _folder() as folder:
        installation = Installation(folder / "turnup")
        try:
            say("starting an installation …")
            await installation.start()
            await installation.fill()
            yield installation
        finally:
            await installation.stop()
