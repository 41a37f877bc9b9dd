"""`turnup simulate`: years of a subscription in seconds, on the running system."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from activities.runtime.settings import load_settings
from domain.errors import TurnupError
from domain.money import Money
from workers.cli.client import Api
from workers.cli.scenario import read
from workers.cli.simulation import Json, Story, play
from workers.cli.timeline_chart import drawn
from workers.cli.words import console, say


class BooksOutOfOrder(TurnupError):
    """Something that must never be, was."""


def simulate(
    scenario: Annotated[Path, typer.Option("--scenario", metavar="FILE", help="What happens, as YAML.")],
    months: Annotated[int, typer.Option(min=1, max=60, help="How long.")] = 24,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it as well.")] = None,
) -> None:
    """Play a scenario by a test clock: print what happened with its amounts, and check the books."""
    wanted, api, began = read(scenario), Api(load_settings()), time.monotonic()
    console.print(f"{wanted.name}: {months} months from {wanted.start:%Y-%m-%d}")
    story = play(api, wanted, months, _tell)
    console.print(_invoices(story))
    if svg is not None:
        svg.write_text(drawn(story), encoding="utf-8")
        say(f"drawn in {svg}")
    facts = story.subscription
    say(f"subscription {facts['id']} is {facts['state'].replace('_', ' ')} after {time.monotonic() - began:.1f} s")
    if story.problems:
        raise BooksOutOfOrder("; ".join(story.problems))
    say("the ledger balances, no period is billed twice, no invoice paid twice")


def _tell(event: Json) -> None:
    amount = _money(event["amount"], event["currency"]) if event.get("amount") is not None else ""
    say(f"{event['at'][:10]}  {event['type']:26} {amount:>12}  {event['summary']}")


def _money(minor: int, currency: str) -> str:
    return str(Money(minor=minor, currency=currency))


def _invoices(story: Story) -> Table:
    table = Table(box=None, pad_edge=False, title="Invoices", title_justify="left")
    for column in ("number", "issued", "state"):
        table.add_column(column, no_wrap=True)
    table.add_column("total", justify="right", no_wrap=True)
    table.add_column("due", justify="right", no_wrap=True)
    for each in sorted(story.invoices, key=lambda one: (one["issue_date"], one["id"])):
        amounts = [_money(each[name]["minor"], each[name]["currency"]) for name in ("total", "amount_due")]
        table.add_row(each["number"] or "draft", each["issue_date"], each["state"], *amounts)
    return table
