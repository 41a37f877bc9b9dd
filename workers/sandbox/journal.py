"""What truly happened, kept in one SQLite file: a fact is on file before its answer leaves the process."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from domain.money import Money
from domain.provisioning import RemoteState
from domain.values import Instant, Value

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    partner TEXT,
    minor INTEGER,
    currency TEXT,
    remote_id TEXT,
    detail TEXT NOT NULL,
    gateway TEXT
);
CREATE INDEX IF NOT EXISTS facts_subject ON facts (subject);
CREATE INDEX IF NOT EXISTS facts_that_moved ON facts (at) WHERE kind IN ('captured', 'refunded', 'moved');
CREATE TABLE IF NOT EXISTS answers (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE TABLE IF NOT EXISTS payments (key TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, behaves_as TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS services (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    partner TEXT NOT NULL,
    reference TEXT NOT NULL,
    finish_at REAL,
    body TEXT NOT NULL,
    UNIQUE (partner, reference)
);
CREATE INDEX IF NOT EXISTS services_at_work ON services (finish_at) WHERE finish_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS callbacks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    partner TEXT NOT NULL,
    reference TEXT NOT NULL,
    due_at REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    misbehaviour TEXT,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS callbacks_due ON callbacks (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS disputes (id TEXT PRIMARY KEY, gateway TEXT NOT NULL, state TEXT NOT NULL, event TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS webhooks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    gateway TEXT NOT NULL,
    due_at REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    copies INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS webhooks_due ON webhooks (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS settings (partner TEXT PRIMARY KEY, body TEXT NOT NULL);
"""


MAIN_GATEWAY = "sandbox"
"""What the gateway is called that a sandbox had before it played several."""


class FactKind(StrEnum):
    authorized = "authorized"
    captured = "captured"
    voided = "voided"
    refunded = "refunded"
    declined = "declined"
    moved = "moved"
    """Money that moved after a payment: the detail says how, and the key that it is booked under."""
    service_created = "service_created"
    """One more account at the partner."""
    service_restarted = "service_restarted"
    """A failed service is worked on again, in the account it has."""
    service_ready = "service_ready"
    service_failed = "service_failed"
    activated = "activated"
    changed = "changed"
    suspended = "suspended"
    resumed = "resumed"
    terminated = "terminated"
    throttled = "throttled"
    unthrottled = "unthrottled"
    exported = "exported"
    """One more file of what is in a service."""
    export_failed = "export_failed"
    callback_sent = "callback_sent"
    callback_failed = "callback_failed"


class Fact(Value):
    """One thing that happened: to the payment `key`, or to the service `reference` at `partner`."""

    seq: int
    at: Instant
    kind: FactKind
    key: str | None = None
    reference: str | None = None
    partner: str | None = None
    amount: Money | None = None
    remote_id: str | None = None
    detail: str = ""
    gateway: str | None = None


class PaymentSummary(Value):
    """The sums of a payment's facts at one gateway."""

    key: str
    gateway: str
    authorized: Money
    captured: Money
    refunded: Money
    voided: Money


class ServiceSummary(Value):
    """`accounts` counts how often the partner created something for this reference: more than one is a mistake."""

    partner: str
    reference: str
    state: RemoteState
    remote_id: str | None
    quantity: int
    accounts: int


class Summary(Value):
    payments: list[PaymentSummary]
    services: list[ServiceSummary]


