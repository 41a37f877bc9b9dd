"""The ledger, wallets, and money that came and was matched."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from activities.store.tables.base import metadata, moment

wallets = Table(
    "wallets",
    metadata,
    Column("customer", String, ForeignKey("customers.id"), nullable=False),
    Column("currency", String, nullable=False),
    Column("document", JSONB, nullable=False),
    moment("expires_at", optional=True),
    PrimaryKeyConstraint("customer", "currency"),
    Index("ix_wallets_expires_at", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
)

customer_balances = Table(
    "customer_balances",
    metadata,
    Column("customer", String, ForeignKey("customers.id"), nullable=False),
    Column("currency", String, nullable=False),
    Column("credit", BigInteger, nullable=False),
    PrimaryKeyConstraint("customer", "currency"),
)

ledger_transactions = Table(
    "ledger_transactions",
    metadata,
    Column("id", String, primary_key=True, comment="a business fact: it is posted once"),
    moment("at"),
    Column("description", String, nullable=False),
    Column("reference", String, nullable=False, server_default=""),
    Column("order_id", String, ForeignKey("orders.id")),
    Index("ix_ledger_transactions_at", "at", "id"),
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("transaction", String, ForeignKey("ledger_transactions.id"), nullable=False),
    Column("account", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("amount", BigInteger, nullable=False, comment="debit above zero, credit below"),
    Column("subject", String, nullable=False, server_default=""),
    Column("order_id", String, ForeignKey("orders.id")),
    moment("posted_at"),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("transaction", "account", "subject", "currency"),
    Index(None, "order_id"),
    Index("ix_ledger_entries_subject", "subject", "account", postgresql_where=text("subject <> ''")),
    Index("ix_ledger_entries_account", "account", "id"),
    Index(None, "posted_at"),
    comment="Append-only; each transaction sums to zero per currency, held by a trigger",
)

statements = Table(
    "statements",
    metadata,
    Column("account", String, nullable=False, comment="as in cash:<account>"),
    Column("digest", String, nullable=False, comment="SHA-256 of the file: the same file is one statement"),
    Column("bank_id", String, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("booked", Integer, nullable=False, comment="lines that no statement before had"),
    Column("imported_by", String, nullable=False),
    moment("imported_at"),
    PrimaryKeyConstraint("account", "digest"),
    comment="Files of banks and gateways whose lines are booked",
)

receipts = Table(
    "receipts",
    metadata,
    Column("key", String, primary_key=True, comment="from what the bank says: a line is booked once"),
    Column("account", String, nullable=False),
    Column("amount", BigInteger, nullable=False, comment="above zero came in, below went out"),
    Column("unmatched", BigInteger, nullable=False, comment="what of it is in suspense"),
    Column("currency", String, nullable=False),
    Column("booked_on", Date, nullable=False),
    Column("value_on", Date, nullable=False),
    Column("reference", String, nullable=False),
    Column("remittance", String, nullable=False),
    Column("counterparty", String, nullable=False),
    Column("returned", Boolean, nullable=False),
    Column("customer", String, ForeignKey("customers.id")),
    Column("state", String, nullable=False),
    Column("reason", String, nullable=False, comment="how it was matched, or why it was not"),
    Column("owner", String, comment="the queue that has to decide about what is unmatched"),
    moment("recorded_at"),
    Index("ix_receipts_suspense", "booked_on", "key", postgresql_where=text("unmatched <> 0")),
    Index("ix_receipts_booked_on", "booked_on", "key"),
    Index(None, "customer"),
    comment="Money that moved on an account: booked first, then matched",
)

receipt_parts = Table(
    "receipt_parts",
    metadata,
    Column("receipt", String, ForeignKey("receipts.key"), nullable=False),
    Column("invoice", String, ForeignKey("invoices.id"), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("matched_by", String, nullable=False),
    moment("matched_at"),
    PrimaryKeyConstraint("receipt", "invoice"),
    Index(None, "invoice"),
)

movements = Table(
    "movements",
    metadata,
    Column("gateway", String, nullable=False),
    Column("id", String, nullable=False, comment="the gateway's own"),
    Column("key", String, nullable=False, comment="ours: what the ledger books it under"),
    Column("kind", String, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String, nullable=False),
    moment("at"),
    PrimaryKeyConstraint("gateway", "id"),
    Index("ix_movements_key", "gateway", "key"),
    Index("ix_movements_at", "gateway", "at", "id"),
    comment="What gateways report to have moved",
)

reconciliations = Table(
    "reconciliations",
    metadata,
    Column("gateway", String, nullable=False),
    Column("day", Date, nullable=False),
    Column("compared", Integer, nullable=False, comment="movements, bookings and invoices that were looked at"),
    Column("differences", Integer, nullable=False, comment="how many were open at the end"),
    moment("finished_at"),
    PrimaryKeyConstraint("gateway", "day"),
    comment="Days that gateway, ledger and invoices were compared for",
)

differences = Table(
    "differences",
    metadata,
    Column("key", String, primary_key=True, comment="<gateway>:<day>:<kind>:<subject>"),
    Column("gateway", String, nullable=False),
    Column("day", Date, nullable=False),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("expected", String, nullable=False),
    Column("found", String, nullable=False),
    Column("text", String, nullable=False),
    Column("owner", String, nullable=False),
    moment("opened_at"),
    moment("resolved_at", optional=True),
    Column("resolved_by", String),
    Column("reason", String),
    Index("ix_differences_open", "opened_at", "key", postgresql_where=text("resolved_at IS NULL")),
    Index("ix_differences_opened_at", "opened_at", "key"),
    Index("ix_differences_day", "gateway", "day"),
    comment="Work items: what gateway, ledger and invoices do not say alike",
)
