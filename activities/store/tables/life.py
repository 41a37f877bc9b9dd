"""What a subscription does after its order: what is due when, what happened, and the test clocks that say what the time is."""

from sqlalchemy import Column, DateTime, ForeignKey, Index, Integer, PrimaryKeyConstraint, String, Table, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB

from activities.store.tables.base import metadata, moment

test_clocks = Table(
    "test_clocks",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    moment("now"),
    Column("target", DateTime(timezone=True), comment="where it is being advanced to; empty where it stands still"),
    moment("created_at"),
    Column("created_by", String, nullable=False),
)

due_rows = Table(
    "due_rows",
    metadata,
    Column("key", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column(
        "customer", String, ForeignKey("customers.id"), comment="empty for what goes by real time, as a gateway's deadlines do"
    ),
    Column("clock", String, comment="the test clock that says when it is due; real time where empty"),
    moment("due_at"),
    Column(
        "handed_at",
        DateTime(timezone=True),
        nullable=False,
        comment="when it is handed out next: first at due_at, again where nothing came of it",
    ),
    Column("payload", JSONB, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("error", String),
    Index(None, "handed_at", postgresql_where=text("clock IS NULL")),
    Index("ix_due_rows_clock", "clock", "due_at", postgresql_where=text("clock IS NOT NULL")),
    Index(None, "subject"),
    comment="What must happen at a business date; gone once it has happened",
)

ordered_changes = Table(
    "ordered_changes",
    metadata,
    Column("reference", String, primary_key=True, comment="of the order's item that asked for it: <order>:<item>"),
    Column("subscription", String, ForeignKey("subscriptions.id"), nullable=False),
    Column("answer", JSONB, comment="what the change or the end came to; empty where it was refused for good"),
    Column("refusal", String),
    moment("settled_at"),
    Index(None, "subscription"),
    comment="What became of each change that an order asked for: whatever is written first holds",
)

subscription_events = Table(
    "subscription_events",
    metadata,
    Column("subscription", String, ForeignKey("subscriptions.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("key", String, nullable=False),
    Column("type", String, nullable=False),
    Column(
        "at",
        DateTime(timezone=True),
        nullable=False,
        comment="business time: that of the test clock, where the customer has one",
    ),
    moment("recorded_at"),
    Column("actor", String, nullable=False),
    Column("summary", String, nullable=False),
    Column("data", JSONB, nullable=False),
    PrimaryKeyConstraint("subscription", "seq"),
    UniqueConstraint("subscription", "key"),
)
