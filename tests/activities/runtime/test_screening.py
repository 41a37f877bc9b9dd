"""Orders are counted by card, customer and address: each once, and one after the other where a rule asks how many there are."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import delete, event, func, insert, select, text, update

from activities.runtime import screening
from activities.runtime.facts import StoredChecks
from activities.runtime.screening import Screener
from activities.store import customers, fraud, fraud_lists, payment_methods, token_facts
from activities.store.database import Database
from activities.store.tables.payments import fraud_lists as listings
from activities.store.tables.payments import fraud_rules, fraud_sightings, payment_attempts
from domain.customers import Customer, Risk
from domain.fraud import Band
from domain.fraud_lists import Listing, normal
from domain.fraud_rules import FraudRule
from domain.orders import Order
from domain.payment_methods import MethodFacts, MethodKind, StoredMethod
from domain.payments import Outcome
from domain.velocity import Counted, VelocityTraits
from tests.domain import samples
from workers import migrate
from workers.embedded.postgres import Cluster

MANY = text("""
    INSERT INTO fraud_sightings (order_id, subject, currency, amount, at)
    SELECT 'O-' || n, 'card:' || md5((n / 5)::text), 'EUR', 100, now() - n * interval '1 minute'
      FROM generate_series(1000, 21000) n
""")
"""Of 4,000 cards in two weeks."""
ADDRESS = {"lines": ["Hauptstr. 1"], "postcode": "10115"}


@pytest_asyncio.fixture(scope="module")
async def shared(cluster: Cluster) -> AsyncIterator[Database]:
    url = await cluster.create_database("screening")
    await migrate.upgrade(url)
    database = Database(url)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def database(shared: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """Without rules and counts."""
    monkeypatch.setattr(screening, "FRESH", 0.0)
    yield shared
    async with shared.transaction() as connection:
        for table in (listings, fraud_rules, fraud_sightings, payment_attempts):
            await connection.execute(delete(table))


async def publish(database: Database, when: str) -> None:
    rule = FraudRule(id="often", when=when, band=Band.reject, reason="too often")
    async with database.transaction() as connection:
        await fraud.publish(connection, rule, "ula", datetime.now(UTC))


async def keep(database: Database, customer: Customer) -> None:
    async with database.transaction() as connection:
        await customers.put(connection, customer, datetime.now(UTC))


async def stored_card(database: Database, method: str, customer: str, fingerprint: str) -> str:
    facts = MethodFacts(kind=MethodKind.card, fingerprint=fingerprint)
    now = datetime.now(UTC)
    async with database.transaction() as connection:
        stored = StoredMethod(id=method, customer=customer, facts=facts, tokens={"sandbox": method}, added_at=now)
        await payment_methods.add(connection, stored, "ula", now)
    return method


def order(number: int, buyer: Customer, seats: int = 1, **changes: object) -> Order:
    """Of 50 euros, and 19 a seat."""
    made = samples.order(samples.item(quantity=seats))
    snapshot = made.customer.model_copy(update={"id": buyer.id})
    return made.model_copy(update={"id": f"O-{number}", "customer": snapshot, **changes})


async def look(database: Database, seen: Order, buyer: Customer) -> VelocityTraits:
    async with database.transaction() as connection:
        traits = await fraud.traits(connection, seen, buyer, datetime.now(UTC), list(Counted), count=False)
    return traits.velocity


async def test_of_fifty_orders_at_once_a_rule_about_ten_lets_ten_through(database: Database) -> None:
    buyers = [samples.customer(id=f"C-{number}", address=ADDRESS) for number in range(5)]
    methods = []
    for buyer in buyers:
        await keep(database, buyer)
        methods.append(await stored_card(database, f"pm_{buyer.id}", buyer.id, "one-card"))
    await publish(database, "velocity.card_orders_24h > 10 || velocity.address_orders_1h > 49 && order.total < 0")
    at_work = StoredChecks(database)
    orders = [order(number, buyers[number % 5], payment_method=methods[number % 5]) for number in range(50)]

    judged = await asyncio.gather(*(at_work.assess(each) for each in orders))

    assert sorted(each.screening.band for each in judged) == [Band.allow] * 10 + [Band.reject] * 40
    number = next(number for number, said in enumerate(judged) if said.screening.band is Band.allow)
    seen = await look(database, orders[number], buyers[number % 5])
    assert (seen.card_orders_1h, seen.address_orders_30d, seen.customer_orders_7d) == (50, 50, 10)


async def test_an_order_whose_judgement_was_lost_is_judged_the_same_though_others_came_since(database: Database) -> None:
    """A worker that dies after it has asked asks again in another."""
    buyer = samples.customer(id="C-lost")
    await keep(database, buyer)
    await publish(database, "customer.id == 'C-lost' && velocity.customer_orders_1h > 2")
    at_work = StoredChecks(database)
    orders = [order(number, buyer) for number in range(200, 204)]
    first = [(await at_work.assess(each)).screening for each in orders]

    again = [(await StoredChecks(database).assess(each)).screening for each in orders]

    assert [each.band for each in first] == [Band.allow, Band.allow, Band.reject, Band.reject]
    assert again == first
    amended = await at_work.assess(order(200, buyer, revision=2))
    assert amended.screening.band is Band.reject


async def test_an_order_counts_once_with_its_newest_amount_and_a_preview_never(database: Database) -> None:
    buyer = samples.customer(id="C-once")
    await keep(database, buyer)
    at_work = StoredChecks(database)
    first = order(100, buyer)
    await at_work.assess(first)
    await at_work.assess(first)
    await publish(database, "velocity.customer_amount_1h > 100000")
    await at_work.assess(order(100, buyer, seats=3))
    preview = order(0, buyer, id="preview")
    async with database.transaction() as connection:
        await Screener().judge(connection, preview, buyer, datetime.now(UTC), count=False)

    seen = await look(database, preview, buyer)

    assert (seen.customer_orders_1h, seen.customer_amount_1h, seen.card_orders_1h) == (2, 3 * 1900 + 5000 + 6900, 2)
    assert (seen.address_orders_1h, seen.address_amount_30d) == (0, 0)
    async with database.transaction() as connection:
        await connection.execute(update(fraud_sightings).values(currency="JPY"))
    beside_yen = await look(database, preview, buyer)
    assert (beside_yen.customer_orders_1h, beside_yen.customer_amount_1h) == (2, 6900)


async def test_windows_end_and_old_sightings_go_with_those_that_come(database: Database) -> None:
    buyer = samples.customer(id="C-old")
    await keep(database, buyer)
    now = datetime.now(UTC)
    ages = {200: timedelta(minutes=50), 201: timedelta(hours=23), 202: timedelta(days=6), 203: timedelta(days=29)}
    ages |= {number: timedelta(days=31) for number in range(204, 216)}
    async with database.transaction() as connection:
        for number, age in ages.items():
            await Screener().judge(connection, order(number, buyer), buyer, now - age, count=True)
        await Screener().judge(connection, order(300, buyer), buyer, now, count=True)
        kept = (await connection.execute(select(func.count(fraud_sightings.c.order_id.distinct())))).scalar_one()

    seen = await look(database, order(300, buyer), buyer)

    found = [getattr(seen, f"customer_orders_{window}") for window in ("1h", "24h", "7d", "30d")]
    assert found == [2, 3, 4, 5]
    assert kept == len(ages) + 1 - 5, "ten rows, two an order, go with the order that comes"


async def test_declines_count_by_the_card_under_all_its_names(database: Database) -> None:
    buyer = samples.customer(id="C-declined")
    await keep(database, buyer)
    cards = [await stored_card(database, f"pm_declined{number}", buyer.id, "same-card") for number in range(2)]
    now = datetime.now(UTC)
    rows = [(cards[0], Outcome.declined_soft), (cards[1], Outcome.declined_hard), (cards[0], Outcome.succeeded)]
    rows += [("tok_other", Outcome.declined_hard)]
    async with database.transaction() as connection:
        for number, (method, outcome) in enumerate(rows):
            row = {"key": f"O-9:payment:{number}", "gateway": "sandbox", "method": method, "customer": buyer.id}
            answered = {"currency": "EUR", "amount": 100, "rule": "default", "looks": [], "asked_at": now, "outcome": outcome}
            await connection.execute(insert(payment_attempts).values(row | answered))

    seen = await look(database, order(400, buyer, payment_method=cards[1]), buyer)
    by_token = await look(database, order(401, buyer, payment_method="tok_other"), buyer)

    assert (seen.card_declines_24h, seen.customer_declines_24h) == (2, 3)
    assert by_token.card_declines_1h == 1


async def test_bare_tokens_of_one_card_count_as_the_card_on_file_does(database: Database) -> None:
    buyers = [samples.customer(id=f"C-bare-{number}") for number in range(3)]
    for buyer in buyers:
        await keep(database, buyer)
    card = await stored_card(database, "pm_bare", buyers[0].id, "the-card")
    now = datetime.now(UTC)
    async with database.transaction() as connection:
        for token in ("tok_one", "tok_two"):
            facts = MethodFacts(kind=MethodKind.card, brand="visa", country="AT", fingerprint="the-card")
            await token_facts.keep(connection, token, facts, now)
            await token_facts.keep(connection, token, None, now)  # what was known stays
    paid_with = dict(zip((card, "tok_one", "tok_two"), buyers, strict=True))
    async with database.transaction() as connection:
        for number, (method, buyer) in enumerate(paid_with.items(), start=700):
            await Screener().judge(connection, order(number, buyer, payment_method=method), buyer, now, count=True)
        row = {"gateway": "sandbox", "customer": "C-x", "currency": "EUR", "amount": 1, "rule": "default", "looks": []}
        for place, method in enumerate((card, "tok_two")):
            declined = {"key": f"O-bare:payment:{place}", "method": method, "outcome": Outcome.declined_soft, "asked_at": now}
            await connection.execute(insert(payment_attempts).values(**row, **declined))

    for method, buyer in paid_with.items():
        seen = await look(database, order(799, buyer, payment_method=method), buyer)
        assert (seen.card_orders_24h, seen.card_declines_24h) == (4, 2)
    async with database.transaction() as connection:
        asked = order(799, buyers[1], payment_method="tok_one")
        traits = await fraud.traits(connection, asked, buyers[1], now, [], count=False)
    assert (traits.method.brand, traits.method.country, traits.method.stored) == ("visa", "AT", False)


@pytest.mark.parametrize(
    ("when", "statements"), [(None, 1), ("velocity.card_orders_1h > 9 || velocity.card_declines_1h > 9", 4)]
)
async def test_counting_costs_one_statement_which_scans_no_table(
    database: Database, monkeypatch: pytest.MonkeyPatch, when: str | None, statements: int
) -> None:
    """Besides it, rules ask for the past of the customer, and for what is paid with, and the judgement is kept."""
    buyer = samples.customer(id="C-cost", address=ADDRESS)
    await keep(database, buyer)
    if when is not None:
        await publish(database, when)
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        asked.append((statement, parameters))

    async with database.transaction() as connection:
        monkeypatch.setattr(screening, "FRESH", 3600.0)
        screener, now = Screener(), datetime.now(UTC)
        await screener.judge(connection, order(500, buyer), buyer, now, count=True)
        event.listen(connection.sync_engine, "before_cursor_execute", note)
        await screener.judge(connection, order(501, buyer), buyer, now, count=True)
        event.remove(connection.sync_engine, "before_cursor_execute", note)
        await connection.execute(MANY)
        await connection.execute(text("ANALYZE fraud_sightings"))
        explained = [await connection.exec_driver_sql(f"EXPLAIN {each}", tuple(given)) for each, given in asked]
        plans = "\n".join(str(row[0]) for plan in explained for row in plan.all())

    assert len(asked) == statements
    assert "Seq Scan on fraud_sightings" not in plans
    assert when is None or "ix_fraud_sightings_subject_at" in plans


async def put_on_list(database: Database, name: str, by: str, value: str, until: datetime | None = None) -> str:
    now = datetime.now(UTC)
    listing = Listing.model_validate({"list": name, "by": by, "value": value, "reason": f"{name} {by}", "until": until})
    async with database.transaction() as connection:
        return (await fraud_lists.put(connection, normal(listing, now), "ula", now)).id


async def test_trusted_skips_the_rules_blocked_wins_and_both_end(database: Database) -> None:
    buyer = samples.customer(id="C-listed", email="eve@Example.com", address=ADDRESS)
    await keep(database, buyer)
    card = await stored_card(database, "pm_listed", buyer.id, "listed-card")
    seen = order(600, buyer, payment_method=card)
    await publish(database, "true")
    now, screener = datetime.now(UTC), Screener()

    versions = itertools.count(1)

    async def band(at: datetime = now, who: Customer = buyer) -> Band:
        """Of the order, amended."""
        amended = seen.model_copy(update={"revision": next(versions)})
        async with database.transaction() as connection:
            return (await screener.judge(connection, amended, who, at, count=True)).band

    ruled = await band()
    await put_on_list(database, "trusted", "email_domain", "EXAMPLE.com", now + timedelta(days=2))
    trusted, marked = await band(), await band(who=buyer.model_copy(update={"risk": Risk.blocked}))
    blocked = await put_on_list(database, "blocked", "card", "listed-card", now + timedelta(days=1))
    both, first_over, all_over = await band(), await band(now + timedelta(days=1)), await band(now + timedelta(days=2))
    async with database.transaction() as connection:
        await fraud_lists.remove(connection, blocked, "ula", now)

    assert (ruled, trusted, marked) == (Band.reject, Band.allow, Band.reject)
    assert (both, first_over, all_over) == (Band.reject, Band.allow, Band.reject)
    assert await band() is Band.allow
    assert (await look(database, seen, buyer)).card_orders_1h == 1, "listed orders are counted too"
