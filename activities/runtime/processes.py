"""Talking to running workflows: starting them, and sending commands to them whether they are open or not."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from temporalio.client import (
    Client,
    ScheduleOverlapPolicy,
    WithStartWorkflowOperation,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import SearchAttributePair, TypedSearchAttributes, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts import queues
from activities.contracts.attributes import CUSTOMER, ORDER_STATE
from activities.runtime.aftermath import Aftermath
from activities.runtime.temporal import TASK_TIMEOUT
from activities.store.due_rows import DueRow
from activities.store.due_rows import Kind as DueKind
from domain import keys
from domain.clocks import Advance
from domain.collection import CollectionRequest
from domain.errors import BadInput, Conflict, TurnupError, Unavailable
from domain.facts import HandOver
from domain.orders import Order
from domain.subscriptions.facts import Opening

OVERTAKEN = (0.05, 0.2, 0.5)
"""Seconds between the tries of a command whose workflow task was overtaken."""


CLOSING = frozenset({RPCStatusCode.FAILED_PRECONDITION})
"""How a command is answered whose workflow task failed, as it does when it comes while the workflow ends."""


class Ended(Conflict):
    """The order's workflow has closed: what it was is in the database."""


@dataclass(frozen=True)
class Process:
    """A workflow, and what it is started with where it is not open. A command is sent again where it is answered by one of
    `overtaken`."""

    kind: str
    subject: str
    argument: Any
    options: dict[str, Any]
    overtaken: frozenset[RPCStatusCode] = CLOSING

    @property
    def words(self) -> str:
        return f"{self.kind} {self.subject}"

    def start(self) -> WithStartWorkflowOperation[Any, Any]:
        return WithStartWorkflowOperation(self.kind, self.argument, **self.options)


