"""The outbox: what is committed is sent once and in order; what lives on a test clock goes to nobody."""

import asyncio
from datetime import UTC, datetime, timedelta

from activities.adapters.notifications.port import Outbox
from activities.runtime.messenger import LEASE, Messenger
from activities.store import life_policies, messages
from domain.errors import Refused, Unavailable
from domain.messages import Letter, MessageFacts, MessageKind
from domain.subscriptions.policies import MessagePolicy
from tests.life import JANUARY, advance, clocked, live, monthly, plan
from tests.world import Json, World

LATER = datetime(2100, 1, 1, tzinfo=UTC)
"""Messages of this file are due only then, so that the workers beside leave them alone."""


class Scripted(Outbox):
    """Sends, but for what it is told to fail at."""

    def __init__(self, **failing: Exception) -> None:
        self.failing = failing
        self.sent: list[str] = []

    async def send(self, letter: Letter) -> bool:
        name = letter.key.rpartition("-")[2]
        if name in self.failing:
            raise self.failing[name]
        self.sent.append(name)
        return True


async def _tell(world: World, customer: str, *names: str) -> None:
    async with world.database.transaction() as connection:
        for name in names:
            await messages.tell(connection, f"{customer}-{name}", customer, MessageKind.ended, MessageFacts(plan="P"), JANUARY)
            await messages.put_off(connection, f"{customer}-{name}", "", LATER)


async def _of(world: World, customer: str) -> dict[str, Json]:
    answer = await world.succeed(world.api.get("/v1/messages", params={"customer": customer}))
    return {each["key"].rpartition("-")[2]: each for each in answer["items"]}


async def test_messages_go_out_once_and_in_order_and_only_the_customer_waits_whose_own_is_held_up(world: World) -> None:
    slow, quick, odd = [await world.customer() for _ in range(3)]
    await _tell(world, odd, "broken")
    await _tell(world, slow, "first", "second", "first")
    await _tell(world, quick, "other", "gone")
    notifier = Scripted(first=Unavailable("down"), gone=Refused("answered 550"), broken=KeyError("a bug"))
    messenger = Messenger(world.database, notifier)
    await asyncio.gather(*(messenger.send_page(LATER) for _ in range(3)))
    await messenger.send_page(LATER)
    assert notifier.sent == ["other"]
    assert {name: each["state"] for name, each in (await _of(world, quick)).items()} == {"other": "sent", "gone": "failed"}
    broken = (await _of(world, odd))["broken"]
    assert (broken["state"], broken["error"]) == ("waiting", "an error of the software (KeyError), which the log describes")
    notifier.failing.clear()
    for _ in range(3):
        await messenger.send_page(LATER + LEASE + timedelta(hours=2))
    assert sorted(notifier.sent) == ["broken", "first", "other", "second"]
    assert notifier.sent.index("first") < notifier.sent.index("second")
    assert (await _of(world, slow))["first"]["attempts"] == 2


async def test_the_renewal_of_a_customer_on_a_test_clock_is_told_in_the_outbox_alone(world: World) -> None:
    clock, customer = await clocked(world, language="de")
    await live(world, customer, await plan(world, monthly()))
    await advance(world, clock, datetime(2026, 3, 5, tzinfo=UTC))
    (told,) = (await _of(world, customer)).values()
    assert (told["kind"], told["language"], told["state"], told["at"]) == ("renewed", "de", "kept", told["sent_at"])
    assert told["facts"]["until"] == "2026-03-31"
    async with world.database.transaction() as connection:
        await life_policies.put(connection, MessagePolicy(from_test_clocks=True))
    await _tell(world, customer, "really")
    async with world.database.transaction() as connection:
        await life_policies.put(connection, MessagePolicy())
    assert (await _of(world, customer))["really"]["state"] == "waiting"
