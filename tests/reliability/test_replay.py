"""Orders that are at work go on under the code as it is now: what was done is done again in the same way."""

from pathlib import Path

import pytest
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from activities.runtime.temporal import DATA_CONVERTER
from tests.reliability.shapes import AFTERWARDS, SHAPES
from tests.reliability.store import HISTORIES, OF_THE_MACHINE, record, stored
from tests.world import World
from workers.worker import sandbox_runner
from workflows.access import AccessWorkflow
from workflows.clock import ClockWorkflow
from workflows.deprovisioning import DeprovisioningWorkflow
from workflows.dispute import DisputeWorkflow, ReturnedDebitWorkflow
from workflows.order import OrderWorkflow
from workflows.refund import RefundWorkflow
from workflows.subscription import SubscriptionWorkflow

FILES = sorted(HISTORIES.glob("*.json"))


def replayer() -> Replayer:
    return Replayer(
        workflows=[
            OrderWorkflow,
            SubscriptionWorkflow,
            AccessWorkflow,
            DeprovisioningWorkflow,
            ClockWorkflow,
            RefundWorkflow,
            DisputeWorkflow,
            ReturnedDebitWorkflow,
        ],
        workflow_runner=sandbox_runner(),
        data_converter=DATA_CONVERTER,
    )


@pytest.mark.parametrize("shape", [*SHAPES, *AFTERWARDS])
async def test_an_order_of_each_shape_replays(world: World, shape: str) -> None:
    history = await record(world, shape)

    await replayer().replay_workflow(history)

    assert broken_tasks(history) == []
    assert history.events[-1].HasField("workflow_execution_completed_event_attributes")


def broken_tasks(history: WorkflowHistory) -> list[str]:
    """Workflow tasks that failed, but for those that a message overtook as they were ending: the server has them again."""
    failed = [event.workflow_task_failed_event_attributes for event in history.events]
    ours = {
        WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNSPECIFIED,
        WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
    }
    return [attributes.failure.message for attributes in failed if attributes.cause not in ours]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_a_stored_history_replays_against_the_code_as_it_is_now(path: Path) -> None:
    await replayer().replay_workflow(stored(path))


def test_three_shapes_are_stored_and_none_names_the_machine_it_came_from() -> None:
    assert len(FILES) >= 3
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert not [field for field in OF_THE_MACHINE if f'"{field}":' in text]
        assert "/site-packages/" not in text


async def test_a_history_that_the_code_no_longer_follows_is_noticed() -> None:
    """The gate itself works: a step taken out of a history is missed."""
    history = stored(FILES[0])
    kept = [event for event in history.events if not event.HasField("activity_task_scheduled_event_attributes")]

    with pytest.raises(RuntimeError):
        await replayer().replay_workflow(WorkflowHistory(history.workflow_id, kept))
