"""Payments in the store: found by what they are for, and what a gateway failed at stays counted."""

from datetime import UTC, datetime, timedelta

from activities.runtime.gateway_watch import GatewayWatch
from activities.store import attempts, routing
from activities.store.attempts import Wanted
from activities.store.database import Connection, Database
from domain import keys
from domain.gateway_health import STALE, WINDOW
from domain.money import Money
from domain.payments import Outcome, PaymentRequest, PaymentResult
from domain.routing import Decision, Look
from domain.states import PaymentState

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
AMOUNT = Money(minor=1000, currency="EUR")


async def asked(connection: Connection, key: str, gateway: str, *outcomes: Outcome, at: datetime = NOW) -> None:
    """A payment that the gateway answered in these ways, each after 40 ms."""
    request = PaymentRequest(key=key, amount=AMOUNT, method="tok_visa", customer="P-1")
    look = Look(rule="default", decided=True, why=f"{gateway}: no rule says otherwise")
    await attempts.begin(connection, request, Decision(gateway=gateway, rule="default", looks=(look,)), at)
    for outcome in outcomes:
        await attempts.answer(connection, key, PaymentResult(outcome=outcome), timedelta(milliseconds=40), at)


async def test_payments_come_newest_first_in_pages(connection: Connection) -> None:
    for number in (1, 2, 3):
        await asked(connection, keys.payment("O-1", number), "amber", at=NOW + timedelta(seconds=number))

    first = await attempts.page(connection, None, 2, Wanted())
    rest = await attempts.page(connection, (first[-1].asked_at, first[-1].key), 2, Wanted())

    assert [record.key for record in (*first, *rest)] == [keys.payment("O-1", number) for number in (3, 2, 1)]


async def test_what_no_order_asked_for_has_the_state_that_its_outcome_says(connection: Connection) -> None:
    await asked(connection, "IN-1:payment:1", "amber", Outcome.declined_soft)
    await asked(connection, "IN-1:payment:2", "basalt", Outcome.succeeded)
    await asked(connection, "IN-1:payment:3", "basalt")

    found = {record.key: record.state for record in await attempts.page(connection, None, 10, Wanted())}

    assert found == {
        "IN-1:payment:1": PaymentState.declined,
        "IN-1:payment:2": PaymentState.captured,
        "IN-1:payment:3": PaymentState.authorizing,
    }
    taken = await attempts.page(connection, None, 10, Wanted(state=PaymentState.captured, gateway="basalt"))
    assert [record.key for record in taken] == ["IN-1:payment:2"]
    assert [record.key for record in await attempts.page(connection, None, 1, Wanted(invoice="IN-1"))] == ["IN-1:payment:3"]
    assert [record.key for record in await attempts.of_subject(connection, "IN-1")] == sorted(found)
    assert await attempts.page(connection, None, 1, Wanted(invoice="IN-2")) == []


async def test_a_definite_outcome_is_not_taken_back_and_the_failure_before_it_stays_counted(connection: Connection) -> None:
    key = keys.payment("O-2", 1)
    await asked(connection, key, "amber", Outcome.unknown)
    await attempts.answer(connection, key, PaymentResult(outcome=Outcome.succeeded), None, NOW)
    await attempts.answer(connection, key, PaymentResult(outcome=Outcome.unknown), timedelta(seconds=9), NOW)

    record = await attempts.get(connection, key)

    assert (record.outcome, record.latency_ms, record.failures) == (Outcome.succeeded, 40, 1)
    assert await attempts.recent(connection, "amber", NOW, 5) == [True]


async def test_the_watch_takes_a_failing_gateway_out_and_gives_it_another_chance(database: Database) -> None:
    """Declines are no failures of the gateway: five of them leave it well."""
    async with database.transaction() as connection:
        for number in range(5):
            await asked(connection, f"O-3:payment:{number}", "amber", Outcome.not_attempted)
            await asked(connection, f"O-4:payment:{number}", "basalt", Outcome.declined_hard)
    watch = GatewayWatch(database, ["amber", "basalt"])

    async def down(at: datetime) -> frozenset[str]:
        async with database.transaction() as connection:
            return (await routing.surroundings(connection, ["amber", "basalt"], "basalt", at)).down

    await watch.look(NOW + timedelta(seconds=1))
    assert await down(NOW + timedelta(seconds=1)) == {"amber"}
    assert await down(NOW + timedelta(seconds=2) + STALE) == frozenset()

    await watch.look(NOW + WINDOW + timedelta(seconds=1))
    assert await down(NOW + WINDOW + timedelta(seconds=1)) == frozenset()


async def test_what_a_gateway_answered_is_added_up_by_stretches_of_time(connection: Connection) -> None:
    """In the first five minutes 40 ms for three, one failing; nothing in the second; one in the third."""
    for number, outcome in enumerate((Outcome.succeeded, Outcome.unknown, Outcome.declined_soft)):
        await asked(connection, f"O-5:payment:{number}", "slate", outcome, at=NOW + timedelta(minutes=number))
    await asked(connection, "O-5:payment:9", "slate", Outcome.succeeded, at=NOW + timedelta(minutes=11))

    found = await attempts.tallies(connection, NOW, NOW + timedelta(hours=1), timedelta(minutes=5))

    mine = [tally for tally in found if tally.gateway == "slate"]
    assert [(tally.begins - NOW, tally.answered, tally.failed, tally.median, tally.slowest) for tally in mine] == [
        (timedelta(), 3, 1, 40, 40),
        (timedelta(minutes=10), 1, 0, 40, 40),
    ]


async def test_a_payment_is_found_by_what_its_own_gateway_calls_it(connection: Connection) -> None:
    key = keys.payment("O-77", 1)
    await asked(connection, key, "amber")
    held = PaymentResult(outcome=Outcome.succeeded, reference="pi_77")
    await attempts.answer(connection, key, held, timedelta(milliseconds=40), NOW)

    assert await attempts.key_of(connection, "amber", "pi_77") == key
    assert await attempts.key_of(connection, "basalt", "pi_77") is None
