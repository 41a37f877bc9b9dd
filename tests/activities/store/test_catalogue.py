"""The catalogue: which version of a price holds when."""

from datetime import UTC, datetime, timedelta

from activities.store import catalogue
from domain.catalogue import Price
from tests.world import World

NOW = datetime(2026, 11, 25, tzinfo=UTC)
LATER = datetime(2027, 1, 1, tzinfo=UTC)


def price(unit_amount: str, **changes: object) -> Price:
    seat = {"kind": "recurring", "name": "Seat", "unit_amount": unit_amount}
    return Price.model_validate({"id": "crm-team-sek", "plan": "crm-team", "currency": "SEK", "charges": [seat], **changes})


async def test_a_price_for_a_later_date_leaves_the_one_before_it_until_then(world: World) -> None:
    async with world.database.transaction() as connection:
        first = await catalogue.publish(connection, price("190.00"), NOW)
        second = await catalogue.publish(connection, price("210.00", effective_from=LATER), NOW)
        found = await catalogue.load(connection)

    before = found.price_of("crm-team", "SEK", LATER - timedelta(seconds=1))
    after = found.price_of("crm-team", "SEK", LATER)
    assert before is not None
    assert (before.version, str(before.charges[0].unit_amount)) == (first, "190.00")
    assert after is not None
    assert (after.version, str(after.charges[0].unit_amount)) == (second, "210.00")


async def test_a_price_that_holds_at_once_replaces_all_before_it(world: World) -> None:
    async with world.database.transaction() as connection:
        await catalogue.publish(connection, price("190.00"), NOW)
        last = await catalogue.publish(connection, price("170.00"), NOW)
        found = await catalogue.load(connection)

    assert [each.version for each in [*found.prices.values(), *found.earlier] if each.currency == "SEK"] == [last]
