"""The items of an order: each run as soon as what it needs is done, completed, or undone on its own."""

import asyncio
from datetime import timedelta
from graphlib import TopologicalSorter

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.contracts.checks import Checks, Release
from activities.contracts.live_items import LiveItems
from domain import keys, live_items
from domain.facts import HandOver
from domain.orders import Action, OrderItem
from domain.plans import Node, Stage
from domain.states import ItemState
from workflows.book import Book
from workflows.calls import ensure, ensure_here, explain, first_cause, uncancellable
from workflows.payment import Till
from workflows.steps import ItemFailed, Steps

AS_SEEN = timedelta(hours=1)
"""For so long a change costs to the cent what it was accepted at; later what is left of the period has become less."""


class NotChanged(Exception):
    """A subscription's process has refused a change for good, in words: the subscription is as it was."""


class Items:
    def __init__(self, book: Book, steps: Steps, till: Till) -> None:
        self._book = book
        self._steps = steps
        self._till = till
        self._node_settled: dict[Node, asyncio.Event] = {}
        self._decided: dict[str, asyncio.Event] = {}
        self._through: dict[str, asyncio.Event] = {}
        self._lost: set[str] = set()

    async def run_stage(self, stage: Stage, *, complete: bool = True) -> None:
        """Run the steps of every open item, each as soon as what it needs is done. An item is complete after its activation,
        unless money is waited for."""
        graph, items = self._book.graph(stage), self._book.open_items
        self._node_settled = {node: asyncio.Event() for node in graph}
        self._decided = {item: asyncio.Event() for item in items}
        self._through = {item: asyncio.Event() for item in items}
        async with asyncio.TaskGroup() as group:
            for item in items:
                group.create_task(self._run_item(item, graph, complete and stage is Stage.activate))

    async def _run_item(self, item: str, graph: dict[Node, set[Node]], complete: bool) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow(item))
                for node in (node for node in graph if node[0] == item):
                    group.create_task(self._run_node(node, graph))
        except BaseExceptionGroup as errors:
            failure = first_cause(errors)
            if not isinstance(failure, ItemFailed):
                raise failure from None
            await uncancellable(self._give_up(item, failure))
        else:
            if complete:
                await self._complete(item)
        finally:
            self._decide(item)
            self._through[item].set()

    async def _follow(self, item_id: str) -> None:
        """An item is through a stage after those that it depends on, also where it has no steps in it."""
        item = self._book.order.item(item_id)
        for need in item.after if item else []:
            if need in self._decided:
                await self._decided[need].wait()
        self._refuse_orphan(item_id)

    async def _give_up(self, item_id: str, failure: ItemFailed) -> None:
        """Drop an item after those that depend on it, which are told that it is lost."""
        self._lost.add(item_id)
        self._decide(item_id)
        for other in self._book.order.items:
            if item_id in other.after and other.id in self._through:
                await self._through[other.id].wait()
        await self.drop(item_id, failure.state, failure.reason)

    def _decide(self, item_id: str) -> None:
        """Nobody waits for this item any longer: what became of it in this stage is known."""
        self._decided[item_id].set()
        for node, settled in self._node_settled.items():
            if node[0] == item_id:
                settled.set()

    async def _run_node(self, node: Node, graph: dict[Node, set[Node]]) -> None:
        for need in sorted(graph[node]):
            await self._node_settled[need].wait()
        self._refuse_orphan(node[0])
        await self._steps.run(node)
        self._node_settled[node].set()
        if not self._goes_on(node, graph):
            self._book.save_soon()

    def _goes_on(self, node: Node, graph: dict[Node, set[Node]]) -> bool:
        """Whether something follows at once, which will be written, and this step with it: a next step, or the next stage."""
        waiting = {other for other, settled in self._node_settled.items() if not settled.is_set()}
        return not waiting or any(node in graph[other] and not graph[other] & waiting for other in waiting)

    def _refuse_orphan(self, item_id: str) -> None:
        """An item whose prerequisite in this order was given up cannot go on."""
        item = self._book.order.item(item_id)
        for need in item.after if item else []:
            if need in self._lost or self._book.items[need].state in {ItemState.failed, ItemState.cancelled}:
                raise ItemFailed(item_id, f"item {need}, which it depends on, is not fulfilled", ItemState.cancelled)

    async def _complete(self, item_id: str) -> None:
        """The item is live: its subscription takes over, told in the same transaction."""
        item = self._book.order.item(item_id)
        if item is None:
            return
        self._book.set_item(item_id, ItemState.completed)
        if item.action is Action.add:
            order = self._book.order
            self._book.hand_over(
                HandOver(
                    subscription=keys.subscription(order.id, item_id),
                    order=order.id,
                    item=item_id,
                    customer=order.customer.id,
                    product=item.product.id,
                    plan=item.plan.id,
                    quantity=item.quantity,
                    currency=order.currency,
                    remote_id=self._book.items[item_id].remote_id,
                    activated_at=workflow.now(),
                )
            )
        self._book.save_soon()

    async def change_live(self) -> None:
        """Have what is live changed, one thing after another, each by its subscription's own process. Raises NotChanged at the
        first that is refused; those before it stay."""
        for item in self.changes:
            try:
                await uncancellable(self._change(item))
            except ActivityError as error:
                raise NotChanged(f"item {item.id}: {explain(error)}") from error

    @property
    def changes(self) -> list[OrderItem]:
        """Those still to be made, each after those that it comes after."""
        known = {item.id: item for item in self._book.order.items if item.change is not None}
        ordered = TopologicalSorter({name: set(item.after) & known.keys() for name, item in known.items()}).static_order()
        return [known[name] for name in ordered if name in self._book.open_items]

    async def _change(self, item: OrderItem) -> None:
        """Not to be cut in two: what was made is known to be."""
        self._book.set_item(item.id, ItemState.in_progress)
        await self._book.save()
        order = self._book.order
        is_prompt = workflow.now() - order.placed_at <= AS_SEEN
        asked = live_items.instruction(order, item, order.placed_at if is_prompt else None)
        verb = "end" if asked.cancel is not None else "change"
        carried = await ensure(LiveItems.carry_out, asked, summary=f"{verb} {asked.subscription} · item {item.id}")
        self._book.set_item(item.id, ItemState.completed, reason=carried.words)
        await self._book.save()

    async def give_back(self) -> None:
        """What was taken for items that were given up while it was taken."""
        for item in self._book.order.items:
            status = self._book.items[item.id]
            if status.captured and not status.refunded and status.state in {ItemState.failed, ItemState.cancelled}:
                await self._till.refund(item.id, item.due, status.reason or "not fulfilled")

    async def drop(self, item_id: str, state: ItemState, reason: str) -> None:
        """Undo an item: what was built is taken down, what was reserved is freed, what was taken is given back."""
        item = self._book.order.item(item_id)
        await self._steps.undo(item_id)
        self._steps.cancel_waiting(item_id)
        release = Release(order=self._book.order.id, items=[item_id])
        await ensure_here(Checks.release_capacity, release, summary=f"free what item {item_id} had reserved")
        status = self._book.items[item_id]
        if item is not None and status.captured and not status.refunded:
            await self._till.refund(item_id, item.due, reason or "not fulfilled")
        self._book.set_item(item_id, state, reason=reason)
        await self._book.save()

    async def drop_all(self, items: list[str], state: ItemState, reason: str) -> None:
        """Dependants first."""
        left = list(items)
        while left:
            needed = {need for item in left if (order := self._book.order.item(item)) for need in order.after}
            item = next((item for item in reversed(left) if item not in needed), left[-1])
            await self.drop(item, state, reason)
            left.remove(item)
