"""What a customer has in a service that ended is given out once, before the service is taken down, and forgotten in time."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from activities.adapters.notifications.port import Outbox
from activities.runtime.messenger import LEASE, Messenger
from activities.store import exports, messages, services
from activities.store.schema import metadata
from domain.messages import Letter, MessageFacts, MessageKind
from domain.provisioning import DataExport, ExportState, ProvisionRequest, Verb
from domain.roles import Role
from domain.states import ServiceState
from tests.life import advance, clocked, events, invoices, live, monthly, plan, shown
from tests.workflows.plans import build, built
from tests.world import Json, World

MAY = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
OPEN = build("switch-on", verb="activate", undo=None, needs=["build"])


@asynccontextmanager
async def policy(world: World, **ending: str) -> AsyncIterator[None]:
    await world.succeed(world.api.put("/v1/policies/ending", json=ending))
    try:
        yield
    finally:
        await world.succeed(world.api.put("/v1/policies/ending", json={}))


async def leaving(world: World, customer: str, *steps: Json) -> str:
    """A subscription whose service partners have built, ended at once."""
    name = await live(world, customer, await plan(world, monthly(), steps=steps or [build(), OPEN]))
    await cancel(world, name)
    return name


async def cancel(world: World, subscription: str) -> None:
    await world.succeed(world.api.post(f"/v1/subscriptions/{subscription}/cancel", json={"when": "now"}))


async def state(world: World, subscription: str) -> ServiceState:
    async with world.database.transaction() as connection:
        return (await services.get(connection, (await shown(world, subscription))["service"])).state


async def given_out(world: World, subscription: str) -> dict[str, str]:
    """State by system."""
    return {each["system"]: each["state"] for each in (await shown(world, subscription))["exports"]}


async def address(world: World, subscription: str) -> str:
    (export,) = (await shown(world, subscription))["exports"]
    return str(export["address"])


async def of_service(world: World, subscription: str) -> list[tuple[str, str]]:
    found = await events(world, subscription)
    return [(kind.removeprefix("service."), day) for kind, day in found if kind.startswith("service.")]


async def journal(world: World, subscription: str) -> list[str]:
    return await world.happened((await shown(world, subscription))["order"], "exported", "export_failed", "terminated")


async def fallout(world: World, subscription: str, *, is_open: bool = True) -> list[Json]:
    query = {"order": (await shown(world, subscription))["order"], "open": str(is_open).lower()}
    return list((await world.succeed(world.api.get("/v1/fallout", params=query)))["items"])


async def told(world: World, customer: str) -> list[Json]:
    answer = await world.succeed(world.api.get("/v1/messages", params={"customer": customer}))
    return [each for each in answer["items"] if each["kind"] == "exported"]


async def places(world: World, needle: str) -> set[str]:
    """The tables in which it stands anywhere."""
    query = "SELECT EXISTS (SELECT FROM {} it WHERE it::text LIKE :like)"
    async with world.database.transaction() as connection:
        like = {"like": f"%{needle}%"}
        return {table for table in metadata.tables if (await connection.execute(text(query.format(table)), like)).scalar()}


async def test_what_is_in_a_service_can_be_fetched_until_it_expires_and_its_address_is_kept_to_itself(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    await world.sandbox.configure("mailhub", export_days=10)
    name = await leaving(world, customer)
    await advance(world, clock, MAY + HOUR)
    await world.sandbox.configure("mailhub")

    found = await shown(world, name)
    secret = await address(world, name)
    viewer = await world.client_for("vera", Role.viewer)
    seen = (await viewer.get(f"/v1/subscriptions/{name}")).json()
    (message,) = await told(world, customer)
    history = await world.temporal.client.get_workflow_handle(f"deprovision-{name}").fetch_history()
    assert (found["exports"][0]["state"], found["exports"][0]["expires_at"][:10]) == ("ready", "2026-05-11")
    assert (await world.sandbox.client.get(secret)).json()["reference"] == found["service"]
    assert {**seen, "exports": None} == {**found, "exports": None}
    assert seen["exports"] == [{**found["exports"][0], "address": None}]
    assert message["facts"]["until"] == "2026-05-11"
    assert [(each["kind"], each["due_at"][:10]) for each in found["ahead"]] == [
        ("export", "2026-05-11"),
        ("deprovision", "2026-05-31"),
    ]
    assert await places(world, secret.rpartition("/")[2]) == {"service_exports"}
    assert secret.rpartition("/")[2] not in history.to_json()

    await advance(world, clock, MAY + 11 * DAY)
    assert (await given_out(world, name), await address(world, name)) == ({"mailhub": "forgotten"}, "None")
    assert await state(world, name) is ServiceState.suspended
    await advance(world, clock, MAY + 40 * DAY)
    assert await state(world, name) is ServiceState.terminated
    assert [each for each in await of_service(world, name) if each[0] != "suspended"] == [
        ("exported", "2026-05-01"),
        ("export_expired", "2026-05-11"),
        ("terminated", "2026-05-31"),
    ]
    assert await journal(world, name) == ["exported", "terminated"]
    assert len(await told(world, customer)) == 1


async def test_a_service_is_not_taken_down_before_its_export_is_there_and_could_be_fetched(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    async with policy(world, retention="P1D"):
        name = await live(world, customer, await plan(world, monthly(), steps=[build(), OPEN]))
        order = (await shown(world, name))["order"]
        await world.sandbox.faults({"operation": "export", "mode": "decline_hard", "order": order})
        await cancel(world, name)
        await advance(world, clock, MAY + DAY + 6 * HOUR)
        held = await shown(world, name)
        (stuck,) = await fallout(world, name)
        assert (stuck["subject"], stuck["owner"], stuck["attempts"]) == ("export", "operations", 31)
        assert "declined_hard" in stuck["error"]
        assert (await state(world, name), await journal(world, name)) == (ServiceState.suspended, [])
        assert {each["kind"]: each["trouble"] for each in held["ahead"]} == {
            "export": stuck["error"],
            "deprovision": "it is kept until what is in it is given out",
        }
        assert await told(world, customer) == []

        await world.sandbox.faults()
        await advance(world, clock, MAY + DAY + 8 * HOUR)
        (closed,) = await fallout(world, name, is_open=False)
        assert (closed["verb"], await given_out(world, name)) == ("retry", {"mailhub": "ready"})
        await advance(world, clock, MAY + 2 * DAY)
        assert await state(world, name) is ServiceState.suspended
        await advance(world, clock, MAY + 2 * DAY + 8 * HOUR)
    assert await state(world, name) is ServiceState.terminated
    assert await journal(world, name) == ["exported", "terminated"]
    assert [each["facts"]["until"] for each in await told(world, customer)] == ["2026-05-03"]


@pytest.mark.parametrize(
    ("verb", "answer", "words"),
    [
        ("skip", {"reason": "the customer wants nothing"}, "gone without: the customer wants nothing"),
        ("resolve", {"evidence": "ticket 4711"}, "done by hand: ticket 4711"),
    ],
)
async def test_an_operator_may_decide_to_go_on_without_an_export(world: World, verb: str, answer: Json, words: str) -> None:
    clock, customer = await clocked(world, MAY)
    async with policy(world, retention="P0D"):
        name = await live(world, customer, await plan(world, monthly(), steps=[build(), OPEN]))
        order = (await shown(world, name))["order"]
        await world.sandbox.faults({"operation": "export", "mode": "decline_hard", "order": order})
        await cancel(world, name)
        await advance(world, clock, MAY + 2 * HOUR)
        (stuck,) = await fallout(world, name)
        silent = await world.api.post(f"/v1/fallout/{stuck['id']}/{verb}", json={})
        undone = await world.api.post(f"/v1/fallout/{stuck['id']}/compensate", json={"reason": "why not"})
        await world.resolve(stuck, verb, **answer)
        await advance(world, clock, MAY + 2 * HOUR)
        await world.sandbox.faults()
    assert (silent.status_code, undone.status_code) == (422, 409)
    assert (await state(world, name), await given_out(world, name)) == (ServiceState.terminated, {"mailhub": "given_up"})
    (said,) = [each for each in await timeline(world, name) if each["type"] == "service.not_exported"]
    assert (words in said["summary"], said["actor"]) == (True, "admin")
    assert (await journal(world, name), await told(world, customer)) == (["terminated"], [])

    late = DataExport(state=ExportState.ready, address="https://files.example/late")
    async with world.database.transaction() as connection:
        asked = request((await shown(world, name))["service"], customer)
        await exports.keep(connection, "mailhub", asked, late, datetime.now(UTC))
    assert (await given_out(world, name), await address(world, name)) == ({"mailhub": "given_up"}, "None")


def request(service: str, customer: str) -> ProvisionRequest:
    about: dict[str, Any] = {"customer": customer, "product": "p", "plan": "p", "quantity": 1}
    return ProvisionRequest(verb=Verb.export, key="late", reference=service, **about)


async def timeline(world: World, subscription: str) -> list[Json]:
    answer = await world.api.get(f"/v1/subscriptions/{subscription}/timeline", params={"limit": 100})
    return list(answer.json())


async def test_a_partner_that_takes_its_time_is_waited_for_and_its_word_is_acted_on_at_once(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    async with policy(world, retention="P1D"):
        name = await live(world, customer, await plan(world, monthly(), steps=[build(partner="fibreworks"), built()]))
        service = (await shown(world, name))["service"]
        await world.sandbox.configure("fibreworks", hold=True)
        await cancel(world, name)
        await advance(world, clock, MAY + DAY + 2 * HOUR + HOUR / 2)
        assert (await given_out(world, name), await fallout(world, name)) == ({"fibreworks": "working"}, [])
        assert await state(world, name) is ServiceState.suspended
        await advance(world, clock, MAY + 2 * DAY + 2 * HOUR + HOUR / 2)
        (stuck,) = await fallout(world, name)
        assert "is at work on it since 2026-05-01" in stuck["error"]

        await world.sandbox.finish("fibreworks", service)

        async def heard() -> bool:
            ahead = {each["kind"]: each["due_at"] for each in (await shown(world, name))["ahead"]}
            return bool(ahead["export"] == "2026-05-03T14:30:00Z")

        await world.until(heard, "the partner's callback")
        await advance(world, clock, MAY + 2 * DAY + 2 * HOUR + HOUR / 2)
        await world.sandbox.configure("fibreworks")
        assert (await given_out(world, name), await fallout(world, name)) == ({"fibreworks": "ready"}, [])
        await advance(world, clock, MAY + 4 * DAY)
    assert await state(world, name) is ServiceState.terminated
    assert await journal(world, name) == ["exported", "terminated"]


async def test_an_export_that_fails_is_asked_for_anew_and_one_of_several_systems_is_waited_for(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    steps = [build(), build("line", partner="fibreworks"), built("line")]
    name = await live(world, customer, await plan(world, monthly(), steps=steps))
    service = (await shown(world, name))["service"]
    await world.sandbox.configure("fibreworks", hold=True)
    await cancel(world, name)
    await advance(world, clock, MAY + HOUR / 2)
    half = await given_out(world, name)
    await world.sandbox.finish("fibreworks", service, "failed")
    await advance(world, clock, MAY + HOUR)
    (stuck,) = await fallout(world, name)
    await advance(world, clock, MAY + 2 * HOUR)
    again = await given_out(world, name)
    early = await told(world, customer)
    await world.sandbox.finish("fibreworks", service)
    await advance(world, clock, MAY + 3 * HOUR)
    await world.sandbox.configure("fibreworks")
    assert [each["key"] for each in early] == [f"{name}:exported:mailhub"]
    assert len(await told(world, customer)) == 2
    assert half == again == {"fibreworks": "working", "mailhub": "ready"}
    assert stuck["error"] == "fibreworks could not make it"
    assert (await given_out(world, name), await fallout(world, name)) == ({"fibreworks": "ready", "mailhub": "ready"}, [])
    assert sorted(await journal(world, name)) == ["export_failed", "exported", "exported"]


async def test_what_no_system_can_give_out_and_what_is_not_offered_is_not_waited_for(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    await world.sandbox.configure("mailhub", exports=False)
    unable = await leaving(world, customer)
    await advance(world, clock, MAY + HOUR)
    await world.sandbox.configure("mailhub")
    async with policy(world, export="none"):
        unasked = await leaving(world, customer)
    bare = await live(world, customer, await plan(world, monthly()))
    await cancel(world, bare)
    await advance(world, clock, MAY + 32 * DAY)
    happened = [[kind for kind, _ in await of_service(world, name)] for name in (unable, unasked, bare)]
    assert [await state(world, name) for name in (unable, unasked, bare)] == [ServiceState.terminated] * 3
    assert sorted(happened[0]) == ["not_exported", "suspended", "terminated"]
    assert ["not_exported" in each or "exported" in each for each in happened[1:]] == [False, False]
    assert [await given_out(world, name) for name in (unable, unasked, bare)] == [{"mailhub": "unable"}, {}, {}]
    assert [await journal(world, name) for name in (unable, unasked)] == [["terminated"]] * 2
    assert await told(world, customer) == []


async def ended_unpaid(world: World, clock: str, customer: str) -> str:
    """A subscription that ended on 13 April, with March and a part of April to be paid."""
    name = await live(world, customer, await plan(world, monthly(), steps=[build(), OPEN]))
    await pay_with(world, customer, "tok_declined_soft")
    await advance(world, clock, datetime(2026, 4, 13, 2, tzinfo=UTC))
    return name


async def pay_with(world: World, customer: str, token: str) -> None:
    await world.succeed(world.api.patch(f"/v1/customers/{customer}", json={"payment_method": f"{token}-{customer}"}))


async def pay_all(world: World, clock: str, customer: str, at: datetime) -> None:
    """All that is open by then."""
    await advance(world, clock, at)
    await pay_with(world, customer, "tok_visa")
    for each in await invoices(world, customer):
        if each["amount_due"]["minor"]:
            await world.succeed(world.api.post(f"/v1/invoices/{each['id']}/collect"))
    await advance(world, clock, at)


async def test_one_that_ended_unpaid_goes_on_once_all_is_paid_and_is_billed_anew_from_then(world: World) -> None:
    clock, customer = await clocked(world)
    name = await ended_unpaid(world, clock, customer)
    first = await shown(world, name)
    assert (first["state"], first["ending"]["reason"], await given_out(world, name)) == (
        "ended",
        "unpaid",
        {"mailhub": "ready"},
    )
    owed = [each for each in await invoices(world, customer) if each["amount_due"]["minor"]]
    assert len(owed) == 2
    await advance(world, clock, datetime(2026, 4, 20, 9, tzinfo=UTC))
    await world.sandbox.faults({"operation": "purchase", "mode": "decline_soft", "order": name, "count": 1})
    await pay_with(world, customer, "tok_visa")
    await advance(world, clock, datetime(2026, 4, 20, 9, tzinfo=UTC))
    left = [each["id"] for each in await invoices(world, customer) if each["amount_due"]["minor"]]
    assert (len(left), (await shown(world, name))["state"]) == (1, "ended")
    await world.sandbox.faults()

    await pay_all(world, clock, customer, datetime(2026, 4, 20, 9, tzinfo=UTC))
    back = await shown(world, name)
    assert (back["state"], back["ended_at"], back["ending"], back["exports"]) == ("active", None, None, [])
    assert (back["next_renewal"], await state(world, name)) == ("2026-04-30T09:00:00Z", ServiceState.active)
    assert (await world.happened(back["order"], "suspended", "resumed", "terminated"))[-1] == "resumed"
    # ten of the thirty days from 31 March to 30 April
    assert [each["total"]["minor"] for each in await invoices(world, customer)][-1] == 333
    await advance(world, clock, datetime(2026, 5, 1, tzinfo=UTC))
    assert [each["amount_due"]["minor"] for each in await invoices(world, customer)] == [0] * 5
    assert [each["total"]["minor"] for each in await invoices(world, customer)][-1] == 1000

    await pay_with(world, customer, "tok_declined_soft")
    await advance(world, clock, datetime(2026, 7, 20, tzinfo=UTC))
    kinds = [kind for kind, _ in await events(world, name)]
    assert [kinds.count(kind) for kind in ("ended", "reinstated", "service.exported")] == [2, 1, 2]
    assert (await given_out(world, name), await journal(world, name)) == ({"mailhub": "ready"}, ["exported", "exported"])
    sent = [
        each["kind"]
        for each in (await world.succeed(world.api.get("/v1/messages?limit=100", params={"customer": customer})))["items"]
    ]
    assert [sent.count(kind) for kind in ("ended_unpaid", "exported", "restored")] == [2, 2, 1]


async def test_a_trifle_that_is_left_to_be_paid_keeps_none_from_going_on(world: World) -> None:
    clock, customer = await clocked(world)
    name = await ended_unpaid(world, clock, customer)
    rest, other = [each for each in await invoices(world, customer) if each["amount_due"]["minor"]]
    forgiven = {"minor": rest["amount_due"]["minor"] - 40, "currency": "EUR"}
    await world.succeed(
        world.api.post(f"/v1/invoices/{rest['id']}/credit-notes", json={"amount": forgiven, "reason": "goodwill"})
    )
    await world.sandbox.faults({"operation": "purchase", "mode": "decline_soft", "order": rest["id"]})

    await pay_all(world, clock, customer, datetime(2026, 4, 20, 9, tzinfo=UTC))
    left = {each["id"]: each["amount_due"]["minor"] for each in await invoices(world, customer)}
    await world.sandbox.faults()

    assert (left[rest["id"]], left[other["id"]]) == (40, 0)
    assert (await shown(world, name))["state"] == "active"


async def test_a_debt_that_is_credited_and_not_paid_brings_nothing_back(world: World) -> None:
    clock, customer = await clocked(world)
    name = await ended_unpaid(world, clock, customer)
    await advance(world, clock, datetime(2026, 4, 20, 9, tzinfo=UTC))
    for each in await invoices(world, customer):
        if each["amount_due"]["minor"]:
            await world.succeed(world.api.post(f"/v1/invoices/{each['id']}/credit-notes", json={"reason": "goodwill"}))
    await advance(world, clock, datetime(2026, 4, 20, 9, tzinfo=UTC))
    assert [each["amount_due"]["minor"] for each in await invoices(world, customer)] == [0] * 3
    assert ((await shown(world, name))["state"], await given_out(world, name)) == ("ended", {"mailhub": "ready"})


async def test_going_without_an_export_is_decided_for_one_end_and_not_for_the_next(world: World) -> None:
    clock, customer = await clocked(world)
    name = await live(world, customer, await plan(world, monthly(), steps=[build(), OPEN]))
    order = (await shown(world, name))["order"]
    await world.sandbox.faults({"operation": "export", "mode": "decline_hard", "order": order})
    await pay_with(world, customer, "tok_declined_soft")
    await advance(world, clock, datetime(2026, 4, 13, 4, tzinfo=UTC))
    (stuck,) = await fallout(world, name)
    await world.resolve(stuck, "skip", reason="the customer wants nothing")
    await advance(world, clock, datetime(2026, 4, 13, 8, tzinfo=UTC))
    assert await given_out(world, name) == {"mailhub": "given_up"}
    await world.sandbox.faults()

    await pay_all(world, clock, customer, datetime(2026, 4, 20, 9, tzinfo=UTC))
    assert (await shown(world, name))["state"] == "active"
    await cancel(world, name)
    await advance(world, clock, datetime(2026, 4, 20, 10, tzinfo=UTC))
    assert (await given_out(world, name), await journal(world, name)) == ({"mailhub": "ready"}, ["exported"])


async def test_what_is_being_taken_down_does_not_come_back_when_it_is_paid(world: World) -> None:
    clock, customer = await clocked(world)
    name = await ended_unpaid(world, clock, customer)
    order = (await shown(world, name))["order"]
    await world.sandbox.faults({"operation": "terminate", "mode": "decline_hard", "order": order})
    await advance(world, clock, datetime(2026, 5, 13, 1, tzinfo=UTC))
    await world.sandbox.faults()
    await pay_all(world, clock, customer, datetime(2026, 5, 13, 1, tzinfo=UTC))
    assert [each["amount_due"]["minor"] for each in await invoices(world, customer)] == [0] * 3
    await advance(world, clock, datetime(2026, 5, 14, tzinfo=UTC))
    assert ((await shown(world, name))["state"], await state(world, name)) == ("ended", ServiceState.terminated)


async def test_where_the_policy_says_so_paying_after_the_end_settles_the_debt_and_no_more(world: World) -> None:
    clock, customer = await clocked(world)
    name = await ended_unpaid(world, clock, customer)
    ended, before = await shown(world, name), await address(world, name)
    async with policy(world, paid_afterwards="settle"):
        await pay_all(world, clock, customer, datetime(2026, 4, 20, tzinfo=UTC))
        await advance(world, clock, datetime(2026, 5, 1, tzinfo=UTC))
    assert [each["amount_due"]["minor"] for each in await invoices(world, customer)] == [0] * 3
    after = await shown(world, name)
    assert (after["state"], after["exports"], await address(world, name)) == ("ended", ended["exports"], before)
    await advance(world, clock, datetime(2026, 5, 14, tzinfo=UTC))
    assert (await state(world, name), await given_out(world, name)) == (ServiceState.terminated, {"mailhub": "forgotten"})


async def test_what_is_kept_by_a_legal_hold_is_given_out_and_can_be_fetched_as_long_as_that_is_there(world: World) -> None:
    clock, customer = await clocked(world, MAY)
    name = await live(world, customer, await plan(world, monthly(), steps=[build(), OPEN]))
    await world.succeed(world.api.put(f"/v1/subscriptions/{name}/legal-hold", json={"reason": "lawsuit 4711"}))
    await cancel(world, name)
    await advance(world, clock, MAY + 40 * DAY)
    held = await address(world, name)
    assert (await state(world, name), (await world.sandbox.client.get(held)).status_code) == (ServiceState.suspended, 200)
    await world.succeed(world.api.delete(f"/v1/subscriptions/{name}/legal-hold"))
    await advance(world, clock, MAY + 42 * DAY)
    assert (await state(world, name), await address(world, name)) == (ServiceState.terminated, "None")
    assert (await world.sandbox.client.get(held)).status_code == 404


async def test_who_is_erased_is_told_where_her_data_is_before_and_nothing_of_it_is_left(world: World) -> None:
    customer = await world.customer()
    name = await leaving(world, customer)

    async def made() -> bool:
        await world.due_sweep.sweep_page(datetime.now(UTC) + MINUTE)
        return await given_out(world, name) == {"mailhub": "ready"}

    await world.until(made, "the export")
    secret = await address(world, name)
    given = (await world.api.get(f"/v1/customers/{customer}/export")).json()
    body = {"reason": "asked by mail"}
    asked = await world.succeed(world.api.post(f"/v1/customers/{customer}/erasure", json=body))
    assert given["service_exports"][0]["address"] == secret
    assert f"service {(await shown(world, name))['service']} is suspended, and not taken down" in asked["blockers"]

    async with world.database.transaction() as connection:
        over = text("UPDATE due_rows SET due_at = :now, handed_at = :now WHERE subject = :name AND kind = 'deprovision'")
        await connection.execute(over, {"now": datetime.now(UTC), "name": name})

    async def gone() -> bool:
        await world.due_sweep.sweep_page(datetime.now(UTC) + MINUTE)
        return await state(world, name) is ServiceState.terminated

    await world.until(gone, "the service to be taken down")
    assert await places(world, secret) == set()


class Kept(Outbox):
    def __init__(self) -> None:
        self.sent: list[Letter] = []

    async def send(self, letter: Letter) -> bool:
        self.sent.append(letter)
        return True


async def test_a_message_names_the_address_when_it_is_sent_and_is_not_sent_once_that_is_forgotten(world: World) -> None:
    """Told before there is one, and due only when the messenger beside leaves it alone."""
    clock, customer = await clocked(world, MAY)
    name = await leaving(world, customer)
    later = datetime(2100, 1, 1, tzinfo=UTC)
    key = f"{name}:exported:mailhub"
    await advance(world, clock, MAY + HOUR)
    async with world.database.transaction() as connection:
        await connection.execute(text("UPDATE messages SET state = 'waiting', sent_at = NULL WHERE key = :key"), {"key": key})
        await messages.put_off(connection, key, "", later)
    outbox = Kept()
    messenger = Messenger(world.database, outbox)
    await messenger.send_page(later)
    (letter,) = [each for each in outbox.sent if each.key == key]
    assert await address(world, name) in letter.text.split()
    assert await address(world, name) not in json.dumps(letter.facts.model_dump(mode="json"))

    await advance(world, clock, MAY + 32 * DAY)
    facts = MessageFacts(plan="P")
    async with world.database.transaction() as connection:
        await connection.execute(text("UPDATE messages SET state = 'waiting' WHERE key = :key"), {"key": key})
        await messages.tell(connection, key, customer, MessageKind.exported, facts, MAY)
        await messages.put_off(connection, key, "", later)
    await messenger.send_page(later + LEASE)
    (message,) = await told(world, customer)
    assert len([each for each in outbox.sent if each.key == key]) == 1
    assert (message["state"], message["error"]) == ("failed", "what it tells of cannot be fetched any more")
