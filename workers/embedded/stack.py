"""The parts of an embedded installation: which processes it has, how each is started, and when each is ready."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from pydantic import SecretStr

from activities.contracts.queues import ORDERS
from activities.runtime.settings import PREFIX, Settings, as_environment
from workers.embedded.keys import Keys, keep_admin_key, keep_keys
from workers.embedded.ports import choose_port
from workers.embedded.postgres import Cluster, choose_home, open_cluster
from workers.embedded.process import Command, Mark
from workers.embedded.running import Ports, Running, last_run
from workers.embedded.temporal import DevelopmentServer

ROOT = Path(__file__).resolve().parents[2]
"""Where our packages are imported from; the children must run the same code."""

READY_WITHIN = 60.0
"""Seconds."""

POSTGRES = "postgres"


@dataclass(frozen=True)
class Service:
    """One child process. `prepare` runs before each start (blocking), `ready` returns once it serves."""

    name: str
    command: Command
    ready: Callable[[], Awaitable[None]]
    prepare: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Stack:
    """An installation with every address decided. `engines` start before the schema, `programs` after it."""

    settings: Settings
    ports: Ports
    admin_key_file: Path
    cluster: Cluster | None
    temporal: DevelopmentServer | None
    has_sandbox: bool

    @property
    def logs(self) -> Path:
        """One file per process."""
        return self.settings.data_dir / "logs"

    def engines(self) -> list[Service]:
        """The embedded database and process engine; those configured elsewhere are not ours to start."""
        services = []
        if self.cluster:
            command = self.cluster.command(self.logs / "postgres.log")
            services.append(Service(POSTGRES, command, self.cluster.ready, self.cluster.repair))
        if self.temporal:
            command = self.temporal.command(self.logs / "temporal.log")
            services.append(Service("temporal", command, self.temporal.ready))
        return services

    def schema(self) -> Command:
        """Brings the schema to this release, and ends."""
        return self._python("schema", "workers.migrate")

    def programs(self) -> list[Service]:
        """Our own processes, which may start together."""
        services = [self._sandbox()] if self.has_sandbox else []
        return [
            *services,
            Service("worker", self._python("worker", "workers.worker"), self._worker_polls),
            Service("api", self._python("api", "api.server"), _answers(f"{self._own_api_url}/readyz")),
        ]

    def running(self, processes: dict[str, Mark], restarts: dict[str, int], *, ready: bool) -> Running:
        """What to write down now."""
        settings = self.settings
        return Running(
            supervisor=Mark.of(os.getpid()),
            started_at=datetime.now(UTC),
            ready=ready,
            ports=self.ports,
            api_url=self._own_api_url,
            temporal_address=settings.temporal_address or "",
            temporal_ui_url=settings.temporal_ui_url,
            temporal_namespace=settings.temporal_namespace,
            sandbox_url=settings.sandbox_url or "",
            database_url=settings.database_url or "",
            admin_key_file=self.admin_key_file,
            processes=processes,
            restarts=restarts,
        )

    async def _worker_polls(self) -> None:
        """Asked of the embedded server alone: another may not show its HTTP interface. A worker that died is still listed."""
        began = datetime.now(UTC)
        if self.temporal:
            queue = f"{self.temporal.ui_url}/api/v1/namespaces/{self.temporal.namespace}/task-queues/{ORDERS}"
            await _answers(queue, lambda answer: _polled_since(began, answer.json().get("pollers") or []))()

    @property
    def _own_api_url(self) -> str:
        return f"http://{_reachable(self.settings.api_host)}:{self.ports.api}"

    def _sandbox(self) -> Service:
        arguments = ["--port", str(self.ports.sandbox), "--callback-url", self.settings.callback_url or ""]
        arguments += ["--data", str(self.settings.data_dir / "sandbox.json")]
        url = f"http://127.0.0.1:{self.ports.sandbox}/healthz"
        return Service("sandbox", self._python("sandbox", "workers.sandbox", *arguments), _answers(url))

    def _python(self, name: str, module: str, *arguments: str) -> Command:
        return Command(
            [sys.executable, "-P", "-m", module, *arguments], self.logs / f"{name}.log", child_environment(self.settings)
        )


def plan(settings: Settings) -> Stack:
    """Decide ports, secrets and addresses. Blocks; the caller owns the data folder. Raises `CannotStart`."""
    settings = settings.model_copy(update={"data_dir": settings.data_dir.absolute()})
    keys, ports = keep_keys(settings.data_dir), _choose_ports(settings)
    admin_key_file = keep_admin_key(settings.data_dir)
    cluster = None
    if settings.database_url is None:
        cluster = open_cluster(choose_home(settings.data_dir), keys.postgres, ports.postgres)
    temporal = None
    if settings.temporal_address is None:
        database = settings.data_dir / "temporal.db"
        temporal = DevelopmentServer(ports.temporal, ports.temporal_ui, database, namespace=settings.temporal_namespace)
    resolved = _resolve(settings, ports, keys, cluster, temporal)
    resolved = resolved.model_copy(update={"admin_key_file": admin_key_file})
    return Stack(resolved, ports, admin_key_file, cluster, temporal, settings.sandbox_url is None)


def child_environment(settings: Settings) -> dict[str, str]:
    """Our environment with the settings as decided here, and our own packages first."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH")) if part)
    both = settings.partner_secrets | settings.gateway_secrets
    secrets = {name: secret.get_secret_value() for name, secret in both.items()}
    return {
        **inherited,
        **as_environment(settings),
        "TURNUP_SANDBOX_SECRETS": json.dumps(secrets),
        "PYTHONPATH": path,
        "PYTHONUNBUFFERED": "1",
    }


