"""Recurring revenue: each movement of a subscription's is kept when it is saved, and summed up by months."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import text

from activities.store.database import Connection
from domain.money import Money
from domain.months import Months
from domain.subscriptions.facts import Subscription
from domain.subscriptions.recurring_revenue import Movement, begins_at, monthly_revenue
from domain.values import Value

REAL_TIME = ""
"""Instead of a test clock."""
MOVE = f"""
    INSERT INTO recurring_revenue (subscription, number, movement, at, clock, currency, amount)
    SELECT CAST(:id AS varchar), known.count + 1,
           CASE WHEN known.count = 0 THEN '{Movement.new}'
                WHEN CAST(:ended_at AS timestamptz) IS NOT NULL THEN '{Movement.churn}'
                WHEN known.monthly = 0 THEN '{Movement.reactivation}'
                WHEN CAST(:monthly AS bigint) > known.monthly THEN '{Movement.expansion}'
                ELSE '{Movement.contraction}' END,
           CASE WHEN known.count = 0 THEN CAST(:begins_at AS timestamptz)
                ELSE COALESCE(CAST(:ended_at AS timestamptz), CAST(:now AS timestamptz)) END,
           COALESCE((SELECT clock FROM customers WHERE id = CAST(:customer AS varchar)), '{REAL_TIME}'),
           CAST(:currency AS varchar), CAST(:monthly AS bigint) - known.monthly
      FROM (SELECT count(*) AS count, COALESCE(sum(amount), 0) AS monthly FROM recurring_revenue
             WHERE subscription = CAST(:id AS varchar)) known
     WHERE CAST(:monthly AS bigint) <> known.monthly
"""  # noqa: S608 - of constants alone
"""Note how it moved, of a subscription whose row is held; again notes nothing. Its values are `as_values`."""


def as_values(subscription: Subscription, now: datetime) -> dict[str, Any]:
    """What MOVE needs, `id` and `ended_at` apart."""
    return {
        "monthly": monthly_revenue(subscription, now).minor,
        "begins_at": begins_at(subscription),
        "now": now,
        "customer": subscription.customer,
        "currency": subscription.currency,
    }


class RevenueMonth(Value):
    """A month, by UTC: how recurring revenue moved in it, and what it came to at its end. The movements add up to the
    difference from the end of the month before."""

    month: date
    new: Money
    expansion: Money
    contraction: Money
    reactivation: Money
    churn: Money
    monthly_recurring_revenue: Money


class CurrencyRevenue(Value):
    """`annual_recurring_revenue` is twelve times that of the last month."""

    currency: str
    annual_recurring_revenue: Money
    months: tuple[RevenueMonth, ...]


_MONTHS = text("""
    SELECT currency, movement, sum(amount) AS amount,
           CASE WHEN at >= :since THEN date_trunc('month', at, 'UTC') END AS month
      FROM recurring_revenue WHERE clock = :clock AND at < :until
     GROUP BY 1, 2, 4
""")


async def by_month(connection: Connection, months: Months, clock: str) -> list[CurrencyRevenue]:
    """Of customers on this test clock, in order of currency."""
    rows = (await connection.execute(_MONTHS, {"since": months.since, "until": months.until, "clock": clock})).all()
    return [
        _revenue(currency, months, {(row.month, row.movement): int(row.amount) for row in rows if row.currency == currency})
        for currency in sorted({row.currency for row in rows})
    ]


def _revenue(currency: str, months: Months, moved: dict[tuple[datetime | None, str], int]) -> CurrencyRevenue:
    standing = sum(amount for (month, _), amount in moved.items() if month is None)
    drawn = []
    for month in months.starts:
        movements = {each: moved.get((month, each), 0) for each in Movement}
        standing += sum(movements.values())
        amounts = {each: Money(minor=amount, currency=currency) for each, amount in movements.items()}
        standing_money = Money(minor=standing, currency=currency)
        drawn.append(RevenueMonth(month=month.date(), **amounts, monthly_recurring_revenue=standing_money))
    annual = Money(minor=12 * standing, currency=currency)
    return CurrencyRevenue(currency=currency, annual_recurring_revenue=annual, months=tuple(drawn))