class Processes:
    """Orders, invoices and subscriptions as workflows. Raises BadInput and Conflict as a workflow refuses, Ended where it has
    closed, Unavailable where Temporal or every worker is down; whatever was asked may then be asked again under the same id."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.aftermath = Aftermath(client)

    async def start(self, order: Order) -> None:
        """Start an order's workflow; one that was started before is left as it is."""
        try:
            await self.client.start_workflow("order", order, **self._order_options(order), request_eager_start=True)
        except WorkflowAlreadyStartedError:
            return
        except (RPCError, RuntimeError) as error:
            raise _translated(error) from error

    async def signal(self, order: Order, signal: str, argument: Any) -> None:
        """Signal an order, starting it where it is not open. One that has closed is past needing it."""
        try:
            await self.client.start_workflow(
                "order", order, **self._order_options(order), start_signal=signal, start_signal_args=[argument]
            )
        except WorkflowAlreadyStartedError:
            return
        except (RPCError, RuntimeError) as error:
            raise _translated(error) from error

    async def command(self, order: Order, update: str, argument: Any, update_id: str) -> Any:
        """Send an update to an order, starting it where it is not open, and return its answer. TimeoutError where the caller's
        time runs out first: it may still be done."""
        return await self._ask(Process("order", order.id, order, self._order_options(order)), update, argument, update_id)

    async def correct(self, invoice: str, update: str, argument: Any, update_id: str) -> Any:
        """As `command`, for an invoice: it opens for each command, and is open again for one that comes while it closes. An id
        that was used before is answered as it was then, so that what was refused is asked again under another."""
        process = _opening("invoice", invoice, keys.invoice_workflow(invoice), update)
        return await self._ask(process, update, argument, update_id)

    async def instruct(self, subscription: str, update: str, argument: Any, update_id: str) -> Any:
        """As `correct`, for a subscription."""
        workflow_id = keys.subscription_workflow(subscription)
        process = _opening("subscription", subscription, workflow_id, update, Opening(subscription=subscription))
        return await self._ask(process, update, argument, update_id)

    async def contest(self, dispute: str, update: str, argument: Any, update_id: str) -> Any:
        """As `correct`, for a dispute."""
        process = _opening("dispute", dispute, keys.dispute_workflow(dispute), update)
        return await self._ask(process, update, argument, update_id)

    async def _ask(self, process: Process, update: str, argument: Any, update_id: str) -> Any:
        try:
            return await self._tried(process, update, argument, update_id)
        except WorkflowUpdateFailedError as error:
            raise _refusal(error) from error
        except WorkflowAlreadyStartedError as error:
            raise Ended(f"{process.words} has ended") from error
        except WorkflowUpdateRPCTimeoutOrCancelledError as error:
            raise TimeoutError(f"{process.words} does not answer {update}") from error
        except (RPCError, RuntimeError) as error:
            raise _translated(error) from error

    async def _tried(self, process: Process, update: str, argument: Any, update_id: str) -> Any:
        """Sent again where it was overtaken."""
        for pause in OVERTAKEN:
            try:
                return await self._update(process, update, argument, update_id)
            except RPCError as error:
                if error.status not in process.overtaken:
                    raise
            await asyncio.sleep(pause)
        return await self._update(process, update, argument, update_id)

    async def _update(self, process: Process, update: str, argument: Any, update_id: str) -> Any:
        start = process.start()
        return await self.client.execute_update_with_start_workflow(
            update, argument, start_workflow_operation=start, id=update_id
        )

    async def subscribe(self, service: HandOver) -> None:
        """Hand a live service to its subscription's workflow. One that has it already is left as it is."""
        try:
            await self.client.start_workflow(
                "subscription",
                service,
                id=keys.subscription_workflow(service.subscription),
                task_queue=queues.SUBSCRIPTIONS,
                task_timeout=TASK_TIMEOUT,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=f"Subscription {service.subscription}: {service.plan} × {service.quantity}",
                request_eager_start=True,
            )
        except (RPCError, RuntimeError) as error:
            raise _translated(error) from error

    async def due(self, row: DueRow) -> WorkflowHandle[Any, str]:
        """Open the process that acts on what is due, or tell it where it is open."""
        kind, argument, workflow_id = _acting_on(row)
        try:
            return await self.client.start_workflow(
                kind,
                argument,
                id=workflow_id,
                task_queue=queues.SUBSCRIPTIONS,
                task_timeout=TASK_TIMEOUT,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=f"{'Service' if kind == 'access' else 'Subscription'} {row.subject}: {row.kind}",
                start_signal="due",
                start_signal_args=[row.key],
                search_attributes=TypedSearchAttributes([SearchAttributePair(CUSTOMER, row.customer)] if row.customer else []),
            )
        except (RPCError, RuntimeError) as error:
            raise _translated(error) from error

    async def hurry(self, schedule: str) -> None:
        """Have what this schedule starts begin now, or after what is under way."""
        try:
            await self.client.get_schedule_handle(schedule).trigger(overlap=ScheduleOverlapPolicy.BUFFER_ONE)
        except (RPCError, RuntimeError) as error:
            if (
                isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND
            ):  # whoever keeps the schedules left it out
                return
            raise _translated(error) from error

    async def advance(self, advance: Advance) -> Awaitable[str]:
        """Begin to advance a test clock; what it shows at last is to be waited for, and Conflict where it came to a halt.
        Raises Conflict where it is being advanced already."""
        try:
            process = await self.client.start_workflow(
                "clock",
                advance,
                id=keys.clock_workflow(advance.clock),
                task_queue=queues.JOBS,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                static_summary=f"Test clock {advance.clock} to {advance.to:%Y-%m-%d %H:%M} UTC",
            )
        except WorkflowAlreadyStartedError:
            raise Conflict(f"test clock {advance.clock} is being advanced; wait until it has come to its target") from None
        except (RPCError, RuntimeError) as error:
            raise _translated(error) from error
        return _ended(process)

    async def collect(self, asked: CollectionRequest) -> WorkflowHandle[Any, str]:
        """Have an invoice collected. Where that is under way already, its process is told."""
        try:
            return await self.client.start_workflow(
                "collection",
                asked,
                id=keys.collection_workflow(asked.invoice),
                task_queue=queues.SUBSCRIPTIONS,
                task_timeout=TASK_TIMEOUT,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=f"Collect invoice {asked.invoice}",
                start_signal="asked",
                start_signal_args=[asked],
                search_attributes=TypedSearchAttributes([SearchAttributePair(CUSTOMER, asked.customer)]),
            )
        except (RPCError, RuntimeError) as error:
            raise _translated(error) from error

    @staticmethod
    def _order_options(order: Order) -> dict[str, Any]:
        return {
            "id": keys.order_workflow(order.id),
            "task_queue": queues.ORDERS,
            "task_timeout": TASK_TIMEOUT,
            "id_reuse_policy": WorkflowIDReusePolicy.REJECT_DUPLICATE,
            "id_conflict_policy": WorkflowIDConflictPolicy.USE_EXISTING,
            "static_summary": f"Order {order.id}: {len(order.items)} items, {order.total}",
            "search_attributes": TypedSearchAttributes(
                [SearchAttributePair(ORDER_STATE, "acknowledged"), SearchAttributePair(CUSTOMER, order.customer.id)]
            ),
        }


