"""`turnup demo`: a stranger watches one real order go from POST to a live, paid service."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
import yaml
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table

from activities.runtime.settings import load_settings
from domain.errors import TurnupError
from domain.money import Money
from workers.cli.words import ENDED
from workers.embedded.keys import write_private
from workers.embedded.running import Running, running_stack
from workers.embedded.stack import ROOT, Stack
from workers.embedded.supervisor import Finished, supervise

SAMPLES = ROOT / "deploy" / "samples"
A_MOMENT = 1.5
"""Seconds that the order is left waiting for its approval, for people to see it."""

console = Console(highlight=False, emoji=False)


class DemoFailed(TurnupError):
    """The order did not come to be completed, or the API refused something."""


def demo(once: Annotated[bool, typer.Option("--once", help="End when the order is completed, with proof.")] = False) -> None:
    """Start everything, submit the sample order, and show each step of it as it happens."""
    settings = load_settings()
    running = running_stack(settings.data_dir)
    if running is not None:
        asyncio.run(_show_and_tell(running, once))
        return

    async def when_ready(stack: Stack, started: Running) -> None:
        await _show_and_tell(started, once)
        if once:
            raise Finished

    console.print("Starting PostgreSQL, Temporal, the sandbox, a worker and the API …")
    asyncio.run(supervise(settings, console.print, when_ready))


async def _show_and_tell(running: Running, once: bool) -> None:
    key = running.admin_key_file.read_text(encoding="utf-8").strip()
    async with _client(running, key) as admin, _client(running, await _approver(running, admin)) as approver:
        await _load_samples(admin)
        order = await _submit(admin)
        await _follow(admin, approver, order)
        await _prove(running, admin, order)
    _links(running, order, key)
    if not once:
        console.print("\nEverything stays up. Ctrl-C stops it; the data stays.")


def _client(running: Running, key: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.AsyncClient(base_url=running.api_url, headers=headers, timeout=30, trust_env=False)


async def _ask(client: httpx.AsyncClient, method: str, path: str, body: object = None) -> Any:
    answer = await client.request(method, path, json=body)
    if not answer.is_success:
        raise DemoFailed(f"{method} {path}: {answer.json().get('detail', answer.status_code)}")
    return answer.json()


async def _approver(running: Running, admin: httpx.AsyncClient) -> str:
    """The key of somebody other than who places the order; kept for the next demonstration."""
    kept = running.admin_key_file.with_name("demo-approver.key")
    if kept.exists():
        key = kept.read_text(encoding="utf-8").strip()
        async with _client(running, key) as client:
            if (await client.get("/v1/orders")).is_success:
                return key
    for name in ("ana", *(f"ana-{number}" for number in range(2, 100))):
        answer = await admin.post("/v1/api-keys", json={"name": name, "roles": ["approver"]})
        if answer.is_success:
            write_private(kept, str(answer.json()["key"]))
            return str(answer.json()["key"])
    raise DemoFailed("no approver's key could be made")


async def _load_samples(admin: httpx.AsyncClient) -> None:
    """The sample catalogue and customers; what is there already stays as it is."""
    samples = yaml.safe_load((SAMPLES / "catalogue.yaml").read_text(encoding="utf-8"))
    for noun in ("products", "plans", "prices", "customers"):
        for record in samples[noun]:
            answer = await admin.post(f"/v1/{noun}", json=record)
            if answer.status_code not in {201, 409}:
                raise DemoFailed(f"{noun}: {answer.json().get('detail', answer.status_code)}")
    for policy in samples["approval_policies"]:
        await _ask(admin, "PUT", f"/v1/approval-policies/{policy['id']}", policy)


async def _submit(admin: httpx.AsyncClient) -> str:
    body = json.loads((SAMPLES / "order.json").read_text(encoding="utf-8"))
    console.print(f"\n[bold]POST /v1/orders[/bold]  {_relative(SAMPLES / 'order.json')}")
    answer = await _ask(admin, "POST", "/v1/orders", body)
    console.print(f"[bold]202[/bold]  {answer['id']} accepted, {_money(answer['total'])}\n")
    return str(answer["id"])


async def _follow(admin: httpx.AsyncClient, approver: httpx.AsyncClient, order: str) -> None:
    """Print each event as it comes, over one bar an item."""
    bar = Progress(
        TextColumn("  {task.description}"), BarColumn(30), TextColumn("{task.completed:.0f} of {task.total:.0f} steps")
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*bar.columns, console=console) as progress:
        async for event in _events(admin, order):
            progress.console.print(f"[dim]{event['at'][11:19]}[/dim]  {escape(event['summary'])}")
            found = await _ask(admin, "GET", f"/v1/orders/{order}")
            _move(progress, tasks, found)
            if event["type"] == "approval.asked":
                await asyncio.sleep(A_MOMENT)
                decision = {"decision": "approve", "reason": "the demonstration's approver agrees"}
                await _ask(approver, "POST", f"/v1/orders/{order}/approvals", decision)
    state = (await _ask(admin, "GET", f"/v1/orders/{order}"))["state"]
    if state != "completed":
        raise DemoFailed(f"{order} ended as {state}, not as completed")


def _move(progress: Progress, tasks: dict[str, TaskID], found: Any) -> None:
    for item in found["order"]["items"]:
        steps = [step for step in found["steps"] if step["item"] == item["id"]]
        if item["id"] not in tasks and steps:
            tasks[item["id"]] = progress.add_task(f"item {item['id']}  {item['plan']['name']}", total=len(steps))
        if steps:
            progress.update(tasks[item["id"]], completed=sum(step["state"] in {"done", "skipped"} for step in steps))


async def _events(admin: httpx.AsyncClient, order: str) -> AsyncIterator[Any]:
    """The order's events as they are written; goes on after the last one where the connection breaks."""
    last = 0
    while True:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(last)}
        try:
            async with admin.stream("GET", f"/v1/orders/{order}/events", headers=headers) as answer:
                if not answer.is_success:
                    raise DemoFailed(f"the events of {order} cannot be read ({answer.status_code})")
                async for line in answer.aiter_lines():
                    if line.startswith("data:"):
                        event = json.loads(line.removeprefix("data:"))
                        last = event["seq"]
                        yield event
                        if event["type"].removeprefix("order.") in ENDED:
                            return
        except httpx.TransportError:
            await asyncio.sleep(0.5)


