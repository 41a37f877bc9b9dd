"""The lines of a subscription are found by it."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX ix_billables_subscription ON billables ((line ->> 'subscription'))")
