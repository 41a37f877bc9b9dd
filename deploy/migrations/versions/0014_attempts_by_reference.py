"""A payment is found by its gateway's own name for it, which is all that some messages say."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX ix_payment_attempts_gateway_reference ON payment_attempts (gateway, reference)")
