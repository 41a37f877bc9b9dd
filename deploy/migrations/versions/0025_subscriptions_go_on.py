"""Subscriptions that were only handed over by an earlier release are taken over, and go on."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

STATEMENT = """
    INSERT INTO due_rows (key, kind, subject, customer, due_at, handed_at, payload)
    SELECT id || '\\:renewal', 'renewal', id, customer, clock_timestamp(), clock_timestamp(), '{}'
      FROM subscriptions WHERE state <> 'pending' AND document -> 'started_at' IS NULL
        ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    op.execute(STATEMENT)
