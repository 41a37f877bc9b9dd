"""One finished order as a pattern of rows, and any number of orders with the same rows."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from activities.store.database import Connection
from domain.values import Value

NUMBER = "@number@"
"""Stands in a pattern for the number of its order."""

CUSTOMER = "@customer@"
"""Stands in a pattern for its customer."""

OF_ORDER = (
    "orders",
    "order_items",
    "order_steps",
    "payments",
    "approvals",
    "fallout",
    "events",
    "inbox",
    "capacity_reservations",
    "services",
    "subscriptions",
    "invoices",
    "ledger_transactions",
    "ledger_entries",
    "idempotency_keys",
)
"""Tables whose rows carry an order's id, a parent before its children."""

OF_INVOICE = ("billables", "credit_notes", "revenue_schedules")
GENERATED = {"ledger_entries": {"id", "recorded_at"}}
"""Columns that the database fills."""

Row = dict[str, Any]


class Pattern(Value):
    """The rows of one order, table by table; its number and customer are placeholders within."""

    rows: dict[str, list[Row]]

    @property
    def count(self) -> int:
        """Rows an order."""
        return sum(len(rows) for rows in self.rows.values())


async def pattern_of(connection: Connection, order: str) -> Pattern:
    """The rows of an order as they are now."""
    rows = {table: await _rows(connection, table, "order_id", order) for table in OF_ORDER if table != "orders"}
    rows = {"orders": await _rows(connection, "orders", "id", order)} | rows
    invoices = [row["id"] for row in rows["invoices"]]
    for table in OF_INVOICE:
        rows[table] = [row for invoice in invoices for row in await _rows(connection, table, "invoice", invoice)]
    rows["entitlements"] = [
        row for service in rows["services"] for row in await _rows(connection, "entitlements", "source", service["id"])
    ]
    rows["dispatches"] = await _dispatches(connection, [order, *(row["id"] for row in rows["subscriptions"])])
    rows["idempotency_keys"] = [row | {"key": f"key-{NUMBER}"} for row in rows["idempotency_keys"]]
    return _generalized(rows, order)


async def _rows(connection: Connection, table: str, column: str, value: str) -> list[Row]:
    query = text(f"SELECT to_jsonb(t) FROM {table} t WHERE {column} = :value ORDER BY t")
    found = (await connection.execute(query, {"value": value})).scalars()
    return [{name: value for name, value in row.items() if name not in GENERATED.get(table, ())} for row in found]


async def _dispatches(connection: Connection, subjects: list[str]) -> list[Row]:
    query = text("SELECT to_jsonb(t) FROM dispatches t WHERE subject = ANY(:subjects)")
    return list((await connection.execute(query, {"subjects": subjects})).scalars())


def _generalized(rows: dict[str, list[Row]], order: str) -> Pattern:
    customer, number = rows["orders"][0]["customer"], order.removeprefix("O-")
    generic = json.dumps(rows).replace(order, f"O-{NUMBER}").replace(json.dumps(customer), json.dumps(CUSTOMER))
    for document in (*rows["invoices"], *rows["credit_notes"]):
        generic = generic.replace(document["number"], f"{document['number'][:2]}-{NUMBER}")
    generic = generic.replace(f'"S-{number}-', f'"S-{NUMBER}-').replace(f'"number": {number},', f'"number": "{NUMBER}",')
    return Pattern(rows=json.loads(generic))


@dataclass(frozen=True)
class Insertion:
    """Rows of several tables of one order as one statement, whose parameters are `rows` for a number and a customer."""

    statement: str
    rows: str

    @classmethod
    def of(cls, rows: dict[str, list[Row]], then: str = "", values: Row | None = None) -> "Insertion":
        """`then` is a further part of the statement, with its `values`. What is there already stays as it is."""
        given = {table: some for table, some in rows.items() if some}
        parts = [f"{table}_ AS ({_insert(table, some[0], '$1::jsonb')})" for table, some in given.items()]
        parts += [then] if then else []
        return cls(f"WITH {', '.join(parts)} SELECT 1", json.dumps({**given, "then": values or {}}))

    def values(self, number: int, customer: str) -> str:
        """The statement's parameter for one order."""
        return self.rows.replace(NUMBER, str(number)).replace(CUSTOMER, customer)


def _insert(table: str, row: Row, source: str) -> str:
    columns = ", ".join(f'"{column}"' for column in row)
    return (
        f"INSERT INTO {table} ({columns}) SELECT {columns}"
        f" FROM jsonb_populate_recordset(NULL::{table}, {source}->'{table}') ON CONFLICT DO NOTHING"
    )


async def seed(connection: Connection, pattern: Pattern, first: int, last: int, customers: Sequence[str]) -> None:
    """Orders with the numbers from `first` to `last`, both included, spread over `customers`; without triggers and foreign
    keys, which would only confirm what is known. Takes a superuser."""
    await connection.execute(text("SET LOCAL session_replication_role = replica"))
    for table, rows in pattern.rows.items():
        if rows:
            await _seed(connection, table, rows, first, last, customers)


async def _seed(connection: Connection, table: str, rows: list[Row], first: int, last: int, customers: Sequence[str]) -> None:
    columns = ", ".join(f'"{column}"' for column in rows[0])
    taken = ", ".join(f'made."{column}"' for column in rows[0])
    made = "replace(replace(:rows, :number, n::text), :customer, owner.id)::jsonb"
    statement = (
        f"INSERT INTO {table} ({columns}) SELECT {taken} FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n"
        " JOIN unnest(CAST(:customers AS text[])) WITH ORDINALITY owner(id, place)"
        " ON owner.place = 1 + n % CAST(:customer_count AS int),"
        f" LATERAL jsonb_populate_recordset(NULL::{table}, {made}) made"
    )
    values = {"rows": json.dumps(rows), "number": NUMBER, "customer": CUSTOMER, "customers": list(customers)}
    await connection.execute(text(statement), values | {"customer_count": len(customers), "first": first, "last": last})
