"""How PostgreSQL carries out the statements that the store really sends: caught on their way, explained, and sent on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine

from domain.values import Value

GROWING = frozenset(
    {
        "orders",
        "order_items",
        "order_steps",
        "payments",
        "approvals",
        "fallout",
        "events",
        "dispatches",
        "inbox",
        "capacity_reservations",
        "services",
        "entitlements",
        "subscriptions",
        "invoices",
        "billables",
        "credit_notes",
        "revenue_schedules",
        "ledger_transactions",
        "ledger_entries",
        "idempotency_keys",
        "customers",
        "fraud_sightings",
        "fraud_scores",
        "recurring_revenue",
        "dunning_openings",
        "due_rows",
        "collections",
        "subscription_events",
    }
)
"""Tables with more rows the more orders there are. The others are bounded by the catalogue, the partners and the staff."""


UNPLANNED = frozenset({"BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK"})


class Reading(Value):
    """One place in a plan where a growing table is read. `rows` were looked at, those passed over included."""

    table: str
    node: str
    rows: int
    statement: str

    def __str__(self) -> str:
        return f"{self.node} over {self.table}, {self.rows} rows: {' '.join(self.statement.split())}"


class Watched:
    """What the statements on one database have read."""

    def __init__(self, database: str) -> None:
        self.database = database
        self.readings: list[Reading] = []
        self._explaining = False
        self._seen: set[str] = set()

    def look(self, connection: Connection, statement: str, parameters: Any, executemany: bool) -> None:
        """Carry the statement out once in vain, for its plan."""
        if self._explaining or statement.split()[0] in UNPLANNED or connection.engine.url.database != self.database:
            return
        self._explaining = True
        try:
            self._explain(connection, statement, parameters[0] if executemany else parameters)
        finally:
            self._explaining = False

    def _explain(self, connection: Connection, statement: str, parameters: Any) -> None:
        alone = connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"
        begin, back = ("BEGIN", "ROLLBACK") if alone else ("SAVEPOINT explained", "ROLLBACK TO SAVEPOINT explained")
        connection.exec_driver_sql(begin)
        explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}"
        found = connection.exec_driver_sql(explain, parameters).scalar_one()
        connection.exec_driver_sql(back)
        plans = json.loads(found) if isinstance(found, str) else found
        custom = plans[0]["Plan"]
        self._note(custom, statement)
        if statement not in self._seen:
            self._seen.add(statement)
            connection.exec_driver_sql(begin)
            generic = self._generic(connection, statement, len(parameters))
            connection.exec_driver_sql(back)
            planning = 2.5 * (1 + sum("Relation Name" in node for node in _nodes(custom)))
            if generic["Total Cost"] < custom["Total Cost"] + planning:
                self._note(generic, statement)

    def _note(self, plan: dict[str, Any], statement: str) -> None:
        self.readings += [
            Reading(table=node["Relation Name"], node=node["Node Type"], rows=_rows(node), statement=statement)
            for node in _nodes(plan)
            if node.get("Relation Name") in GROWING and node["Node Type"] != "ModifyTable"
        ]

    def _generic(self, connection: Connection, statement: str, parameters: int) -> dict[str, Any]:
        """The plan for any parameters. PostgreSQL goes over to it, from the sixth execution on, where it looks no dearer than
        planning anew each time (`choose_custom_plan` in its plancache.c, which gives planning 2.5 a table and 2.5)."""
        nothing = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
        connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
        connection.exec_driver_sql(f"PREPARE explained AS {statement}")
        found = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) EXECUTE explained{nothing}").scalar_one()
        connection.exec_driver_sql("DEALLOCATE explained")
        plan: dict[str, Any] = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
        return plan

    @property
    def scans(self) -> list[str]:
        """Places where a growing table was gone through from its beginning."""
        return [str(reading) for reading in self.readings if reading.node == "Seq Scan"]

    def beyond(self, most: int) -> list[str]:
        """Places where more rows of a growing table were looked at than that, be it by an index."""
        return [str(reading) for reading in self.readings if reading.rows > most]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def _rows(node: dict[str, Any]) -> int:
    """Of a plan that was not carried out, none."""
    once = node.get("Actual Rows", 0) + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return int(once * node.get("Actual Loops", 0))


@contextmanager
def watched(database: str) -> Iterator[Watched]:
    """Explain every statement that SQLAlchemy sends to this database while the block runs."""
    watch = Watched(database)

    def look(connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, executemany: bool) -> None:
        watch.look(connection, statement, parameters, executemany)

    event.listen(Engine, "before_cursor_execute", look)
    try:
        yield watch
    finally:
        event.remove(Engine, "before_cursor_execute", look)
