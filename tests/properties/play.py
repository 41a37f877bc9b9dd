"""Plays a case against the real thing, and looks at it from outside after each move."""

import asyncio
import json
from collections.abc import Awaitable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from standardwebhooks import Webhook
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from domain.roles import Role
from tests.properties import oracle, page
from tests.properties.cases import (
    Amend,
    Approve,
    Cancel,
    CancelInTemporal,
    Case,
    Change,
    Command,
    Decide,
    Ending,
    Fault,
    Help,
    Item,
    Misbehave,
    Skip,
    Tell,
)
from tests.reliability.test_replay import broken_tasks, replayer
from tests.sandbox_server import SECRET
from tests.world import Json, World

APPROVERS = ("ana", "ben", "cleo")
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(hours=20)
MOST_STEPS = 60
REST = 3.0
"""Real seconds in which an order comes to rest, unless a partner keeps it busy."""


class Play:
    """One order of a case. `seen` are the states that an order was found in and replayed at, over many plays."""

    def __init__(self, world: World, case: Case, seen: set[str]) -> None:
        self._world = world
        self._case = case
        self._seen = seen
        self._sold: dict[int, tuple[str, str]] = {}
        self._removed: list[Json] = []
        self._added = 0
        self._retried: set[str] = set()
        self._decided: set[str] = set()
        self._policy = ""
        self._clock = asyncio.Lock()
        self.order = ""

    async def run(self) -> None:
        await self._place()
        try:
            for move in self._case.moves:
                if move.calmly:
                    await self._look()
                await asyncio.gather(*(self._give(command) for command in move.commands))
            await self._look()
            await self._bring_to_its_end()
            await self._judge()
        finally:
            await self._world.sandbox.faults()
            if self._policy:
                await self._world.api.delete(f"/v1/approval-policies/{self._policy}")

    async def _place(self) -> None:
        for place, item in enumerate([*self._case.items, self._case.spare]):
            steps = [step.json(number) for number, step in enumerate(item.steps)]
            self._sold[place] = await self._world.product(*steps, price=item.price)
        await self._ask_for_approval()
        for name in APPROVERS:
            await self._world.client_for(name, Role.approver)
        customer = await self._world.customer(payment_method=self._case.card)
        self.order = await self._world.draft(customer, *(self._item(place) for place in range(len(self._case.items))))
        await self._misbehave(self._case.faults)
        await self._world.submit(self.order)
        await self._world.until(self._has_begun, "the order to begin")

    async def _ask_for_approval(self) -> None:
        if self._case.quorum:
            self._policy = f"policy-{self._sold[0][0]}"
            body: Json = {"id": self._policy, "name": "Orders of this case", "products": [self._sold[0][0]]}
            body |= {"quorum": self._case.quorum, "deadline": 7200, "escalate_after": 3600}
            await self._world.succeed(self._world.api.put(f"/v1/approval-policies/{self._policy}", json=body))

    def _item(self, place: int) -> Json:
        item = self._spec(place)
        product, plan = self._sold[place]
        after = [str(other + 1) for other in sorted(item.after)]
        wish = {"characteristics": {"sandbox": item.wish}} if item.wish else {}
        return {"product": product, "plan": plan, "quantity": item.quantity, "depends_on": after, **wish}

    def _spec(self, place: int) -> Item:
        return self._case.items[place] if place < len(self._case.items) else self._case.spare

    @property
    def _handle(self) -> WorkflowHandle[Any, Any]:
        return self._world.workflow(self.order)

    async def _has_begun(self) -> bool:
        try:
            await self._handle.describe()
        except RPCError:
            return False
        return True

    async def _give(self, command: Command) -> None:
        match command:
            case Skip(seconds):
                await self._skip(timedelta(seconds=seconds))
            case Misbehave(faults):
                await self._misbehave(faults)
            case CancelInTemporal():
                await self._cancel_in_temporal()
            case Cancel():
                await self._cancel(command)
            case Amend():
                await self._amend(command)
            case Approve():
                await self._approve(command)
            case Decide():
                await self._decide(command)
            case Help():
                await self._help()
            case Tell():
                await self._tell(command)

    async def _skip(self, by: timedelta) -> None:
        """One at a time: a later one would break off an earlier one."""
        async with self._clock:
            await self._world.skip(self.order, by)

    async def _misbehave(self, faults: tuple[Fault, ...]) -> None:
        await self._world.sandbox.faults(*(fault.json(self.order) for fault in faults))

    async def _ask(self, request: Awaitable[httpx.Response]) -> httpx.Response:
        """The answer to a request that waits for the order to move on: its clock does so until it has come."""
        asked = asyncio.ensure_future(request)
        while not (await asyncio.wait([asked], timeout=0.4))[0]:
            await self._skip(timedelta(seconds=20))
        answer = asked.result()
        if answer.status_code == 503 and "does not answer now" in answer.text:
            assert any(record["subject"] == "undo" for record in await self._open_fallout()), answer.text
        else:
            assert answer.status_code < 500, f"{answer.request.url}: {answer.status_code} {answer.text}"
        return answer

    async def _cancel_in_temporal(self) -> None:
        try:
            await self._handle.cancel()
        except RPCError as error:
            assert "completed" in str(error), error  # noqa: PT017 - an order that has ended cannot be cancelled

    async def _cancel(self, command: Cancel) -> None:
        order = await self._world.get(self.order)
        places = [item["id"] for item in order["order"]["items"]]
        items = sorted({places[item % len(places)] for item in command.items})
        body = {"reason": "changed her mind", "items": items, "accept_partial": command.accept_partial}
        answer = await self._ask(self._world.api.post(f"/v1/orders/{self.order}/cancel", json=body))
        if answer.is_success:
            assert answer.json()["accepted"]

    async def _amend(self, command: Amend) -> None:
        order = await self._world.get(self.order)
        items = [self._as_asked(item) for item in order["order"]["items"]]
        if not self._change(items, command):
            return
        body: Json = {"version": order["version"], "items": items, "reason": str(command.change)}
        if command.method:
            body["payment_method"] = command.method
        answer = await self._ask(self._world.api.patch(f"/v1/orders/{self.order}", json=body))
        if answer.is_success:
            left = {item["id"] for item in items}
            self._removed += [self._as_asked(item) for item in order["order"]["items"] if item["id"] not in left]
            assert answer.json()["version"] == order["version"] + 1

    def _as_asked(self, item: Json) -> Json:
        asked = {name: item[name] for name in ("id", "quantity", "characteristics")}
        return {**asked, "product": item["product"]["id"], "plan": item["plan"]["id"], "depends_on": item["after"]}

    def _change(self, items: list[Json], command: Amend) -> bool:
        """Change the list of items; False where there is nothing to change."""
        item = items[command.item % len(items)]
        match command.change:
            case Change.more:
                item["quantity"] += 2
            case Change.fewer:
                item["quantity"] = max(1, item["quantity"] - 1)
            case Change.add:
                self._added += 1
                items.append({"id": f"new{self._added}", **self._item(len(self._case.items))})
            case Change.put_back if self._removed:
                known = {one["id"] for one in items}
                back = next((one for one in self._removed if one["id"] not in known), None)
                if back is not None:
                    items.append({**back, "depends_on": [need for need in back["depends_on"] if need in known]})
            case Change.remove if len(items) > 1:
                items.remove(item)
                for other in items:
                    other["depends_on"] = [need for need in other["depends_on"] if need != item["id"]]
            case _:
                return False
        return True

    async def _approve(self, command: Approve) -> None:
        body: Json = {"decision": command.decision}
        if command.step is not None:
            steps = await self._approval_steps()
            if not steps:
                return
            body["item"], body["step"] = steps[command.step % len(steps)]
        await self._vote(command.by, body)

    async def _vote(self, by: str, body: Json) -> None:
        client = await self._world.client_for(by, Role.approver)
        await self._ask(client.post(f"/v1/orders/{self.order}/approvals", json=body))

    async def _approval_steps(self) -> list[tuple[str, str]]:
        items = (await self._world.get(self.order))["order"]["items"]
        return [(item["id"], step["id"]) for item in items for step in item["plan"]["steps"] if step["kind"] == "approval"]

    async def _decide(self, command: Decide) -> None:
        records = await self._open_fallout()
        if records:
            record = records[command.pick % len(records)]
            # money that a person says was given back would have to be given back here, too
            verb = "retry" if record["subject"] == "undo" and not _is_final(record) else command.verb
            await self._resolve(record, verb, corrected=command.corrected)

    async def _open_fallout(self) -> list[Json]:
        order = await self._world.get(self.order)
        return [record for record in order["fallout"] if record["verb"] is None]

    async def _resolve(self, record: Json, verb: str, *, corrected: bool) -> None:
        body: Json = {"evidence": "ticket 4711", "reason": "so it was decided"}
        if verb == "retry" and corrected:
            body["data"] = {"payment_method": "tok_visa"} if record["subject"] == "payment" else {"sandbox": ""}
        answer = await self._ask(self._world.api.post(f"/v1/fallout/{record['id']}/{verb}", json=body))
        if answer.is_success:
            self._decided.add(record["id"])

    async def _help(self) -> None:
        order = await self._world.get(self.order)
        for record in order["fallout"]:
            if record["verb"] is None and record["title"].startswith("to do"):
                await self._resolve(record, "resolve", corrected=True)
        await self._approve_all(order, "approve")

    async def _tell(self, command: Tell) -> None:
        order = await self._world.get(self.order)
        item = order["items"][command.item % len(order["items"])]["item"]
        message = f"{self.order}-{command.number}"
        told = {"reference": f"{self.order}:{item}", "status": command.status, "sequence": command.sequence}
        body, now = json.dumps(told), datetime.now(UTC)
        headers = {
            "webhook-id": message,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign(message, now, body),
            "content-type": "application/json",
        }
        await self._ask(self._world.api.post("/v1/callbacks/fibreworks", content=body, headers=headers))

    async def _look(self) -> Json:
        """The order once it has come to rest, where it does; checked then against the workflow's own account of it."""
        loop = asyncio.get_running_loop()
        until = loop.time() + REST
        while loop.time() < until:
            before = await self._handle.describe()
            if not page.is_at_rest(before):
                self._refuse_broken_task(before.raw_description.pending_workflow_task.attempt)
                await asyncio.sleep(0.02)
                continue
            own = await page.own_page(self._handle)
            order = await self._world.get(self.order)
            preview = await self._preview(frozenset())
            after = await self._handle.describe()
            if after.history_length == before.history_length and page.is_at_rest(after):
                assert not (differences := page.differences(page.of_workflow(own, after), page.of_api(order))), differences
                assert oracle.as_offer(preview) == oracle.offer(order, frozenset())
                await self._check(order)
                self._check_at_rest(order, busy=bool(after.raw_description.pending_activities))
                return order
        order = await self._world.get(self.order)
        await self._check(order)
        return order

    def _check_at_rest(self, order: Json, *, busy: bool) -> None:
        """What has been decided is written, and no call is said to run that does not."""
        late = [record["id"] for record in order["fallout"] if record["verb"] is None and record["id"] in self._decided]
        assert not late, f"decided, and still open: {late}"
        if not busy:
            kinds = {
                (item["id"], step["id"]): step["kind"] for item in order["order"]["items"] for step in item["plan"]["steps"]
            }
            running = [(step["item"], step["step"]) for step in order["steps"] if step["state"] == "running"]
            assert not [step for step in running if kinds.get(step) in {"adapter", "manual"}], f"said to run: {running}"

    async def _preview(self, items: frozenset[str]) -> Json:
        body = {"items": sorted(items)}
        return await self._world.succeed(self._world.api.post(f"/v1/orders/{self.order}/cancel?preview=true", json=body))

    def _refuse_broken_task(self, attempt: int) -> None:
        assert attempt < 4, f"a workflow task of {self.order} fails again and again"

    async def _check(self, order: Json) -> None:
        oracle.check_events(await self._events())
        if not oracle.has_ended(order):
            oracle.check_wait(order)
        if order["state"] not in self._seen:
            self._seen.add(order["state"])
            await replayer().replay_workflow(await self._handle.fetch_history())

    async def _events(self) -> list[Json]:
        events: list[Json] = []
        while True:
            asked = {"after": len(events), "limit": 200}
            answer = await self._world.succeed(self._world.api.get(f"/v1/orders/{self.order}/events", params=asked))
            events += answer["items"]
            if len(answer["items"]) < 200:
                return events

    async def _bring_to_its_end(self) -> None:
        await self._misbehave(())
        step = SHORTEST
        for _ in range(MOST_STEPS):
            order = await self._look()
            if oracle.has_ended(order):
                return
            decisions = list(self._decisions(order))
            for record, verb in decisions:
                await self._resolve(record, verb, corrected=True)
            if self._case.ending is not Ending.silence:
                await self._approve_all(order, "approve" if self._case.ending is Ending.fulfil else "reject")
            step = SHORTEST if decisions else min(2 * step, LONGEST)
            await self._skip(step)
        broken = broken_tasks(await self._handle.fetch_history())
        raise AssertionError(f"{self.order} does not end; {broken}; {json.dumps(await self._world.get(self.order))[:2000]}")

    def _decisions(self, order: Json) -> Iterator[tuple[Json, str]]:
        """What to decide about all that is open."""
        for record in order["fallout"]:
            if record["verb"] is None and (verb := self._verb(record)) is not None:
                yield record, verb

    def _verb(self, record: Json) -> str | None:
        """What could not be undone is always decided on. What is retried in vain is done by hand, or given up."""
        if record["subject"] == "undo":
            return "resolve" if _is_final(record) else "retry"
        if self._case.ending is Ending.silence:
            return None
        if self._case.ending is Ending.give_up:
            return "compensate"
        subject = record["id"].rpartition(":")[0]
        if subject not in self._retried and not record["title"].startswith("to do"):
            self._retried.add(subject)
            return "retry"
        return "resolve" if record["subject"] == "step" else "compensate"

    async def _approve_all(self, order: Json, decision: str) -> None:
        for approval in order["approvals"]:
            if approval["outcome"] is None:
                item, _, step = approval["subject"].partition(":")
                subject = {"item": item, "step": step} if step else {}
                for name in APPROVERS:
                    await self._vote(name, {"decision": decision, **subject})

    async def _judge(self) -> None:
        """The order has ended."""
        order = await self._world.get(self.order)
        assert await asyncio.wait_for(self._handle.result(), 20) == order["state"]
        await oracle.check_end(self._world, order)
        oracle.check_events(await self._events())
        history = await self._handle.fetch_history()
        assert broken_tasks(history) == []
        await replayer().replay_workflow(history)


def _is_final(record: Json) -> bool:
    return bool(record["error"].startswith("past its point of no return"))
