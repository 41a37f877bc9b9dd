"""Document numbers without gaps: a number is taken in the transaction that writes its document."""

from datetime import date

from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection
from activities.store.tables.invoices import document_numbers
from domain.billing.numbers import NumberFormat, sequence_of, written

_COUNTED = insert(document_numbers)
_TAKE = _COUNTED.on_conflict_do_update(
    index_elements=["legal_entity", "kind", "year"], set_={"last": document_numbers.c.last + _COUNTED.excluded.last}
).returning(document_numbers.c.last)


async def take(connection: Connection, format_: NumberFormat, issue_date: date) -> str:
    """The next number of a legal entity's documents of one kind. Others wait for theirs until the transaction ends, so this
    comes late in it; a transaction that is rolled back has taken none."""
    (number,) = await take_several(connection, format_, issue_date, 1)
    return number


async def take_several(connection: Connection, format_: NumberFormat, issue_date: date, count: int) -> list[str]:
    """The next `count` numbers, which must all be written to documents in this transaction."""
    sequence = sequence_of(format_, issue_date)
    last = int((await connection.execute(_TAKE, {**sequence.model_dump(), "last": count})).scalar_one())
    return [written(format_, sequence.year, number) for number in range(last - count + 1, last + 1)]
