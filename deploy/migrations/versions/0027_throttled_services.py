"""A service may be slowed down before it is closed."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE services ADD COLUMN throttle_changes integer DEFAULT 0 NOT NULL",
    "COMMENT ON COLUMN services.throttle_changes IS 'how often it was slowed down and sped up: odd while it is slowed down'",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
