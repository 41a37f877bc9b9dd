"""What customers are told, and what is done about invoices that are not paid."""

from sqlalchemy import BigInteger, Column, ForeignKey, Identity, Index, Integer, String, Table, text
from sqlalchemy.dialects.postgresql import JSONB

from activities.store.tables.base import metadata, moment

messages = Table(
    "messages",
    metadata,
    Column("key", String, primary_key=True),
    Column("seq", BigInteger, Identity(), nullable=False),
    Column("customer", String, ForeignKey("customers.id"), nullable=False),
    Column("kind", String, nullable=False),
    Column("language", String, nullable=False),
    Column("facts", JSONB, nullable=False),
    moment("at"),
    Column("state", String, nullable=False),
    moment("next_at"),
    moment("sent_at", optional=True),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("error", String),
    Index(None, "customer", "seq"),
    Index("ix_messages_waiting", "next_at", postgresql_where=text("state = 'waiting'")),
    comment="Written in the transaction of what it tells, and sent from here; the key is its message id",
)

dunning_policies = Table(
    "dunning_policies",
    metadata,
    Column("id", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", JSONB, nullable=False),
    moment("published_at"),
    Column("published_by", String, nullable=False),
    comment="Append-only: the highest version of each holds",
)

dunning_cases = Table(
    "dunning_cases",
    metadata,
    Column("invoice", String, ForeignKey("invoices.id"), primary_key=True),
    Column("customer", String, ForeignKey("customers.id"), nullable=False),
    Column("state", String, nullable=False),
    Column("document", JSONB, nullable=False),
    Index(None, "customer"),
    comment="Of an invoice that is not paid: which policy it goes by, and how far it is",
)
