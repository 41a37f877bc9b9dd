"""A whole installation in processes of its own, used as a shop uses it, broken on purpose, and judged from outside."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.workers.conftest import StackProcess
from tests.world import load_samples
from workers.embedded.process import Mark
from workers.embedded.running import Running, last_run

PATIENCE = 90.0
"""Seconds that anything may take, on a busy machine, with a call that was out when its worker was killed."""

PAUSE = 0.05
TERMINAL = {"completed", "partial", "failed", "cancelled", "rejected"}
Json = dict[str, Any]

SEATS: Json = {"product": "crm", "plan": "crm-team", "quantity": 1}
MANY_SEATS: Json = {"product": "crm", "plan": "crm-team", "quantity": 11}
"""209 EUR: above what goes without an approval."""
LINE: Json = {"product": "fibre", "plan": "fibre-500", "quantity": 1, "characteristics": {"address": "Elm Street 1, Ulm"}}


async def until(holds: Callable[[], Awaitable[Any]], what: Callable[[], str] | str, patience: float = PATIENCE) -> Any:
    """Ask again and again until it holds; the answer. Fails after `patience` seconds, saying `what` was waited for."""
    deadline = time.monotonic() + patience
    while not (answer := await holds()):
        assert time.monotonic() < deadline, f"not within {patience:g} s: {what if isinstance(what, str) else what()}"
        await asyncio.sleep(PAUSE)
    return answer


@dataclass(frozen=True)
class Batch:
    """`large` needs an approval; the others only time."""

    large: str
    others: list[str]


@dataclass
class Installation:
    """`turnup start` on one data folder. `placed` are the orders it has acknowledged."""

    stack: StackProcess
    ports: dict[str, str] = field(default_factory=dict)
    placed: list[str] = field(default_factory=list)
    clients: list[httpx.AsyncClient] = field(default_factory=list)
    api: httpx.AsyncClient = field(init=False)
    approver: httpx.AsyncClient = field(init=False)
    sandbox: httpx.AsyncClient = field(init=False)

    @property
    def running(self) -> Running:
        return self.stack.running

    async def start(self) -> None:
        """Returns when everything is ready. A later start keeps the ports, as links and callbacks need."""
        process = self.stack.launch(**self.ports)

        async def ready() -> bool:
            assert process.poll() is None, self.stack.output
            run = last_run(self.stack.data_dir)
            return run is not None and run.supervisor.pid == process.pid and run.ready

        await until(ready, lambda: f"the stack is ready; it said {self.stack.output}", patience=120)
        self.ports = {f"TURNUP_{name.upper()}_PORT": str(port) for name, port in self.running.ports.model_dump().items()}

    async def open(self) -> None:
        """The clients of a started installation, and its samples."""
        self.api = self._client(self.running.api_url, self.running.admin_key_file.read_text(encoding="utf-8").strip())
        self.sandbox = self._client(self.running.sandbox_url)
        await load_samples(self.api)
        answer = await self.api.post("/v1/api-keys", json={"name": "ana", "roles": ["approver"]})
        self.approver = self._client(self.running.api_url, answer.raise_for_status().json()["key"])

    def _client(self, url: str, key: str = "") -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.clients.append(httpx.AsyncClient(base_url=url, headers=headers, timeout=15, trust_env=False))
        return self.clients[-1]

    async def close(self) -> None:
        for client in self.clients:
            await client.aclose()
        await asyncio.to_thread(self.stack.kill_all)

    async def batch(self, name: str) -> "Batch":
        """Six orders in flight: one waits for its approval, one for its partner, four have only just been acknowledged."""
        large, line = await asyncio.gather(self.place(f"{name}-large", MANY_SEATS), self.place(f"{name}-line", LINE))
        await self.waits(large, "approval")
        await self.waits(line, "fibreworks")
        small = await asyncio.gather(*(self.place(f"{name}-{number}", SEATS) for number in range(4)))
        return Batch(large, [line, *small])

    async def finish(self, batch: "Batch") -> None:
        """All of it completes, and was done once."""
        await self.approve(batch.large)
        await self.verify([batch.large, *batch.others])

    async def record(self, noun: str, body: Json) -> None:
        (await self.api.post(f"/v1/{noun}", json=body)).raise_for_status()

    async def place(self, key: str, *items: Json, submit: bool = True) -> str:
        """Place an order as a shop does: the same request under the same key, until it is acknowledged."""
        numbered = [{"id": str(number), **item} for number, item in enumerate(items, start=1)]
        body = {"customer": "C-100", "currency": "EUR", "items": numbered, "submit": submit}

        async def acknowledged() -> str | None:
            answer = await _succeeded(self.api.post("/v1/orders", json=body, headers={"Idempotency-Key": key}))
            return str(answer["id"]) if answer else None

        order = str(await until(acknowledged, f"order {key} is acknowledged"))
        if order not in self.placed:
            self.placed.append(order)
        return order

    async def approve(self, order: str) -> None:
        """Decide, again and again, until it is known to be decided."""

        async def decided() -> bool:
            decision = {"decision": "approve", "reason": "agreed"}
            try:
                answer = await self.approver.post(f"/v1/orders/{order}/approvals", json=decision)
            except httpx.TransportError:
                return False
            assert answer.is_success or answer.status_code in {409, 503}, f"{answer.status_code} {answer.text}"
            return answer.status_code != 503

        await until(decided, f"the approval of {order} is taken")

    async def order(self, order: str) -> Json | None:
        """The order as the API shows it; None while it cannot."""
        return await _succeeded(self.api.get(f"/v1/orders/{order}"))

    async def reaches(self, order: str, holds: Callable[[Json], bool], what: str, patience: float = PATIENCE) -> Json:
        """The order once `holds` is true of it."""
        last: Json = {}

        async def reached() -> Json | None:
            found = await self.order(order)
            last.update(found or {})
            return found if found and holds(found) else None

        return dict(await until(reached, lambda: f"{order} {what}; it is {_brief(last)}", patience))

    async def completes(self, order: str, patience: float = PATIENCE) -> Json:
        found = await self.reaches(order, lambda it: it["state"] in TERMINAL or it["state"] == "held", "ends", patience)
        assert found["state"] == "completed", _brief(found)
        return found

    async def waits(self, order: str, for_what: str) -> None:
        await self.reaches(order, lambda it: for_what in (it["waiting_on"] or ""), f"waits for {for_what}")

    def mark(self, name: str) -> Mark:
        return {**self.running.processes, "supervisor": self.running.supervisor}[name]

    async def back(self, name: str, before: Mark) -> None:
        """Another process serves in the place of the one that was killed."""

        async def other() -> bool:
            return (
                self.mark(name).pid != before.pid and self.stack.output.count(f"{name} is back") >= self.running.restarts[name]
            )

        await until(other, lambda: f"{name} is back; {self.stack.output[-1500:]}")

    @contextmanager
    def down(self, *names: str) -> Iterator[None]:
        """Processes killed and not started again within the block, since their supervisor is made to sleep meanwhile."""
        os.kill(self.mark("supervisor").pid, signal.SIGSTOP)
        try:
            self.stack.kill(*names)
            yield
        finally:
            os.kill(self.mark("supervisor").pid, signal.SIGCONT)

    async def attempts(self, order: str) -> int:
        """How often the present call of the order has been begun, as Temporal knows."""
        url = f"{self.running.temporal_ui_url}/api/v1/namespaces/{self.running.temporal_namespace}/workflows/order-{order}"
        async with httpx.AsyncClient(trust_env=False) as http:
            found = (await http.get(url)).raise_for_status().json()
        return max((call["attempt"] for call in found.get("pendingActivities", [])), default=0)

    async def happened(self, order: str, kind: str) -> list[Json]:
        """Facts of one kind in the sandbox's journal."""
        facts = (await self.sandbox.get("/journal", params={"order": order})).raise_for_status().json()
        return [fact for fact in facts if fact["kind"] == kind]

    async def verify(self, orders: list[str]) -> None:
        """Each of these orders is completed, paid for once and built once, by the records of the others as by our own."""
        completed = await asyncio.gather(*map(self.completes, orders))
        outside: Json = (await self.sandbox.get("/journal/summary")).raise_for_status().json()
        for order, found in zip(orders, completed, strict=True):
            paid = [payment for payment in outside["payments"] if payment["key"].startswith(f"{order}:")]
            built = [service for service in outside["services"] if service["reference"].startswith(f"{order}:")]
            assert [payment["captured"]["minor"] for payment in paid] == [found["total"]["minor"]], (order, paid)
            assert [payment["authorized"]["minor"] for payment in paid] == [found["total"]["minor"]], (order, paid)
            assert not any(payment["refunded"]["minor"] or payment["voided"]["minor"] for payment in paid), (order, paid)
            items = [item["id"] for item in found["order"]["items"]]
            assert sorted(service["reference"] for service in built) == [f"{order}:{item}" for item in items]
            assert {(service["accounts"], service["state"]) for service in built} == {(1, "active")}, (order, built)
            await self._verify_books(found)

    async def _verify_books(self, found: Json) -> None:
        cash = [entry["amount"]["minor"] for entry in found["ledger"] if entry["account"].startswith("cash")]
        assert cash == [found["total"]["minor"]], found["ledger"]
        assert sum(entry["amount"]["minor"] for entry in found["ledger"]) == 0, found["ledger"]
        page = (await self.api.get(f"/v1/orders/{found['id']}/events", params={"limit": 200})).raise_for_status().json()
        assert [event["seq"] for event in page["items"]] == list(range(1, len(page["items"]) + 1))
        assert [event["type"] for event in page["items"]].count("order.completed") == 1


async def _succeeded(request: Awaitable[httpx.Response]) -> Json | None:
    """The body; None where nobody answers, or the answer is that it cannot now. Anything else is a fault."""
    try:
        answer = await request
    except httpx.TransportError:
        return None
    assert answer.is_success or answer.status_code == 503, f"{answer.status_code} {answer.text}"
    return dict(answer.json()) if answer.is_success else None


def _brief(order: Json) -> str:
    kept = {name: order.get(name) for name in ("state", "waiting_on", "reason")}
    steps = [f"{step['item']}:{step['step']} {step['state']} {step.get('error') or ''}" for step in order.get("steps", [])]
    return json.dumps({**kept, "steps": steps, "payments": order.get("payments")}, indent=1)


@asynccontextmanager
async def running_installation(stack: StackProcess) -> AsyncIterator[Installation]:
    installation = Installation(stack)
    try:
        await installation.start()
        await installation.open()
        yield installation
    finally:
        await installation.close()
