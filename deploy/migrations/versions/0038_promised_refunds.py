"""The patrol looks at refunds that are promised, of which there are few, however many there ever were."""

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX ix_refunds_promised ON refunds (payment) WHERE state = 'reserved'")
