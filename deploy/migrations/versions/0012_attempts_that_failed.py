"""How often a gateway failed at an attempt, which stays counted when the payment turns out well."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE payment_attempts ADD COLUMN failures integer NOT NULL DEFAULT 0")
    op.execute("UPDATE payment_attempts SET failures = 1 WHERE outcome IN ('not_attempted', 'unknown')")
