"""The tables. Money is a bigint of minor units beside its currency; moments are timestamptz in UTC."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    String,
    Table,
    UniqueConstraint,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

order_numbers = Sequence("order_numbers", start=1001, metadata=metadata)


def _moment(name: str, *, optional: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=optional)


def _order() -> Column[object]:
    return Column("order_id", String, ForeignKey("orders.id"), nullable=False)


api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("roles", ARRAY(String), nullable=False),
    Column("digest", String, nullable=False),
    _moment("created_at"),
    _moment("revoked_at", optional=True),
)

customers = Table(
    "customers",
    metadata,
    Column("id", String, primary_key=True),
    Column("document", JSONB, nullable=False),
    Column("version", Integer, nullable=False),
    _moment("created_at"),
    _moment("updated_at"),
)

payment_methods = Table(
    "payment_methods",
    metadata,
    Column("id", String, primary_key=True, comment="from customer, gateway and token: the same token is one method"),
    Column("customer", String, ForeignKey("customers.id"), nullable=False),
    Column("state", String, nullable=False),
    Column("facts", JSONB, nullable=False, comment="what a person may be shown of it; never a card number"),
    _moment("expires_at", optional=True),
    _moment("added_at"),
    Index(None, "customer", "added_at", "id"),
    Index("ix_payment_methods_expiring", "expires_at", "id", postgresql_where=text("state = 'active'")),
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
    _moment("at"),
    PrimaryKeyConstraint("method", "key"),
    Index(None, "method", "at"),
    comment="What became of payment methods, and through whom; append-only",
)

catalogue_entries = Table(
    "catalogue_entries",
    metadata,
    Column("kind", String, nullable=False),
    Column("id", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("document", JSONB, nullable=False),
    _moment("created_at"),
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
    _moment("deadline", optional=True),
    Column("blockers", ARRAY(String), nullable=False, server_default=text("'{}'")),
    Column("jeopardy", String, nullable=False, server_default="normal"),
    Column("jeopardy_step", String),
    _moment("expected_completion", optional=True),
    Column("reason", String, nullable=False, server_default=""),
    Column("placed_by", String, nullable=False),
    Column("event_count", Integer, nullable=False, server_default=text("0")),
    _moment("placed_at"),
    _moment("updated_at"),
    Index(None, "customer", "number"),
    Index(None, "state", "number"),
    Index(None, "jeopardy", "number"),
    Index("ix_orders_waiting_on", "waiting_on", "number", postgresql_where=text("waiting_on IS NOT NULL")),
    Index("ix_orders_blockers", "blockers", postgresql_using="gin", postgresql_where=text("blockers <> '{}'")),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("principal", String, nullable=False),
    Column("key", String, nullable=False),
    Column("request_digest", String, nullable=False),
    _order(),
    _moment("created_at"),
    PrimaryKeyConstraint("principal", "key"),
)

order_items = Table(
    "order_items",
    metadata,
    _order(),
    Column("item", String, nullable=False),
    Column("state", String, nullable=False),
    Column("service", String, nullable=False),
    Column("document", JSONB, nullable=False),
    PrimaryKeyConstraint("order_id", "item"),
)

order_steps = Table(
    "order_steps",
    metadata,
    _order(),
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
    _order(),
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
    _order(),
    Column("subject", String, nullable=False),
    Column("outcome", String),
    Column("document", JSONB, nullable=False),
    PrimaryKeyConstraint("order_id", "subject"),
)

fallout = Table(
    "fallout",
    metadata,
    Column("id", String, primary_key=True),
    _order(),
    Column("owner", String, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("document", JSONB, nullable=False),
    _moment("opened_at"),
    Index(None, "order_id"),
    Index("ix_fallout_open", "opened_at", "id", postgresql_where=text("open")),
)

events = Table(
    "events",
    metadata,
    _order(),
    Column("seq", Integer, nullable=False),
    Column("key", String, nullable=False),
    Column("type", String, nullable=False),
    _moment("at"),
    Column("actor", String, nullable=False),
    Column("summary", String, nullable=False),
    Column("data", JSONB, nullable=False),
    PrimaryKeyConstraint("order_id", "seq"),
    UniqueConstraint("order_id", "key"),
)

dispatches = Table(
    "dispatches",
    metadata,
    Column("key", String, primary_key=True, comment="a business fact, so that asking twice is asking once"),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False, comment="the order, or the subscription, that is to be told"),
    Column("payload", JSONB, nullable=False),
    _moment("due_at"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("error", String),
    _moment("sent_at", optional=True),
    Index("ix_dispatches_due", "due_at", postgresql_where=text("sent_at IS NULL")),
    comment="What Temporal is to be told and when: starts, wake-ups, callbacks. Written with the fact it follows from",
)

inbox = Table(
    "inbox",
    metadata,
    Column("partner", String, nullable=False),
    Column("message_id", String, nullable=False),
    _order(),
    Column("item", String, nullable=False),
    Column("body", JSONB, nullable=False),
    _moment("received_at"),
    Column("outcome", String, comment="what became of it; empty until the workflow has it"),
    PrimaryKeyConstraint("partner", "message_id"),
    Index(None, "order_id"),
)

capacity_reservations = Table(
    "capacity_reservations",
    metadata,
    Column("product", String, nullable=False),
    _order(),
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
    _moment("since"),
    _moment("checked_at"),
    comment="Whether each provisioned system serves, as the workers last saw it",
)

services = Table(
    "services",
    metadata,
    Column("id", String, primary_key=True, comment="<order>:<item>"),
    _order(),
    Column("item", String, nullable=False),
    Column("customer", String, ForeignKey("customers.id"), nullable=False),
    Column("product", String, nullable=False),
    Column("plan", String, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("remote_id", String),
    _moment("activated_at", optional=True),
    _moment("ended_at", optional=True),
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
    _moment("granted_at"),
    _moment("revoked_at", optional=True),
    Column("suspended", Boolean, nullable=False, server_default=false()),
    PrimaryKeyConstraint("source", "feature"),
    Index(None, "customer"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", String, primary_key=True),
    Column("customer", String, ForeignKey("customers.id"), nullable=False),
    _order(),
    Column("item", String, nullable=False),
    Column("state", String, nullable=False),
    Column("document", JSONB, nullable=False),
    Column("version", Integer, nullable=False),
    _moment("created_at"),
    Column("payment_method", String, comment="its own; empty where the customer's default is charged"),
    UniqueConstraint("order_id", "item"),
    Index(None, "customer"),
    Index("ix_subscriptions_payment_method", "payment_method", postgresql_where=text("payment_method IS NOT NULL")),
)

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
    _moment("finalizable_at", optional=True),
    Column("waiting_for", String, comment="what keeps a draft that is due from being issued"),
    Column("document", JSONB, nullable=False, comment="as issued; empty while it is a draft"),
    Column("evidence", JSONB, nullable=False, comment="who sold to whom as they were then, and why it was taxed so"),
    _moment("gathered_at"),
    _moment("issued_at", optional=True),
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

billables = Table(
    "billables",
    metadata,
    Column("id", String, primary_key=True),
    Column("customer", String, ForeignKey("customers.id"), nullable=False),
    Column("legal_entity", String, nullable=False),
    Column("currency", String, nullable=False),
    _moment("due_at"),
    Column("invoice", String, ForeignKey("invoices.id")),
    Column("line", JSONB, nullable=False),
    Index("ix_billables_due", "customer", "legal_entity", "currency", "due_at", postgresql_where=text("invoice IS NULL")),
    Index(None, "invoice"),
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
    _moment("issued_at"),
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
    _moment("at"),
    PrimaryKeyConstraint("invoice", "seq"),
    comment="What people did to invoices, who and why; append-only",
)

coupons = Table(
    "coupons",
    metadata,
    Column("id", String, primary_key=True),
    Column("redeemed", Integer, nullable=False, server_default=text("0")),
    Column("document", JSONB, nullable=False),
    _moment("created_at"),
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
    _moment("redeemed_at"),
    Index("ix_coupon_redemptions_coupon", "coupon", "customer"),
    Index("ix_coupon_redemptions_open", "customer", postgresql_where=text("open")),
    Index(None, "order_id"),
)

wallets = Table(
    "wallets",
    metadata,
    Column("customer", String, ForeignKey("customers.id"), nullable=False),
    Column("currency", String, nullable=False),
    Column("document", JSONB, nullable=False),
    _moment("expires_at", optional=True),
    PrimaryKeyConstraint("customer", "currency"),
    Index("ix_wallets_expires_at", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
)

customer_balances = Table(
    "customer_balances",
    metadata,
    Column("customer", String, ForeignKey("customers.id"), nullable=False),
    Column("currency", String, nullable=False),
    Column("credit", BigInteger, nullable=False),
    PrimaryKeyConstraint("customer", "currency"),
)

ledger_transactions = Table(
    "ledger_transactions",
    metadata,
    Column("id", String, primary_key=True, comment="a business fact: it is posted once"),
    _moment("at"),
    Column("description", String, nullable=False),
    Column("reference", String, nullable=False, server_default=""),
    Column("order_id", String, ForeignKey("orders.id")),
    Index("ix_ledger_transactions_at", "at", "id"),
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("transaction", String, ForeignKey("ledger_transactions.id"), nullable=False),
    Column("account", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("amount", BigInteger, nullable=False, comment="debit above zero, credit below"),
    Column("subject", String, nullable=False, server_default=""),
    Column("order_id", String, ForeignKey("orders.id")),
    _moment("posted_at"),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("transaction", "account", "subject", "currency"),
    Index(None, "order_id"),
    Index("ix_ledger_entries_subject", "subject", "account", postgresql_where=text("subject <> ''")),
    Index("ix_ledger_entries_account", "account", "id"),
    Index(None, "posted_at"),
    comment="Append-only; each transaction sums to zero per currency, held by a trigger",
)

settings = Table(
    "settings",
    metadata,
    Column("kind", String, nullable=False),
    Column("id", String, nullable=False),
    Column("document", JSONB, nullable=False),
    PrimaryKeyConstraint("kind", "id"),
    comment="Plain records: approval policies and the like",
)

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
    _moment("asked_at"),
    _moment("answered_at", optional=True),
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
    _moment("begun_at"),
    _moment("ended_at", optional=True),
    UniqueConstraint("invoice", "number"),
    Index("ix_collections_open", "invoice", unique=True, postgresql_where=text("state = 'asked'")),
    comment="Payments asked for what invoices are due; one of an invoice at a time is undecided",
)

routing_rules = Table(
    "routing_rules",
    metadata,
    Column("id", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("document", JSONB(none_as_null=True)),
    _moment("published_at"),
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
    _moment("published_at"),
    Column("published_by", String, nullable=False),
    PrimaryKeyConstraint("id", "version"),
    comment="Append-only: the highest version of each holds; without a document it is retired",
)

gateway_health = Table(
    "gateway_health",
    metadata,
    Column("gateway", String, primary_key=True),
    Column("healthy", Boolean, nullable=False),
    Column("answered", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    _moment("since"),
    _moment("checked_at"),
    comment="How well each gateway answered of late, as a worker last counted it",
)

gateway_inbox = Table(
    "gateway_inbox",
    metadata,
    Column("gateway", String, nullable=False),
    Column("event_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("body", JSONB, nullable=False),
    _moment("received_at"),
    PrimaryKeyConstraint("gateway", "event_id"),
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
    _moment("requested_at"),
    _moment("settled_at", optional=True),
    Index(None, "payment"),
    Index(None, "requested_at", "id"),
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
    _moment("deadline", optional=True),
    _moment("opened_at"),
    Column("evidence", JSONB),
    Column("evidence_by", String),
    _moment("evidence_at", optional=True),
    _moment("closed_at", optional=True),
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
    _moment("opened_at"),
    _moment("lifted_at", optional=True),
    PrimaryKeyConstraint("customer", "source"),
    comment="Why a customer is not charged; each lifted only by what it came from",
)

access_blocks = Table(
    "access_blocks",
    metadata,
    Column("service", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("source", String, nullable=False),
    _moment("opened_at"),
    _moment("lifted_at", optional=True),
    PrimaryKeyConstraint("service", "reason", "source"),
    Index(None, "source"),
    comment="Why a service is not to be used; each lifted only by what it came from",
)

representments = Table(
    "representments",
    metadata,
    Column("payment", String, primary_key=True),
    Column("invoice", String),
    Column("reason", String, nullable=False),
    Column("count", Integer, nullable=False),
    _moment("due_at", optional=True),
    Column("why", String, nullable=False),
    _moment("decided_at"),
    Index(None, "invoice"),
    comment="Of each returned debit, when it may be asked for again, or why never",
)

patrol_rounds = Table(
    "patrol_rounds",
    metadata,
    Column("only", Boolean, primary_key=True, server_default=text("true")),
    Column("number", BigInteger, nullable=False, comment="orders up to this number have been seen or are watched"),
    Column("orders", Integer, nullable=False, comment="how many the last round looked at"),
    _moment("finished_at"),
    CheckConstraint('"only"', name="one_row"),
    comment="How far the patrol is",
)

patrol_watched = Table(
    "patrol_watched",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _order(),
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
    _moment("opened_at"),
    _moment("closed_at", optional=True),
    Index("uq_patrol_findings_open", "invariant", "subject", unique=True, postgresql_where=text("closed_at IS NULL")),
    Index("ix_patrol_findings_order_id", "order_id", postgresql_where=text("closed_at IS NULL")),
    comment="What the patrol found that must not be; closed when it was gone at a later round",
)

statements = Table(
    "statements",
    metadata,
    Column("account", String, nullable=False, comment="as in cash:<account>"),
    Column("digest", String, nullable=False, comment="SHA-256 of the file: the same file is one statement"),
    Column("bank_id", String, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("booked", Integer, nullable=False, comment="lines that no statement before had"),
    Column("imported_by", String, nullable=False),
    _moment("imported_at"),
    PrimaryKeyConstraint("account", "digest"),
    comment="Files of banks and gateways whose lines are booked",
)

receipts = Table(
    "receipts",
    metadata,
    Column("key", String, primary_key=True, comment="from what the bank says: a line is booked once"),
    Column("account", String, nullable=False),
    Column("amount", BigInteger, nullable=False, comment="above zero came in, below went out"),
    Column("unmatched", BigInteger, nullable=False, comment="what of it is in suspense"),
    Column("currency", String, nullable=False),
    Column("booked_on", Date, nullable=False),
    Column("value_on", Date, nullable=False),
    Column("reference", String, nullable=False),
    Column("remittance", String, nullable=False),
    Column("counterparty", String, nullable=False),
    Column("returned", Boolean, nullable=False),
    Column("customer", String, ForeignKey("customers.id")),
    Column("state", String, nullable=False),
    Column("reason", String, nullable=False, comment="how it was matched, or why it was not"),
    Column("owner", String, comment="the queue that has to decide about what is unmatched"),
    _moment("recorded_at"),
    Index("ix_receipts_suspense", "booked_on", "key", postgresql_where=text("unmatched <> 0")),
    Index("ix_receipts_booked_on", "booked_on", "key"),
    Index(None, "customer"),
    comment="Money that moved on an account: booked first, then matched",
)

receipt_parts = Table(
    "receipt_parts",
    metadata,
    Column("receipt", String, ForeignKey("receipts.key"), nullable=False),
    Column("invoice", String, ForeignKey("invoices.id"), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("matched_by", String, nullable=False),
    _moment("matched_at"),
    PrimaryKeyConstraint("receipt", "invoice"),
    Index(None, "invoice"),
)

movements = Table(
    "movements",
    metadata,
    Column("gateway", String, nullable=False),
    Column("id", String, nullable=False, comment="the gateway's own"),
    Column("key", String, nullable=False, comment="ours: what the ledger books it under"),
    Column("kind", String, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String, nullable=False),
    _moment("at"),
    PrimaryKeyConstraint("gateway", "id"),
    Index("ix_movements_key", "gateway", "key"),
    Index("ix_movements_at", "gateway", "at", "id"),
    comment="What gateways report to have moved",
)

reconciliations = Table(
    "reconciliations",
    metadata,
    Column("gateway", String, nullable=False),
    Column("day", Date, nullable=False),
    Column("compared", Integer, nullable=False, comment="movements, bookings and invoices that were looked at"),
    Column("differences", Integer, nullable=False, comment="how many were open at the end"),
    _moment("finished_at"),
    PrimaryKeyConstraint("gateway", "day"),
    comment="Days that gateway, ledger and invoices were compared for",
)

differences = Table(
    "differences",
    metadata,
    Column("key", String, primary_key=True, comment="<gateway>:<day>:<kind>:<subject>"),
    Column("gateway", String, nullable=False),
    Column("day", Date, nullable=False),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("expected", String, nullable=False),
    Column("found", String, nullable=False),
    Column("text", String, nullable=False),
    Column("owner", String, nullable=False),
    _moment("opened_at"),
    _moment("resolved_at", optional=True),
    Column("resolved_by", String),
    Column("reason", String),
    Index("ix_differences_open", "opened_at", "key", postgresql_where=text("resolved_at IS NULL")),
    Index("ix_differences_opened_at", "opened_at", "key"),
    Index("ix_differences_day", "gateway", "day"),
    comment="Work items: what gateway, ledger and invoices do not say alike",
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
    _moment("added_at"),
    comment="Rates that operators added to the shipped ones; append-only",
)

vat_proofs = Table(
    "vat_proofs",
    metadata,
    Column("vat_id", String, nullable=False),
    _moment("checked_at"),
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
    _moment("due_at"),
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