async def _prove(running: Running, admin: httpx.AsyncClient, order: str) -> None:
    """What truly happened outside, by the sandbox's own journal, beside what our ledger says."""
    async with httpx.AsyncClient(base_url=running.sandbox_url, trust_env=False) as sandbox:
        journal = (await sandbox.get("/journal", params={"order": order})).json()
    outside = Table(box=None)
    for column in ("", "of", "amount"):
        outside.add_column(column)
    for fact in journal:
        subject = fact.get("key") or fact.get("reference") or ""
        outside.add_row(fact["kind"].replace("_", " "), subject, _money(fact["amount"]) if fact.get("amount") else "")
    found = await _ask(admin, "GET", f"/v1/orders/{order}")
    ledger = Table(box=None)
    for column in ("transaction", "account"):
        ledger.add_column(column)
    ledger.add_column("amount", justify="right")
    for line in found["ledger"]:
        ledger.add_row(line["transaction"], line["account"], _money(line["amount"]))
    balance = sum(line["amount"]["minor"] for line in found["ledger"])
    ledger.add_row("", "sum", f"[bold]{_money({'minor': balance, 'currency': found['total']['currency']})}[/bold]")
    console.print("\n[bold]What the gateway and the partners did, by their own journal[/bold]", outside)
    console.print("\n[bold]What our ledger says[/bold]", ledger)
    captured = sum(fact["amount"]["minor"] for fact in journal if fact["kind"] == "captured")
    if captured != found["total"]["minor"] or balance:
        raise DemoFailed(
            f"the gateway captured {captured}, the order comes to {found['total']['minor']}, the ledger to {balance}"
        )


def _links(running: Running, order: str, key: str) -> None:
    namespace = running.temporal_namespace
    console.print()
    for name, where in {
        "This order": f"{running.console_url}/orders/{order}",
        "Console": f"{running.console_url}   sign in with {key}",
        "Temporal": f"{running.temporal_ui_url}/namespaces/{namespace}/workflows/order-{order}",
        "API docs": running.docs_url,
    }.items():
        console.print(f"  {name:<11} {where}", soft_wrap=True)


def _money(amount: Any) -> str:
    return str(Money.model_validate(amount))


def _relative(path: Path) -> str:
    return str(path.relative_to(ROOT))
