"""The schedules of this product's jobs, kept on the server as this release wants them."""

from collections.abc import Iterable
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from activities.contracts import queues
from activities.contracts.reconciliation import Requested

PATROL = "patrol"
RECONCILIATION = "reconciliation"
VAT_CHECKS = "vat-checks"
EXPIRY_WATCH = "expiry-watch"
INVOICE_RUN = "invoice-run"
REVENUE_CLOSE = "revenue-close"
DUE_SWEEP = "due-sweep"
LATE_PAYMENTS = "late-payments"
EVERY = timedelta(minutes=5)
BETWEEN_SWEEPS = timedelta(seconds=15)
"""How long at most what is due at a business date lies until it is handed out; what a sweep saw ahead does not."""
SOON = timedelta(minutes=1)
"""How long a VAT id that was written waits for its check, and at most a payment that is to be asked about."""
CATCH_UP = timedelta(minutes=10)
"""After an outage the rounds of the last ten minutes are made up for, and one of them is enough."""
AFTER_MIDNIGHT = timedelta(hours=3)
"""In UTC: when the day before is compared. By then all that a gateway may report late is in its report."""
LONGEST_RUN = timedelta(hours=12)
"""Of an invoice run or a revenue close: more than a million invoices take."""
MADE_UP_FOR = timedelta(days=30)
"""After an outage each day of the last month is compared, one after the other."""


def _reconciliation(gateway: str) -> Schedule:
    """Its workflows are called `reconciliation-<gateway>-<when it was due>`."""
    return Schedule(
        action=ScheduleActionStartWorkflow(
            RECONCILIATION, Requested(gateway=gateway), id=f"{RECONCILIATION}-{gateway}", task_queue=queues.JOBS
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(days=1), offset=AFTER_MIDNIGHT)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.BUFFER_ALL, catchup_window=MADE_UP_FOR),
    )


def _patrol() -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(PATROL, id=PATROL, task_queue=queues.JOBS, execution_timeout=timedelta(hours=1)),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=EVERY)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.BUFFER_ONE, catchup_window=CATCH_UP),
    )


def _vat_checks() -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            VAT_CHECKS, id=VAT_CHECKS, task_queue=queues.JOBS, execution_timeout=timedelta(hours=1)
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=SOON)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.BUFFER_ONE, catchup_window=CATCH_UP),
    )


def _late_payments() -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            LATE_PAYMENTS, id=LATE_PAYMENTS, task_queue=queues.JOBS, execution_timeout=timedelta(hours=1)
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=SOON)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP),
    )


def _expiry_watch() -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            EXPIRY_WATCH, id=EXPIRY_WATCH, task_queue=queues.JOBS, execution_timeout=timedelta(hours=1)
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(hours=1))]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.BUFFER_ONE, catchup_window=MADE_UP_FOR),
    )


def _invoice_run() -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(INVOICE_RUN, id=INVOICE_RUN, task_queue=queues.JOBS, execution_timeout=LONGEST_RUN),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=EVERY)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.BUFFER_ONE, catchup_window=CATCH_UP),
    )


def _due_sweep() -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(DUE_SWEEP, id=DUE_SWEEP, task_queue=queues.JOBS, execution_timeout=LONGEST_RUN),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=BETWEEN_SWEEPS)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP),
    )


def _revenue_close() -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            REVENUE_CLOSE, id=REVENUE_CLOSE, task_queue=queues.JOBS, execution_timeout=LONGEST_RUN
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(days=1), offset=AFTER_MIDNIGHT)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.BUFFER_ONE, catchup_window=MADE_UP_FOR),
    )


async def ensure_schedules(client: Client, gateways: Iterable[str]) -> None:
    """Create the schedules, or bring them to this release; one that somebody paused stays paused."""
    await _ensure(client, PATROL, _patrol())
    await _ensure(client, VAT_CHECKS, _vat_checks())
    await _ensure(client, EXPIRY_WATCH, _expiry_watch())
    await _ensure(client, INVOICE_RUN, _invoice_run())
    await _ensure(client, REVENUE_CLOSE, _revenue_close())
    await _ensure(client, DUE_SWEEP, _due_sweep())
    await _ensure(client, LATE_PAYMENTS, _late_payments())
    for gateway in gateways:
        await _ensure(client, f"{RECONCILIATION}-{gateway}", _reconciliation(gateway))


async def _ensure(client: Client, name: str, wanted: Schedule) -> None:
    try:
        await client.create_schedule(name, wanted)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(name).update(lambda known: _updated(known, wanted))


def _updated(known: ScheduleUpdateInput, wanted: Schedule) -> ScheduleUpdate:
    wanted.state = known.description.schedule.state
    return ScheduleUpdate(schedule=wanted)
