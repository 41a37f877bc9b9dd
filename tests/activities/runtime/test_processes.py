"""A command reaches its order, also one that comes while the order is ending."""

import asyncio
from typing import Any, cast

import pytest
from temporalio.client import Client, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from activities.runtime.processes import OVERTAKEN, Processes
from domain.errors import Unavailable
from domain.orders import Order
from tests.domain.samples import order


class Overtaken:
    """Stands for Temporal: the workflow task that is to take a command fails `times`."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.ids: list[str] = []

    async def execute_update_with_start_workflow(self, update: str, argument: Any, *, id: str, **more: Any) -> str:  # noqa: A002
        self.ids.append(id)
        if self.left:
            self.left -= 1
            raise RPCError("unexpected workflow task failure", RPCStatusCode.FAILED_PRECONDITION, b"")
        return f"{update}: done"


async def command(temporal: Overtaken, wanted: Order) -> Any:
    return await Processes(cast(Client, temporal)).command(wanted, "approve", {}, "approve:1")


async def test_a_command_whose_workflow_task_was_overtaken_is_sent_again_under_its_id() -> None:
    temporal = Overtaken(times=2)

    assert await command(temporal, order()) == "approve: done"

    assert temporal.ids == ["approve:1"] * 3


async def test_a_command_that_never_gets_through_is_told_as_such() -> None:
    temporal = Overtaken(times=100)

    with pytest.raises(Unavailable):
        await command(temporal, order())

    assert len(temporal.ids) == len(OVERTAKEN) + 1


async def test_a_command_whose_time_runs_out_says_so() -> None:
    class Silent(Overtaken):
        async def execute_update_with_start_workflow(self, update: str, argument: Any, *, id: str, **more: Any) -> str:  # noqa: A002
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                raise WorkflowUpdateRPCTimeoutOrCancelledError from None
            return "too late"

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await command(Silent(times=0), order())
