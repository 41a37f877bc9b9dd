"""`turnup orders …`: what a person does with orders from a terminal, through the API."""

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from activities.runtime.settings import load_settings
from domain.cancellation import CancellationPreview
from domain.errors import BadInput, Unavailable
from domain.money import Money
from domain.states import OrderState
from domain.values import Instant, Value
from workers.cli.cancellation import money_words, offer_words, preview_table
from workers.cli.client import Api, ApiRefused
from workers.cli.order_text import OrderPage, order_lines
from workers.cli.words import ENDED, age, console, say, say_wrong

app = typer.Typer(help="Submit orders and see them through.", no_args_is_help=True)

OrderId = Annotated[str, typer.Argument(metavar="ID", help="The order's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="The API's answer as it is.")]


class ListedOrder(Value):
    """One row of the list."""

    id: str
    state: OrderState
    customer: str
    total: Money
    waiting_on: str | None = None
    placed_at: Instant


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The order as JSON; - reads standard input.")],
    key: Annotated[str | None, typer.Option(help="Idempotency key: the same key never makes a second order.")] = None,
    as_json: AsJson = False,
) -> None:
    """Place the order in FILE."""
    body, key = _read(file), key or str(uuid.uuid4())
    api = Api(load_settings())
    try:
        order = api.post("/v1/orders", body, key=key)
    except Unavailable as error:
        raise Unavailable(f"{error}; to send it again without making a second order, add --key {key}") from None
    if as_json:
        return console.print_json(data=order)
    say(f"{order['id']}  {order['state']}  {Money.model_validate(order['total'])}")
    if order["state"] == OrderState.draft:
        return say(f"It stays a draft until it is submitted: POST {order['links']['self']}/submit")
    return say(f"turnup orders watch {order['id']}   shows each thing that happens to it")


@app.command("list")
def list_orders(
    state: Annotated[str | None, typer.Option(help="Only in this state, such as pending.")] = None,
    customer: Annotated[str | None, typer.Option(help="Only of this customer.")] = None,
    waiting_on: Annotated[str | None, typer.Option(help="Only waiting on this: approval, blocked, fallout, …")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """The latest orders."""
    page = Api(load_settings()).get("/v1/orders", state=state, customer=customer, waiting_on=waiting_on, limit=limit)
    if as_json:
        return console.print_json(data=page)
    if not page["items"]:
        return say("No orders.")
    console.print(_table([ListedOrder.model_validate(order) for order in page["items"]]))
    return say(f"These are the latest {limit}; --limit shows more.") if page["next"] else None


@app.command()
def show(order: OrderId, as_json: AsJson = False) -> None:
    """One order: what it waits for, its items and their steps, its payments, and what is stuck."""
    found = Api(load_settings()).get(f"/v1/orders/{order}")
    if as_json:
        return console.print_json(data=found)
    first, *rest = order_lines(OrderPage.model_validate(found))
    say(first, style="bold")
    for line in rest:
        say(line)
    return None


@app.command()
def watch(order: OrderId) -> None:
    """Each thing that happens to an order, as it happens; ends with it, with code 0 when it is completed."""
    state = ""
    for event in Api(load_settings()).events(f"/v1/orders/{order}/events"):
        say(f"{event['at'][11:19]}  {event['summary']}")
        state = event["type"].removeprefix("order.")
        if state in ENDED:
            break
    raise typer.Exit(0 if state == OrderState.completed else 1)


@app.command()
def approve(
    order: OrderId,
    reason: Annotated[str, typer.Option(help="Kept with the decision.")] = "",
    reject: Annotated[bool, typer.Option("--reject", help="Decide against it.")] = False,
    item: Annotated[str | None, typer.Option(help="The item, where one step of it needs approval.")] = None,
    step: Annotated[str | None, typer.Option(help="That step.")] = None,
) -> None:
    """Approve an order that waits for it, in the name of whoever holds the key."""
    body = {"decision": "reject" if reject else "approve", "reason": reason, "item": item, "step": step}
    answer = Api(load_settings()).post(f"/v1/orders/{order}/approvals", {k: v for k, v in body.items() if v is not None})
    say(f"{order}: {answer['message']}")


@app.command()
def cancel(
    order: OrderId,
    reason: Annotated[str, typer.Option(help="Kept with the order.")] = "",
    item: Annotated[list[str] | None, typer.Option(metavar="ID", help="Only this item; may be given again.")] = None,
    accept_partial: Annotated[bool, typer.Option("--accept-partial", help="Undo what can still be undone.")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what it would refund, keep and not undo.")] = False,
) -> None:
    """Cancel an order in flight, or some of its items."""
    api = Api(load_settings())
    body = {"reason": reason, "accept_partial": accept_partial, "items": item or []}
    if preview:
        return _show_preview(api.post(f"/v1/orders/{order}/cancel", body, preview="true"))
    try:
        answer = api.post(f"/v1/orders/{order}/cancel", body)
    except ApiRefused as refused:
        if "preview" not in refused.problem:
            raise
        for line in offer_words(_preview(refused.problem["preview"])):
            say_wrong(line)
        raise typer.Exit(1) from None
    found = _preview(answer["preview"])
    return say(f"{order} is being cancelled: {found.message} ({money_words(found)})")


def _show_preview(answer: Any) -> None:
    preview = _preview(answer)
    if preview.items:
        console.print(preview_table(preview))
    say(f"{preview.message}: {money_words(preview)}")


def _preview(answer: Any) -> CancellationPreview:
    return CancellationPreview.model_validate(answer)


def _table(orders: list[ListedOrder]) -> Table:
    """In 80 columns; what an order waits for goes on in the next line where it is long."""
    table = Table(box=None, pad_edge=False)
    table.add_column("order", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("customer", max_width=14, overflow="fold")
    table.add_column("total", justify="right", no_wrap=True)
    table.add_column("waiting on", ratio=1)
    table.add_column("age", justify="right", no_wrap=True)
    now = datetime.now(UTC)
    for order in orders:
        waiting_on = order.waiting_on or ""
        table.add_row(order.id, order.state, order.customer, str(order.total), waiting_on, age(order.placed_at, now))
    return table


def _read(file: Path) -> Any:
    text = typer.get_text_stream("stdin").read() if str(file) == "-" else file.read_text(encoding="utf-8")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(str(file), f"is not JSON: {error.msg} in line {error.lineno}") from None
