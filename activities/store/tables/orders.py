"""Orders, their items, steps and events, and what waits for a person."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Sequence,
    String,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from activities.store.tables.base import metadata, moment, order_id

order_numbers = Sequence("order_numbers", start=1001, metadata=metadata)

orders = Table(
    "orders",
    metadata,
    Column("id", String, primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),
    Column("customer", String, ForeignKey("customers.id"), nullable=False),
    Column("state", String, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("document", JSONB, nullable=False, comment="the frozen order; of a draft, the request"),
    Column("currency", String, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("waiting_on", String),
    Column("owner", String),
    moment("deadline", optional=True),
    Column("blockers", ARRAY(String), nullable=False, server_default=text("'{}'")),
    Column("jeopardy", String, nullable=False, server_default="normal"),
    Column("jeopardy_step", String),
    moment("expected_completion", optional=True),
    Column("reason", String, nullable=False, server_default=""),
    Column("placed_by", String, nullable=False),
    Column("event_count", Integer, nullable=False, server_default=text("0")),
    Column(
        "change_run",
        String,
        nullable=False,
        server_default="",
        comment="the run of its process that made the last change written, and its number",
    ),
    Column("change_number", Integer, nullable=False, server_default=text("0")),
    moment("placed_at"),
    moment("updated_at"),
    Index(None, "customer", "number"),
    Index(None, "state", "number"),
    Index(None, "jeopardy", "number"),
    Index("ix_orders_waiting_on", "waiting_on", "number", postgresql_where=text("waiting_on IS NOT NULL")),
    Index("ix_orders_blockers", "blockers", postgresql_using="gin", postgresql_where=text("blockers <> '{}'")),
)

order_items = Table(
    "order_items",
    metadata,
    order_id(),
    Column("item", String, nullable=False),
    Column("state", String, nullable=False),
    Column("service", String, nullable=False),
    Column("document", JSONB, nullable=False),
    PrimaryKeyConstraint("order_id", "item"),
)

order_steps = Table(
    "order_steps",
    metadata,
    order_id(),
    Column("item", String, nullable=False),
    Column("step", String, nullable=False),
    Column("state", String, nullable=False),
    Column("document", JSONB, nullable=False),
    PrimaryKeyConstraint("order_id", "item", "step"),
)

payments = Table(
    "payments",
    metadata,
    Column("key", String, primary_key=True),
    order_id(),
    Column("number", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("authorized", BigInteger, nullable=False),
    Column("captured", BigInteger, nullable=False),
    Column("refunded", BigInteger, nullable=False),
    Column("reference", String),
    Column("code", String),
    Column("gateway", String),
    UniqueConstraint("order_id", "number"),
    CheckConstraint("refunded <= captured", name="refund_within_capture"),
    CheckConstraint("captured <= authorized", name="capture_within_authorization"),
)

approvals = Table(
    "approvals",
    metadata,
    order_id(),
    Column("subject", String, nullable=False),
    Column("outcome", String),
    Column("document", JSONB, nullable=False),
    PrimaryKeyConstraint("order_id", "subject"),
)

fallout = Table(
    "fallout",
    metadata,
    Column("id", String, primary_key=True),
    Column("order_id", String, ForeignKey("orders.id"), comment="empty for a dispute of a payment that was not made here"),
    Column("owner", String, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("document", JSONB, nullable=False),
    moment("opened_at"),
    Index(None, "order_id"),
    Index("ix_fallout_open", "opened_at", "id", postgresql_where=text("open")),
)

events = Table(
    "events",
    metadata,
    order_id(),
    Column("seq", Integer, nullable=False),
    Column("key", String, nullable=False),
    Column("type", String, nullable=False),
    moment("at"),
    Column("actor", String, nullable=False),
    Column("summary", String, nullable=False),
    Column("data", JSONB, nullable=False),
    PrimaryKeyConstraint("order_id", "seq"),
    UniqueConstraint("order_id", "key"),
    Index("ix_events_screened", "at", "order_id", postgresql_where=text("type = 'order.screened'")),
)

dispatches = Table(
    "dispatches",
    metadata,
    Column("key", String, primary_key=True, comment="a business fact, so that asking twice is asking once"),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False, comment="the order, or the subscription, that is to be told"),
    Column("payload", JSONB, nullable=False),
    moment("due_at"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("error", String),
    moment("sent_at", optional=True),
    Index("ix_dispatches_due", "due_at", postgresql_where=text("sent_at IS NULL")),
    comment="What Temporal is to be told and when: starts, wake-ups, callbacks. Written with the fact it follows from",
)

inbox = Table(
    "inbox",
    metadata,
    Column("partner", String, nullable=False),
    Column("message_id", String, nullable=False),
    order_id(),
    Column("item", String, nullable=False),
    Column("body", JSONB, nullable=False),
    moment("received_at"),
    Column("outcome", String, comment="what became of it; empty until the workflow has it"),
    PrimaryKeyConstraint("partner", "message_id"),
    Index(None, "order_id"),
)
