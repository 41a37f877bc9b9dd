"""A customer is given all that is held of it, and erased once nothing goes on with it, but for what the law needs."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from activities.adapters.gateway.sandbox import SandboxGateway
from activities.runtime.forgetter import Forgetter
from activities.store import erasures, gateway_inbox, held
from activities.store.due_rows import DueRow, Kind
from activities.store.schema import metadata
from domain import keys
from domain.errors import Refused
from domain.gateway_events import GatewayEvent, GatewayEventKind
from domain.roles import Role
from tests.life import live, monthly, plan
from tests.workflows.plans import by_hand
from tests.world import Json, World

NAMES = ("Zaphodia Quux", "zaphodia@quux.example", "Kreuzgasse 77b", "Quuxhausen", "quux.characteristic", "quux-external")
SAID = ("Frau Quux zieht weg", "Quux hat es bestellt")
ERASURE = {"reason": "asked by mail"}


async def somebody(world: World) -> tuple[str, str]:
    """A customer with a name, and the token of her card."""
    customer = await world.customer(
        name=NAMES[0],
        email=NAMES[1],
        address={"lines": [NAMES[2]], "city": NAMES[3], "postcode": "77777"},
        payment_method=None,
    )
    method = await world.succeed(world.api.post("/v1/payment-methods", json={"customer": customer, "nonce": "nonce_visa"}))
    async with world.database.transaction() as connection:
        query = text("SELECT token FROM payment_method_tokens WHERE method = :method")
        return customer, str((await connection.execute(query, {"method": method["id"]})).scalar_one())


async def bought(world: World, customer: str) -> str:
    """A subscription, through an order in which people wrote about her."""
    item = await plan(world, monthly(), steps=[by_hand("look")])
    item |= {"characteristics": {"domain": NAMES[4]}}
    order = await world.order(customer, item, external_reference=NAMES[5])
    await world.resolve(await world.fallout(order), "resolve", evidence=SAID[1])
    await world.state(order, "completed")
    return f"S-{order.removeprefix('O-')}-1"


async def found(world: World, needle: str) -> set[str]:
    """The tables in which it stands anywhere."""
    async with world.database.transaction() as connection:
        return {
            table
            for table in metadata.tables
            if (
                await connection.execute(
                    text(f"SELECT EXISTS (SELECT FROM {table} it WHERE it::text LIKE :like)"),
                    {"like": f"%{needle}%"},
                )
            ).scalar()
        }


def vault(world: World) -> SandboxGateway:
    return SandboxGateway(world.sandbox.gateway_url, world.sandbox.client)


async def swept(world: World) -> None:
    await world.due_sweep.sweep_page(datetime.now(UTC) + timedelta(minutes=2))


async def erased(world: World, customer: str) -> Json:
    return await world.succeed(world.api.get(f"/v1/customers/{customer}/erasure"))


@pytest.fixture
async def at_once(world: World):  # type: ignore[no-untyped-def]
    """Services that end are taken down at once, and nothing is given back."""
    await world.succeed(world.api.put("/v1/policies/ending", json={"retention": "P0D", "unused": "nothing"}))
    yield
    await world.succeed(world.api.put("/v1/policies/ending", json={}))


def test_of_every_table_it_is_known_whether_it_holds_something_of_a_customer() -> None:
    known = [*held.OF_CUSTOMER, *held.NOT_OF_CUSTOMERS, *held.BEHIND]

    assert sorted(known) == sorted(metadata.tables)


@pytest.mark.usefixtures("at_once")
async def test_all_that_is_held_is_given_out_and_nothing_names_her_afterwards(world: World) -> None:
    customer, token = await somebody(world)
    subscription = await bought(world, customer)
    told = GatewayEvent(id=f"told-{customer}", kind=GatewayEventKind.method_updated, at=datetime.now(UTC), method=token)
    async with world.database.transaction() as connection:
        await gateway_inbox.receive(connection, "sandbox", told, datetime.now(UTC))
    given = (await world.api.get(f"/v1/customers/{customer}/export")).json()
    waiting = await world.succeed(world.api.post(f"/v1/customers/{customer}/erasure", json=ERASURE))
    refused = await world.api.post("/v1/orders", json={"customer": customer, "currency": "EUR", "items": []})
    changed = await world.api.patch(f"/v1/customers/{customer}", json={"name": "Someone Else"})
    await world.succeed(world.api.post(f"/v1/subscriptions/{subscription}/cancel", json={"when": "now", "words": SAID[0]}))

    async def gone() -> bool:
        await swept(world)
        services = await world.succeed(world.api.get("/v1/services", params={"customer": customer}))
        return all(service["state"] == "terminated" for service in services["items"])

    await world.until(gone, "the service to be taken down")
    assert [needle for needle in (*NAMES, *SAID, token) if not await found(world, needle)] == []
    await world.succeed(world.api.post(f"/v1/customers/{customer}/erasure", json=ERASURE))
    await swept(world)
    done = await erased(world, customer)

    assert set(given) == set(held.OF_CUSTOMER)
    assert given["customers"][0]["document"]["name"] == NAMES[0]
    assert given["orders"][0]["document"]["external_reference"] == NAMES[5]
    assert token not in str(given)
    assert (waiting["state"], waiting["blockers"][0]) == ("waiting", f"subscription {subscription} is active")
    assert (refused.status_code, changed.status_code) == (422, 409)
    assert (done["state"], done["blockers"], done["reason"]) == ("erased", [], "")
    assert [(kept["what"], kept["count"]) for kept in done["kept"]] == [("invoices", 1)]
    assert done["kept_until"] == f"{datetime.now(UTC).year + 11}-01-01T00:00:00Z"

    async def forgotten() -> bool:
        return not await found(world, token)

    await world.until(forgotten, "the gateway to have forgotten the card")
    with pytest.raises(Refused):
        await vault(world).describe(token)
    for needle in NAMES[:4]:
        assert await found(world, needle) == {"invoices"}, needle
    for needle in (*NAMES[4:], *SAID, token):
        assert await found(world, needle) == set(), needle
    await pages_still_open(world, customer, subscription)

    row = DueRow(key=f"{customer}:erasure", kind=Kind.erasure, subject=customer, customer=customer, due_at=datetime.now(UTC))
    async with world.database.transaction() as connection:
        await erasures.carry_out(connection, row, datetime.now(UTC))

    assert (await erased(world, customer))["state"] == "complete"
    for needle in NAMES:
        assert await found(world, needle) == set(), needle
    await pages_still_open(world, customer, subscription)


async def pages_still_open(world: World, customer: str, subscription: str) -> None:
    """What is left of her is still in order."""
    order = f"O-{subscription.split('-')[1]}"
    assert (await world.succeed(world.api.get(f"/v1/customers/{customer}")))["name"] == "erased"
    assert (await world.get(order))["state"] == "completed"
    assert (await world.events(order))[0]["summary"]
    assert (await world.succeed(world.api.get(f"/v1/subscriptions/{subscription}")))["state"] == "ended"
    for path in ("invoices", "payments", "payment-methods", "messages"):
        assert (await world.succeed(world.api.get(f"/v1/{path}", params={"customer": customer})))["items"] is not None
    invoice = (await world.succeed(world.api.get("/v1/invoices", params={"customer": customer})))["items"][0]
    assert (await world.api.get(f"/v1/invoices/{invoice['id']}/pdf")).status_code in {200, 404}


async def test_a_card_that_is_taken_away_is_forgotten_once_nothing_is_paid_with_it_and_nobody_needs_it(world: World) -> None:
    customer, token = await somebody(world)
    method = (await world.succeed(world.api.get("/v1/payment-methods", params={"customer": customer})))["items"][0]["id"]
    order = await world.order(customer, await plan(world, monthly(), steps=[by_hand("look")]), payment_method=token)
    await world.fallout(order)
    forgetter = Forgetter(world.database, {"sandbox": vault(world)}, "sandbox")
    key = keys.forgetting("sandbox", token)

    async def row(minutes: int, column: str) -> Json:
        """What is asked of the gateway, once `column` is there: looked at in some minutes' time."""

        async def there() -> Json | None:
            await forgetter.forget_page(datetime.now(UTC) + timedelta(minutes=minutes))
            async with world.database.transaction() as connection:
                found = await connection.execute(text("SELECT * FROM dispatches WHERE key = :key"), {"key": key})
                one = dict(found.mappings().one())
                return one if one[column] else None

        return dict(await world.until(there, f"{column} of {key}"))

    await world.succeed(world.api.delete(f"/v1/payment-methods/{method}"))
    waiting = await row(0, "error")
    given_anew = await world.succeed(world.api.post("/v1/payment-methods", json={"customer": customer, "token": token}))
    await world.succeed(world.api.post(f"/v1/orders/{order}/cancel", json={"reason": "not wanted"}))
    await world.state(order, "cancelled")
    needed = await row(2, "sent_at")
    still = await vault(world).describe(token)
    await world.sandbox.faults({"operation": "forget", "mode": "error_500", "count": 1})
    await world.succeed(world.api.delete(f"/v1/payment-methods/{method}"))
    failed = await row(0, "error")
    done = await row(5, "sent_at")

    assert (waiting["error"], waiting["sent_at"]) == (f"order {order} is not decided", None)
    assert (given_anew["id"], needed["payload"], still.last4) == (method, {}, "4242")
    assert failed["sent_at"] is None
    assert token not in failed["error"]
    assert (done["payload"], done["error"]) == ({}, None)
    assert await found(world, token) == {"orders", "payment_attempts"}
    with pytest.raises(Refused):
        await vault(world).describe(token)


