"""Billables, invoices, credit notes, and what is recognized of them."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
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

invoices = Table(
    "invoices",
    metadata,
    Column("id", String, primary_key=True),
    Column("number", String),
    Column("state", String, nullable=False),
    Column("customer", String, ForeignKey("customers.id"), nullable=False),
    Column("legal_entity", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("order_id", String, ForeignKey("orders.id")),
    Column("subscription", String, comment="the only one it is for, where each has invoices of its own"),
    Column("issue_date", Date, nullable=False),
    Column("due_date", Date, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("amount_due", BigInteger, nullable=False),
    Column("paid", BigInteger, nullable=False),
    Column("credited", BigInteger, nullable=False),
    Column("written_off", BigInteger, nullable=False),
    Column("write_offs", Integer, nullable=False, comment="how often it was given up"),
    moment("finalizable_at", optional=True),
    Column("waiting_for", String, comment="what keeps a draft that is due from being issued"),
    Column("document", JSONB, nullable=False, comment="as issued; empty while it is a draft"),
    Column("evidence", JSONB, nullable=False, comment="who sold to whom as they were then, and why it was taxed so"),
    moment("gathered_at"),
    moment("issued_at", optional=True),
    UniqueConstraint("legal_entity", "number"),
    CheckConstraint("(number IS NULL) = (issued_at IS NULL)", name="numbered"),
    CheckConstraint("number IS NOT NULL OR state IN ('draft', 'voided')", name="draft_or_issued"),
    Index("ix_invoices_customer", "customer", "gathered_at", "id"),
    Index("ix_invoices_state", "state", "gathered_at", "id"),
    Index("ix_invoices_legal_entity", "legal_entity", "gathered_at", "id"),
    Index("ix_invoices_gathered_at", "gathered_at", "id"),
    Index(None, "number"),
    Index(None, "order_id"),
    Index("ix_invoices_open", "legal_entity", "due_date", postgresql_where=text("state IN ('finalized', 'partially_paid')")),
    Index("ix_invoices_finalizable", "finalizable_at", "id", postgresql_where=text("state = 'draft'")),
    Index(
        "uq_invoices_open_draft",
        "customer",
        "legal_entity",
        "currency",
        text("COALESCE(subscription, '')"),
        unique=True,
        postgresql_where=text("state = 'draft'"),
    ),
)

Index(
    "ix_invoices_bare_number",
    text("upper(regexp_replace(number, '[^A-Za-z0-9]', '', 'g'))"),
    _table=invoices,
)
Index(
    "ix_invoices_open_amount",
    invoices.c.currency,
    invoices.c.amount_due,
    postgresql_where=text("state IN ('finalized', 'partially_paid', 'overdue')"),
)

billables = Table(
    "billables",
    metadata,
    Column("id", String, primary_key=True),
    Column("customer", String, ForeignKey("customers.id"), nullable=False),
    Column("legal_entity", String, nullable=False),
    Column("currency", String, nullable=False),
    moment("due_at"),
    Column("invoice", String, ForeignKey("invoices.id")),
    Column("line", JSONB, nullable=False),
    Index("ix_billables_due", "customer", "legal_entity", "currency", "due_at", postgresql_where=text("invoice IS NULL")),
    Index(None, "invoice"),
    Index("ix_billables_subscription", text("(line ->> 'subscription')")),
    comment="What was or will be charged: each charge of each period once, by its business key",
)

document_numbers = Table(
    "document_numbers",
    metadata,
    Column("legal_entity", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("year", Integer, nullable=False),
    Column("last", Integer, nullable=False),
    PrimaryKeyConstraint("legal_entity", "kind", "year"),
    comment="The last number given; its row is locked from then until the document is written",
)

credit_notes = Table(
    "credit_notes",
    metadata,
    Column("id", String, primary_key=True),
    Column("number", String, nullable=False),
    Column("invoice", String, ForeignKey("invoices.id"), nullable=False),
    Column("customer", String, ForeignKey("customers.id"), nullable=False),
    Column("legal_entity", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("reason", String, nullable=False),
    Column("issue_date", Date, nullable=False),
    Column("document", JSONB, nullable=False),
    Column("key", String, comment="what it was asked for under: the same again is the same note"),
    Column("request_digest", String),
    moment("issued_at"),
    UniqueConstraint("legal_entity", "number"),
    UniqueConstraint("invoice", "key"),
    Index(None, "invoice"),
    Index("ix_credit_notes_customer", "customer", "issued_at", "id"),
    Index("ix_credit_notes_issued_at", "issued_at", "id"),
)

invoice_events = Table(
    "invoice_events",
    metadata,
    Column("invoice", String, ForeignKey("invoices.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("type", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("summary", String, nullable=False),
    moment("at"),
    PrimaryKeyConstraint("invoice", "seq"),
    comment="What people did to invoices, who and why; append-only",
)

vat_proofs = Table(
    "vat_proofs",
    metadata,
    Column("vat_id", String, nullable=False),
    moment("checked_at"),
    Column("result", String, nullable=False),
    Column("consultation", String),
    Column("name", String, comment="personal data where the trader is a person"),
    Column("service", String, nullable=False),
    PrimaryKeyConstraint("vat_id", "checked_at"),
    comment="What tax registers answered",
)

vat_checks = Table(
    "vat_checks",
    metadata,
    Column("customer", String, ForeignKey("customers.id"), primary_key=True),
    Column("vat_id", String, nullable=False),
    moment("due_at"),
    Column("attempts", Integer, nullable=False, comment="in a row without an answer"),
    Index("ix_vat_checks_due", "due_at", "customer"),
    comment="Customers whose VAT id is checked with a register, and when it is due next",
)

revenue_schedules = Table(
    "revenue_schedules",
    metadata,
    Column("line", String, primary_key=True),
    Column("invoice", String, ForeignKey("invoices.id"), nullable=False),
    Column("legal_entity", String, nullable=False),
    Column("due_on", Date, comment="the first day whose revenue is not booked; empty where all is"),
    Column("document", JSONB, nullable=False),
    Index("ix_revenue_schedules_due", "legal_entity", "due_on", "line", postgresql_where=text("due_on IS NOT NULL")),
    Index(None, "invoice"),
    comment="How what was invoiced for a line is earned, and how far that is booked",
)
