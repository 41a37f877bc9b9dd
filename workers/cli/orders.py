"""`turnup orders …`: what a person does with orders from a terminal, through the API."""

import getpass
import json
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from activities.runtime.settings import load_settings
from domain.errors import BadInput
from workers.cli.client import Api

app = typer.Typer(help="Submit orders and see them through.", no_args_is_help=True)
console = Console(highlight=False)

OrderId = Annotated[str, typer.Argument(metavar="ID", help="The order's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="The API's answer as it is.")]

ENDED = frozenset({"rejected", "cancelled", "completed", "partial", "failed", "superseded"})


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The order as JSON; - reads standard input.")],
    key: Annotated[str | None, typer.Option(help="Idempotency key: the same key never makes a second order.")] = None,
    as_json: AsJson = False,
) -> None:
    """Place the order in FILE."""
    order = Api(load_settings()).post("/v1/orders", _read(file), key=key or str(uuid.uuid4()))
    _show(order, as_json)


@app.command("list")
def list_orders(
    state: Annotated[str | None, typer.Option(help="Only in this state, such as pending.")] = None,
    customer: Annotated[str | None, typer.Option(help="Only of this customer.")] = None,
    waiting_on: Annotated[str | None, typer.Option(help="Only waiting on this.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """The latest orders."""
    page = Api(load_settings()).get("/v1/orders", state=state, customer=customer, waiting_on=waiting_on, limit=limit)
    if as_json:
        return console.print_json(data=page)
    orders = _rows(page)
    table = Table("order", "state", "customer", "waiting on", "placed", box=None, pad_edge=False)
    for order in orders:
        table.add_row(*(_text(order, name) for name in ("id", "state", "customer", "waiting_on", "placed_at")))
    return console.print(table if orders else "No orders.")


@app.command()
def show(order: OrderId, as_json: AsJson = False) -> None:
    """One order with its items and payments."""
    _show(Api(load_settings()).get(f"/v1/orders/{order}"), as_json)


@app.command()
def watch(order: OrderId) -> None:
    """Each thing that happens to an order, as it happens; ends with it."""
    api = Api(load_settings())
    api.get(f"/v1/orders/{order}")
    for event in api.events(f"/v1/orders/{order}/events"):
        console.print(f"{_text(event, 'at')[11:19]}  {_text(event, 'summary') or _text(event, 'type')}", soft_wrap=True)
        state = api.get(f"/v1/orders/{order}").get("state") if _text(event, "type").startswith("order") else None
        if state in ENDED:
            console.print(f"The order is {state}.")
            raise typer.Exit(0 if state == "completed" else 1)


@app.command()
def approve(
    order: OrderId,
    by: Annotated[str, typer.Option(help="Who approves.")] = getpass.getuser(),
    reason: Annotated[str, typer.Option(help="Kept with the decision.")] = "",
    reject: Annotated[bool, typer.Option("--reject", help="Decide against it.")] = False,
    item: Annotated[str | None, typer.Option(help="The item, where one step of it needs approval.")] = None,
    step: Annotated[str | None, typer.Option(help="That step.")] = None,
) -> None:
    """Approve an order that waits for it."""
    body = {"decision": "reject" if reject else "approve", "by": by, "reason": reason, "item": item, "step": step}
    answer = Api(load_settings()).post(f"/v1/orders/{order}/approvals", {k: v for k, v in body.items() if v is not None})
    _say(answer, f"{order} {body['decision']}d by {by}" if not reject else f"{order} rejected by {by}")


@app.command()
def cancel(
    order: OrderId,
    reason: Annotated[str, typer.Option(help="Kept with the order.")] = "",
    preview: Annotated[bool, typer.Option("--preview", help="Only say what it would refund, keep and not undo.")] = False,
) -> None:
    """Cancel an order in flight."""
    api = Api(load_settings())
    if preview:
        return console.print_json(data=api.post(f"/v1/orders/{order}/cancel", {"reason": reason}, preview="true"))
    return _say(api.post(f"/v1/orders/{order}/cancel", {"reason": reason}), f"{order} is being cancelled")


def _read(file: Path) -> Any:
    text = typer.get_text_stream("stdin").read() if str(file) == "-" else file.read_text(encoding="utf-8")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(str(file), f"is not JSON: {error.msg} in line {error.lineno}") from None


def _show(order: Any, as_json: bool) -> None:
    if as_json:
        return console.print_json(data=order)
    console.print(f"[bold]{_text(order, 'id')}[/bold]  {_text(order, 'state')}", soft_wrap=True)
    for name in ("customer", "waiting_on", "owner", "deadline", "jeopardy", "reason", "total"):
        if value := _text(order, name):
            console.print(f"  {name.replace('_', ' '):<11} {value}", soft_wrap=True)
    for kind in ("items", "steps", "payments"):
        for part in order.get(kind) or ():
            console.print(f"  {kind[:-1]:<11} {_part(part)}", soft_wrap=True)
    links = order.get("links") or {}
    for name, url in links.items() if isinstance(links, dict) else ():
        console.print(f"  {name:<11} {url}", soft_wrap=True)
    return None


def _part(part: dict[str, Any]) -> str:
    names = ("item", "id", "key", "step", "product", "plan", "quantity", "amount", "state", "error", "reason")
    return "  ".join(text for name in names if (text := _text(part, name)))


def _text(record: dict[str, Any], name: str) -> str:
    """A field as a person reads it: money as an amount, a record by its id, nothing as ''."""
    value = record.get(name)
    if isinstance(value, dict):
        if "minor" in value:
            return f"{value['minor']} minor units {value.get('currency', '')}".strip()
        return str(value.get("id") or value.get("name") or "")
    return "" if value is None else str(value)


def _rows(page: Any) -> list[dict[str, Any]]:
    found = page if isinstance(page, list) else page.get("items") or page.get("orders") or page.get("data") or []
    return [row for row in found if isinstance(row, dict)]


def _say(answer: Any, otherwise: str) -> None:
    said = answer.get("message") or answer.get("detail") if isinstance(answer, dict) else None
    console.print(said or otherwise, soft_wrap=True)
