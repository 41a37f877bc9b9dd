"""Plays the life of a subscription against the real thing, on a test clock, and looks at it at every due instant."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx

from activities.store import entitlements
from tests.life import JANUARY, advance, clocked, live, monthly, plan, shown
from tests.properties import life_oracle as oracle
from tests.properties.life_cases import GOOD, Ask, Card, Life, Move, Pass, Pay, Race
from tests.properties.life_oracle import Use
from tests.world import Json, World

LONGEST = timedelta(days=16)
"""Nothing is left unseen for longer."""


class LifePlay:
    def __init__(self, world: World, case: Life) -> None:
        self._world = world
        self._case = case
        self._now = JANUARY
        self._use = Use(JANUARY, case.quantity)
        self._made: dict[datetime, int] = {}
        self._reasons: set[str] = set()
        self._events: list[Json] = []
        self._clock = self._customer = self._name = ""

    async def run(self) -> None:
        self._clock, self._customer = await clocked(self._world)
        item = await plan(self._world, monthly("30.00"))
        self._name = await live(self._world, self._customer, item | {"quantity": self._case.quantity})
        for move in self._case.moves:
            await self._play(move)
            await self._pass_until(self._now)
        await self._play(Card(GOOD))
        await self._play(Pay())
        await self._pass_until(self._now + timedelta(days=3))
        await self._ask(Ask("cancel", (("when", "now"),)))
        await self._pass_until(self._now + timedelta(days=2))
        oracle.check_events(self._events)

    async def _play(self, move: Move) -> None:
        match move:
            case Pass(to_renewal=True):
                await self._pass_until(oracle.next_boundary(JANUARY, self._now) - timedelta(seconds=1))
            case Pass():
                await self._pass_until(self._now + timedelta(days=move.days, hours=move.hours))
            case Ask():
                await self._ask(move)
            case Race():
                await self._race(move)
            case Card():
                body = {"payment_method": move.token}
                await self._world.succeed(self._world.api.patch(f"/v1/customers/{self._customer}", json=body))
            case Pay():
                for each in await self._invoices():
                    if each["state"] == "overdue":
                        await self._post(f"/v1/invoices/{each['id']}/collect", {})

    async def _pass_until(self, target: datetime) -> None:
        """Due instant after due instant."""
        while True:
            ahead = [datetime.fromisoformat(each["due_at"]) for each in (await shown(self._world, self._name))["ahead"]]
            stops = [at for at in ahead if self._now < at < target]
            self._now = min([*stops, self._now + LONGEST, target])
            await advance(self._world, self._clock, self._now)
            await self._look()
            if self._now == target:
                return

    async def _ask(self, ask: Ask) -> None:
        before = await shown(self._world, self._name)
        body = self._body(ask)
        if ask.stale:
            body["version"] = before["version"] - 1
        asked = [self._post(f"/v1/subscriptions/{self._name}/{ask.what}", body) for _ in range(ask.times)]
        answers = await asyncio.gather(*asked)
        self._check(ask, body, before, await shown(self._world, self._name), [each for each in answers if each.is_success])

    async def _race(self, race: Race) -> None:
        """Whichever comes first: what is charged is what was used."""
        target = self._now + timedelta(days=race.days)
        passed = asyncio.create_task(advance(self._world, self._clock, target))
        body = self._body(race.ask)
        path = f"/v1/subscriptions/{self._name}/{race.ask.what}"
        answers = await asyncio.gather(*(self._post(path, body) for _ in range(race.ask.times)))
        await passed
        self._now = target
        self._remember(race.ask, body, [each for each in answers if each.is_success])

    def _body(self, ask: Ask) -> Json:
        body: Json = dict(ask.body)
        if ask.after is not None:
            body["when"] = (self._now + timedelta(days=ask.after)).isoformat()
        return body

    def _remember(self, ask: Ask, body: Json, made: list[httpx.Response]) -> None:
        match ask.what:
            case "changes":
                done = [each for each in (one.json() for one in made) if each["lines"]]
                self._made |= {datetime.fromisoformat(each["at"]): each["quantity"] for each in done}
            case "suspend" if made:
                self._reasons.add(body["reason"])
            case "unsuspend" if made:
                self._reasons.discard(body["reason"])

    def _check(self, ask: Ask, body: Json, before: Json, after: Json, made: list[httpx.Response]) -> None:
        """What was answered is what is."""
        assert not (made and ask.stale), "a stale command is taken"
        if not made:
            assert after["version"] == before["version"], f"{ask} is refused, and something has changed"
            return
        self._remember(ask, body, made)
        match ask.what, body.get("when"):
            case "cancel", "now":
                assert after["state"] == "ended"
            case "cancel", _:
                at = made[0].json()["at"]
                assert after["state"] == "ended" or (after["ending"] or {"at": None})["at"] == at
            case "uncancel", _:
                assert after["ending"] is None
            case "resume", _:
                assert after["paused_since"] is None

    async def _post(self, path: str, body: Json) -> httpx.Response:
        answer = await self._world.api.post(path, json=body)
        assert answer.is_success or answer.status_code in {409, 422}, f"{path}: {answer.status_code} {answer.text}"
        return answer

    async def _look(self) -> None:
        found = await shown(self._world, self._name)
        await self._follow(found)
        invoices = await self._invoices()
        notes = (await self._get("/v1/credit-notes", customer=self._customer, limit=100))["items"]
        async with self._world.database.transaction() as connection:
            granted = await entitlements.of_source(connection, found["service"])
        is_open = any(each.revoked_at is None and not each.suspended for each in granted)
        oracle.check_access(found, self._now, is_open, self._reasons, invoices)
        until = datetime.fromisoformat(found["ended_at"]) if found["ended_at"] else self._now
        oracle.check_charges(self._use, found, until, invoices, notes)
        account = await self._get("/v1/credits", customer=self._customer)
        balance = sum(each["minor"] for each in account["balances"])
        oracle.check_money(*await self._taken(found["order"], invoices), invoices, notes, balance)

    async def _follow(self, found: Json) -> None:
        """What happened since, into what is used."""
        path = f"/v1/subscriptions/{self._name}/timeline"
        fresh = (await self._world.api.get(path, params={"after": len(self._events), "limit": 200})).json()
        self._events += fresh
        for each in fresh:
            at = datetime.fromisoformat(each["at"])
            match each["type"].removeprefix("subscription."):
                case "changed":
                    self._use.changed(at, self._made[at] if at in self._made else int(found["quantity"]))
                case "paused" | "ended":
                    self._use.stopped(at)
                case "resumed" | "reinstated":
                    self._use.went_on(at)

    async def _invoices(self) -> list[Json]:
        return list((await self._get("/v1/invoices", customer=self._customer, limit=100))["items"])

    async def _get(self, path: str, **params: Any) -> Json:
        return await self._world.succeed(self._world.api.get(path, params=params))

    async def _taken(self, order: str, invoices: list[Json]) -> tuple[int, int]:
        """By the gateway: of each payment, what it took and gave back; never more than its invoice comes to."""
        subjects = {order, *(each["id"] for each in invoices)}
        payments = (await self._world.sandbox.summary()).payments
        own = [
            each
            for each in payments
            if each.key.rpartition(":payment:")[0] in subjects or each.key.startswith(f"{self._name}:")
        ]
        return sum(each.captured.minor for each in own), sum(each.refunded.minor for each in own)
