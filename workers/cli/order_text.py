"""One order as a person reads it in a terminal: what it waits for, its items with their steps, its money, what is stuck."""

from collections.abc import Iterator
from itertools import chain

from domain.facts import ItemStatus, OrderStatus, PaymentStatus, StepStatus
from domain.fallout import OFFERED, Fallout, FalloutVerb
from domain.jeopardy import Jeopardy
from domain.money import Money
from domain.orders import Order, OrderRequest
from domain.states import ServiceState, StepState
from domain.values import Instant
from workers.cli.words import ENDED, moment

MARKS = {
    StepState.done: "✓",
    StepState.running: "▶",
    StepState.undoing: "▶",
    StepState.held: "!",
    StepState.failed: "!",
    StepState.waiting: "○",
    StepState.skipped: "–",
    StepState.cancelled: "–",
    StepState.undone: "↶",
}
SAID_BY_THE_MARK = {StepState.done, StepState.running, StepState.waiting}


class OrderPage(OrderStatus):
    """Of the API's answer, what is shown. `order` is None for a draft, `request` for anything else."""

    id: str
    customer: str
    total: Money
    placed_by: str
    placed_at: Instant
    order: Order | None = None
    request: OrderRequest | None = None
    items: list[ItemStatus] = []
    steps: list[StepStatus] = []
    payments: list[PaymentStatus] = []
    fallout: list[Fallout] = []
    links: dict[str, str | None] = {}


def order_lines(page: OrderPage) -> Iterator[str]:
    """All of it, the first line being its id, state and total."""
    yield f"{page.id}  {page.state}  {page.total}"
    yield from _head(page)
    for item in _item_ids(page):
        yield ""
        yield from _item(page, item)
    yield from _section("Payments", [_payment(payment) for payment in page.payments])
    yield from _section("Fallout", list(chain.from_iterable(fallout_lines(record) for record in page.fallout)))
    yield from _section("Links", [f"{name:<9} {url}" for name, url in page.links.items() if url])


def fallout_lines(record: Fallout) -> list[str]:
    """What is stuck and the command that resolves it; or who has decided what."""
    if record.verb is not None:
        why = f": {record.reason or record.evidence}" if record.reason or record.evidence else ""
        return [f"{record.title}", f"  decided by {record.by}: {record.verb}{why}"]
    first, *others = [verb for verb in FalloutVerb if verb in OFFERED[record.subject]]
    else_ = f"   (or {', '.join(others)})" if others else ""
    return [
        f"{record.title}, {record.attempts} attempts, {record.money_at_stake} at stake",
        f"  {record.error}",
        f"  turn of {record.owner}, until {moment(record.deadline)}",
        f"  turnup fallout {first} {record.id}{else_}",
    ]


def _head(page: OrderPage) -> Iterator[str]:
    yield _row("customer", page.customer)
    yield _row("placed", f"{moment(page.placed_at)} by {page.placed_by}")
    if page.waiting_on:
        yield _row("waiting on", page.waiting_on)
        if turn := _turn(page):
            yield _row("", turn)
        if page.waiting_on.startswith("approval"):
            yield _row("", f"turnup orders approve {page.id}")
    if page.jeopardy is not Jeopardy.normal:
        yield _row("jeopardy", f"{page.jeopardy}, because of {page.jeopardy_step or 'the date'}")
    if page.expected_completion and page.state not in ENDED:
        yield _row("expected", moment(page.expected_completion))
    if page.reason:
        yield _row("reason", page.reason)


def _turn(page: OrderPage) -> str:
    owner = f"turn of {page.owner}" if page.owner else ""
    deadline = f"until {moment(page.deadline)}" if page.deadline else ""
    return ", ".join(part for part in (owner, deadline) if part)


def _row(name: str, value: str) -> str:
    return f"  {name:<11} {value}"


def _section(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield title
        yield from (f"  {line}" for line in lines)


def _item_ids(page: OrderPage) -> list[str]:
    """As the order lists them; those an amendment removed come last."""
    asked = page.order.items if page.order else page.request.items if page.request else []
    return list(dict.fromkeys([*(item.id for item in asked), *(status.item for status in page.items)]))


def _item(page: OrderPage, item: str) -> Iterator[str]:
    status = next((status for status in page.items if status.item == item), None)
    yield "  ".join(part for part in (f"Item {item}", _what(page, item), _standing(status)) if part)
    steps = [step for step in page.steps if step.item == item]
    width = max((len(step.name) for step in steps), default=0)
    for step in steps:
        yield f"  {MARKS[step.state]} {step.name:<{width}}  {_note(step)}".rstrip()


def _what(page: OrderPage, item: str) -> str:
    if page.order and (ordered := page.order.item(item)):
        return f"{ordered.plan.name} × {ordered.quantity}  {ordered.due}"
    wanted = [asked for asked in page.request.items if asked.id == item] if page.request else []
    return f"{wanted[0].plan} × {wanted[0].quantity}" if wanted else "removed by an amendment"


def _standing(status: ItemStatus | None) -> str:
    if status is None:
        return ""
    service = f", service {status.service}" if status.service is not ServiceState.designed else ""
    refunded = ", refunded" if status.refunded else ""
    reason = f": {status.reason}" if status.reason else ""
    return f"{status.state}{service}{refunded}{reason}"


def _note(step: StepStatus) -> str:
    if step.state is StepState.running and step.started_at:
        due = f", due {moment(step.due_at)}" if step.due_at else ""
        return f"since {moment(step.started_at)}{due}"
    state = "" if step.state in SAID_BY_THE_MARK else str(step.state)
    return ": ".join(part for part in (state, step.error if step.state is not StepState.done else "") if part)


def _payment(payment: PaymentStatus) -> str:
    parts = [f"{payment.number}", str(payment.state), str(payment.amount), payment.reference or "", payment.code or ""]
    if payment.captured and payment.captured != payment.amount:
        parts.append(f"{payment.captured} captured")
    if payment.refunded:
        parts.append(f"{payment.refunded} refunded")
    return "  ".join(part for part in parts if part)
