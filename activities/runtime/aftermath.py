"""Starting and telling the processes of what comes after a payment: refunds, disputes and returned debits."""

from collections.abc import Awaitable
from typing import Any

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts import queues
from activities.runtime.temporal import TASK_TIMEOUT
from domain import keys
from domain.errors import Unavailable
from domain.gateway_events import GatewayEvent, GatewayEventKind, Told


class Aftermath:
    """Raises Unavailable where Temporal is down; whatever was asked may then be asked again."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def refund(self, refund: str) -> None:
        """Start a refund that is reserved; one that was started before is left as it is."""
        await _sent(self._start("refund", refund, keys.refund_workflow(refund), f"Refund {refund}"))

    async def tell(self, told: Told) -> None:
        """Hand an event to the process that it is about. What does not concern any is done with."""
        event = told.event
        match event.kind:
            case GatewayEventKind.payment_changed if event.payment is not None:
                await self.payment_changed(event.payment)
            case GatewayEventKind.payment_returned if event.payment is not None:
                await _sent(self._start("returned_debit", told, keys.return_workflow(event.payment), _about(told)))
            case GatewayEventKind.refund_failed if event.refund is not None:
                await _sent(self._start("refund_failed", told, f"{keys.refund_workflow(event.refund)}:failed", _about(told)))
            case _ if event.dispute is not None:
                await self._dispute(told, event.dispute)

    async def payment_changed(self, payment: str) -> None:
        """Signal `payment_changed` with the payment's key to its order, or to what collects its invoice, where that is open.
        One that has closed, or does not wait yet, learns it by asking the gateway."""
        handle = self.client.get_workflow_handle(keys.payment_workflow(payment))
        await _sent(handle.signal("payment_changed", payment), RPCStatusCode.NOT_FOUND)

    async def _dispute(self, told: Told, name: str) -> None:
        dispute = keys.dispute(told.gateway, name)
        await _sent(
            self._start(
                "dispute",
                dispute,
                keys.dispute_workflow(dispute),
                f"Dispute {dispute}",
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                start_signal="gateway_event",
                start_signal_args=[told],
            )
        )

    async def _start(self, kind: str, argument: Any, workflow_id: str, summary: str, **options: Any) -> Any:
        given = {"id_reuse_policy": WorkflowIDReusePolicy.REJECT_DUPLICATE} | options
        return await self.client.start_workflow(
            kind,
            argument,
            id=workflow_id,
            task_queue=queues.SUBSCRIPTIONS,
            task_timeout=TASK_TIMEOUT,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=summary,
            **given,
        )


def _about(told: Told) -> str:
    event: GatewayEvent = told.event
    return f"{told.gateway} told {event.kind.replace('_', ' ')} of {event.refund or event.payment}"


async def _sent(call: Awaitable[Any], *settled: RPCStatusCode) -> None:
    """`settled` are answers that leave nothing to do."""
    try:
        await call
    except WorkflowAlreadyStartedError:
        return
    except RPCError as error:
        if error.status not in settled:
            raise Unavailable(f"Temporal does not answer ({error.status.name.lower()})") from error
    except RuntimeError as error:
        raise Unavailable("Temporal does not answer (never connected)") from error
