"""How each opening of a dunning case began and came out, kept beside the case, which goes on; summed up by months."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, text

from activities.store.database import Connection
from domain.billing.invoices import Invoice
from domain.dunning import CaseState, DunningCase, DunningResult
from domain.money import Money
from domain.months import Months
from domain.values import Value

_OPENED = text("""
    INSERT INTO dunning_openings (invoice, opening, clock, currency, opened_at, owed, paid_before)
    SELECT :invoice, :opening, COALESCE(clock, ''), :currency, :opened_at, :owed, :paid_before
      FROM customers WHERE id = :customer
        ON CONFLICT DO NOTHING
""")
_CLOSED = text(f"""
    WITH came AS (
         SELECT invoice, opening,
                CASE WHEN NOT :settled THEN '{DunningResult.lost}'
                     WHEN :paid > paid_before THEN '{DunningResult.recovered}'
                     ELSE '{DunningResult.withdrawn}' END AS result
           FROM dunning_openings WHERE invoice = :invoice AND opening = :opening
    )
    UPDATE dunning_openings one
       SET closed_at = :closed_at, result = came.result, attempts = :attempts, lost = :lost,
           recovered = GREATEST(:paid - paid_before, 0)
      FROM came
     WHERE one.invoice = came.invoice AND one.opening = came.opening AND one.result IS DISTINCT FROM came.result
""")  # noqa: S608 - of constants alone


async def opened(connection: Connection, case: DunningCase, invoice: Invoice) -> None:
    """Again changes nothing."""
    values = {
        "invoice": case.invoice,
        "opening": case.opening,
        "customer": case.customer,
        "currency": invoice.currency,
        "opened_at": case.opened_at,
        "owed": invoice.amount_due.minor,
        "paid_before": invoice.paid.minor,
    }
    await connection.execute(_OPENED, values)


async def closed(connection: Connection, case: DunningCase, invoice: Invoice, now: datetime) -> None:
    """It came out as the case and its invoice stand now. Again changes nothing; what was lost and is paid all the same is
    recovered, from then on."""
    values = {
        "invoice": case.invoice,
        "opening": case.opening,
        "closed_at": now,
        "settled": case.state is CaseState.settled,
        "attempts": case.policy.attempts - case.attempts_left,
        "lost": (invoice.amount_due + invoice.written_off).minor,
        "paid": invoice.paid.minor,
    }
    await connection.execute(_CLOSED, values)


class Tally(Value):
    """So many cases, and an amount."""

    count: int
    amount: Money


class Results(Value):
    """Of cases that came to an end. `recovered` is with what was paid while they were open, also of those that were lost in the
    end; `lost` with what was not paid then; `withdrawn` with what they were opened for."""

    recovered: Tally
    lost: Tally
    withdrawn: Tally


class DunningMonth(Results):
    """A month, by UTC. `opened` are the cases opened in it, with what was due then; the others came to an end in it, whenever
    they were opened."""

    month: date
    opened: Tally


class DunningAttempts(Results):
    """Of cases that came to an end in those months, after so many charges made by dunning; 0 is before the first."""

    attempts: int


class CurrencyDunning(Value):
    currency: str
    months: tuple[DunningMonth, ...]
    by_attempts: tuple[DunningAttempts, ...]


_OPENED_IN = text("""
    SELECT currency, date_trunc('month', opened_at, 'UTC') AS month, count(*) AS count, sum(owed) AS amount
      FROM dunning_openings WHERE clock = :clock AND opened_at >= :since AND opened_at < :until
     GROUP BY 1, 2
""")
_CLOSED_IN = text("""
    SELECT currency, date_trunc('month', closed_at, 'UTC') AS month, result, attempts, count(*) AS count,
           sum(recovered) AS recovered, sum(lost) AS lost, sum(owed) AS owed
      FROM dunning_openings WHERE clock = :clock AND closed_at >= :since AND closed_at < :until
     GROUP BY 1, 2, 3, 4
""")


async def by_month(connection: Connection, months: Months, clock: str) -> list[CurrencyDunning]:
    """Of customers on this test clock, in order of currency."""
    span = {"since": months.since, "until": months.until, "clock": clock}
    opened_in = (await connection.execute(_OPENED_IN, span)).all()
    closed_in = (await connection.execute(_CLOSED_IN, span)).all()
    return [
        _dunning(
            currency,
            months,
            {
                row.month: Tally(count=row.count, amount=_money(row.amount, currency))
                for row in opened_in
                if row.currency == currency
            },
            [row for row in closed_in if row.currency == currency],
        )
        for currency in sorted({row.currency for row in [*opened_in, *closed_in]})
    ]


def _dunning(currency: str, months: Months, opened_in: dict[datetime, Tally], closed_in: Sequence[Row[Any]]) -> CurrencyDunning:
    nothing = Tally(count=0, amount=Money.zero(currency))
    return CurrencyDunning(
        currency=currency,
        months=tuple(
            DunningMonth(
                month=month.date(),
                opened=opened_in.get(month, nothing),
                **_results(currency, [row for row in closed_in if row.month == month]),
            )
            for month in months.starts
        ),
        by_attempts=tuple(
            DunningAttempts(attempts=attempts, **_results(currency, [row for row in closed_in if row.attempts == attempts]))
            for attempts in sorted({row.attempts for row in closed_in})
        ),
    )


def _results(currency: str, closed_in: Sequence[Row[Any]]) -> dict[str, Tally]:
    of = {result: [row for row in closed_in if row.result == result] for result in DunningResult}
    amounts = {
        DunningResult.recovered: sum(row.recovered for row in closed_in),
        DunningResult.lost: sum(row.lost for row in of[DunningResult.lost]),
        DunningResult.withdrawn: sum(row.owed for row in of[DunningResult.withdrawn]),
    }
    return {
        result.value: Tally(count=sum(row.count for row in of[result]), amount=_money(amounts[result], currency))
        for result in DunningResult
    }


def _money(minor: int, currency: str) -> Money:
    return Money(minor=int(minor), currency=currency)