async def test_what_goes_on_is_waited_for_and_a_request_can_be_withdrawn(world: World) -> None:
    customer, _ = await somebody(world)
    item = await plan(world, monthly())
    await live(world, customer, item)
    credit = {"customer": customer, "amount": {"minor": 500, "currency": "EUR"}, "source": "promotional", "reason": "sorry"}
    await world.succeed(world.api.post("/v1/credits", json=credit, headers={"Idempotency-Key": f"sorry-{customer}"}))
    await world.succeed(world.api.post(f"/v1/customers/{customer}/erasure", json=ERASURE))
    await swept(world)

    waiting = await erased(world, customer)
    listed = await world.succeed(world.api.get("/v1/erasures", params={"state": "waiting", "limit": 200}))
    gone = await world.api.delete(f"/v1/customers/{customer}/erasure")
    await live(world, customer, item)

    assert waiting["state"] == "waiting"
    assert [words.split()[0] for words in waiting["blockers"]] == ["subscription", "service", "prepaid"]
    assert waiting["deadline"][:10] == f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
    assert customer in [each["customer"] for each in listed["items"]]
    assert gone.status_code == 204
    assert (await world.api.get(f"/v1/customers/{customer}/erasure")).status_code == 404


async def test_who_is_erased_or_has_asked_to_be_is_given_and_charged_nothing_by_hand(world: World) -> None:
    """What was given before is answered again as it was."""
    customer = await world.customer()
    credit = {"customer": customer, "amount": {"minor": 500, "currency": "EUR"}, "source": "promotional", "reason": "sorry"}
    item = {"customer": customer, "product": "crm", "description": "Training", "amount": {"minor": 100, "currency": "EUR"}}
    asked = {"credits": credit, "invoice-items": item}
    first = await world.succeed(world.api.post("/v1/credits", json=credit, headers={"Idempotency-Key": "before"}))
    await world.succeed(world.api.post(f"/v1/customers/{customer}/erasure", json=ERASURE))
    again = await world.api.post("/v1/credits", json=credit, headers={"Idempotency-Key": "before"})
    waiting = [await world.api.post(f"/v1/{path}", json=body, headers=AFTER) for path, body in asked.items()]
    await world.succeed(world.api.post(f"/v1/credits/{first['id']}/void"))
    await swept(world)
    gone = [await world.api.post(f"/v1/{path}", json=body, headers=AFTER) for path, body in asked.items()]

    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    assert (await erased(world, customer))["state"] == "complete"
    assert [(each.status_code, f"customer {customer} has asked to be erased" in each.text) for each in waiting] == [
        (409, True)
    ] * 2
    assert [(each.status_code, f"customer {customer} is erased" in each.text) for each in gone] == [(409, True)] * 2
    [wallet] = (await world.succeed(world.api.get("/v1/credits", params={"customer": customer})))["wallets"]
    assert (wallet["available"]["minor"], len(wallet["grants"])) == (0, 1)
    assert (await world.succeed(world.api.get("/v1/invoice-items", params={"customer": customer})))["items"] == []


AFTER = {"Idempotency-Key": "after"}


async def test_only_who_may_gives_out_and_erases(world: World) -> None:
    customer, _ = await somebody(world)
    operator = await world.client_for("oda", Role.operator)

    answers = [
        await operator.get(f"/v1/customers/{customer}/export"),
        await operator.post(f"/v1/customers/{customer}/erasure", json=ERASURE),
        await operator.delete(f"/v1/customers/{customer}/erasure"),
        await world.api.post("/v1/customers/nobody/erasure", json=ERASURE),
        await world.api.get("/v1/customers/nobody/export"),
        await world.api.post(f"/v1/customers/{customer}/erasure", json={}),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403, 404, 404, 422]
