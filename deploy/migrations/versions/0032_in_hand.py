"""Whose hands a change of a subscription, and a payment that is asked for, are in."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

STATEMENTS = [
    "ALTER TABLE subscriptions ADD COLUMN changing_since timestamp with time zone",
    "ALTER TABLE collections ADD COLUMN leased_until timestamp with time zone",
    "COMMENT ON COLUMN collections.leased_until IS 'up to when whoever wrote it down is asking the gateway, and nobody else'",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