def _choose_ports(settings: Settings) -> Ports:
    """The configured ports, else those of the last run, so that links and callbacks stay good over a restart."""
    before = last_run(settings.data_dir)
    taken: set[int] = set()

    def choose(name: str, usual: int, host: str = "127.0.0.1") -> int:
        preferred = [getattr(before.ports, name)] if before else []
        configured = getattr(settings, f"{name}_port")
        port = choose_port(f"{PREFIX}{name.upper()}_PORT", configured, [*preferred, usual], taken, host)
        taken.add(port)
        return port

    return Ports(
        api=choose("api", 8080, settings.api_host),
        sandbox=choose("sandbox", 8090),
        postgres=choose("postgres", 54320),
        temporal=choose("temporal", 7233),
        temporal_ui=choose("temporal_ui", 8233),
    )


def _resolve(
    settings: Settings, ports: Ports, keys: Keys, cluster: Cluster | None, temporal: DevelopmentServer | None
) -> Settings:
    """The settings with nothing left to choose."""
    api_url = f"http://{_reachable(settings.api_host)}:{ports.api}"
    partners = {partner: SecretStr(secret) for partner, secret in keys.partners.items()}
    gateways = {gateway: SecretStr(secret) for gateway, secret in keys.gateways.items()}
    update = {
        "api_port": ports.api,
        "api_url": settings.api_url or api_url,
        "callback_url": settings.callback_url or api_url,
        "public_url": settings.public_url or api_url,
        "sandbox_url": settings.sandbox_url or f"http://127.0.0.1:{ports.sandbox}",
        "database_url": cluster.url() if cluster else settings.database_url,
        "temporal_address": temporal.address if temporal else settings.temporal_address,
        "temporal_ui_url": settings.temporal_ui_url or (temporal.ui_url if temporal else None),
        "partner_secrets": partners | settings.partner_secrets,
        "gateway_secrets": gateways | settings.gateway_secrets,
        "console_secret": settings.console_secret or SecretStr(keys.console),
    }
    return settings.model_copy(update=update)


def _reachable(host: str) -> str:
    """The address by which this machine reaches a server that listens on `host`."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not listened on
        return "127.0.0.1" if host == "0.0.0.0" else "[::1]"  # noqa: S104
    return f"[{host}]" if ":" in host else host


def _answers(url: str, good: Callable[[httpx.Response], bool] = lambda _: True) -> Callable[[], Awaitable[None]]:
    """Wait until `url` answers well. The result raises `TimeoutError`."""

    async def ready() -> None:
        async with asyncio.timeout(READY_WITHIN), httpx.AsyncClient(timeout=5, trust_env=False) as http:
            while not await _is_good(http, url, good):  # noqa: ASYNC110 - another process, it can only be asked
                await asyncio.sleep(0.1)

    return ready


def _polled_since(moment: datetime, pollers: list[dict[str, str]]) -> bool:
    return any(datetime.fromisoformat(poller["lastAccessTime"]) > moment for poller in pollers)


async def _is_good(http: httpx.AsyncClient, url: str, good: Callable[[httpx.Response], bool]) -> bool:
    try:
        answer = await http.get(url)
        return answer.is_success and good(answer)
    except (httpx.HTTPError, ValueError):
        return False
