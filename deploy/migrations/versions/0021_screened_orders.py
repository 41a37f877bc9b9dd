"""Orders that the fraud check said something of, by time."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX ix_events_screened ON events (at, order_id) WHERE type = 'order.screened'")