class Journal:
    """One connection, used by one thread. Changes are made inside `transaction`, which never waits inside."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        # With a write-ahead log the operating system holds a committed page, so a killed process loses nothing.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)
        if not any(column["name"] == "gateway" for column in self._connection.execute("PRAGMA table_info(facts)")):
            self._connection.execute("ALTER TABLE facts ADD COLUMN gateway TEXT")
        of_old = "UPDATE facts SET gateway = ? WHERE gateway IS NULL AND partner IS NULL"
        self._connection.execute(of_old, (MAIN_GATEWAY,))

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def execute(self, sql: str, *parameters: str | int | float | None) -> sqlite3.Cursor:
        return self._connection.execute(sql, parameters)

    def one(self, sql: str, *parameters: str | int | float | None) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._connection.execute(sql, parameters).fetchone()
        return row

    def record(
        self,
        kind: FactKind,
        subject: str,
        *,
        amount: Money | None = None,
        partner: str | None = None,
        remote_id: str | None = None,
        detail: str = "",
        gateway: str | None = None,
    ) -> None:
        self.execute(
            "INSERT INTO facts (at, kind, subject, partner, minor, currency, remote_id, detail, gateway)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            datetime.now(UTC).isoformat(),
            kind,
            subject,
            partner,
            amount.minor if amount else None,
            amount.currency if amount else None,
            remote_id,
            detail,
            gateway,
        )

    def facts(self, since: int, order: str | None) -> list[Fact]:
        """In order of happening, those after `since`; of one order, if named."""
        rows = self.execute(
            "SELECT * FROM facts WHERE seq > ? AND subject >= ? AND subject < ? ORDER BY seq", since, *_range(order)
        )
        return [_fact(row) for row in rows]

    def moved(self, gateway: str, since: datetime, until: datetime, after: int, limit: int) -> list[Fact]:
        """Captures, refunds and what moved after them at one gateway in `[since, until)`, in order of happening, those after
        the fact `after`."""
        rows = self.execute(
            "SELECT * FROM facts WHERE kind IN ('captured', 'refunded', 'moved') AND gateway = ? AND at >= ? AND at < ?"
            " AND seq > ? ORDER BY seq LIMIT ?",
            gateway,
            since.astimezone(UTC).isoformat(),
            until.astimezone(UTC).isoformat(),
            after,
            limit,
        )
        return [_fact(row) for row in rows]

    def summary(self, order: str | None) -> Summary:
        return Summary(payments=self._payment_sums(order), services=self._service_states(order))

    def _payment_sums(self, order: str | None) -> list[PaymentSummary]:
        rows = self.execute(
            "SELECT subject, currency, gateway,"
            " sum(CASE kind WHEN 'authorized' THEN minor ELSE 0 END) AS authorized,"
            " sum(CASE kind WHEN 'captured' THEN minor ELSE 0 END) AS captured,"
            " sum(CASE kind WHEN 'refunded' THEN minor ELSE 0 END) AS refunded,"
            " sum(CASE kind WHEN 'voided' THEN minor ELSE 0 END) AS voided"
            " FROM facts WHERE currency IS NOT NULL AND subject >= ? AND subject < ?"
            " GROUP BY subject, currency, gateway ORDER BY min(seq)",
            *_range(order),
        )
        return [
            PaymentSummary(
                key=row["subject"],
                gateway=row["gateway"],
                **{
                    kind: Money(minor=row[kind], currency=row["currency"])
                    for kind in ("authorized", "captured", "refunded", "voided")
                },
            )
            for row in rows
        ]

    def _service_states(self, order: str | None) -> list[ServiceSummary]:
        rows = self.execute(
            "SELECT body, (SELECT count(*) FROM facts WHERE kind = 'service_created'"
            " AND facts.subject = services.reference AND facts.partner = services.partner) AS accounts"
            " FROM services WHERE reference >= ? AND reference < ? ORDER BY number",
            *_range(order),
        )
        return [ServiceSummary(**json.loads(row["body"]) | {"accounts": row["accounts"]}) for row in rows]


def _range(order: str | None) -> tuple[str, str]:
    """The subjects of an order are those from `O-1001:` up to, not including, `O-1001;`: ';' follows ':'."""
    return ("", "\U0010ffff") if order is None else (f"{order}:", f"{order};")


def _fact(row: sqlite3.Row) -> Fact:
    subject = "key" if row["partner"] is None else "reference"
    amount = None if row["minor"] is None else Money(minor=row["minor"], currency=row["currency"])
    fields = {name: row[name] for name in ("seq", "at", "kind", "partner", "remote_id", "detail", "gateway")}
    return Fact(**fields, **{subject: row["subject"]}, amount=amount)
