"""What can be asked of an order that exists. A draft and an order that has ended are answered from the database; one at work is
asked through its process."""

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from activities.runtime.processes import Ended
from activities.store import clocks, life_fallout, orders, views
from activities.store.issuing import Answers
from activities.store.orders import StoredOrder
from activities.store.views import FalloutRecord, OrderDetail
from api import order_taxes
from api.acceptance import changes_of, circumstances, placing_of, refuse_odd_dates, refuse_unpayable
from api.auth import demand
from api.context import Context
from api.problems import Forbidden, Partly, bad_input
from api.requests import DecisionRequest, FalloutAnswer
from domain.approvals import Decision
from domain.cancellation import CancellationPreview, CancelRequest, ItemStanding, assess
from domain.entry import refreeze, taxed
from domain.errors import BadInput, Conflict, Unavailable
from domain.fallout import OF_FACTS, OFFERED, FalloutDecision, FalloutVerb
from domain.orders import AmendRequest, Order, OrderRequest
from domain.roles import Principal, Right
from domain.states import ORDER, OrderState, is_terminal
from domain.values import Value

PATIENCE = 15.0
"""Seconds a caller is kept waiting for a process to answer."""


class Amended(Value):
    id: str
    version: int
    message: str


class Cancelled(Value):
    """`accepted` false comes with an offer in `preview`; nothing has been undone then."""

    accepted: bool
    preview: CancellationPreview


class Answered(Value):
    """`message` is the process's own word on what follows."""

    message: str


async def amend(
    context: Context, principal: Principal, order_id: str, request: AmendRequest, key: str | None = None
) -> Amended:
    """Change a draft, or an order at work. Raises NotFound, BadInput, and Conflict for a stale version or where it is too
    late."""
    demand(principal, Right.change_orders)
    stored = await _stored(context, order_id)
    if stored.state is OrderState.draft:
        return await _redraft(context, principal, order_id, request)
    order = _at_work(stored, "amended")
    _refuse_stale(stored, request.version)
    amended = await _refrozen(context, order, request)
    argument = {"order": amended.model_dump(mode="json"), "by": principal.name, "reason": request.reason}
    answer = await _ask(context, principal, order, "amend", argument, key)
    return Amended(id=order_id, version=answer["version"], message=answer["message"])


async def _refrozen(context: Context, order: Order, request: AmendRequest) -> Order:
    async def attempt(answers: Answers) -> Order:
        async with context.database.transaction() as connection:
            found = await circumstances(connection, order.customer.id, order.id)
            refuse_odd_dates(None, request.requested_completion, found.shown or context.now())
            placing = await placing_of(context, connection, found, order.id, order.placed_by, context.now())
            known = [item.id for item in order.items]
            changes = await changes_of(context, connection, placing, request.items or [], order.currency, answers, known)
            amended = refreeze(order, request, placing.model_copy(update={"changes": changes}))
            if request.payment_method:
                await refuse_unpayable(connection, amended)
            decisions = await order_taxes.decide(context, connection, amended, found, answers)
        return taxed(amended, decisions, placing.policies)

    return await order_taxes.asking(context, attempt)


async def cancel(
    context: Context, principal: Principal, order_id: str, request: CancelRequest, key: str | None = None
) -> Cancelled:
    """Cancel an order or some of its items. Raises NotFound, BadInput, Conflict where it has ended, and Partly with the offer
    where only some of it can still be undone and that was not accepted beforehand."""
    demand(principal, Right.change_orders)
    by = _signed(principal, request.by)
    stored = await _stored(context, order_id)
    if stored.state is OrderState.draft:
        return await _end_draft(context, principal, order_id, request.reason)
    order = _at_work(stored, "cancelled")
    _refuse_unknown_items(order, request.items)
    argument = request.model_copy(update={"by": by}).model_dump(mode="json")
    answer = Cancelled.model_validate(await _ask(context, principal, order, "cancel", argument, key))
    if not answer.accepted:
        raise Partly(_offer(answer.preview), {"preview": answer.preview.model_dump(mode="json")})
    return answer


async def preview_cancellation(
    context: Context, principal: Principal, order_id: str, items: Sequence[str] = ()
) -> CancellationPreview:
    """What cancelling now would give back, keep and be unable to undo. Changes nothing. Raises NotFound, BadInput."""
    demand(principal, Right.change_orders)
    async with context.database.transaction() as connection:
        detail = await views.order_detail(connection, order_id)
    if detail.order is None:
        return _draft_cancellation(order_id, detail.request)
    _refuse_unknown_items(detail.order, items)
    return assess(order_id, detail.order.currency, _standings(detail, detail.order), items)


async def decide(
    context: Context, principal: Principal, order_id: str, request: DecisionRequest, key: str | None = None
) -> Answered:
    """Approve, reject or delegate. Raises NotFound, Forbidden to whoever placed the order, BadInput, and Conflict where it is
    decided already."""
    demand(principal, Right.approve)
    by = _signed(principal, request.by)
    stored = await _stored(context, order_id)
    order = _at_work(stored, "decided on")
    if stored.placed_by == by:
        raise Forbidden(f"{by} placed order {order_id} and cannot decide on it; another person has to")
    decision = Decision.model_validate({**request.model_dump(), "by": by})
    return Answered(message=await _ask(context, principal, order, "approve", decision.model_dump(mode="json"), key))


