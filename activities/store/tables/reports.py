"""What reports are summed up from: facts of their own, since what they are about goes on."""

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Index, Integer, PrimaryKeyConstraint, String, Table

from activities.store.tables.base import metadata, moment

CLOCK = "the test clock of its customer; empty for one in real time"

recurring_revenue = Table(
    "recurring_revenue",
    metadata,
    Column("subscription", String, ForeignKey("subscriptions.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("movement", String, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, comment="business time"),
    Column("clock", String, nullable=False, comment=CLOCK),
    Column("currency", String, nullable=False),
    Column("amount", BigInteger, nullable=False, comment="by how much a month of it came to more, or less"),
    PrimaryKeyConstraint("subscription", "number"),
    Index("ix_recurring_revenue_at", "clock", "at"),
    comment="How the recurring revenue of each subscription moved; all of one add up to what a month of it comes to",
)
OUTCOME = ("result", "attempts", "recovered", "lost", "owed")

dunning_openings = Table(
    "dunning_openings",
    metadata,
    Column("invoice", String, ForeignKey("invoices.id"), nullable=False),
    Column("opening", Integer, nullable=False),
    Column("clock", String, nullable=False, comment=CLOCK),
    Column("currency", String, nullable=False),
    moment("opened_at"),
    Column("owed", BigInteger, nullable=False, comment="was due when it was opened"),
    Column("paid_before", BigInteger, nullable=False, comment="of the invoice, when it was opened"),
    moment("closed_at", optional=True),
    Column("result", String, comment="empty while it is open"),
    Column("recovered", BigInteger, nullable=False, server_default="0", comment="was paid while it was open"),
    Column("lost", BigInteger, nullable=False, server_default="0", comment="was still due, or was given up"),
    Column("attempts", Integer, nullable=False, server_default="0", comment="charges that it had made by itself"),
    PrimaryKeyConstraint("invoice", "opening"),
    Index("ix_dunning_openings_opened_at", "clock", "opened_at", postgresql_include=["currency", "owed"]),
    Index("ix_dunning_openings_closed_at", "clock", "closed_at", postgresql_include=["currency", *OUTCOME]),
    comment="How each opening of a dunning case began and came out",
)
