"""The least that Temporal can do for an order: a workflow with the same remote calls and rows, and the bare six-step saga."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
from temporalio import activity, workflow

from activities.adapters.gateway.port import Gateway
from activities.adapters.provisioning.port import Provisioner
from domain.money import Money
from domain.payments import CaptureRequest, Outcome, PaymentRequest, PaymentResult
from domain.provisioning import ProvisionRequest, Verb
from tests.bench.rows import Insertion

PATIENCE = timedelta(seconds=30)
STEPS = ("check", "approve", "authorize", "provision", "capture", "activate")
ADD_STEP = "INSERT INTO bench_steps VALUES ($1, $2) ON CONFLICT DO NOTHING"
ADD_LAST_STEP = f"WITH made AS ({ADD_STEP} RETURNING order_id) SELECT pg_notify('turnup_events', order_id) FROM made"


async def _remote(name: str, order: str) -> None:
    await workflow.execute_activity(name, order, start_to_close_timeout=PATIENCE)


async def _local(name: str, order: str, what: str) -> None:
    await workflow.execute_local_activity(name, args=[order, what], start_to_close_timeout=PATIENCE)


@workflow.defn(name="bare", sandboxed=False)
class BareWorkflow:
    @workflow.run
    async def run(self, order: str) -> None:
        """The five remote calls of the sample order, and its rows, and nothing else."""
        await _remote("authorize", order)
        await _local("write", order, "authorized")
        await _remote("create", order)
        await _remote("verify", order)
        await _local("write", order, "provisioned")
        await _remote("capture", order)
        await _local("write", order, "captured")
        await _remote("activate", order)
        await _local("write", order, "completed")


@workflow.defn(name="saga", sandboxed=False)
class SagaWorkflow:
    @workflow.run
    async def run(self, order: str) -> None:
        """Six local activities, each one idempotent INSERT."""
        for step in STEPS:
            await _local("step", order, step)


@workflow.defn(name="timer", sandboxed=False)
class TimerWorkflow:
    @workflow.run
    async def run(self, name: str, at: float) -> None:
        """Sleep until `at`, in seconds since the epoch, and then one local activity."""
        await workflow.sleep(max(0.0, at - workflow.time()))
        await _local("step", name, "renew")


class BareActivities:
    """`phases` are the rows of the sample order by when they are written; `amount` is what it costs."""

    def __init__(self, pool: Any, gateway: Gateway, partner: Provisioner, phases: dict[str, Insertion], amount: Money) -> None:
        self._pool: asyncpg.Pool = pool
        self._gateway = gateway
        self._partner = partner
        self._phases = phases
        self._amount = amount

    @property
    def every(self) -> list[Callable[..., Awaitable[None]]]:
        return [self.authorize, self.capture, self.create, self.verify, self.activate, self.write, self.step]

    @activity.defn
    async def authorize(self, order: str) -> None:
        asked = PaymentRequest(key=f"{order}:payment:1", amount=self._amount, method="tok_visa")
        _refuse_failed(await self._gateway.authorize(asked))

    @activity.defn
    async def capture(self, order: str) -> None:
        _refuse_failed(await self._gateway.capture(CaptureRequest(key=f"{order}:payment:1", amount=self._amount)))

    @activity.defn
    async def create(self, order: str) -> None:
        await self._perform(order, Verb.create)

    @activity.defn
    async def verify(self, order: str) -> None:
        await self._perform(order, Verb.verify)

    @activity.defn
    async def activate(self, order: str) -> None:
        await self._perform(order, Verb.activate)

    async def _perform(self, order: str, verb: Verb) -> None:
        request = ProvisionRequest(
            verb=verb,
            key=f"{order}:1:{verb}",
            reference=f"{order}:1",
            customer="B-1",
            product="crm",
            plan="crm-team",
            quantity=2,
        )
        await self._partner.perform(request)

    @activity.defn
    async def write(self, order: str, phase: str) -> None:
        insertion = self._phases[phase]
        await self._pool.execute(insertion.statement, insertion.values(int(order.removeprefix("O-")), "B-1"))

    @activity.defn
    async def step(self, order: str, step: str) -> None:
        await self._pool.execute(ADD_LAST_STEP if step == STEPS[-1] else ADD_STEP, order, step)


def _refuse_failed(result: PaymentResult) -> None:
    if result.outcome is not Outcome.succeeded:
        raise ValueError(f"the gateway answered {result}")
