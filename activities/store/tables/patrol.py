"""The patrol's rounds and what it found."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Identity, Index, Integer, String, Table, text

from activities.store.tables.base import metadata, moment, order_id

patrol_rounds = Table(
    "patrol_rounds",
    metadata,
    Column("only", Boolean, primary_key=True, server_default=text("true")),
    Column("number", BigInteger, nullable=False, comment="orders up to this number have been seen or are watched"),
    Column("orders", Integer, nullable=False, comment="how many the last round looked at"),
    moment("finished_at"),
    CheckConstraint('"only"', name="one_row"),
    comment="How far the patrol is",
)

patrol_watched = Table(
    "patrol_watched",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    order_id(),
    comment="Orders that were not at their end when the patrol last came by",
)

patrol_findings = Table(
    "patrol_findings",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("invariant", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("order_id", String),
    Column("expected", String, nullable=False),
    Column("found", String, nullable=False),
    moment("opened_at"),
    moment("closed_at", optional=True),
    Index("uq_patrol_findings_open", "invariant", "subject", unique=True, postgresql_where=text("closed_at IS NULL")),
    Index("ix_patrol_findings_order_id", "order_id", postgresql_where=text("closed_at IS NULL")),
    comment="What the patrol found that must not be; closed when it was gone at a later round",
)
