"""`turnup simulate`: years of a subscription in seconds, on the running system."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from activities.runtime.settings import load_settings
from domain.errors import TurnupError, Unavailable
from domain.money import Money
from workers.cli import books
from workers.cli.client import Api
from workers.cli.deeds import Sandbox
from workers.cli.scenario import Scenario, read
from workers.cli.simulation import Json, Story, play
from workers.cli.timeline_chart import drawn
from workers.cli.words import console, say
from workers.embedded.running import with_running_stack


class BooksOutOfOrder(TurnupError):
    """Something that must never be, was."""


def simulate(
    scenario: Annotated[Path, typer.Option("--scenario", metavar="FILE", help="What happens, as YAML.")],
    months: Annotated[int | None, typer.Option(min=1, max=60, help="How long; left out, as the scenario says.")] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it as well.")] = None,
) -> None:
    """Play a scenario by a test clock: print what happened with its amounts, and check the books."""
    wanted, api, began = read(scenario), Api(load_settings()), time.monotonic()
    long = months or wanted.months
    console.print(f"{wanted.name}: {long} months from {wanted.start:%Y-%m-%d}")
    story = play(api, wanted, long, _tell, _sandbox(wanted))
    console.print(_invoices(story))
    if svg is not None:
        svg.write_text(drawn(story), encoding="utf-8")
        say(f"drawn in {svg}")
    facts = story.subscription
    say(f"subscription {facts['id']} is {facts['state'].replace('_', ' ')} after {time.monotonic() - began:.1f} s")
    program = books.bean_check()
    problems = [*story.problems, *(books.beancount_problems(api, program) if program else ())]
    if problems:
        raise BooksOutOfOrder("; ".join(problems))
    judge = "bean-check accepts them too" if program else "bean-check is not installed, so Beancount was not asked"
    say(f"the ledger balances, no period is billed twice, no invoice paid twice; {judge}")


def _sandbox(scenario: Scenario) -> Sandbox | None:
    """Only where something is to go wrong: with real gateways and partners there is none."""
    if not scenario.needs_sandbox:
        return None
    url = with_running_stack(load_settings()).sandbox_url
    if url is None:
        raise Unavailable("this scenario needs the sandbox: run `turnup start`, or set TURNUP_SANDBOX_URL")
    return Sandbox(url)


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
