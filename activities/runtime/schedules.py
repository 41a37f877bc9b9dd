"""The schedules of this product's jobs, kept on the server as this release wants them."""

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

PATROL = "patrol"
EVERY = timedelta(minutes=5)
CATCH_UP = timedelta(minutes=10)
"""After an outage the rounds of the last ten minutes are made up for, and one of them is enough."""


def _patrol() -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(PATROL, id=PATROL, task_queue=queues.JOBS, execution_timeout=timedelta(hours=1)),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=EVERY)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.BUFFER_ONE, catchup_window=CATCH_UP),
    )


async def ensure_schedules(client: Client) -> None:
    """Create the schedules, or bring them to this release; one that somebody paused stays paused."""
    wanted = _patrol()
    try:
        await client.create_schedule(PATROL, wanted)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(PATROL).update(lambda known: _updated(known, wanted))


def _updated(known: ScheduleUpdateInput, wanted: Schedule) -> ScheduleUpdate:
    wanted.state = known.description.schedule.state
    return ScheduleUpdate(schedule=wanted)
