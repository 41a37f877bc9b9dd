"""What customers are told."""

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
