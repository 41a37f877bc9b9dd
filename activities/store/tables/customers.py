"""Customers and what they pay with."""

from sqlalchemy import Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, String, Table, select, text
from sqlalchemy.dialects.postgresql import JSONB

from activities.store.tables.base import metadata, moment

customers = Table(
    "customers",
    metadata,
    Column("id", String, primary_key=True),
    Column("document", JSONB, nullable=False),
    Column("version", Integer, nullable=False),
    moment("created_at"),
    moment("updated_at"),
    Column("clock", String, ForeignKey("test_clocks.id")),
    Index("ix_customers_clock", "clock", postgresql_where=text("clock IS NOT NULL")),
)

ON_A_CLOCK = select(customers.c.id).where(customers.c.clock.is_not(None)).scalar_subquery()
"""Those whose time a test clock tells: what runs by real time leaves them alone."""

payment_methods = Table(
    "payment_methods",
    metadata,
    Column("id", String, primary_key=True, comment="from customer, gateway and token: the same token is one method"),
    Column("customer", String, ForeignKey("customers.id"), nullable=False),
    Column("state", String, nullable=False),
    Column("facts", JSONB, nullable=False, comment="what a person may be shown of it; never a card number"),
    moment("expires_at", optional=True),
    moment("added_at"),
    Index(None, "customer", "added_at", "id"),
    Index("ix_payment_methods_expiring", "expires_at", "id", postgresql_where=text("state = 'active'")),
    Index("ix_payment_methods_fingerprint", text("(facts ->> 'fingerprint')")),
)

payment_method_tokens = Table(
    "payment_method_tokens",
    metadata,
    Column("method", String, ForeignKey("payment_methods.id"), nullable=False),
    Column("gateway", String, nullable=False),
    Column("token", String, nullable=False),
    PrimaryKeyConstraint("method", "gateway"),
    Index(None, "gateway", "token"),
    comment="What each gateway calls a method",
)

payment_method_events = Table(
    "payment_method_events",
    metadata,
    Column("method", String, ForeignKey("payment_methods.id"), nullable=False),
    Column("key", String, nullable=False, comment="what happened, so that telling it twice is telling it once"),
    Column("type", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("summary", String, nullable=False),
    moment("at"),
    PrimaryKeyConstraint("method", "key"),
    Index(None, "method", "at"),
    comment="What became of payment methods, and through whom; append-only",
)

erasures = Table(
    "erasures",
    metadata,
    Column("customer", String, ForeignKey("customers.id"), primary_key=True),
    Column("state", String, nullable=False),
    Column("document", JSONB, nullable=False),
    comment="Requests to erase what is held of a customer, and what came of them",
)
