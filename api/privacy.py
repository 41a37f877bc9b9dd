"""All that is held of a customer, as one document."""

from collections.abc import AsyncIterator

import orjson

from activities.store import held
from activities.store.database import Database
from activities.store.order_facts import one_snapshot


def file_name(customer: str) -> str:
    """Of plain letters, whatever the id is made of."""
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_.") else "_" for letter in customer)
    return f"{plain}.json"


async def document(database: Database, customer: str) -> AsyncIterator[bytes]:
    """One JSON document, a list a table, in pieces. All of it is of one moment."""
    async with database.transaction() as connection:
        await one_snapshot(connection)
        before, opened = "", False
        yield b"{"
        async for table, rows in held.everything(connection, customer):
            if table != before:
                yield (b"]," if before else b"") + orjson.dumps(table) + b":["
                before, opened = table, False
            if rows:
                yield (b"," if opened else b"") + b",".join(rows)
                opened = True
        yield b"]}"
