"""What customers owe on open invoices, by how long it has been overdue."""

from datetime import date
from enum import StrEnum

from sqlalchemy import case, func, literal, select

from activities.store.database import Connection
from activities.store.tables.invoices import invoices
from domain.billing.invoice_states import OPEN
from domain.money import Money
from domain.values import Value


class Age(StrEnum):
    """In days after the due date."""

    not_due = "not due"
    month = "1 to 30"
    second_month = "31 to 60"
    third_month = "61 to 90"
    older = "over 90"


_UP_TO = ((0, Age.not_due), (30, Age.month), (60, Age.second_month), (90, Age.third_month))


class Receivable(Value):
    age: Age
    owed: Money
    invoices: int


async def by_age(connection: Connection, today: date) -> list[Receivable]:
    """By currency and age, the newest first; what nobody owes is left out."""
    late = literal(today) - invoices.c.due_date
    age = case(*((late <= days, place) for place, (days, _) in enumerate(_UP_TO)), else_=len(_UP_TO))
    place = age.label("place")
    query = select(invoices.c.currency, place, func.sum(invoices.c.amount_due).label("owed"), func.count().label("number"))
    query = query.where(invoices.c.state.in_(list(OPEN))).group_by(invoices.c.currency, place)
    ages = list(Age)
    return [
        Receivable(age=ages[row.place], owed=Money(minor=int(row.owed), currency=row.currency), invoices=row.number)
        for row in (await connection.execute(query.order_by(invoices.c.currency, place))).all()
    ]
