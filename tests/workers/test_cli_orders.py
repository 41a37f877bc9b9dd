"""`turnup orders` and `turnup fallout` against the running product, each command a process of its own."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.workers import commands
from tests.workflows.plans import access, build, by_hand
from tests.world import World


@dataclass(frozen=True)
class Done:
    code: int
    lines: list[str]
    wrong: list[str]


@dataclass(frozen=True)
class Terminal:
    """Runs commands in a folder of its own, eighty columns wide."""

    world: World
    folder: Path

    async def turnup(self, *words: str, said: str | None = None) -> Done:
        settings = {
            "COLUMNS": "80",
            "TURNUP_API_URL": str(self.world.api.base_url),
            "TURNUP_API_KEY": self.world.api.headers["Authorization"].removeprefix("Bearer "),
        }
        done = await asyncio.to_thread(commands.run, words, self.folder, said or "", **settings)
        return Done(done.returncode, done.stdout.splitlines(), done.stderr.splitlines())


@pytest.fixture
def terminal(world: World, tmp_path: Path) -> Terminal:
    return Terminal(world, tmp_path)


async def test_a_submitted_order_is_followed_to_its_end(world: World, terminal: Terminal) -> None:
    product, plan = await world.product(build(), access(), price="12.50")
    item = {"id": "1", "product": product, "plan": plan, "quantity": 2}
    order = {"customer": await world.customer(), "currency": "EUR", "items": [item]}

    placed = await terminal.turnup("orders", "submit", "-", said=json.dumps(order))
    *watch, _ = placed.lines[1].partition("   ")[0].split()
    number = placed.lines[0].split()[0]
    seen = await terminal.turnup("orders", "watch", number)
    again = await terminal.turnup("orders", "watch", number)

    assert placed.lines[0] == f"{number}  acknowledged  25.00 EUR"
    assert watch == ["turnup", "orders", "watch"]
    assert (seen.code, seen.lines[-1][10:]) == (0, "Order is completed")
    assert again == seen


async def test_the_list_fits_eighty_columns_and_breaks_between_words(world: World, terminal: Terminal) -> None:
    product, plan = await world.product(build(), verified_customers_only=True)
    customer = await world.customer(verified=False)
    order = await world.order(customer, {"product": product, "plan": plan, "quantity": 3})
    await world.state(order, "pending")

    done = await terminal.turnup("orders", "list", "--customer", customer)

    assert done.lines[0].split() == ["order", "state", "customer", "total", "waiting", "on", "age"]
    assert done.lines[1].split()[:5] == [order, "pending", customer, "30.00", "EUR"]
    assert max(len(line) for line in done.lines) <= 80
    waiting_on = (await world.get(order))["waiting_on"]
    assert set(waiting_on.split()) <= set(" ".join(done.lines).split())


async def test_what_is_stuck_is_shown_with_the_command_that_resolves_it(world: World, terminal: Terminal) -> None:
    product, plan = await world.product(build(), by_hand(needs=["build"]), access())
    order = await world.order(await world.customer(), {"product": product, "plan": plan})
    record = (await world.fallout(order))["id"]

    shown = await terminal.turnup("orders", "show", order)
    listed = await terminal.turnup("fallout", "list", "--order", order)
    bare = await terminal.turnup("fallout", "resolve", record)
    resolved = await terminal.turnup("fallout", "resolve", record, "--evidence", "ticket 4711")
    await world.state(order, "completed")

    steps = [line.split()[0] for line in shown.lines if line[2:3] in "✓▶!○" and line.startswith("  ")]
    assert steps == ["✓", "!", "○"]
    command = f"turnup fallout retry {record}   (or resolve, skip, compensate)"
    assert (f"    {command}" in shown.lines, f"    {command}" in listed.lines) == (True, True)
    assert (bare.code, len(bare.wrong), "evidence" in bare.wrong[0]) == (1, 1, True)
    assert (resolved.code, resolved.wrong) == (0, [])


async def test_a_cancellation_refused_prints_its_offer_and_takes_it_when_told_to(world: World, terminal: Terminal) -> None:
    final = build("dig", point_of_no_return=True, undo=None)
    first, first_plan = await world.product(final, by_hand("inspect", needs=["dig"]), access(), price="30.00")
    second, second_plan = await world.product(build("other"), by_hand(), access(), price="20.00")
    items = [{"product": first, "plan": first_plan}, {"product": second, "plan": second_plan}]
    order = await world.order(await world.customer(), *items)

    await world.resolve(await world.fallout(order), "resolve", evidence="done")

    async def dug() -> bool:
        return bool((await world.get(order))["items"][0]["point_of_no_return_passed"])

    await world.until(dug, "the point of no return to be passed")
    preview = await terminal.turnup("orders", "cancel", order, "--preview")
    refused = await terminal.turnup("orders", "cancel", order)
    taken = await terminal.turnup("orders", "cancel", order, "--accept-partial")

    assert [line.split()[:3] for line in preview.lines[:3]] == [
        ["item", "would", "be"],
        ["1", "kept", "30.00"],
        ["2", "undone", "20.00"],
    ]
    assert (refused.code, refused.wrong) == (
        1,
        [
            f"turnup: {order} can be cancelled only in part: item 1 stays, past its point of no return",
            f"turnup: That is 20.00 EUR released, 30.00 EUR kept; to take it: turnup orders cancel {order} --accept-partial",
        ],
    )
    assert (taken.code, "20.00 EUR released, 30.00 EUR kept" in taken.lines[0]) == (0, True)
