"""Payment methods in the store: given twice they are one, and a gateway's news is applied once and in order."""

from datetime import UTC, datetime, timedelta

from activities.store import customers, forgetting, payment_methods
from activities.store.database import Connection
from domain import keys
from domain.customers import Customer
from domain.gateway_events import GatewayEvent, GatewayEventKind
from domain.payment_methods import MethodFacts, MethodKind, MethodState, StoredMethod

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
VISA = MethodFacts(kind=MethodKind.card, brand="visa", last4="4242", exp_month=7, exp_year=2026)


async def kept(connection: Connection, customer: str, token: str = "tok_one", facts: MethodFacts = VISA) -> StoredMethod:
    await customers.put(connection, Customer(id=customer, name="Someone", country="DE"), NOW)
    return await added(connection, customer, token, facts)


async def added(connection: Connection, customer: str, token: str, facts: MethodFacts = VISA) -> StoredMethod:
    name = keys.payment_method(customer, "sandbox", token)
    given = StoredMethod(id=name, customer=customer, facts=facts, tokens={"sandbox": token}, added_at=NOW)
    return await payment_methods.add(connection, given, "admin", NOW)


def news(name: str, year: int, at: datetime = NOW, token: str = "tok_one") -> GatewayEvent:
    facts = VISA.model_copy(update={"exp_year": year})
    return GatewayEvent(id=name, kind=GatewayEventKind.method_updated, at=at, method=token, facts=facts)


async def test_a_token_given_twice_is_one_method(connection: Connection) -> None:
    first = await kept(connection, "m-1")
    assert await added(connection, "m-1", "tok_one") == first
    assert await payment_methods.of_customer(connection, "m-1") == [first]
    assert [event.type for event in await payment_methods.events_of(connection, first.id)] == ["payment_method.added"]
    assert (first.tokens, first.expires_at) == ({"sandbox": "tok_one"}, datetime(2026, 8, 1, 12, tzinfo=UTC))


async def test_what_there_is_not_is_not_found(connection: Connection) -> None:
    assert await payment_methods.find(connection, "pm_nothing") is None
    assert await payment_methods.find_many(connection, ["pm_nothing"]) == {}


async def test_the_account_updaters_news_is_applied_once(connection: Connection) -> None:
    method = await kept(connection, "m-2")
    for _ in range(2):
        assert await payment_methods.apply_update(connection, "sandbox", news("evt_1", 2030), NOW) == [method.id]
    found = await payment_methods.get(connection, method.id)
    assert (found.facts.exp_year, found.expires_at) == (2030, datetime(2030, 8, 1, 12, tzinfo=UTC))
    assert len(await payment_methods.events_of(connection, method.id)) == 2


async def test_news_that_comes_after_later_news_is_passed_over(connection: Connection) -> None:
    method = await kept(connection, "m-3")
    await payment_methods.apply_update(connection, "sandbox", news("evt_2", 2030), NOW)
    await payment_methods.apply_update(connection, "sandbox", news("evt_1", 2028, NOW - timedelta(hours=1)), NOW)
    assert (await payment_methods.get(connection, method.id)).facts.exp_year == 2030


async def test_news_of_an_unknown_token_or_another_gateway_touches_nothing(connection: Connection) -> None:
    method = await kept(connection, "m-4")
    assert await payment_methods.apply_update(connection, "sandbox", news("evt_1", 2030, token="tok_other"), NOW) == []
    assert await payment_methods.apply_update(connection, "stripe", news("evt_1", 2030), NOW) == []
    assert await payment_methods.get(connection, method.id) == method


async def test_what_the_gateway_revoked_stays_so_until_the_customer_gives_it_anew(connection: Connection) -> None:
    method = await kept(connection, "m-5")
    gone = GatewayEvent(id="evt_1", kind=GatewayEventKind.method_revoked, at=NOW, method="tok_one")
    await payment_methods.apply_update(connection, "sandbox", gone, NOW)
    await payment_methods.apply_update(connection, "sandbox", news("evt_2", 2030, NOW + timedelta(hours=1)), NOW)
    assert (await payment_methods.get(connection, method.id)).state is MethodState.revoked
    assert (await added(connection, "m-5", "tok_one")).state is MethodState.active


async def test_of_one_whose_time_ends_it_is_told_once_and_then_it_is_expired_once(connection: Connection) -> None:
    method = await kept(connection, "m-7")
    assert method.expires_at is not None
    before, after = method.expires_at - timedelta(days=30), method.expires_at
    assert method.id not in await payment_methods.tell_expiring(connection, before - timedelta(seconds=1), 200)
    assert method.id in await payment_methods.tell_expiring(connection, before, 200)
    assert method.id not in await payment_methods.tell_expiring(connection, before + timedelta(days=1), 200)
    assert method.id not in await payment_methods.expire(connection, after - timedelta(seconds=1), 200)
    assert method.id in await payment_methods.expire(connection, after, 200)
    assert method.id not in await payment_methods.expire(connection, after, 200)
    events = [event.type for event in await payment_methods.events_of(connection, method.id)]
    assert events == ["payment_method.added", "payment_method.expiring", "payment_method.expired"]


async def test_the_account_updater_brings_an_expired_one_back(connection: Connection) -> None:
    method = await kept(connection, "m-8")
    later = datetime(2026, 9, 1, tzinfo=UTC)
    await payment_methods.expire(connection, later, 200)
    await payment_methods.apply_update(connection, "sandbox", news("evt_1", 2030, later), later)
    assert (await payment_methods.get(connection, method.id)).state is MethodState.active


async def test_a_customer_is_charged_with_its_default_and_with_nothing_once_that_is_gone(connection: Connection) -> None:
    method = await kept(connection, "m-6")
    assert await payment_methods.charged_with(connection, "m-6") is None
    await customers.put(connection, Customer(id="m-6", name="Someone", country="DE", payment_method=method.id), NOW)
    assert await payment_methods.charged_with(connection, "m-6") == method.id
    gone = payment_methods.MethodEvent(key="gone", type=payment_methods.REVOKED, actor="admin", summary="taken away", at=NOW)
    await payment_methods.revoke(connection, method.id, gone)
    assert await payment_methods.charged_with(connection, "m-6") is None


async def test_what_was_given_anew_while_its_gateway_forgot_it_is_not_charged_in_vain(connection: Connection) -> None:
    method = await kept(connection, "m-anew", "tok_anew")
    asked = forgetting.Token(gateway="sandbox", token="tok_anew")
    for _ in range(2):
        await forgetting.done(connection, keys.forgetting("sandbox", "tok_anew"), asked, NOW)

    found = await payment_methods.get(connection, method.id)
    told = [event.type for event in await payment_methods.events_of(connection, method.id)]
    assert (found.state, found.tokens) == (MethodState.revoked, {})
    assert sorted(told) == ["payment_method.added", "payment_method.forgotten", "payment_method.revoked"]