def _acting_on(row: DueRow) -> tuple[str, Any, str]:
    """The workflow that acts on it, what it is opened with, and its id."""
    match row.kind:
        case DueKind.access:
            return "access", row.subject, keys.access_workflow(row.subject)
        case DueKind.deprovision | DueKind.export:
            return "deprovision", Opening(subscription=row.subject), keys.deprovision_workflow(row.subject)
        case _:
            return "subscription", Opening(subscription=row.subject), keys.subscription_workflow(row.subject)


async def _ended(process: WorkflowHandle[Any, Any]) -> str:
    try:
        return str(await process.result())
    except WorkflowFailureError as error:
        cause = error.cause.cause if isinstance(error.cause, ActivityError) else error.cause
        raise Conflict(f"it came to a halt: {cause.message if isinstance(cause, ApplicationError) else cause}") from None
    except RPCError as error:
        raise _translated(error) from error


def _opening(kind: str, subject: str, workflow_id: str, update: str, argument: Any = None) -> Process:
    """A process that opens for each command."""
    options = {
        "id": workflow_id,
        "task_queue": queues.SUBSCRIPTIONS,
        "task_timeout": TASK_TIMEOUT,
        "id_conflict_policy": WorkflowIDConflictPolicy.USE_EXISTING,
        "static_summary": f"{kind.capitalize()} {subject}: {update}",
    }
    return Process(kind, subject, subject if argument is None else argument, options, CLOSING | {RPCStatusCode.NOT_FOUND})


def _refusal(error: WorkflowUpdateFailedError) -> TurnupError:
    cause = error.cause.cause if isinstance(error.cause, ActivityError) else error.cause
    if isinstance(cause, ApplicationError) and cause.type in {"Unavailable", "Unknown"}:
        return Unavailable(cause.message)
    if isinstance(cause, ApplicationError) and cause.type == "BadInput":
        field, _, message = str(cause.message).partition(": ")
        return BadInput(field, message)
    if isinstance(cause, ApplicationError) and cause.type == "AcceptedUpdateCompletedWorkflow":
        return Ended("the order has ended meanwhile")
    return Conflict(cause.message if isinstance(cause, ApplicationError) else str(cause or error))


def _translated(error: RPCError | RuntimeError) -> TurnupError:
    """A client that was never connected raises RuntimeError."""
    if isinstance(error, RuntimeError):
        return Unavailable("Temporal does not answer (never connected)")
    if error.status is RPCStatusCode.NOT_FOUND:
        return Ended("the order has ended")
    return Unavailable(f"Temporal does not answer ({error.status.name.lower()})")
