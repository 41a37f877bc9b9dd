"""What is sold, at which tax, with what capacity left."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from activities.store.tables.base import metadata, moment, order_id

catalogue_entries = Table(
    "catalogue_entries",
    metadata,
    Column("kind", String, nullable=False),
    Column("id", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("document", JSONB, nullable=False),
    moment("created_at"),
    PrimaryKeyConstraint("kind", "id", "version"),
    comment="Every version ever published is kept; the highest version of an id is the current one",
)

catalogue_revision = Table(
    "catalogue_revision",
    metadata,
    Column("only", Boolean, primary_key=True, server_default=text("true")),
    Column("revision", Integer, nullable=False),
    CheckConstraint('"only"', name="one_row"),
)

capacity_reservations = Table(
    "capacity_reservations",
    metadata,
    Column("product", String, nullable=False),
    order_id(),
    Column("item", String, nullable=False),
    Column("units", Integer, nullable=False),
    PrimaryKeyConstraint("product", "order_id", "item"),
    Index(None, "order_id"),
)

capacity_totals = Table(
    "capacity_totals",
    metadata,
    Column("product", String, primary_key=True),
    Column("held", BigInteger, nullable=False, comment="the sum of its reservations, kept with each change of them"),
)

upstreams = Table(
    "upstreams",
    metadata,
    Column("name", String, primary_key=True),
    Column("failures", Integer, nullable=False, comment="looks in a row that failed"),
    Column("detail", String, nullable=False),
    moment("since"),
    moment("checked_at"),
    comment="Whether each provisioned system serves, as the workers last saw it",
)

coupons = Table(
    "coupons",
    metadata,
    Column("id", String, primary_key=True),
    Column("redeemed", Integer, nullable=False, server_default=text("0")),
    Column("document", JSONB, nullable=False),
    moment("created_at"),
)

coupon_redemptions = Table(
    "coupon_redemptions",
    metadata,
    Column("key", String, primary_key=True),
    Column("coupon", String, ForeignKey("coupons.id"), nullable=False),
    Column("customer", String, ForeignKey("customers.id"), nullable=False),
    Column("order_id", String, ForeignKey("orders.id")),
    Column("open", Boolean, nullable=False),
    Column("released", Boolean, nullable=False, server_default=false(), comment="came to nothing, and counts no longer"),
    Column("document", JSONB, nullable=False),
    moment("redeemed_at"),
    Index("ix_coupon_redemptions_coupon", "coupon", "customer"),
    Index("ix_coupon_redemptions_open", "customer", postgresql_where=text("open")),
    Index(None, "order_id"),
)

tax_rates = Table(
    "tax_rates",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("country", String, nullable=False),
    Column("region", String),
    Column("tax", String, nullable=False),
    Column("category", String, nullable=False),
    Column("document", JSONB, nullable=False),
    Column("added_by", String, nullable=False),
    moment("added_at"),
    comment="Rates that operators added to the shipped ones; append-only",
)
