"""Invoices with more than one payment are found by the patrol without looking at all payments."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE INDEX ix_collections_again ON collections (invoice) WHERE state = 'paid' AND (number > 1 OR invoice LIKE 'O-%')"
    )
