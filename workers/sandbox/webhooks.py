"""What the gateways tell of their own accord: on file until the receiver has taken it, also across a restart."""

import asyncio
import time
from datetime import UTC, datetime
from functools import partial

import httpx
from standardwebhooks import Webhook

from domain.gateway_events import GatewayEvent
from domain.values import Value
from workers.sandbox.config import SandboxConfig
from workers.sandbox.faults import Fault, Faults, Mode, Operation
from workers.sandbox.journal import Journal

LONGEST_WAIT_SECONDS = 30.0


class _Owed(Value):
    id: int
    gateway: str
    attempts: int
    copies: int
    body: str

    @property
    def subject(self) -> str:
        """What it is about: a payment or a refund, whose key begins with that of its payment, or a token."""
        event = GatewayEvent.model_validate_json(self.body)
        return event.payment or event.refund or event.method or event.id


class Webhooks:
    """To `{callback_url}/v1/webhooks/{gateway}`, signed as Standard Webhooks say. Messages go out side by side, so that those
    told together may arrive in any order."""

    def __init__(self, journal: Journal, config: SandboxConfig, faults: Faults, wake: asyncio.Event) -> None:
        self._journal = journal
        self._faults = faults
        self._config = config
        self._client = httpx.AsyncClient(timeout=config.callback_timeout_seconds, trust_env=False)
        self._at_work: dict[int, asyncio.Task[None]] = {}
        self._wake = wake

    async def aclose(self) -> None:
        tasks = list(self._at_work.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    def tell(self, gateway: str, event: GatewayEvent, delay_seconds: float, copies: int) -> None:
        """Call inside the transaction that makes it true."""
        self._journal.execute(
            "INSERT INTO webhooks (gateway, due_at, copies, body) VALUES (?, ?, ?, ?)",
            gateway,
            time.time() + delay_seconds,
            copies,
            event.model_dump_json(),
        )
        self._wake.set()

    def deliver_due(self) -> None:
        """Start on all that is due and not on its way already."""
        rows = self._journal.execute("SELECT * FROM webhooks WHERE due_at <= ? ORDER BY id", time.time()).fetchall()
        for owed in (_Owed.model_validate(dict(row)) for row in rows):
            if owed.id not in self._at_work:
                task = asyncio.create_task(self._deliver(owed))
                self._at_work[owed.id] = task
                task.add_done_callback(partial(self._done, owed.id))

    def next_due(self) -> float | None:
        rows = self._journal.execute(
            "SELECT id, due_at FROM webhooks WHERE due_at IS NOT NULL ORDER BY due_at LIMIT ?", len(self._at_work) + 1
        )
        waiting = [float(row["due_at"]) for row in rows if row["id"] not in self._at_work]
        return waiting[0] if waiting else None

    def _done(self, id_: int, _: "asyncio.Task[None]") -> None:
        self._at_work.pop(id_, None)
        self._wake.set()

    async def _deliver(self, owed: _Owed) -> None:
        taken = [await self._try(owed) for _ in range(owed.copies)]
        again = None if all(taken) or owed.attempts + 1 >= self._config.callback_attempts else time.time() + self._wait(owed)
        with self._journal.transaction():
            self._journal.execute("UPDATE webhooks SET due_at = ?, attempts = attempts + 1 WHERE id = ?", again, owed.id)

    def _wait(self, owed: _Owed) -> float:
        return min(self._config.callback_backoff_seconds * 2.0 ** min(owed.attempts, 10), LONGEST_WAIT_SECONDS)

    async def _try(self, owed: _Owed) -> bool:
        """Whether it is known here that the receiver took it."""
        fault = self._faults.draw(Operation.webhook, owed.subject, gateway=owed.gateway)
        if fault is None:
            return await self._send(owed, owed.body)
        return await self._spoilt(owed, fault)

    async def _spoilt(self, owed: _Owed, fault: Fault) -> bool:
        if fault.mode in {Mode.not_attempted, Mode.timeout_before}:
            await asyncio.sleep(fault.delay)
            return False
        taken = await self._send(owed, owed.body[: len(owed.body) // 2] if fault.mode is Mode.garbled else owed.body)
        await asyncio.sleep(fault.delay)
        return taken and fault.mode is not Mode.timeout_after

    async def _send(self, owed: _Owed, body: str) -> bool:
        """Whether the receiver took it."""
        secret = self._config.secrets.get(owed.gateway)
        if secret is None:
            return False
        now, message_id = datetime.now(UTC), f"msg_{owed.gateway}_{owed.id}"
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret.get_secret_value()).sign(message_id, now, body),
        }
        url = f"{self._config.callback_url.rstrip('/')}/v1/webhooks/{owed.gateway}"
        try:
            return (await self._client.post(url, content=body, headers=headers)).is_success
        except (httpx.HTTPError, httpx.InvalidURL):
            return False
