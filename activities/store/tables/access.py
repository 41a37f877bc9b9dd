"""Who may call, the settings and the keys of repeated requests."""

from sqlalchemy import Column, PrimaryKeyConstraint, String, Table
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from activities.store.tables.base import metadata, moment, order_id

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("roles", ARRAY(String), nullable=False),
    Column("digest", String, nullable=False),
    moment("created_at"),
    moment("revoked_at", optional=True),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("principal", String, nullable=False),
    Column("key", String, nullable=False),
    Column("request_digest", String, nullable=False),
    order_id(),
    moment("created_at"),
    PrimaryKeyConstraint("principal", "key"),
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
