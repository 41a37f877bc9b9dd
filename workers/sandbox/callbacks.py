"""Callbacks that partners owe: on file until the receiver has taken them, also across a restart."""

import asyncio
import base64
import time
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
from standardwebhooks import Webhook

from domain.provisioning import PartnerCallback
from domain.values import Value
from workers.sandbox.config import SandboxConfig
from workers.sandbox.faults import Mode
from workers.sandbox.journal import FactKind, Journal

LONGEST_WAIT_SECONDS = 30.0
_FORGED = base64.b64encode(b"not the secret of any partner").decode()

Subject = tuple[str, str]
"""Partner and reference."""


class OwedCallback(Value):
    id: int
    partner: str
    reference: str
    attempts: int
    misbehaviour: Mode | None
    body: str

    def headers(self, secret: str) -> dict[str, str]:
        """Standard Webhooks headers; a repeated message keeps its id."""
        if self.misbehaviour is Mode.bad_signature and self.attempts == 0:
            secret = _FORGED
        now, message_id = datetime.now(UTC), f"msg_{self.partner}_{self.id}"
        return {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign(message_id, now, self.body),
        }


class Callbacks:
    """`url_of` gives the address for a partner. Messages about one reference are delivered one after the other."""

    def __init__(self, journal: Journal, config: SandboxConfig, url_of: Callable[[str], str]) -> None:
        self._journal = journal
        self._config = config
        self._url_of = url_of
        self._client = httpx.AsyncClient(timeout=config.callback_timeout_seconds, trust_env=False)
        self._at_work: dict[Subject, asyncio.Task[None]] = {}
        self.wake = asyncio.Event()

    async def aclose(self) -> None:
        tasks = list(self._at_work.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    def owe(self, partner: str, callback: PartnerCallback, due_at: float, misbehaviour: Mode | None) -> None:
        """Call inside the transaction that makes the callback true."""
        self._journal.execute(
            "INSERT INTO callbacks (partner, reference, due_at, misbehaviour, body) VALUES (?, ?, ?, ?, ?)",
            partner,
            callback.reference,
            due_at,
            misbehaviour,
            callback.model_dump_json(),
        )

    def withdraw(self, partner: str, reference: str) -> None:
        """What was owed about a service that is gone is owed no more."""
        self._journal.execute("UPDATE callbacks SET due_at = NULL WHERE partner = ? AND reference = ?", partner, reference)

    def hasten(self, partner: str) -> list[Subject]:
        """Make everything the partner owes due now; returns what it is about."""
        self._journal.execute(
            "UPDATE callbacks SET due_at = min(due_at, ?) WHERE partner = ? AND due_at IS NOT NULL",
            time.time(),
            partner,
        )
        rows = self._journal.execute(
            "SELECT DISTINCT reference FROM callbacks WHERE partner = ? AND due_at IS NOT NULL", partner
        )
        return [(partner, row["reference"]) for row in rows]

    def owed(self, partner: str) -> int:
        row = self._journal.one("SELECT count(*) AS owed FROM callbacks WHERE partner = ? AND due_at IS NOT NULL", partner)
        return 0 if row is None else int(row["owed"])

    def deliver_due(self) -> None:
        """Start on all that is due and not being delivered already."""
        rows = self._journal.execute(
            "SELECT DISTINCT partner, reference FROM callbacks WHERE due_at <= ?", time.time()
        ).fetchall()
        for row in rows:
            self._start((row["partner"], row["reference"]))

    async def deliver(self, subject: Subject) -> None:
        """Returns when each message due about the subject has been tried once."""
        await asyncio.shield(self._start(subject))

    def next_due(self) -> float | None:
        """When there is something to deliver again, in seconds since the epoch."""
        rows = self._journal.execute(
            "SELECT partner, reference, due_at FROM callbacks WHERE due_at IS NOT NULL ORDER BY due_at LIMIT ?",
            len(self._at_work) * 2 + 1,
        )
        waiting = [row["due_at"] for row in rows if (row["partner"], row["reference"]) not in self._at_work]
        return float(waiting[0]) if waiting else None

    def _start(self, subject: Subject) -> asyncio.Task[None]:
        task = self._at_work.get(subject)
        if task is None:
            task = asyncio.create_task(self._deliver(subject))
            self._at_work[subject] = task
            task.add_done_callback(lambda _: self._done(subject))
        return task

    def _done(self, subject: Subject) -> None:
        self._at_work.pop(subject, None)
        self.wake.set()

    async def _deliver(self, subject: Subject) -> None:
        while (owed := self._first_due(subject)) is not None:
            await self._attempt(owed)

    def _first_due(self, subject: Subject) -> OwedCallback | None:
        row = self._journal.one(
            "SELECT * FROM callbacks WHERE partner = ? AND reference = ? AND due_at <= ? ORDER BY id LIMIT 1",
            *subject,
            time.time(),
        )
        return None if row is None else OwedCallback.model_validate(dict(row))

    async def _attempt(self, owed: OwedCallback) -> None:
        copies = 2 if owed.misbehaviour is Mode.duplicate_callback else 1
        outcomes = [await self._send(owed) for _ in range(copies)]
        with self._journal.transaction():
            for outcome in outcomes:
                self._record(owed, outcome)
            taken = all(outcome is None for outcome in outcomes)
            self._reschedule(owed, None if taken else self._next_try(owed))

    async def _send(self, owed: OwedCallback) -> str | None:
        """What went wrong, or None when the receiver took it."""
        secret = self._config.secrets.get(owed.partner)
        if secret is None:
            return "no webhook secret"
        try:
            headers = owed.headers(secret.get_secret_value())
            response = await self._client.post(self._url_of(owed.partner), content=owed.body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return type(error).__name__
        return None if response.is_success else f"HTTP {response.status_code}"

    def _record(self, owed: OwedCallback, failure: str | None) -> None:
        callback = PartnerCallback.model_validate_json(owed.body)
        self._journal.record(
            FactKind.callback_sent if failure is None else FactKind.callback_failed,
            owed.reference,
            partner=owed.partner,
            remote_id=callback.remote_id,
            detail=callback.status if failure is None else f"{callback.status}: {failure}",
        )

    def _next_try(self, owed: OwedCallback) -> float | None:
        if owed.attempts + 1 >= self._config.callback_attempts:
            return None
        wait = self._config.callback_backoff_seconds * 2.0 ** min(owed.attempts, 10)
        return time.time() + min(wait, LONGEST_WAIT_SECONDS)

    def _reschedule(self, owed: OwedCallback, due_at: float | None) -> None:
        """A message withdrawn while it was under way stays withdrawn."""
        self._journal.execute(
            "UPDATE callbacks SET due_at = ?, attempts = attempts + 1 WHERE id = ? AND due_at IS NOT NULL",
            due_at,
            owed.id,
        )