async def resolve_fallout(
    context: Context,
    principal: Principal,
    fallout_id: str,
    verb: FalloutVerb,
    answer: FalloutAnswer,
    key: str | None = None,
) -> Answered:
    """Decide about something stuck; the same decision again changes nothing. Raises NotFound, BadInput, and Conflict where it
    is decided otherwise already or `verb` is not offered."""
    demand(principal, Right.resolve_fallout)
    by = _signed(principal, answer.by)
    record = await _fallout(context, fallout_id)
    try:
        _refuse_decided(record, verb)
        decision = FalloutDecision.model_validate({**answer.model_dump(), "fallout": fallout_id, "verb": verb, "by": by})
        if record.subject in OF_FACTS or record.order is None:
            async with context.database.transaction() as connection:
                return Answered(message=await life_fallout.decide(connection, record, decision, context.now()))
        order = _at_work(await _stored(context, record.order), "helped on")
        message = await _ask(context, principal, order, "resolve_fallout", decision.model_dump(mode="json"), key)
    except ValidationError as error:
        raise bad_input(error) from None
    except Conflict:
        decided = await _fallout(context, fallout_id)
        if decided.verb is not verb:
            raise
        message = f"{verb} by {decided.by} is noted already"
    return Answered(message=message)


async def _fallout(context: Context, fallout_id: str) -> FalloutRecord:
    async with context.database.transaction() as connection:
        return await views.fallout_record(connection, fallout_id)


async def _stored(context: Context, order_id: str) -> StoredOrder:
    async with context.database.transaction() as connection:
        return await orders.get(connection, order_id)


def _at_work(stored: StoredOrder, verb: str) -> Order:
    """The order, where its process can be asked."""
    if is_terminal(ORDER, stored.state):
        raise Conflict(f"order {stored.id} is {stored.state}; it can no longer be {verb}")
    if stored.order is None:
        raise Conflict(f"order {stored.id} is a draft; submit it first")
    return stored.order


def _refuse_stale(stored: StoredOrder, version: int) -> None:
    if version != stored.revision:
        raise Conflict(f"order {stored.id} is at version {stored.revision}, and the change was made against {version}")


def _signed(principal: Principal, by: str | None) -> str:
    if by is not None and by != principal.name:
        raise BadInput("by", f"this key belongs to {principal.name}; leave `by` out, or say so")
    return principal.name


async def _ask(context: Context, principal: Principal, order: Order, update: str, argument: Any, key: str | None) -> Any:
    """One update, under an id of the caller's where there is one. A caller without a key who asks again asks anew, since the
    answer may have changed."""
    update_id = f"{update}:{principal.key_id}:{key}" if key else f"{update}:{principal.name}:{uuid.uuid4().hex}"
    try:
        async with asyncio.timeout(PATIENCE):
            return await context.processes.command(order, update, argument, update_id)
    except TimeoutError:
        raise Unavailable(
            f"order {order.id} does not answer now; it may still do as asked, so look before asking again"
        ) from None
    except Ended:
        ended = await _stored(context, order.id)
        raise Conflict(f"order {order.id} has ended meanwhile: it is {ended.state}") from None


async def _redraft(context: Context, principal: Principal, order_id: str, change: AmendRequest) -> Amended:
    async with context.database.transaction() as connection:
        stored = await orders.get(connection, order_id, lock=True)
        if stored.request is None or stored.state is not OrderState.draft:
            raise Conflict(f"order {order_id} is no draft any more: it is {stored.state}")
        _refuse_stale(stored, change.version)
        given = change.model_dump(
            include={"items", "payment_method", "requested_completion"}, exclude_unset=True, exclude_none=True
        )
        request = OrderRequest.model_validate({**stored.request.model_dump(), **given})
        refuse_odd_dates(None, request.requested_completion, await clocks.business_now(connection, request.customer))
        await orders.redraft(connection, order_id, request, stored.revision + 1, principal.name, context.now())
    return Amended(id=order_id, version=stored.revision + 1, message="the draft is changed")


async def _end_draft(context: Context, principal: Principal, order_id: str, reason: str) -> Cancelled:
    async with context.database.transaction() as connection:
        stored = await orders.get(connection, order_id, lock=True)
        if stored.state is not OrderState.draft:
            raise Conflict(f"order {order_id} is no draft any more: it is {stored.state}")
        await orders.end_draft(connection, order_id, OrderState.cancelled, principal.name, reason, context.now())
    return Cancelled(accepted=True, preview=_draft_cancellation(order_id, stored.request))


def _draft_cancellation(order_id: str, request: OrderRequest | None) -> CancellationPreview:
    """A draft has charged and done nothing."""
    nothing = assess(order_id, request.currency if request else "EUR", [])
    return nothing.model_copy(update={"possible": True, "complete": True, "message": "a draft is dropped without a trace left"})


def _refuse_unknown_items(order: Order, items: Sequence[str]) -> None:
    for index, item in enumerate(items):
        if order.item(item) is None:
            raise BadInput(f"items[{index}]", f"{item!r} is not an item of order {order.id}")


def _standings(detail: OrderDetail, order: Order) -> list[ItemStanding]:
    return [
        ItemStanding(
            item=status.item,
            state=status.state,
            due=item.due,
            captured=status.captured,
            point_of_no_return_at=status.point_of_no_return_at,
            point_of_no_return_passed=status.point_of_no_return_passed,
            after=item.after,
        )
        for status in detail.items
        if (item := order.item(status.item)) is not None
    ]


def _offer(preview: CancellationPreview) -> str:
    if not preview.possible:
        return f"order {preview.order} cannot be cancelled: {preview.message}"
    return (
        f"order {preview.order} can be cancelled only in part: {preview.message}; "
        'to take that, repeat the request with "accept_partial": true'
    )


def _refuse_decided(record: FalloutRecord, verb: FalloutVerb) -> None:
    if record.verb is not None:
        raise Conflict(f"{record.id} is decided already: {record.verb} by {record.by}")
    if verb not in OFFERED[record.subject]:
        offered = ", ".join(sorted(OFFERED[record.subject]))
        raise Conflict(f"'{verb}' is not offered for a stuck {record.subject}; offered are {offered}")
