"""The worker process: all task queues of this product, and the sweep of the dispatcher."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx
import structlog
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.adapters.billing.postgres import PostgresBilling
from activities.adapters.fraud.http import HttpFraudScorer
from activities.adapters.fraud.port import FraudScorer
from activities.adapters.gateway.composition import gateways, heralds
from activities.adapters.gateway.port import Gateway, Herald
from activities.adapters.gateway.settings import sandbox_gateways
from activities.adapters.notifications.mail import Mail
from activities.adapters.notifications.port import Notifier, Outbox
from activities.adapters.notifications.texts import Texts
from activities.adapters.notifications.webhook import MessageWebhook
from activities.adapters.provisioning.entitlements import EntitlementProvisioner
from activities.adapters.provisioning.partner import PartnerProvisioner
from activities.adapters.provisioning.port import Provisioner
from activities.adapters.tax.engine import HttpTaxEngine
from activities.adapters.tax.engines import TaxEngines
from activities.adapters.tax.register import Register, Vies
from activities.contracts import queues
from activities.runtime.access import StoredAccess
from activities.runtime.background import running
from activities.runtime.billing import BillingActivities
from activities.runtime.changes import StoredChanges
from activities.runtime.clocks import StoredClocks
from activities.runtime.collections import StoredCollections
from activities.runtime.collector import Collector
from activities.runtime.deprovisioning import KeptExports, StoredDeprovisioning
from activities.runtime.dispatcher import Dispatcher
from activities.runtime.disputes import StoredDisputes, StoredReturns
from activities.runtime.due_sweep import StoredDueSweep
from activities.runtime.expiry_watch import StoredExpiryWatch
from activities.runtime.facts import StoredChecks, StoredFacts
from activities.runtime.failures import FailureTranslation
from activities.runtime.forgetter import Forgetter
from activities.runtime.fraud_scores import StoredFraudScores
from activities.runtime.gateway_watch import GatewayWatch
from activities.runtime.heartbeats import BEAT, Heartbeats
from activities.runtime.invoice_run import StoredInvoiceRun
from activities.runtime.invoices import StoredInvoices
from activities.runtime.late_payments import StoredLatePayments
from activities.runtime.live_items import HandedOn
from activities.runtime.logs import set_up_logs
from activities.runtime.loop import fastest_loop
from activities.runtime.messenger import Messenger
from activities.runtime.patrol import StoredPatrol
from activities.runtime.payments import PaymentActivities
from activities.runtime.processes import Processes
from activities.runtime.provisioning import ProvisioningActivities
from activities.runtime.reconciliation import StoredReconciliation
from activities.runtime.refunds import StoredRefunds
from activities.runtime.revenue_close import StoredRevenueClose
from activities.runtime.schedules import ensure_schedules
from activities.runtime.settings import Settings, SettingsError, load_settings
from activities.runtime.subscriptions import StoredSubscriptions
from activities.runtime.taxes import tax_engines
from activities.runtime.temporal import connect, ensure_search_attributes
from activities.runtime.tokens import Described
from activities.runtime.upstreams import UpstreamWatch
from activities.runtime.vat_checks import RegisteredVatChecks
from activities.runtime.writing import WritingFirst
from activities.store.database import Database
from domain.errors import TurnupError, Unavailable
from workflows.access import AccessWorkflow
from workflows.clock import ClockWorkflow
from workflows.collection import CollectionWorkflow
from workflows.deprovisioning import DeprovisioningWorkflow
from workflows.dispute import DisputeWorkflow, ReturnedDebitWorkflow
from workflows.due_sweep import DueSweepWorkflow
from workflows.expiry_watch import ExpiryWatchWorkflow
from workflows.invoice import InvoiceWorkflow
from workflows.invoice_run import InvoiceRunWorkflow
from workflows.late_payments import LatePaymentsWorkflow
from workflows.order import OrderWorkflow
from workflows.patrol import PatrolWorkflow
from workflows.reconciliation import ReconciliationWorkflow
from workflows.refund import RefundFailedWorkflow, RefundWorkflow
from workflows.revenue_close import RevenueCloseWorkflow
from workflows.subscription import SubscriptionWorkflow
from workflows.vat_checks import VatChecksWorkflow

log = structlog.get_logger()
OWN_PACKAGES = ("domain", "workflows", "activities", "orjson", "structlog")
"""Passed through the sandbox: they keep no state between workflows, and loading them per workflow costs half the CPU."""

STICKY = timedelta(seconds=3)
"""How long a task waits for the worker that has its workflow cached before any worker may take it. The SDK's 10 s is what
orders would stand still after a killed worker; a busy worker that is later than this replays a history."""

IDLE = 20
"""Connections kept open to partners: each call looks at all of them."""
LEAVES_WITHIN = 8.0
"""Seconds from being asked to stop to the end. Of itself the SDK waits for ever for a write of an order that fails again and
again, as where PostgreSQL is down; it is for whoever works next."""

CALLS_OUT = 1000
"""Calls to the outside that a worker has out at once. Each waits without work, so that some hundred that hang at one partner
leave room for the rest."""


@dataclass(frozen=True)
class Adapters:
    """The outside systems a worker calls, by name."""

    gateways: Mapping[str, Gateway]
    provisioners: Mapping[str, Provisioner]
    register: Register
    taxes: TaxEngines
    scorer: FraudScorer
    heralds: Mapping[str, Herald] = field(default_factory=dict)
    notifier: Notifier = field(default_factory=Outbox)
    texts: Texts = field(default_factory=Texts)


def sandbox_adapters(
    sandbox_url: str, partners: list[str], database: Database, client: httpx.AsyncClient, register_url: str | None = None
) -> Adapters:
    """The gateway, partners, tax register and engine that the sandbox plays, and our own entitlements. `register_url` is a real
    register's."""
    provisioners: dict[str, Provisioner] = {"entitlements": EntitlementProvisioner(database)}
    for partner in partners:
        provisioners[partner] = PartnerProvisioner(f"{sandbox_url}/partners/{partner}", partner, client)
    register = Vies(register_url or f"{sandbox_url}/register", client)
    taxes = TaxEngines(external=HttpTaxEngine(f"{sandbox_url}/tax", client))
    played = sandbox_gateways(sandbox_url)
    scorer = HttpFraudScorer(f"{sandbox_url}/fraud", client)
    return Adapters(gateways(played, client), provisioners, register, taxes, scorer, heralds(played, {}, client))


