"""What runs for a customer: services, subscriptions, entitlements and what blocks them."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from activities.store.tables.base import metadata, moment, order_id

services = Table(
    "services",
    metadata,
    Column("id", String, primary_key=True, comment="<order>:<item>"),
    order_id(),
    Column("item", String, nullable=False),
    Column("customer", String, ForeignKey("customers.id"), nullable=False),
    Column("product", String, nullable=False),
    Column("plan", String, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("remote_id", String),
    moment("activated_at", optional=True),
    moment("ended_at", optional=True),
    Column(
        "access_changes",
        Integer,
        nullable=False,
        server_default="0",
        comment="how often it was closed and opened again: odd while it is closed",
    ),
    Column(
        "throttle_changes",
        Integer,
        nullable=False,
        server_default="0",
        comment="how often it was slowed down and sped up: odd while it is slowed down",
    ),
    Index("ix_services_suspended", "id", postgresql_where=text("state = 'suspended'")),
    Index(None, "customer", "product"),
    Index(None, "order_id"),
)

entitlements = Table(
    "entitlements",
    metadata,
    Column("source", String, nullable=False, comment="the service that grants it"),
    Column("feature", String, nullable=False),
    Column("customer", String, ForeignKey("customers.id"), nullable=False),
    Column("value", String, nullable=False),
    moment("granted_at"),
    moment("revoked_at", optional=True),
    Column("suspended", Boolean, nullable=False, server_default=false()),
    PrimaryKeyConstraint("source", "feature"),
    Index(None, "customer"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", String, primary_key=True),
    Column("customer", String, ForeignKey("customers.id"), nullable=False),
    order_id(),
    Column("item", String, nullable=False),
    Column("state", String, nullable=False),
    Column("document", JSONB, nullable=False),
    Column("version", Integer, nullable=False),
    moment("created_at"),
    Column("payment_method", String, comment="its own; empty where the customer's default is charged"),
    moment("next_renewal", optional=True),
    moment("paid_until", optional=True),
    moment("ended_at", optional=True),
    Column("event_count", Integer, nullable=False, server_default="0"),
    moment("changing_since", optional=True),
    UniqueConstraint("order_id", "item"),
    Index(None, "customer"),
    Index(None, "state"),
    Index("ix_subscriptions_payment_method", "payment_method", postgresql_where=text("payment_method IS NOT NULL")),
)

service_exports = Table(
    "service_exports",
    metadata,
    Column("service", String, ForeignKey("services.id"), nullable=False),
    Column("system", String, nullable=False, comment="the adapter of the system that holds the data"),
    Column("customer", String, ForeignKey("customers.id"), nullable=False),
    Column("state", String, nullable=False),
    moment("asked_at"),
    moment("ready_at", optional=True),
    Column("address", String, comment="as good as a password; empty once it has expired or the service is taken down"),
    moment("expires_at", optional=True),
    Column("failures", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("service", "system"),
    Index(None, "customer"),
    Index("ix_service_exports_pending", "service", postgresql_where=text("state IN ('working', 'failed')")),
    comment="What customers had in services that ended, given out to them before those are taken down",
)

access_blocks = Table(
    "access_blocks",
    metadata,
    Column("service", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("source", String, nullable=False),
    moment("opened_at"),
    moment("lifted_at", optional=True),
    PrimaryKeyConstraint("service", "reason", "source"),
    Index(None, "source"),
    Index("ix_access_blocks_open", "service", postgresql_where=text("lifted_at IS NULL")),
    comment="Why a service is not to be used; each lifted only by what it came from",
)
