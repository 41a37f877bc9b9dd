"""Attempts at gateways, how they are chosen and judged, and what comes after a payment."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from activities.store.tables.base import metadata, moment

payment_attempts = Table(
    "payment_attempts",
    metadata,
    Column("key", String, primary_key=True),
    Column("gateway", String, nullable=False),
    Column("method", String, nullable=False),
    Column("customer", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("rule", String, nullable=False),
    Column("looks", JSONB, nullable=False),
    moment("asked_at"),
    moment("answered_at", optional=True),
    Column("outcome", String),
    Column("code", String),
    Column("elsewhere", Boolean, nullable=False, server_default=text("false")),
    Column("request_id", String),
    Column("reference", String),
    Column("action", String),
    Column("latency_ms", Integer),
    Column("fee", BigInteger),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Index(None, "asked_at", "key"),
    Index(None, "customer", "asked_at", "key"),
    Index(None, "gateway", "answered_at"),
    Index(None, "gateway", "reference"),
    Index(
        "ix_payment_attempts_declined",
        "method",
        "asked_at",
        postgresql_where=text("outcome IN ('declined_soft', 'declined_hard')"),
    ),
    comment="Written before a gateway is asked: it is asked again at the same one",
)

collections = Table(
    "collections",
    metadata,
    Column("key", String, primary_key=True),
    Column("invoice", String, ForeignKey("invoices.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("customer", String, nullable=False),
    Column("method", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("gateway", String),
    Column("code", String),
    moment("begun_at"),
    moment("ended_at", optional=True),
    Column(
        "leased_until",
        DateTime(timezone=True),
        comment="up to when whoever wrote it down is asking the gateway, and nobody else",
    ),
    UniqueConstraint("invoice", "number"),
    Index("ix_collections_open", "invoice", unique=True, postgresql_where=text("state = 'asked'")),
    Index(
        "ix_collections_again",
        "invoice",
        postgresql_where=text("state = 'paid' AND (number > 1 OR invoice LIKE 'O-%')"),
    ),
    comment="Payments asked for what invoices are due; one of an invoice at a time is undecided",
)

given_up_payments = Table(
    "given_up_payments",
    metadata,
    Column("key", String, primary_key=True),
    moment("begun_at"),
    moment("due_at"),
    Column("questions", Integer, nullable=False),
    Column("turned_up", String, comment="what was found at the gateway first"),
    Index(None, "due_at"),
    comment="Payments that were given up and may settle all the same, until that is certain",
)

routing_rules = Table(
    "routing_rules",
    metadata,
    Column("id", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("document", JSONB(none_as_null=True)),
    moment("published_at"),
    Column("published_by", String, nullable=False),
    PrimaryKeyConstraint("id", "version"),
    comment="Append-only: the highest version of each holds; without a document it is retired",
)

fraud_rules = Table(
    "fraud_rules",
    metadata,
    Column("id", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("document", JSONB(none_as_null=True)),
    moment("published_at"),
    Column("published_by", String, nullable=False),
    PrimaryKeyConstraint("id", "version"),
    comment="Append-only: the highest version of each holds; without a document it is retired",
)

fraud_lists = Table(
    "fraud_lists",
    metadata,
    Column("id", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("document", JSONB(none_as_null=True)),
    moment("published_at"),
    Column("published_by", String, nullable=False),
    PrimaryKeyConstraint("id", "version"),
    comment="Append-only: the highest version of each holds; without a document it is removed",
)

fraud_settings = Table(
    "fraud_settings",
    metadata,
    Column("kind", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("document", JSONB, nullable=False),
    moment("published_at"),
    Column("published_by", String, nullable=False),
    PrimaryKeyConstraint("kind", "version"),
    comment="Append-only: the highest version of each kind holds",
)

fraud_scores = Table(
    "fraud_scores",
    metadata,
    Column("order_id", String, primary_key=True),
    Column("score", Integer),
    Column("trouble", String, nullable=False),
    moment("answered_at"),
    comment="What a fraud service says of an order, asked once; without a score why there is none",
)

fraud_screenings = Table(
    "fraud_screenings",
    metadata,
    Column("order_id", String, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("document", JSONB, nullable=False),
    moment("judged_at"),
    comment="How an order was judged, which it is once: whoever asks again is told the same",
)

token_facts = Table(
    "token_facts",
    metadata,
    Column("token", String, primary_key=True),
    Column("facts", JSONB(none_as_null=True)),
    moment("asked_at"),
    Index("ix_token_facts_fingerprint", text("(facts ->> 'fingerprint')")),
    comment="What the default gateway says of bare tokens; without facts it could not say anything",
)

fraud_sightings = Table(
    "fraud_sightings",
    metadata,
    Column("order_id", String, nullable=False),
    Column("subject", String, nullable=False, comment="card, customer or address, and a digest of which"),
    Column("currency", String, nullable=False),
    Column("amount", BigInteger, nullable=False),
    moment("at"),
    PrimaryKeyConstraint("order_id", "subject"),
    Index(None, "subject", "at"),
    Index(None, "at"),
    comment="What fraud rules count: each order once of each; thirty days are kept",
)

gateway_health = Table(
    "gateway_health",
    metadata,
    Column("gateway", String, primary_key=True),
    Column("healthy", Boolean, nullable=False),
    Column("answered", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    moment("since"),
    moment("checked_at"),
    comment="How well each gateway answered of late, as a worker last counted it",
)

gateway_inbox = Table(
    "gateway_inbox",
    metadata,
    Column("gateway", String, nullable=False),
    Column("event_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("body", JSONB, nullable=False),
    moment("received_at"),
    PrimaryKeyConstraint("gateway", "event_id"),
    Index("ix_gateway_inbox_disputes", "gateway", "received_at", postgresql_where=text("kind LIKE 'dispute%'")),
    comment="What gateways told, each message once; written with what Temporal is told of it",
)

refunds = Table(
    "refunds",
    metadata,
    Column("id", String, primary_key=True),
    Column("key", String, nullable=False, unique=True),
    Column("payment", String, nullable=False),
    Column("customer", String),
    Column("currency", String, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", String, nullable=False, server_default=""),
    Column("access", String, nullable=False),
    Column("message", String, nullable=False, server_default=""),
    Column("requested_by", String, nullable=False),
    moment("requested_at"),
    moment("settled_at", optional=True),
    Index(None, "payment"),
    Index(None, "requested_at", "id"),
    Index("ix_refunds_promised", "payment", postgresql_where=text("state = 'reserved'")),
    CheckConstraint("amount > 0", name="more_than_nothing"),
    comment="Written before a gateway is asked: what is promised of a payment is promised once",
)

disputes = Table(
    "disputes",
    metadata,
    Column("id", String, primary_key=True),
    Column("gateway", String, nullable=False),
    Column("name", String, nullable=False),
    Column("payment", String, nullable=False),
    Column("customer", String),
    Column("currency", String, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("fee", BigInteger, nullable=False, server_default=text("0")),
    Column("state", String, nullable=False),
    Column("reason", String, nullable=False, server_default=""),
    Column("access", String, nullable=False),
    Column("lost_as", String, nullable=False),
    moment("deadline", optional=True),
    moment("opened_at"),
    Column("evidence", JSONB),
    Column("evidence_by", String),
    moment("evidence_at", optional=True),
    moment("closed_at", optional=True),
    UniqueConstraint("gateway", "name"),
    Index(None, "payment"),
    Index(None, "customer"),
    Index(None, "opened_at", "id"),
)

charge_stops = Table(
    "charge_stops",
    metadata,
    Column("customer", String, nullable=False),
    Column("source", String, nullable=False),
    Column("reason", String, nullable=False),
    moment("opened_at"),
    moment("lifted_at", optional=True),
    PrimaryKeyConstraint("customer", "source"),
    comment="Why a customer is not charged; each lifted only by what it came from",
)

representments = Table(
    "representments",
    metadata,
    Column("payment", String, primary_key=True),
    Column("invoice", String),
    Column("reason", String, nullable=False),
    Column("count", Integer, nullable=False),
    moment("due_at", optional=True),
    Column("why", String, nullable=False),
    moment("decided_at"),
    Index(None, "invoice"),
    comment="Of each returned debit, when it may be asked for again, or why never",
)