def sandbox_runner() -> WorkflowRunner:
    """How workflows are run in tests and replays: in the SDK's sandbox, which refuses what would not replay."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*OWN_PACKAGES))


def workers(
    client: Client, database: Database, adapters: Adapters, gateway: str, cached: int, runner: WorkflowRunner
) -> list[Worker]:
    """One worker a queue."""
    facts, checks = StoredFacts(database), StoredChecks(database)
    tokens = Described(database, adapters.gateways, gateway)
    scores = StoredFraudScores(database, adapters.scorer)
    billing = BillingActivities(PostgresBilling(database, gateway))
    payments = PaymentActivities(database, adapters.gateways, gateway)
    provisioning = ProvisioningActivities(adapters.provisioners)
    subscriptions, deprovisioning = StoredSubscriptions(database), StoredDeprovisioning(database)
    exports = KeptExports(database, adapters.provisioners)
    changes = StoredChanges(database, adapters.taxes, gateway)
    access = StoredAccess(database)
    invoices = StoredInvoices(database, adapters.taxes)
    refunds, returns = StoredRefunds(database), StoredReturns(database)
    disputes = StoredDisputes(database, adapters.heralds)
    collections = StoredCollections(database, gateway)
    patrol = StoredPatrol(database)
    reconciliation = StoredReconciliation(database, adapters.gateways)
    vat_checks = RegisteredVatChecks(database, adapters.register)
    expiry_watch = StoredExpiryWatch(database)
    late_payments = StoredLatePayments(database, payments)
    invoice_run = StoredInvoiceRun(database, adapters.taxes, Processes(client))
    revenue_close = StoredRevenueClose(database)
    live_items = HandedOn(database, Processes(client))
    due_sweep = StoredDueSweep(database, Processes(client), subscriptions, Collector(database, payments, gateway))
    clocks = StoredClocks(database, adapters.taxes, Processes(client))
    common: dict[str, Any] = {
        "interceptors": [FailureTranslation(), Heartbeats(), WritingFirst(facts)],
        "graceful_shutdown_timeout": timedelta(seconds=5),
        "max_heartbeat_throttle_interval": BEAT,
    }
    processes: dict[str, Any] = {
        "workflow_runner": runner,
        "max_cached_workflows": cached,
        "sticky_queue_schedule_to_start_timeout": STICKY,
    }
    return [
        Worker(
            client,
            task_queue=queues.ORDERS,
            workflows=[OrderWorkflow],
            activities=[
                facts.record,
                checks.assess,
                checks.release_capacity,
                scores.ask,
                tokens.describe,
                billing.bill,
                billing.credit,
                live_items.carry_out,
                provisioning.perform,
                provisioning.look_up,
                provisioning.capabilities,
                payments.authorize,
                payments.purchase,
                payments.status,
                payments.capture,
                payments.refund,
                payments.release,
            ],
            max_concurrent_activities=CALLS_OUT,
            **processes,
            **common,
        ),
        Worker(
            client,
            task_queue=queues.SUBSCRIPTIONS,
            workflows=[
                SubscriptionWorkflow,
                InvoiceWorkflow,
                CollectionWorkflow,
                RefundWorkflow,
                RefundFailedWorkflow,
                DisputeWorkflow,
                ReturnedDebitWorkflow,
                DeprovisioningWorkflow,
                AccessWorkflow,
            ],
            activities=[
                subscriptions.activate,
                subscriptions.due,
                subscriptions.cancel,
                subscriptions.uncancel,
                subscriptions.hold,
                changes.plan,
                changes.make,
                changes.drop,
                changes.due,
                changes.make_due,
                changes.trouble,
                changes.pause,
                changes.resume,
                subscriptions.suspend,
                subscriptions.unsuspend,
                deprovisioning.look,
                deprovisioning.note,
                deprovisioning.exported,
                deprovisioning.done,
                exports.take,
                access.look,
                access.note,
                access.done,
                provisioning.perform,
                provisioning.look_up,
                provisioning.capabilities,
                invoices.finalize,
                invoices.void,
                invoices.write_off,
                invoices.reschedule,
                invoices.credit,
                collections.claim,
                collections.elsewhere,
                collections.settle,
                refunds.look_up,
                refunds.settle,
                refunds.refuse,
                refunds.note,
                refunds.came_back,
                disputes.take_in,
                disputes.contest,
                disputes.submit,
                disputes.accept,
                disputes.give_in,
                disputes.release,
                returns.take_back,
                payments.authorize,
                payments.capture,
                payments.purchase,
                payments.status,
                payments.refund,
                payments.release,
            ],
            max_concurrent_activities=CALLS_OUT,
            **processes,
            **common,
        ),
        Worker(
            client,
            task_queue=queues.JOBS,
            workflows=[
                PatrolWorkflow,
                ReconciliationWorkflow,
                VatChecksWorkflow,
                ExpiryWatchWorkflow,
                LatePaymentsWorkflow,
                InvoiceRunWorkflow,
                RevenueCloseWorkflow,
                DueSweepWorkflow,
                ClockWorkflow,
            ],
            activities=[
                patrol.look,
                patrol.finish,
                reconciliation.fetch,
                reconciliation.compare_movements,
                reconciliation.compare_invoices,
                reconciliation.finish,
                vat_checks.check,
                expiry_watch.watch,
                late_payments.due,
                late_payments.look,
                invoice_run.gather,
                invoice_run.issue,
                invoice_run.age,
                revenue_close.lines,
                revenue_close.credit,
                due_sweep.sweep,
                clocks.next,
                clocks.bill,
                clocks.hand_out,
            ],
            max_concurrent_workflow_task_polls=2,
            max_concurrent_activity_task_polls=1,
            **processes,
            **common,
        ),
    ]


@asynccontextmanager
async def at_work(
    client: Client,
    database: Database,
    adapters: Adapters,
    gateway: str,
    cached: int,
    runner: WorkflowRunner | None = None,
    *,
    judged: bool = True,
) -> AsyncIterator[None]:
    """Workers, dispatcher and the watches over upstream systems and gateways at work within the block.

    By default workflows run outside the sandbox, which costs 15 % of a worker's CPU: what it would find, the tests do. Gateways
    are `judged` by their answers, but where tests break them on purpose and others need them.
    """
    beside = [Dispatcher(database, Processes(client)).run, UpstreamWatch(database, adapters.provisioners).run]
    beside.append(Forgetter(database, adapters.gateways, gateway).run)
    beside.append(Messenger(database, adapters.notifier, adapters.texts).run)
    if judged:
        beside.append(GatewayWatch(database, adapters.gateways).run)
    async with AsyncExitStack() as stack:
        crew = workers(client, database, adapters, gateway, cached, runner or UnsandboxedWorkflowRunner())
        for worker in crew:
            await stack.enter_async_context(worker)
        stack.push_async_callback(_shut_down, crew)
        for work in beside:
            await stack.enter_async_context(running(work))
        yield


async def _shut_down(crew: list[Worker]) -> None:
    """All at once: each may wait `graceful_shutdown_timeout` for the calls it has in hand."""
    await asyncio.gather(*(worker.shutdown() for worker in crew))


async def _prepare(client: Client, gateway_names: Iterable[str]) -> None:
    """Make what the namespace lacks, where we may; where we may not, whoever administers it has made it beforehand."""
    try:
        await ensure_search_attributes(client)
    except RPCError as error:
        log.warning("search attributes not checked", reason=error.message)
    try:
        await ensure_schedules(client, gateway_names)
    except RPCError as error:
        raise Unavailable(f"Temporal refused the schedules of jobs: {error.message}") from error


def _notifier(settings: Settings, client: httpx.AsyncClient) -> Notifier:
    if settings.mail_url is not None:
        return Mail(settings.mail_url, settings.mail_from)
    if settings.message_webhook_url is not None and settings.message_webhook_secret is not None:
        return MessageWebhook(settings.message_webhook_url, settings.message_webhook_secret, client)
    return Outbox()


async def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT. Raises SettingsError, and Unavailable where Temporal does not answer."""
    if settings.database_url is None:
        raise SettingsError(["TURNUP_DATABASE_URL: the worker needs one; `turnup start` brings its own database"])
    database = Database(settings.database_url)
    client = await connect(settings)
    await _prepare(client, settings.all_gateways())
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=CALLS_OUT, max_keepalive_connections=IDLE)) as http:
        partners, register_url = sorted(settings.partner_secrets), settings.vat_register_url
        adapters = sandbox_adapters(settings.sandbox_url or "", partners, database, http, register_url)
        ours = gateways(settings.all_gateways(), http)
        adapters = replace(adapters, taxes=tax_engines(settings, http), gateways=ours)
        told = heralds(settings.all_gateways(), settings.gateway_secrets, http)
        if settings.fraud_score_url is not None:
            adapters = replace(adapters, scorer=HttpFraudScorer(settings.fraud_score_url, http, settings.fraud_score_key))
        adapters = replace(adapters, heralds=told, notifier=_notifier(settings, http), texts=Texts(settings.messages_folder))
        async with at_work(client, database, adapters, settings.gateway, settings.worker_max_cached_workflows):
            gc.collect()
            gc.freeze()  # what is there for good is looked at by no collection, which saves a fifth of the CPU of a long job
            log.info("worker ready", queues=queues.ALL)
            await stop.wait()
            asyncio.get_running_loop().call_later(LEAVES_WITHIN, _leave)
    await database.close()


def _leave() -> None:
    log.warning("left while something was still tried again", after=LEAVES_WITHIN)
    sys.stderr.flush()
    os._exit(0)


def main() -> int:
    """The exit code; what is wrong goes to standard error in one line each."""
    try:
        settings = load_settings()
        set_up_logs(settings)
        with asyncio.Runner(loop_factory=fastest_loop) as runner:
            runner.run(run(settings))
    except TurnupError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # Temporal's client may crash a process that ends in the ordinary way
